// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "cli/options.hpp"
#include "protocol/release.hpp"
#include "protocol/session.hpp"
#include "sys/mount_table.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// What a session of `options` on the mount of its lock file is to do, without a command. It takes
/// over nothing.
[[nodiscard]] SessionOptions session_options(const Options& options, const MountTraits& mount);

/// The same for a session that waits for the lock: it is taken over from a holder that is proven
/// dead, and from one whose lease has run out unless this host can see that holder alive.
[[nodiscard]] SessionOptions waiting_session_options(const Options& options,
                                                     const MountTraits& mount, const World& world);

/// The release of the lock that `token` holds, by a process that has not taken it.
[[nodiscard]] ReleaseOptions release_options(const Options& options, const MountTraits& mount,
                                             std::string token);

/// For how long a taker waits before it verifies, at least.
[[nodiscard]] Duration takeover_delay_on(const MountTraits& mount);

/// The verification delay that `options` ask for, on this mount.
[[nodiscard]] Duration delay_on(const MountTraits& mount, const Options& options);

}  // namespace ufl
