// SPDX-License-Identifier: MIT

#include "protocol/backoff.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>

namespace ufl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, StaysWithinAQuarterOfTheInterval) {
  Backoff backoff{seconds{1}, false};
  EXPECT_EQ(backoff.next(0), milliseconds{750});
  for (std::uint64_t random = 0; random < 5000; ++random) {
    const Duration wait = backoff.next(random);
    EXPECT_GE(wait, milliseconds{750});
    EXPECT_LE(wait, milliseconds{1250});
  }
  EXPECT_LE(backoff.next(std::numeric_limits<std::uint64_t>::max()), milliseconds{1250});
}

TEST(Backoff, GrowsToTwoSecondsAndStartsOver) {
  Backoff backoff{milliseconds{100}, true};
  Duration before{};
  for (int i = 0; i < 20; ++i) {
    const Duration wait = backoff.next(500);
    EXPECT_GE(wait, before);
    before = wait;
  }
  EXPECT_EQ(before, seconds{2});
  backoff.reset();
  EXPECT_EQ(backoff.next(500), milliseconds{100});
}

TEST(Backoff, AnIntervalAboveTheLimitStays) {
  Backoff backoff{seconds{10}, true};
  (void)backoff.next(500);
  EXPECT_EQ(backoff.next(500), seconds{10});
}

TEST(Backoff, NeverSpins) {
  Backoff backoff{Duration::zero(), false};
  EXPECT_GE(backoff.next(0), std::chrono::microseconds{750});
}

}  // namespace
}  // namespace ufl
