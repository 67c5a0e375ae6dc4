// SPDX-License-Identifier: MIT

#pragma once

#include "cli/options.hpp"
#include "sys/mount_table.hpp"

namespace ufl {

/// Can LOCKFILE be made and removed where it lies? Else says why not.
[[nodiscard]] bool can_be_a_lock(const Options& options, const MountTraits& mount);

}  // namespace ufl
