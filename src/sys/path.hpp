// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace ufl {

/// `path` made absolute by putting the working directory before it, no more: symbolic links and
/// ".." stay as they are, and nothing on the way is touched. Unchanged when the working directory
/// is gone.
[[nodiscard]] std::string absolute_path(const std::string& path);

/// The directory that `path` names something in, with its slash: "./" for a bare name.
[[nodiscard]] std::string directory_of(const std::string& path);

}  // namespace ufl
