// SPDX-License-Identifier: MIT

#include "process/command.hpp"

#include <cerrno>
#include <cstdlib>

namespace ufl {

Command shell_command(const std::string& string) {
  const char* shell = std::getenv("SHELL");
  const bool set = shell != nullptr && *shell != '\0';
  return {{set ? shell : "/bin/sh", "-c", string}};
}

int status_of_exec_error(int error) {
  constexpr int kNotExecutable = 126;
  constexpr int kNotFound = 127;
  return error == ENOENT || error == ENOTDIR ? kNotFound : kNotExecutable;
}

}  // namespace ufl
