// SPDX-License-Identifier: MIT
//
// Removal: the rule by which a lock file is unlinked that a look has shown to be ours. The look
// must be fresh (late.hpp); on a local file system the unlink is guarded (guard.hpp), and refused
// while somebody else holds flock(2) on the file.

#pragma once

#include <string>
#include <utility>

#include "protocol/guard.hpp"
#include "protocol/late.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// Removes one lock file; the machine that owns this does what it says.
class Removal {
 public:
  enum class Next {
    remove,  ///< ask for operation()
    look,    ///< look again, at once
    pause,   ///< look again after kBusyRetry
    done,    ///< the file is gone
    slow,    ///< no look is ever fresh enough here: leave the file
    failed,  ///< it cannot be removed: leave the file
  };

  Removal(std::string path, bool local, bool atomic_create)
      : path_{std::move(path)}, local_{local}, atomic_create_{atomic_create} {}

  /// A look that is `age` old has shown our file. `delay`: the verification delay of contenders.
  [[nodiscard]] Next on_look(Duration age, Duration delay) {
    switch (looks_.judge(age, local_, atomic_create_, delay)) {
      case UnlinkLooks::Verdict::fresh:
        return Next::remove;
      case UnlinkLooks::Verdict::old:
        return Next::look;
      case UnlinkLooks::Verdict::hopeless:
        break;
    }
    return Next::slow;
  }

  /// The unlink of a file that was read as `content`.
  [[nodiscard]] FileOperation operation(const std::string& content) const {
    return RemoveFile{path_, guard(local_, content)};
  }

  /// The answer to it.
  [[nodiscard]] Next on_reply(const FileReply& reply) {
    switch (reply.status) {
      case FileStatus::ok:
      case FileStatus::not_found:
        return Next::done;
      case FileStatus::changed:  // in this moment: the next look tells by whom
        return ++refusals_ < kMaxBusyLooks ? Next::look : Next::failed;
      case FileStatus::busy:
        return ++refusals_ < kMaxBusyLooks ? Next::pause : Next::failed;
      default:
        return Next::failed;
    }
  }

  /// So often the unlink was refused because of somebody else.
  [[nodiscard]] int refusals() const { return refusals_; }

 private:
  std::string path_;
  bool local_;
  bool atomic_create_;
  UnlinkLooks looks_;
  int refusals_ = 0;
};

}  // namespace ufl
