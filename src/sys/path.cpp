// SPDX-License-Identifier: MIT

#include "sys/path.hpp"

#include <unistd.h>

#include <climits>

namespace ufl {

std::string absolute_path(const std::string& path) {
  char directory[PATH_MAX];
  if (path.starts_with('/') || ::getcwd(directory, sizeof directory) == nullptr) return path;
  std::string absolute{directory};
  if (absolute != "/") absolute += '/';
  return absolute + path;
}

}  // namespace ufl
