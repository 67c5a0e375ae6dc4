// SPDX-License-Identifier: MIT
//
// Restoring: writes our record back into a file that a program has emptied, or cut short, while it
// is ours (`: > LOCKFILE`; the `exec 9>LOCKFILE` of a script for flock(1)). On a local file system
// the record is written back then, under flock(2), into the file that this process keeps
// (CreateExclusive), or the lock is lost:
//   1 A program empties A's file.  2 A, which was stopped, does not see that.  3 B looks, for as
//   long as an empty file is given: left over. B locks it, finds it empty once more.
// B goes on only if nobody is seen to keep the file, so only where the kernel does not show that A
// does. Then, whatever comes first,
//   4 B renames its record over the file.  5 A: the name stands for another file; lost to B
// or
//   4 A: EWOULDBLOCK, tries again.  5 as above
// or, before 3, A has the lock: B finds a record. And a script that holds flock(2) on the file
// believes that it holds the lock: A's write-back is refused for longer than anybody who keeps to
// the protocol holds it, and A says that it has lost. Known gap: if the script asks for flock(2)
// only after A has written its record back, neither sees the other.

#pragma once

#include <string>
#include <utility>

#include "seams/file_system.hpp"

namespace ufl {

/// Restores the record in one lock file, as often as it is emptied; the machine that owns this does
/// what it says.
class Restoring {
 public:
  enum class Next {
    done,    ///< the record stands there again
    pause,   ///< somebody else has changed the file, or holds flock(2): look again after kBusyRetry
    absent,  ///< the file is gone
    failed,  ///< the record cannot be written back: the lock is lost
  };

  explicit Restoring(std::string path) : path_{std::move(path)} {}

  /// A look has shown `rest`, which is what is left of `record`: write that back.
  [[nodiscard]] FileOperation write(std::string rest, std::string record);

  /// The answer to it.
  [[nodiscard]] Next on_reply(const FileReply& reply);

  /// A look has shown that there is nothing to restore. Returns what is_begun() was.
  bool end();

  /// The file was seen to be emptied, and holds no record yet.
  [[nodiscard]] bool is_begun() const { return is_begun_; }

  /// How often the record was written back.
  [[nodiscard]] int count() const { return count_; }

 private:
  std::string path_;
  bool is_begun_ = false;
  int refusals_ = 0;  // in a row
  int count_ = 0;
};

}  // namespace ufl
