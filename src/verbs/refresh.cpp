// SPDX-License-Identifier: MIT

#include "verbs/refresh.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "process/signal_policy.hpp"
#include "protocol/driver.hpp"
#include "protocol/lease.hpp"
#include "protocol/token.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "verbs/placing.hpp"
#include "verbs/session_options.hpp"
#include "verbs/verb_loop.hpp"

namespace ufl {

namespace {

std::string key_of(const std::string& token) { return "refreshed " + token; }

}  // namespace

Duration refresh_delay_on(const MountTraits& mount, const Options& options) {
  return std::max(delay_on(mount, options), takeover_delay_on(mount));
}

void LateRefreshNotice::waits(bool doubts) {
  const bool is_told = options_.verbosity == Verbosity::verbose && doubts;
  if (!is_told || std::exchange(told_, true)) return;
  say(late_refresh_text(options_.lock_file, refresh_delay_on(mount_, options_)));
}

Ending not_refreshed(const Options& options, const World& world, const RefreshResult& result) {
  if (result.outcome == RefreshResult::Outcome::lost) {
    forget_refresh(world, std::string{strip(options.token)});
    if (options.verbosity != Verbosity::quiet) {
      say(not_held_text(options.lock_file, options.token, result.seen, world.clock.wall()));
    }
    return {exit_status::kLost, 0};
  }
  if (result.outcome == RefreshResult::Outcome::no_lease) {
    const bool is_newer = result.seen.kind == Sighting::Kind::unknown_version;
    say(is_newer ? not_refreshable_text(options.lock_file) : no_lease_text(options.lock_file));
    return {exit_status::kFailed, 0};
  }
  say(failure_text(options.lock_file, result.failure));
  return {exit_status::kFailed, 0};
}

Ending refresh(const Options& options, const World& world) {
  const MountTraits mount = find_mount(absolute_path(options.lock_file));
  if (!can_be_a_lock(options, mount)) return {exit_status::kFailed, 0};
  VerbLoop loop{world.signals};
  // A heartbeat that was written stays written; whether it was in time is for the next refresh to
  // tell.
  loop.events().on_signal([&loop](const SignalEvent& event) {
    if (ends_a_wait(event.number)) loop.end(ending_of_signal(event.number));
  });
  require_calls_to_change(mount.local);
  const std::string token{strip(options.token)};
  RefreshOptions wanted;
  wanted.look = release_options(options, mount, token);
  wanted.last = last_refresh(world, token);
  wanted.takeover_delay = refresh_delay_on(mount, options);
  Refresh machine{std::move(wanted), world.clock};
  LateRefreshNotice notice{options, mount};
  const auto finished = [&] {
    const RefreshResult& result = machine.result();
    if (result.outcome != RefreshResult::Outcome::held) {
      return loop.end(not_refreshed(options, world, result));
    }
    note_refresh(world, result.seen.token, lease_of(result.seen.holder.lease.value_or(0)),
                 result.refreshed);
    loop.end({exit_status::kOk, 0});
  };
  Driver driver{
      machine, world.files, loop.timer(),
      DriverEvents{.on_wait = [&] { notice.waits(machine.doubts()); }, .on_finished = finished}};
  driver.start();
  return loop.run();
}

void note_refresh(const World& world, const std::string& token, Duration lease, Mono when) {
  world.observations.keep(key_of(token), {token, "", lease, when});
}

std::optional<Mono> last_refresh(const World& world, const std::string& token) {
  const auto last = world.observations.recall(key_of(token));
  const bool is_ours = last && last->token == token && last->since <= world.clock.now();
  return is_ours ? std::optional{last->since} : std::nullopt;
}

void forget_refresh(const World& world, const std::string& token) {
  world.observations.forget(key_of(token));
}

}  // namespace ufl
