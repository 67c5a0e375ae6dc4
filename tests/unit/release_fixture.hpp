// SPDX-License-Identifier: MIT
//
// Fixtures of the tests of machines that look at a lock of ours, to release or to refresh it.
//
//     OurLockTest             the lock kMine, and when it was refreshed
//     ├── ReleaseTest         protocol/release.hpp
//     ├── RefreshTest         protocol/refresh.hpp (refresh_test.cpp)
//     └── TokenReleaseTest    protocol/token_release.hpp (token_release_test.cpp)

#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "protocol/release.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {

/// One machine at a time, which looks at the lock kMine.
class OurLockTest : public MachineTest {
 protected:
  /// The lock, on a disk or on a share where create is exclusive.
  static ReleaseOptions options(bool local) {
    return {.path = "lock",
            .token = kMine,
            .delay = seconds{1},
            .local = local,
            .atomic_create = true,
            .place = {}};
  }
  /// When something happened that is so old; none: that is not known.
  [[nodiscard]] std::optional<Mono> ago(std::optional<Duration> age) const {
    return age ? std::optional{clock_.now() - *age} : std::nullopt;
  }
};

/// One release at a time.
class ReleaseTest : public OurLockTest {
 protected:
  using Outcome = ReleaseResult::Outcome;

  Release make(bool local = true) { return {options(local), clock_}; }

  /// The pause that `step` asks for, waited through.
  Step wait_through(Release& release, const Step& step) {
    EXPECT_GE(wait(step), seconds{1});
    return next(release, step);
  }
};

}  // namespace ufl::test
