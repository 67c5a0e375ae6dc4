// SPDX-License-Identifier: MIT

#pragma once

#include <map>
#include <string>
#include <vector>

namespace ufl {

/// What was left beside locks, for people to read. A directory is read once, however many locks are
/// asked about.
class StaleTemporaries {
 public:
  /// Temporary files of ufl (".ufl-UUID") beside the lock at `path` that are older than a minute,
  /// by the clock of their file system's host and ours: a ufl removes its own within seconds,
  /// unless it is killed. Sorted; nothing where the directory cannot be read.
  [[nodiscard]] const std::vector<std::string>& beside(const std::string& path);

 private:
  [[nodiscard]] static std::vector<std::string> read(const std::string& directory);

  std::map<std::string, std::vector<std::string>> seen_;  // by directory
};

}  // namespace ufl
