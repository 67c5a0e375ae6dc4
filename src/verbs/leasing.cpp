// SPDX-License-Identifier: MIT

#include "verbs/leasing.hpp"

#include <chrono>

#include "protocol/lease.hpp"
#include "report/recovery_messages.hpp"
#include "sys/standard_error.hpp"

namespace ufl {

namespace {

constexpr Duration kSecond = std::chrono::seconds{1};

}  // namespace

bool lease_is_possible(const Options& options, const MountTraits& mount) {
  if (!options.lease) return true;
  if (mount.writes_by_path) {
    say(lease_refused_text(options.lock_file, mount.type));
    return false;
  }
  const Duration needed = shortest_visible_lease(mount.view);
  if (*options.lease >= needed) return true;
  say(lease_too_short_text(options.lock_file, *options.lease,
                           shortest_lease(needed, time_to_stop(options))));
  return false;
}

void say_too_slow(const Options& options, const ClaimResult& claim) {
  // Whatever is said of one lease, it is not that it would do.
  const Duration longer = std::chrono::floor<std::chrono::seconds>(*options.lease) + kSecond;
  say(lease_too_short_text(options.lock_file, *options.lease,
                           shortest_lease(longer, time_to_stop(options), claim.look_to_write)));
}

}  // namespace ufl
