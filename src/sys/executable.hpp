// SPDX-License-Identifier: MIT
//
// The file that the name of a command stands for.

#pragma once

#include <string>

namespace ufl {

/// The file that a command names, or why there is none.
struct Executable {
  std::string path;
  int error = 0;  ///< errno value: ENOENT not found, else found but not executable
};

/// Find the executable file that `name` stands for, as execvp(3) does: a name with a slash is a
/// path, any other is looked for in $PATH.
[[nodiscard]] Executable find_executable(const std::string& name);

}  // namespace ufl
