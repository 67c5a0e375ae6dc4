// SPDX-License-Identifier: MIT
//
// The fixture of every test that drives a protocol machine (protocol/step.hpp).
//
// A test plays the world for one machine: it looks at each step, gives the reply that it wants
// (support.hpp has them all), and moves the clock.
//
//     Step step = machine.start();
//     ASSERT_TRUE(asks<ReadFile>(step));
//     step = machine.on_reply(absent());          what the file system says
//     EXPECT_EQ(wait(step), seconds{1});          how long the machine wants to wait
//     ASSERT_TRUE(asks<ReadFile>(next(machine, step)));    that wait, waited through
//
// claim_fixture.hpp and keep_fixture.hpp add the ways that the tests of Claim and Keep share. A
// fixture whose tests lie in several files is declared in such a header, once.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>

#include "protocol/step.hpp"
#include "unit/support.hpp"

namespace ufl::test {

/// The token of the lock that is kept, released or refreshed; also the first one that FakeIdentity
/// makes up.
inline const std::string kMine = "00000000-0000-4000-8000-000000000001";
/// The token of another holder.
inline const std::string kOther = "11111111-1111-4111-8111-111111111111";

/// One machine at a time, and the clock that it sees.
class MachineTest : public ::testing::Test {
 protected:
  /// The wait that `step` asks for, from now on. The test fails if it is another step.
  [[nodiscard]] Duration wait(const Step& step) const {
    const auto* until = std::get_if<WaitUntil>(&step);
    EXPECT_NE(until, nullptr);
    return until != nullptr ? until->at - clock_.now() : Duration{-1};
  }

  /// The machine's next step, at the end of the wait that `step` asks for.
  Step next(Machine& machine, const Step& step) {
    clock_.advance(std::max(wait(step), Duration::zero()));
    return machine.resume();
  }

  /// `step` writes `content` over `expected`.
  static void expect_update(const Step& step, const std::string& expected,
                            const std::string& content) {
    const auto update = expect_operation<UpdateFile>(step);
    EXPECT_EQ(update.path, "lock");
    EXPECT_EQ(update.expected, expected);
    EXPECT_EQ(update.content, content);
  }

  FakeClock clock_;
};

}  // namespace ufl::test
