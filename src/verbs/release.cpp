// SPDX-License-Identifier: MIT

#include "verbs/release.hpp"

#include <optional>
#include <string>
#include <utility>

#include "process/signal_policy.hpp"
#include "protocol/both_local.hpp"
#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "verbs/placing.hpp"
#include "verbs/refresh.hpp"
#include "verbs/releasing.hpp"
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
  say(cannot_check_text(options.lock_file, result.failure, result.removing));
  return {exit_status::kFailed, 0};
}

/// A look, and a release when that is wanted.
///
/// On a share, the lease that nobody refreshes may be over while we release:
///   1 A looks: mine.  2 B, who has seen no beat for so long, replaces it.  3 A removes B's record.
/// So a release lies within a lease that is surely not over, or a beat begins a new one first
/// (protocol/refresh.hpp). On a file system that is local for whoever has taken it, too, flock(2)
/// parts the two.
class ReleaseVerb {
 public:
  ReleaseVerb(const Options& options, const World& world)
      : options_{options},
        world_{world},
        loop_{world.signals},
        mount_{find_mount(absolute_path(options.lock_file))},
        token_{strip(options.token)},
        looking_{world, loop_.timer()},
        refreshing_{options, world, loop_.timer()},
        releasing_{world, loop_.timer()} {}

  Ending to_the_end(bool only_look) {
    if (!only_look) require_calls_to_change(mount_.local);
    if (!can_be_a_lock(options_, mount_)) return {exit_status::kFailed, 0};
    // Nothing is under way while the loop runs: only the next look is waited for.
    loop_.events().on_signal([this](const SignalEvent& event) {
      if (ends_a_wait(event.number)) loop_.end(ending_of_signal(event.number));
    });
    if (only_look) {
      look([this](const ReleaseResult& result) { ended(result); });
    } else {
      look([this](const ReleaseResult& result) { looked(result); });
    }
    return loop_.run();
  }

 private:
  [[nodiscard]] ReleaseOptions wanted() const { return release_options(options_, mount_, token_); }

  void look(Releasing::EndHandler on_ended) {
    ReleaseOptions look = wanted();
    look.only_look = true;
    looking_.start(std::move(look), std::move(on_ended));
  }

  void looked(const ReleaseResult& result) {
    if (result.outcome != ReleaseResult::Outcome::held) return ended(result);
    const Holder& holder = result.seen.holder;
    if (both_local(result.seen, mount_.local)) return release({});
    // Where a ufl waits for a command, that refreshes the lease.
    if (!holder.lease || !holder.detached.value_or(false)) return release({});
    lease_ = lease_of(*holder.lease);
    const auto last = last_refresh(world_, token_);
    if (last && world_.clock.now() < *last + lease_reliable(lease_)) {
      return release(*last + lease_reliable(lease_));
    }
    refreshing_.start(mount_, [this](const RefreshResult& refreshed) { beaten(refreshed); });
  }

  void beaten(const RefreshResult& result) {
    if (result.outcome == RefreshResult::Outcome::held) {
      return release(result.refreshed + lease_reliable(lease_));
    }
    // It has no beat, and nobody takes it over for want of one; or none that can be written.
    if (result.outcome == RefreshResult::Outcome::no_lease) return release({});
    if (result.outcome == RefreshResult::Outcome::lost) forget_witness(world_, token_);
    loop_.end(not_refreshed(options_, world_, result));
  }

  void release(std::optional<Mono> until) {
    ReleaseOptions release = wanted();
    release.until = until;
    releasing_.start(std::move(release), [this](const ReleaseResult& result) { ended(result); });
  }

  void ended(const ReleaseResult& result) {
    forget_witness(world_, mount_, token_, result);
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
  Releasing looking_;
  Refreshing refreshing_;
  Releasing releasing_;
  Duration lease_{};
};

}  // namespace

Ending release(const Options& options, const World& world) {
  return ReleaseVerb{options, world}.to_the_end(false);
}

Ending check(const Options& options, const World& world) {
  return ReleaseVerb{options, world}.to_the_end(true);
}

}  // namespace ufl
