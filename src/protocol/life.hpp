// SPDX-License-Identifier: MIT

#pragma once

namespace ufl {

/// What this host sees of a holder.
enum class Life {
  alive,            ///< its process runs, or its command, or what that has started
  gone,             ///< its process is not there any more; what it has started may be
  dead,             ///< proven: nothing is left that could rely on the lock
  other_host,       ///< it was on another host
  other_boot,       ///< here before a reboot, or on another host of the same name or machine ID
  other_container,  ///< in another PID or time namespace, where the numbers mean something else
  hidden,           ///< this host does not show us that process
  unknown,          ///< the lock file does not say which process that is
};

}  // namespace ufl
