// SPDX-License-Identifier: MIT
//
// How long to wait between two looks while somebody else holds the lock. Jitter keeps contenders
// that were woken together from staying together.

#pragma once

#include <algorithm>
#include <cstdint>

#include "seams/clock.hpp"

namespace ufl {

/// The waits between looks. Pure: the caller brings the randomness.
class Backoff {
 public:
  /// Waits around `base`; with `grows`, 1.5 times longer each time, up to kLongest.
  Backoff(Duration base, bool grows) : base_{std::max(base, kShortest)}, grows_{grows} {}

  /// The next wait: within 25 % of the current length, by `random`.
  Duration next(std::uint64_t random) {
    constexpr std::uint64_t kSteps = 1000;
    const Duration jittered = length_ * 3 / 4 + length_ / 2 / static_cast<int>(kSteps) *
                                                    static_cast<int>(random % (kSteps + 1));
    if (grows_) length_ = std::max(length_, std::min(length_ * 3 / 2, kLongest));
    return jittered;
  }

  /// Start over: somebody new holds the lock.
  void reset() { length_ = base_; }

 private:
  static constexpr Duration kShortest = std::chrono::milliseconds{1};
  static constexpr Duration kLongest = std::chrono::seconds{2};

  Duration base_;
  bool grows_;
  Duration length_ = base_;
};

}  // namespace ufl
