// SPDX-License-Identifier: MIT
//
// What is run under the lock: words or a shell string.

#pragma once

#include <string>
#include <vector>

namespace ufl {

/// A command to run: `arguments[0]` is its name as the user typed it. Never empty.
struct Command {
  std::vector<std::string> arguments;
};

/// `string` run by $SHELL, else /bin/sh, with -c: as flock(1) does.
[[nodiscard]] Command shell_command(const std::string& string);

/// The exit status that a shell gives for a command that could not be executed: 127 when it is not
/// there (ENOENT), else 126.
[[nodiscard]] int status_of_exec_error(int error);

}  // namespace ufl
