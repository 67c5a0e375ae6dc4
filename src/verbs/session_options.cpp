// SPDX-License-Identifier: MIT

#include "verbs/session_options.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "protocol/guard.hpp"
#include "protocol/judge.hpp"
#include "sys/path.hpp"
#include "verbs/leasing.hpp"

namespace ufl {

Duration delay_on(const MountTraits& mount, const Options& options) {
  return options.delay.value_or(mount.delay);
}

SessionOptions session_options(const Options& options, const MountTraits& mount) {
  SessionOptions session;
  ClaimOptions& claim = session.claim;
  claim.path = options.lock_file;
  claim.holder.prefix = options.prefix;
  const char* enclosing = std::getenv("UFL_TOKEN");
  claim.enclosing_token = enclosing != nullptr ? enclosing : "";
  claim.delay = delay_on(mount, options);
  claim.delay_is_auto = !options.delay;
  claim.retry.interval = options.retry.value_or(kDefaultRetry);
  claim.retry.interval_when_told = options.retry.value_or(kDefaultRetryWhenTold);
  claim.retry.grows = !mount.local && !options.retry;
  claim.timeout = options.timeout;
  claim.local = mount.local;
  claim.writes_in_place = !mount.writes_by_path;
  claim.atomic_create = mount.atomic_create;
  return session;
}

Duration takeover_delay_on(const MountTraits& mount) {
  constexpr Duration kShortest = std::chrono::seconds{1};  // whatever the mount (ufl(1))
  return std::max(mount.delay, kShortest);
}

SessionOptions waiting_session_options(const Options& options, const MountTraits& mount,
                                       const World& world) {
  SessionOptions session = session_options(options, mount);
  session.kills = options.kill_on_loss;
  session.kill_after = options.kill_after;
  ClaimOptions& claim = session.claim;
  claim.lease = options.lease;
  claim.kill_after = time_to_stop(options);
  claim.takeovers.observations = &world.observations;
  claim.takeovers.observed_as = absolute_path(options.lock_file);
  claim.takeovers.delay = takeover_delay_on(mount);
  if (options.timeout == Duration::zero()) claim.takeovers.most_lost_races = kMaxBusyLooksAtOnce;
  claim.takeovers.may_take_over = [&world, local = mount.local](const Sighting& seen,
                                                                bool is_abandoned) {
    return may_take_over(life_of(world.judge, seen, local), is_abandoned);
  };
  claim.takeovers.is_dead = [&world, local = mount.local](const Sighting& seen) {
    return life_of(world.judge, seen, local) == Life::dead;
  };
  return session;
}

ReleaseOptions release_options(const Options& options, const MountTraits& mount,
                               std::string token) {
  ReleaseOptions release;
  release.path = options.lock_file;
  release.token = std::move(token);
  release.delay = delay_on(mount, options);
  release.local = mount.local;
  release.atomic_create = mount.atomic_create;
  return release;
}

}  // namespace ufl
