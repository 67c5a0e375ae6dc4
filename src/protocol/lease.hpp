// SPDX-License-Identifier: MIT
//
// The times of a lease, counted from the start of the last refresh that succeeded. Every waiter may
// take the lock over at the end, by a clock that has seen nothing earlier than that start.
//
//     0 ........ 1/3 ............ 2/3 ................ lease
//     refreshed  refreshed again  the command is told  everything is dead before that
//                (or earlier)     to stop (or earlier)
//
// Between 1/3 and 2/3 two refreshes fit in, of the time that one was measured to take, and the wait
// between them: one that fails does not cost a healthy holder its lock. Where they do not fit in,
// the lock is refreshed earlier; where that is no help, the lease is refused.

#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "seams/clock.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// A lease as a lock file gives it, which may be any number, within sane bounds.
constexpr Duration lease_of(double seconds) {
  constexpr double kShortest = 2;
  constexpr double kLongest = 10000.0 * 24 * 3600;
  const std::chrono::duration<double> clamped{std::clamp(seconds, kShortest, kLongest)};
  return std::chrono::duration_cast<Duration>(clamped);
}

/// The lease of a holder that others can see run out: it is given, and a heartbeat with it.
inline std::optional<Duration> usable_lease(const Holder& holder) {
  const bool is_usable = holder.lease && holder.heartbeat && *holder.lease > 0;
  return is_usable ? std::optional{lease_of(*holder.lease)} : std::nullopt;
}

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

/// From a refresh that failed to the next.
constexpr Duration lease_retry(Duration lease) {
  return std::min(Duration{std::chrono::seconds{1}}, lease / 10);
}

/// From the start of one refresh to that of the next, where one takes no longer than `takes`, and
/// the command must be told to stop `kill_after` before the end. However long the lease, a lock
/// that was taken away is to be noticed soon; and however long a refresh takes, a share is not
/// asked all the time.
constexpr Duration lease_refresh(Duration lease, Duration kill_after = {}, Duration takes = {}) {
  constexpr Duration kLongest = std::chrono::seconds{30};
  const Duration end = lease_stop(lease, kill_after) - Duration{1};  // what ends later is too late
  const Duration with_room = end - 2 * takes - lease_retry(lease);
  return std::min({lease / 3, kLongest, std::max(with_room, lease / 10)});
}

/// The command is killed after so long without a success.
constexpr Duration lease_kill(Duration lease) { return lease - lease_margin(lease); }

/// The last moment to kill the command, should that not have been possible before.
constexpr Duration lease_last(Duration lease) { return lease - lease_margin(lease) / 2; }

/// Is the lock of a healthy holder, one whose refreshes take no longer than `takes`, refreshed in
/// time, though one of two refreshes fails? Before the two that lease_refresh() leaves room for
/// come the one that succeeded, and a look at what it wrote (verifying.hpp).
constexpr bool lease_has_room(Duration lease, Duration kill_after, Duration takes = {}) {
  const Duration stop = lease_stop(lease, kill_after);
  return stop >= lease / 3 && stop > 4 * takes + lease_retry(lease);
}

/// A lease that somebody keeps: its deadlines, counted from the last refresh.
struct KeptLease {
  Duration length{};
  Duration kill_after{};  ///< from telling the command to stop to killing it
  Mono refreshed{};       ///< start of the last refresh that succeeded, or of the claim
  Duration takes{};       ///< how long a refresh takes here, as measured

  /// When to refresh it next.
  [[nodiscard]] constexpr Mono refresh_at() const {
    return refreshed + lease_refresh(length, kill_after, takes);
  }
  /// Until then the lock may be relied on, refreshed and released.
  [[nodiscard]] constexpr Mono reliable_until() const { return refreshed + lease_reliable(length); }
  /// When the command is told to stop, and killed; and the last moment to do so.
  [[nodiscard]] constexpr Mono stop_at() const {
    return refreshed + lease_stop(length, kill_after);
  }
  [[nodiscard]] constexpr Mono kill_at() const { return refreshed + lease_kill(length); }
  [[nodiscard]] constexpr Mono last_at() const { return refreshed + lease_last(length); }
  /// Can it be kept by a healthy holder whose operations take so long?
  [[nodiscard]] constexpr bool has_room(Duration operation) const {
    return lease_has_room(length, kill_after, operation);
  }
};

/// Can others see in time that a lease is refreshed, where a view of the share may be `view` old?
/// Three times 2V must fit in. W, by which a write lands after close has returned, is nothing here:
/// a heartbeat is flushed, fsync(2), before it counts; and mounts that upload it later all the same
/// are refused.
constexpr Duration shortest_visible_lease(Duration view) { return 3 * 2 * view; }

/// The shortest one that has room, in whole seconds, and no shorter than `least`.
constexpr std::chrono::seconds shortest_lease(Duration least, Duration kill_after,
                                              Duration takes = {}) {
  auto lease = std::chrono::ceil<std::chrono::seconds>(std::max(least, 3 * kill_after / 2));
  while (!lease_has_room(lease, kill_after, takes)) ++lease;
  return lease;
}

}  // namespace ufl
