// SPDX-License-Identifier: MIT
//
// How old a look may be when something that rests on it is written or removed. The bound keeps B,
// the time from a look to the landing of what was decided on it, small on our side; what hangs
// inside one system call cannot be bounded by anyone.

#pragma once

#include <algorithm>

#include "seams/clock.hpp"

namespace ufl {

/// A look at a local file older than this is taken again before a write or an unlink.
inline constexpr Duration kLocalLookAge = std::chrono::milliseconds{50};

/// A share's looks are judged by no shorter delay than this: `-d 0` where create is atomic is about
/// claims, and does not make the share faster.
inline constexpr Duration kShortestShareDelay = std::chrono::seconds{1};

/// So many looks in a row may be too old. If the share is always that slow, a write that could
/// overwrite is given up; an unlink goes ahead, for each of the looks showed our own token, and
/// nobody else may replace it.
inline constexpr int kMaxLateLooks = 10;

/// The oldest look that a write or an unlink may rest on: D/3 on a share, 50 ms where local.
constexpr Duration max_look_age(bool local, Duration delay) {
  return local ? kLocalLookAge : std::max(delay, kShortestShareDelay) / 3;
}

}  // namespace ufl
