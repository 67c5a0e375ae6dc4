// SPDX-License-Identifier: MIT
//
// What --status says about one lock (ufl(1), STATUS).

#pragma once

#include <string>
#include <vector>

#include "protocol/inspect.hpp"
#include "protocol/life.hpp"
#include "seams/clock.hpp"
#include "seams/hindrance.hpp"

namespace ufl {

/// One lock, looked at.
struct LockStatus {
  std::string path;  ///< as typed
  InspectResult look;
  Life life = Life::unknown;   ///< State::held: what this host sees of the holder
  bool local = false;          ///< this kernel alone sees the file
  bool mounted_alone = false;  ///< the file is a mount point, and so no lock: State::cannot_tell
  Hindrance hindrance;         ///< State::held: what keeps it from being taken over
  /// Stale temporaries: names beside the lock file that a killed ufl has left, ".ufl-...".
  std::vector<std::string> stale_temporaries;
};

/// For people: lines, each with its newline. With `colour` the state is coloured (ECMA-48, SGR).
[[nodiscard]] std::string status_text(const LockStatus& lock, Wall now, bool colour);

/// For programs: one JSON object and a newline; always the same keys.
[[nodiscard]] std::string status_json(const LockStatus& lock, Wall now);

}  // namespace ufl
