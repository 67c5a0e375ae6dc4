// SPDX-License-Identifier: MIT

#include "sys/executable.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "sys/access.hpp"

namespace ufl {

namespace {

// What execvp(3) uses without $PATH: confstr(_CS_PATH).
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

// 0, or the errno value with which execve(2) would refuse `path`.
int check_executable(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return check_access(path, X_OK);
}

}  // namespace

Executable find_executable(const std::string& name) {
  if (name.empty()) return {{}, ENOENT};
  if (name.find('/') != std::string::npos) return {name, check_executable(name)};

  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? std::string_view{variable} : kDefaultPath;
  int error = ENOENT;
  for (;;) {
    const auto colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    std::string candidate{directory.empty() ? "." : directory};
    candidate += '/';
    candidate += name;
    const int found = check_executable(candidate);
    if (found == 0) return {candidate, 0};
    if (found != ENOENT && found != ENOTDIR) error = found;
    if (colon == std::string_view::npos) return {{}, error};
    path.remove_prefix(colon + 1);
  }
}

}  // namespace ufl
