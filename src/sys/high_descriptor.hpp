// SPDX-License-Identifier: MIT

#pragma once

#include "sys/unique_fd.hpp"

namespace ufl {

/// What a command gets of a descriptor that shows that its lock is held: the same, or nothing
/// (option -o).
enum class OnExec { keep, close };

/// `file`, moved to the lowest free number from 100 on. Where RLIMIT_NOFILE is below that, or all
/// of those are taken, it is moved to the highest free number, or stays where it was. Not valid:
/// only 0 to 2 are left.
[[nodiscard]] UniqueFd move_up(UniqueFd file, OnExec on_exec);

}  // namespace ufl
