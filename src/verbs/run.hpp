// SPDX-License-Identifier: MIT
//
// ufl LOCKFILE COMMAND: take the lock, run the command, release the lock.

#pragma once

#include "cli/options.hpp"
#include "report/run_report.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Hold options.lock_file while the command runs. Says on stderr what went wrong, and in `report`
/// what became of it. Throws std::system_error when the kernel gives no event loop, or no pidfd.
[[nodiscard]] Ending run(const Options& options, const World& world, RunReport& report);

}  // namespace ufl
