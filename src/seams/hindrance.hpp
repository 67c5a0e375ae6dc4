// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ufl {

/// A process that holds flock(2) on a file.
struct FlockHolder {
  std::int64_t pid = 0;
  std::vector<std::string> command;  ///< its command line; empty: not shown to us
};

/// What keeps a lock whose holder is gone from being taken over by this user, or by anybody.
struct Hindrance {
  /// This user may not replace the file: it is somebody else's in a directory with the sticky bit,
  /// or none can be made beside it. Its owner and root may.
  bool may_not_replace = false;
  /// Anybody who can read a file can do that.
  std::vector<FlockHolder> flocked_by;

  [[nodiscard]] bool is_there() const { return may_not_replace || !flocked_by.empty(); }
};

}  // namespace ufl
