// SPDX-License-Identifier: MIT
//
// What kind of file system a path lies on, and what the protocol may expect of it.
//
// Found from /proc/self/mountinfo and the path alone: statfs(2) and realpath(3) of the path hang on
// a dead share. Symbolic links are followed where they lie on local file systems; on a share
// nothing is touched, so a link that leads from one share to another is taken for a directory of
// the first.
//
// Not with libmount: it would read the lines, which is the least of this, but it resolves a path by
// realpath(3), and brings libblkid and libselinux into a static program.

#pragma once

#include <string>
#include <string_view>

#include "seams/clock.hpp"

namespace ufl {

/// What the protocol may expect of a kind of mount.
struct MountTraits {
  std::string type;             ///< as in /proc/self/mountinfo; empty: unknown
  bool local = false;           ///< this kernel alone arbitrates
  bool atomic_create = false;   ///< O_EXCL excludes all clients of the share
  Duration delay{};             ///< what `--delay auto` stands for
  Duration view{};              ///< V: how old the content may be that a fresh open and read shows
  bool mounted_alone = false;   ///< the file itself is a mount point: a bind mount of one file
  bool writes_by_path = false;  ///< a write in place may land on what has taken the name meanwhile
};

/// The traits of a file system type (proc_pid_mountinfo(5), field 9).
[[nodiscard]] MountTraits traits_of_type(std::string_view type);

/// The traits of the mount that a file at `path` (absolute) would lie on, given the text of
/// /proc/self/mountinfo. Anything that cannot be told is an unknown, not local.
[[nodiscard]] MountTraits find_mount(const std::string& path, std::string_view mountinfo);

/// The same for this process, now.
[[nodiscard]] MountTraits find_mount(const std::string& path);

}  // namespace ufl
