// SPDX-License-Identifier: MIT
//
// Seam: being called later. Real timers belong to the event loop, simulated ones to the simulator.

#pragma once

#include <functional>

#include "seams/clock.hpp"

namespace ufl {

/// One timer on the clock that counts suspend.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() = default;

  /// Call `handler` once, at `when` or later. Replaces an earlier call of at().
  virtual void at(Mono when, std::function<void()> handler) = 0;

  /// Forget the handler of at().
  virtual void cancel_timer() = 0;
};

}  // namespace ufl
