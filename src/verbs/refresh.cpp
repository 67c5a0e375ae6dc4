// SPDX-License-Identifier: MIT

#include "verbs/refresh.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "process/signal_policy.hpp"
#include "protocol/driver.hpp"
#include "protocol/refresh.hpp"
#include "protocol/token.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "report/say.hpp"
#include "seams/lease.hpp"
#include "sys/mount_table.hpp"
#include "sys/path.hpp"
#include "verbs/releasing.hpp"
#include "verbs/session.hpp"
#include "verbs/taking.hpp"

namespace ufl {

namespace {

std::string key_of(const std::string& token) { return "refreshed " + token; }

std::optional<Mono> last_refresh(const World& world, const std::string& token) {
  const auto last = world.observations.recall(key_of(token));
  const bool is_ours = last && last->token == token && last->since <= world.clock.now();
  return is_ours ? std::optional{last->since} : std::nullopt;
}

Ending ending_of(const Options& options, const World& world, const Refresh& refresh) {
  const RefreshResult& result = refresh.result();
  switch (result.outcome) {
    case RefreshResult::Outcome::held:
      note_refresh(world, result.seen.token, lease_of(result.seen.holder.lease.value_or(0)),
                   result.refreshed);
      return {exit_status::kOk, 0};
    case RefreshResult::Outcome::lost:
      if (options.verbosity != Verbosity::quiet) {
        say(not_held_text(options.lock_file, options.token, result.seen, world.clock.wall()));
      }
      return {exit_status::kLost, 0};
    case RefreshResult::Outcome::no_lease:
      say(no_lease_text(options.lock_file));
      return {exit_status::kFailed, 0};
    case RefreshResult::Outcome::failed:
      break;
  }
  const FileOperation operation =
      result.writing ? FileOperation{UpdateFile{}} : FileOperation{ReadFile{}};
  say(failure_text(options.lock_file, operation, result.failure));
  return {exit_status::kFailed, 0};
}

}  // namespace

Ending refresh(const Options& options, const World& world) {
  Session session{world.signals};
  // A beat that was written stays written; whether it was in time is for the next refresh to tell.
  session.loop().on_signal([&session](const SignalEvent& event) {
    if (ends_a_wait(event.number)) session.end(ending_of_signal(event.number));
  });
  const MountTraits mount = find_mount(absolute_path(options.lock_file));
  const std::string token{strip(options.token)};
  RefreshOptions wanted;
  wanted.look = release_options(options, mount, token, delay_on(mount, options));
  wanted.last = last_refresh(world, token);
  const Duration delay = std::max(delay_on(mount, options), takeover_delay_on(mount));
  wanted.takeover_delay = delay;
  Refresh machine{std::move(wanted), world.clock};
  bool told = false;
  Driver driver{
      machine, world.files, session.timer(),
      DriverEvents{.on_wait =
                       [&] {
                         if (options.verbosity != Verbosity::verbose || !machine.doubts() ||
                             std::exchange(told, true)) {
                           return;
                         }
                         say(late_refresh_text(options.lock_file, delay));
                       },
                   .on_finished = [&] { session.end(ending_of(options, world, machine)); }}};
  driver.start();
  return session.run();
}

void note_refresh(const World& world, const std::string& token, Duration lease, Mono when) {
  world.observations.keep(key_of(token), {token, "", lease, when});
}

}  // namespace ufl
