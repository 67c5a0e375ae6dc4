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

/// Is the lease long enough for a share that is as slow as the claim has found it, which was
/// acquired? If not, that is said. What a refresh takes must fit in more than once
/// (protocol/lease.hpp); and as one counts only when it has ended in time, others see it in time if
/// three times 2V fit in as well, which was seen to before. W, by which a write lands after close
/// has returned, is nothing here: a beat is flushed, fsync(2), before it counts; and the mounts
/// that upload it later all the same are refused.
[[nodiscard]] bool lease_fits(const Options& options, const ClaimResult& held);

/// Say that the lease is too short for a share as slow as the claim has found it.
void say_too_slow(const Options& options, const ClaimResult& claim);

}  // namespace ufl
