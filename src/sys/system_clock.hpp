// SPDX-License-Identifier: MIT

#pragma once

#include "seams/clock.hpp"

namespace ufl {

/// The real clock: CLOCK_BOOTTIME of clock_gettime(2), and the system's wall clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Mono now() const override;
  [[nodiscard]] Wall wall() const override;
};

}  // namespace ufl
