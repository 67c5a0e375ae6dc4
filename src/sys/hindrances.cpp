// SPDX-License-Identifier: MIT

#include "sys/hindrances.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <sstream>
#include <string>

#include "sys/access.hpp"
#include "sys/file_io.hpp"
#include "sys/path.hpp"
#include "sys/process_info.hpp"

namespace ufl {

namespace {

// unlink(2), EPERM and EACCES. Root of a user namespace may be less powerful than this believes.
bool may_replace(const std::string& path, const struct stat& file) {
  const std::string directory = directory_of(path);
  struct stat info = {};
  if (::stat(directory.c_str(), &info) != 0) return true;  // cannot tell
  if (check_access(directory, W_OK | X_OK) != 0) return false;
  const uid_t self = ::geteuid();
  return (info.st_mode & S_ISVTX) == 0 || self == 0 || self == file.st_uid || self == info.st_uid;
}

}  // namespace

std::vector<std::int64_t> flock_holders(std::string_view locks, const LockedInode& inode) {
  std::ostringstream wanted;
  wanted.fill('0');
  wanted << std::hex;
  wanted.width(2);
  wanted << inode.major << ':';
  wanted.width(2);
  wanted << inode.minor << ':' << std::dec << inode.inode;
  std::vector<std::int64_t> pids;
  std::istringstream lines{std::string{locks}};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields{line};
    std::string number;
    std::string kind;
    std::string advisory;
    std::string mode;
    std::int64_t pid = 0;
    std::string file;
    // "1: -> FLOCK": waits for it.
    fields >> number >> kind >> advisory >> mode >> pid >> file;
    const bool is_wanted = fields && kind == "FLOCK" && pid > 0 && file == wanted.str();
    if (is_wanted && std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
  }
  return pids;
}

Hindrance hindrance_at(const std::string& path) {
  Hindrance hindrance;
  struct stat file = {};
  if (::lstat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return hindrance;
  hindrance.may_not_replace = !may_replace(path, file);
  const auto locks = read_small_file("/proc/locks");
  if (!locks || !proc_shows_us()) return hindrance;
  const LockedInode inode{major(file.st_dev), minor(file.st_dev), file.st_ino};
  const auto pids = flock_holders(*locks, inode);
  std::transform(pids.begin(), pids.end(), std::back_inserter(hindrance.flocked_by),
                 [](std::int64_t pid) {
                   return FlockHolder{pid, process_command(static_cast<pid_t>(pid))};
                 });
  return hindrance;
}

}  // namespace ufl
