// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "seams/hindrance.hpp"

namespace ufl {

/// What keeps this user from taking over the lock at `path` once its holder is gone, as far as can
/// be seen without touching anything. For people to read; nothing rests on it.
[[nodiscard]] Hindrance hindrance_at(const std::string& path);

/// A file as /proc/locks names it.
struct LockedInode {
  unsigned int major = 0;
  unsigned int minor = 0;
  unsigned long inode = 0;
};

/// The processes that hold flock(2) on `inode`, in the text of /proc/locks (proc_locks(5)). Those
/// of other PID namespaces are not among them.
[[nodiscard]] std::vector<std::int64_t> flock_holders(std::string_view locks,
                                                      const LockedInode& inode);

}  // namespace ufl
