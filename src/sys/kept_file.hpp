// SPDX-License-Identifier: MIT
//
// The file with our record, kept open on a local file system. A lock of its open file description
// (F_OFD_SETLK, fcntl(2)) shows every process that can read the file that the holder lives,
// whatever becomes of the content, and in whatever namespace that process is. The kernel keeps the
// lock as long as any process has the description: ufl, the command that inherited it, or the
// bystander, which waits for the command (process/signal_bystander.hpp).
//
// It is a write lock of all of the file, and a reader asks whether it could have a read lock. A
// user who may only read the file can lock it for reading alone, and so cannot feign life. flock(2)
// is another lock, and stays free for what it is for (seams/file_system.hpp, OnlyIf).
//
// The lock shows life. Its absence proves nothing: a ufl --acquire has ended, and some kernels and
// sandboxes refuse the lock.

#pragma once

#include <string>

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

  /// Keep `file`, which has just been made at `path`, in place of the one before; or beside it, if
  /// that has another name: `file` is to take its place. On a descriptor of 100 or more, if there
  /// is one. False: no other descriptor is left, and it is not kept.
  bool keep(UniqueFd file, const std::string& path);

  /// The file at `from` has been renamed to `to`, over whatever was there.
  void moved(const std::string& from, const std::string& to);

  /// Keep no file any more that has no name left.
  void drop_if_removed();

  /// -1: none is kept.
  [[nodiscard]] int fd() const { return kept_.file.get(); }

  /// Is `file` one that is kept, or does somebody else keep it?
  [[nodiscard]] Keeper keeper_of(int file) const;

 private:
  struct Named {
    UniqueFd file = UniqueFd{};
    std::string path = {};
  };

  OnExec on_exec_;
  Named kept_;
  Named next_;  // what is to take its place
};

}  // namespace ufl
