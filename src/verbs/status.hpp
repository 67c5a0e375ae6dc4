// SPDX-License-Identifier: MIT
//
// ufl --status LOCKFILE...: who holds them, since when, and what is to be seen of the holders.

#pragma once

#include "cli/options.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Print the status of each of options.lock_files. 0: all are free; 75: one is held; 125: one
/// cannot be told, which beats 75. Throws std::system_error when the kernel gives no event loop.
[[nodiscard]] Ending status(const Options& options, const World& world);

}  // namespace ufl
