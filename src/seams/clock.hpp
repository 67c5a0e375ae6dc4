// SPDX-License-Identifier: MIT
//
// Seam: time.
//
// Two kinds of time, which do not convert into each other. `Mono` orders events on this host and is
// what every wait, delay and lease is measured with; it counts suspend, so that a laptop that slept
// through a verification delay does not believe that the delay is still ahead. `Wall` is for people
// to read and decides nothing.
//
// Real clocks are made in main.cpp only; everything else is handed one.

#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>

namespace ufl {

/// Every length of time inside ufl.
using Duration = std::chrono::nanoseconds;

/// Tag of the monotonic clock that counts suspend (Linux: CLOCK_BOOTTIME, clock_gettime(2)).
struct BootTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<BootTime>;
  // NOLINTNEXTLINE(readability-identifier-naming): the name that a standard clock has
  static constexpr bool is_steady = true;
};

/// A point in time on this host since its boot; meaningless on any other host or boot.
using Mono = BootTime::time_point;

/// A point in UTC, for display only.
using Wall = std::chrono::sys_seconds;

/// Where time comes from.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Time since boot, suspend included. Never goes back.
  [[nodiscard]] virtual Mono now() const = 0;

  /// What a wall clock shows. May jump; never compare it with anything.
  [[nodiscard]] virtual Wall wall() const = 0;
};

}  // namespace ufl
