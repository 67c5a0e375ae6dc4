// SPDX-License-Identifier: MIT

#pragma once

#include "protocol/contest.hpp"

namespace ufl {

/// Begin a new claim of this contender: disown the one before, make a token and a record, and show
/// on this host that the holder of the token lives (lifeline, witness).
void begin_claim(Contest& contest);

}  // namespace ufl
