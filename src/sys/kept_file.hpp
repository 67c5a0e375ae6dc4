// SPDX-License-Identifier: MIT
//
// The file that our record is in, kept open on a local file system. A lock of its open file
// description (F_OFD_SETLK, fcntl(2)) shows everybody who can read the file that we live: whatever
// becomes of its content, and in whatever namespace they are. The kernel keeps it as long as any
// process has the description: ufl, the command that has inherited it, and whoever waits for that
// (process/signal_bystander.hpp).
//
// It is a write lock of all of the file, and is asked for as a reader would ask: who may only read
// the file can lock it for reading alone, and so cannot feign life. flock(2) is another lock, and
// stays free for what it is for (seams/file_system.hpp, OnlyIf).
//
// It shows life. That nobody has it proves nothing: who has taken the lock with --acquire has
// ended, and some kernels and sandboxes refuse it.

#pragma once

#include <sys/stat.h>

#include "seams/file_system.hpp"
#include "sys/high_descriptor.hpp"
#include "sys/unique_fd.hpp"

namespace ufl {

/// Lock the open file description of `file`, which is open for writing, until its last descriptor
/// is closed. False: somebody else has it, or the kernel refuses.
bool lock_description(int file);

/// The file that this process keeps, if it keeps one.
class KeptFile {
 public:
  /// `on_exec`: do commands inherit it?
  explicit KeptFile(OnExec on_exec) : on_exec_{on_exec} {}

  /// Keep `file`, in place of the one before; on a descriptor of 100 or more, if there is one.
  /// Where no other is left, none is kept.
  void keep(UniqueFd file);

  /// Keep nothing any more, if the file that is kept has no name left.
  void drop_if_removed();

  /// -1: none is kept.
  [[nodiscard]] int fd() const { return file_.get(); }

  /// Is `file` the one that is kept, or does somebody else keep it?
  [[nodiscard]] Keeper keeper_of(int file) const;

 private:
  OnExec on_exec_;
  UniqueFd file_;
};

}  // namespace ufl
