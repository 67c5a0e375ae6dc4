// SPDX-License-Identifier: MIT

#include "sys/stale_temporaries.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>

#include "seams/uuid.hpp"
#include "sys/path.hpp"

namespace ufl {

namespace {

constexpr std::string_view kPrefix = ".ufl-";
constexpr std::time_t kOld = 60;  // seconds

// A person is told to remove the file, so its name must be one that nobody else gives.
bool is_ours(std::string_view name) {
  return name.starts_with(kPrefix) && is_uuid(name.substr(kPrefix.size()));
}

}  // namespace

const std::vector<std::string>& StaleTemporaries::beside(const std::string& path) {
  const std::string directory = directory_of(path);
  const auto [found, is_new] = seen_.try_emplace(directory);
  if (is_new) found->second = read(directory);
  return found->second;
}

std::vector<std::string> StaleTemporaries::read(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> opened{::opendir(directory.c_str()), &::closedir};
  if (!opened) return names;
  const std::time_t now = std::time(nullptr);
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string name{static_cast<const char*>(entry->d_name)};
    struct stat info = {};
    if (!is_ours(name) || ::lstat((directory + name).c_str(), &info) != 0) continue;
    if (S_ISREG(info.st_mode) && now - info.st_mtime > kOld) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ufl
