// SPDX-License-Identifier: MIT
//
// Removing and replacing a record where flock(2) keeps others from doing the same: on local file
// systems (seams/file_system.hpp, OnlyIf). On a share it may be granted to everybody, so there it
// is not asked for.

#pragma once

#include <string>

#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// The guard for a file that was read as `content`.
inline OnlyIf guard(bool local, const std::string& content) {
  return local ? OnlyIf{content} : std::nullopt;
}

/// After FileStatus::busy: look again so much later, and so often. A contender that follows
/// the protocol holds the file for microseconds; a flock(1) that uses the lock file, or a process
/// that is stopped, for longer.
inline constexpr Duration kBusyRetry = std::chrono::milliseconds{50};
inline constexpr int kMaxBusyLooks = 200;

/// And so often for a contender that does not want to wait.
inline constexpr int kMaxBusyLooksAtOnce = 10;

}  // namespace ufl
