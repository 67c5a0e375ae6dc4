// SPDX-License-Identifier: MIT

#pragma once

#include "cli/options.hpp"
#include "protocol/claim.hpp"
#include "sys/mount_table.hpp"

namespace ufl {

/// How long the command may take to stop when the lock is lost: nobody waits for one that runs on.
[[nodiscard]] inline Duration time_to_stop(const Options& options) {
  return options.kill_on_loss ? options.kill_after : Duration::zero();
}

/// Can a lease be relied on where the lock file lies? If not, that is said. Looks at nothing but
/// the kind of the mount: before a claim.
[[nodiscard]] bool lease_is_possible(const Options& options, const MountTraits& mount);

/// Say that the lease is too short for a share as slow as the claim has found it.
void say_too_slow(const Options& options, const ClaimResult& claim);

}  // namespace ufl
