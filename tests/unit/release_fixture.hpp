// SPDX-License-Identifier: MIT
//
// The fixture of the tests of Release (protocol/release.hpp).

#pragma once

#include <gtest/gtest.h>

#include "protocol/release.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {

/// One release at a time, of the lock kMine.
class ReleaseTest : public MachineTest {
 protected:
  using Outcome = ReleaseResult::Outcome;

  static ReleaseOptions options(bool local) {
    return {.path = "lock",
            .token = kMine,
            .delay = seconds{1},
            .local = local,
            .atomic_create = true,
            .place = {}};
  }
  Release make(bool local = true) { return {options(local), clock_}; }

  /// The pause that `step` asks for, waited through.
  Step wait_through(Release& release, const Step& step) {
    EXPECT_GE(wait(step), seconds{1});
    return next(release, step);
  }
};

}  // namespace ufl::test
