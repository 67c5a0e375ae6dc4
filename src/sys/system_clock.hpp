// SPDX-License-Identifier: MIT

#pragma once

#include "seams/clock.hpp"

namespace ufl {

/// The real clock: CLOCK_BOOTTIME where there is one, else CLOCK_MONOTONIC; see clock_gettime(2).
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Mono now() const override;
  [[nodiscard]] Wall wall() const override;
};

}  // namespace ufl
