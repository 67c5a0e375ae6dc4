// SPDX-License-Identifier: MIT
//
// ufl --acquire LOCKFILE: take the lock, print its token, leave it held.

#pragma once

#include "cli/options.hpp"
#include "report/run_report.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Take options.lock_file. Status 0 and the token on stdout mean that it is held; with every other
/// status it is not. Says on stderr what went wrong, and in `report` what became of it. Throws
/// std::system_error when the kernel gives no event loop.
[[nodiscard]] Ending acquire(const Options& options, const World& world, RunReport& report);

}  // namespace ufl
