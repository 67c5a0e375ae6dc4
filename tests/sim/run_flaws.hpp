// SPDX-License-Identifier: MIT

#pragma once

#include <memory>
#include <optional>

#include "sim/contender.hpp"
#include "sim/double.hpp"
#include "sim/recovery_knobs.hpp"

namespace ufl::sim {

/// What stands before the claim of one whose ufl has this flaw; null: nothing.
[[nodiscard]] std::unique_ptr<Double> before_claim(RecoveryFlaw flaw, Machine& claim,
                                                   SimClock& clock);

/// What stands before what keeps its lock, with `lease` if it gives one; null: nothing.
[[nodiscard]] std::unique_ptr<Double> before_keep(RecoveryFlaw flaw, Machine& keep, SimClock& clock,
                                                  std::optional<Duration> lease);

/// What makes the claim of `who` one of a later version, whose records others do not know.
[[nodiscard]] std::unique_ptr<Double> of_later_version(Machine& claim, SimClock& clock, int who);

}  // namespace ufl::sim
