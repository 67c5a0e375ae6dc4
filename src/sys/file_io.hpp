// SPDX-License-Identifier: MIT
//
// open(2), read(2) and write(2) to the end, whatever interrupts them.

#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sys/unique_fd.hpp"

namespace ufl {

/// A umask that leaves to the owner what is made under it, while it lives: 0222 or 0777 must not
/// keep ufl from its own files. Nothing may be started meanwhile, which would inherit it.
class UmaskForOwner {
 public:
  UmaskForOwner();
  UmaskForOwner(const UmaskForOwner&) = delete;
  UmaskForOwner& operator=(const UmaskForOwner&) = delete;
  ~UmaskForOwner();

  /// That umask: the one of this process, less what it takes from the owner.
  [[nodiscard]] mode_t mask() const { return before_ & ~static_cast<mode_t>(S_IRWXU); }

 private:
  mode_t before_;
};

/// Read and write for everybody, as far as the umask lets them.
inline constexpr mode_t kNewFileMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

/// open(2), not inherited by any command, and never a terminal that becomes ours. What is made can
/// be read and written by its owner, if `mode` says so, whatever the umask. Not valid: see errno.
[[nodiscard]] UniqueFd open_file(const std::string& path, int flags, mode_t mode = 0);

/// At most `limit` bytes of what is left in `file`; none: see errno.
[[nodiscard]] std::optional<std::string> read_some(int file, std::size_t limit);

/// The whole content of a file of the kernel's (procfs), or nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> read_small_file(const std::string& path);

/// Write all of `rest`: in one write(2), unless a full disk or a limit cuts that short; the next
/// one says which. Returns 0, or the errno value.
[[nodiscard]] int write_all(int file, std::string_view rest);

}  // namespace ufl
