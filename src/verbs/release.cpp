// SPDX-License-Identifier: MIT

#include "verbs/release.hpp"

#include <functional>
#include <string>
#include <utility>

#include "process/signal_policy.hpp"
#include "protocol/driver.hpp"
#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "protocol/token_release.hpp"
#include "protocol/witness.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "verbs/placing.hpp"
#include "verbs/refresh.hpp"
#include "verbs/session_options.hpp"
#include "verbs/verb_loop.hpp"

namespace ufl {

namespace {

Ending ending_of(const Options& options, const World& world, const ReleaseResult& result) {
  switch (result.outcome) {
    case ReleaseResult::Outcome::released:
    case ReleaseResult::Outcome::held:
      return {exit_status::kOk, 0};
    case ReleaseResult::Outcome::lost:
      if (options.verbosity != Verbosity::quiet) {
        say(not_held_text(options.lock_file, options.token, result.seen, world.clock.wall()));
      }
      return {exit_status::kLost, 0};
    case ReleaseResult::Outcome::too_late:
      say(left_to_lease_text(options.lock_file,
                             lease_of(parse_record(result.content).holder.lease.value_or(0))));
      return {exit_status::kFailed, 0};
    case ReleaseResult::Outcome::failed:
      break;
  }
  say(cannot_check_text(options.lock_file, result.failure));
  return {exit_status::kFailed, 0};
}

/// One lock that is let go, or looked at, by its token. Nothing is under way while the loop runs:
/// only the next look is waited for.
class ByToken {
 public:
  ByToken(const Options& options, const World& world)
      : options_{options},
        world_{world},
        loop_{world.signals},
        mount_{find_mount(absolute_path(options.lock_file))},
        token_{strip(options.token)} {}

  Ending release() {
    require_calls_to_change(mount_.local);
    TokenReleaseOptions wanted;
    wanted.lock = release_options(options_, mount_, token_);
    wanted.last = last_refresh(world_, token_);
    wanted.takeover_delay = refresh_delay_on(mount_, options_);
    TokenRelease release{std::move(wanted), world_.clock, world_.identity};
    LateRefreshNotice notice{options_, mount_};
    return drive(
        release, [&] { notice.waits(release.doubts()); },
        [&] {
          const auto& not_refreshed = release.not_refreshed();
          if (!not_refreshed) return ended(release.result());
          loop_.end(ufl::not_refreshed(options_, world_, *not_refreshed));
        });
  }

  Ending check() {
    ReleaseOptions wanted = release_options(options_, mount_, token_);
    wanted.only_look = true;
    Release look{std::move(wanted), world_.clock};
    return drive(
        look, [] {},
        [&] {
          remove_witness(world_.identity, token_, mount_.local, look.result().outcome);
          ended(look.result());
        });
  }

 private:
  Ending drive(Machine& machine, std::function<void()> on_wait, std::function<void()> on_finished) {
    if (!can_be_a_lock(options_, mount_)) return {exit_status::kFailed, 0};
    loop_.events().on_signal([this](const SignalEvent& event) {
      if (ends_a_wait(event.number)) loop_.end(ending_of_signal(event.number));
    });
    Driver driver{
        machine, world_.files, loop_.timer(),
        DriverEvents{.on_wait = std::move(on_wait), .on_finished = std::move(on_finished)}};
    driver.start();
    return loop_.run();
  }

  void ended(const ReleaseResult& result) {
    const bool is_gone = result.outcome == ReleaseResult::Outcome::released ||
                         result.outcome == ReleaseResult::Outcome::lost;
    if (is_gone) forget_refresh(world_, token_);
    loop_.end(ending_of(options_, world_, result));
  }

  const Options& options_;
  const World& world_;
  VerbLoop loop_;
  MountTraits mount_;
  std::string token_;
};

}  // namespace

Ending release(const Options& options, const World& world) {
  return ByToken{options, world}.release();
}

Ending check(const Options& options, const World& world) { return ByToken{options, world}.check(); }

}  // namespace ufl
