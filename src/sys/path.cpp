// SPDX-License-Identifier: MIT

#include "sys/path.hpp"

#include <unistd.h>

#include <climits>
#include <string_view>

#include "seams/file_system.hpp"

namespace ufl {

std::string absolute_path(const std::string& path) {
  char directory[PATH_MAX];
  if (path.starts_with('/') || ::getcwd(directory, sizeof directory) == nullptr) return path;
  std::string absolute{directory};
  if (absolute != "/") absolute += '/';
  return absolute + path;
}

std::string directory_of(const std::string& path) {
  const std::string_view directory = directory_part(path);
  return directory.empty() ? "./" : std::string{directory};
}

}  // namespace ufl
