// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace ufl {

/// `path` made absolute by putting the working directory before it, no more: symbolic links and
/// ".." stay as they are, and nothing on the way is touched. Unchanged when the working directory
/// is gone.
[[nodiscard]] std::string absolute_path(const std::string& path);

}  // namespace ufl
