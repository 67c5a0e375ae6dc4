// SPDX-License-Identifier: MIT
//
// Seam: what can be seen from this host of the process that a lock file names.

#pragma once

#include <string_view>

#include "seams/identity.hpp"

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

/// Looks at processes.
class Liveness {
 public:
  Liveness() = default;
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;
  virtual ~Liveness() = default;

  /// What is to be seen of `holder`, which was read from a lock file whose token ends in `uuid`:
  /// nothing in it is believed unchecked. `local`: its file system is local here. Life::dead
  /// only on proof (ufl(1), STALE LOCKS); whatever is missing from that, or cannot be asked for, is
  /// no proof.
  [[nodiscard]] virtual Life look(const Holder& holder, std::string_view uuid, bool local) = 0;
};

}  // namespace ufl
