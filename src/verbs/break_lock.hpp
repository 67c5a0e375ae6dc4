// SPDX-License-Identifier: MIT
//
// ufl --break LOCKFILE: take a lock away from a holder that a person knows to be gone.

#pragma once

#include "cli/options.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Take options.lock_file over, then release it: what was only compared is never removed. Prints on
/// stdout what was broken. Refuses what is no lock and a holder seen alive, unless options.token
/// names it; and another holder than that. Throws std::system_error when the kernel gives no event
/// loop.
[[nodiscard]] Ending break_lock(const Options& options, const World& world);

}  // namespace ufl
