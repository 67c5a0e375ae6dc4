// SPDX-License-Identifier: MIT
//
// The times of a lease, counted from the start of the last refresh that succeeded: everybody may
// take the lock over when it is over, by a clock that has seen nothing earlier than that start.
//
//     0 ........ 1/3 ............ 2/3 ................ lease
//     refreshed  refreshed again  the command is told  everything is dead before that
//                                 to stop (or earlier)

#pragma once

#include <algorithm>

#include "seams/clock.hpp"

namespace ufl {

/// A lease as a lock file gives it, which may be any number, within sane bounds.
constexpr Duration lease_of(double seconds) {
  constexpr double kShortest = 2;
  constexpr double kLongest = 10000.0 * 24 * 3600;
  const std::chrono::duration<double> clamped{std::clamp(seconds, kShortest, kLongest)};
  return std::chrono::duration_cast<Duration>(clamped);
}

/// From one refresh to the next.
constexpr Duration lease_refresh(Duration lease) { return lease / 3; }

/// After so long without a success the lock is not relied on any more: neither refreshed, nor
/// released.
constexpr Duration lease_reliable(Duration lease) { return 2 * lease / 3; }

/// What is left before the end of the lease for a SIGKILL to take effect, and for clocks that do
/// not run equally fast.
constexpr Duration lease_margin(Duration lease) {
  return std::max(Duration{std::chrono::milliseconds{200}}, lease / 100);
}

/// The command is told to stop after so long without a success, so that `kill_after` fits in.
constexpr Duration lease_stop(Duration lease, Duration kill_after) {
  return std::min(lease_reliable(lease), lease - kill_after - lease_margin(lease));
}

/// The command is killed after so long without a success.
constexpr Duration lease_kill(Duration lease) { return lease - lease_margin(lease); }

/// The last moment to kill the command, should that not have been possible before.
constexpr Duration lease_last(Duration lease) { return lease - lease_margin(lease) / 2; }

/// Is there time for one refresh before the command must be told to stop?
constexpr bool lease_has_room(Duration lease, Duration kill_after) {
  return lease_stop(lease, kill_after) >= lease_refresh(lease);
}

}  // namespace ufl
