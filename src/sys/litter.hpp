// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

namespace ufl {

/// Temporary files of ufl (".ufl-UUID") beside the lock at `path` that are older than a minute, by
/// the clock of their file system's host and ours, for people to read: whoever made them removes
/// them within seconds, unless it was killed. Sorted; nothing where the directory cannot be read.
[[nodiscard]] std::vector<std::string> litter_beside(const std::string& path);

}  // namespace ufl
