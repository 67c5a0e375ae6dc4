// SPDX-License-Identifier: MIT
//
// When a lock file that is not seen any more is lost. Two fresh looks, at least a second apart,
// must not show it; and the directory must be well and lie on the device on which the lock was
// taken. A server that fails over, or renames in two steps, is back by then; a share that was
// unmounted has not given the lock to anybody.

#pragma once

#include <chrono>
#include <optional>

#include "protocol/place.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// What one holder has seen of the absence of its lock file.
class Absence {
 public:
  /// Two looks that do not show the file count when they are so far apart.
  static constexpr Duration kSecondLook = std::chrono::seconds{1};

  /// A look, asked for at `asked` and answered at `answered`, does not show our record. True: it is
  /// the second one.
  [[nodiscard]] bool confirm(Mono asked, Mono answered) {
    if (!since_) since_ = answered;
    return asked - *since_ >= kSecondLook;
  }

  /// When the second look counts; valid after confirm().
  [[nodiscard]] Mono second_look_at() const { return *since_ + kSecondLook; }

  /// A look has shown the file: whatever was seen before means nothing.
  void end() { since_.reset(); }

  /// Does `probe`, of the directory, say that the file is gone from `place`?
  [[nodiscard]] static bool is_loss(const FileReply& probe, const Place& place) {
    return probe.status == FileStatus::ok && !is_elsewhere(place, probe);
  }

 private:
  std::optional<Mono> since_;
};

}  // namespace ufl
