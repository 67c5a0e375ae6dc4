// SPDX-License-Identifier: MIT

#include "sys/witness_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "seams/uuid.hpp"
#include "sys/file_io.hpp"

namespace ufl {

namespace {

using Paths = std::array<std::string, 2>;

// Both directories are in memory and of this host alone.
Paths paths_of(std::uint64_t uid, std::string_view uuid) {
  const std::string name = "/ufl-" + std::to_string(uid) + '-' + std::string{uuid};
  return {"/dev/shm" + name, "/run" + name};
}

// Everybody may create files in /dev/shm, under any name. Nobody but root can give one away.
bool is_file_of(std::uint64_t uid, const std::string& path) {
  struct stat info = {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == uid;
}

}  // namespace

void create_witness_file(std::uint64_t uid, std::string_view uuid) {
  if (!is_uuid(uuid)) return;
  for (const std::string& path : paths_of(uid, uuid)) {
    constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    if (open_file(path, kNew, S_IRUSR | S_IWUSR).valid()) return;
  }
}

void remove_witness_file(std::uint64_t uid, std::string_view uuid) {
  if (!is_uuid(uuid)) return;
  for (const std::string& path : paths_of(uid, uuid)) {
    if (is_file_of(uid, path)) ::unlink(path.c_str());
  }
}

bool is_witnessed(std::uint64_t uid, std::string_view uuid) {
  if (!is_uuid(uuid)) return false;
  const Paths paths = paths_of(uid, uuid);
  return std::any_of(paths.begin(), paths.end(),
                     [uid](const std::string& path) { return is_file_of(uid, path); });
}

}  // namespace ufl
