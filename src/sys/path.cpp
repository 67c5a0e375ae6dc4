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

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

}  // namespace ufl
