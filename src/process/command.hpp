// SPDX-License-Identifier: MIT
//
// What is run under the lock: words or a shell string, and the file that they name.

#pragma once

#include <string>
#include <vector>

namespace ufl {

/// A command to run: `arguments[0]` is its name as the user typed it. Never empty.
struct Command {
  std::vector<std::string> arguments;
};

/// The file that a command names, or why there is none.
struct Executable {
  std::string path;
  int error = 0;  ///< errno value: ENOENT not found, else found but not executable
};

/// `string` run by $SHELL, else /bin/sh, with -c: as flock(1) does.
[[nodiscard]] Command shell_command(const std::string& string);

/// Find the executable file that `name` stands for, as execvp(3) does: a name with a slash is a
/// path, any other is looked for in $PATH.
[[nodiscard]] Executable find_executable(const std::string& name);

/// The exit status that a shell gives for a command that could not be executed: 127 when it is not
/// there (ENOENT), else 126.
[[nodiscard]] int status_of_exec_error(int error);

}  // namespace ufl
