// SPDX-License-Identifier: MIT

#pragma once

#include "cli/options.hpp"
#include "protocol/claim.hpp"
#include "sys/mount_table.hpp"

namespace ufl {

/// Can a lease be relied on where the lock file lies? If not, that is said. Looks at nothing but
/// the kind of the mount: before a claim.
[[nodiscard]] bool lease_is_possible(const Options& options, const MountTraits& mount);

/// Is the lease long enough for a share that was as slow as `claim`, which was acquired, has found
/// it? If not, that is said. Others see a beat up to V after it was written, and we write it up to
/// a third of the lease and one look-to-write time after the last: so a lease needs three times
/// 2V + W and that time (ufl-protocol(7)). W, by which a write lands after close has returned, is
/// nothing here: a beat is flushed, fsync(2), before it counts, which is a part of that time; and
/// the mounts that upload it later all the same are refused.
[[nodiscard]] bool lease_fits(const Options& options, const MountTraits& mount, const Claim& claim);

}  // namespace ufl
