// SPDX-License-Identifier: MIT

#include "protocol/lease.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>

namespace ufl {
namespace {

using namespace std::chrono_literals;

// What ufl(1) promises of every lease that is not refused.
TEST(Lease, BetweenTheFirstRefreshAndTheStopTwoFitIn) {
  int accepted = 0;
  for (Duration lease = 2s; lease < 20s; lease += 100ms) {
    for (Duration kill_after = 0s; kill_after < lease; kill_after += 100ms) {
      for (const Duration takes : {0ms, 1ms, 100ms, 180ms, 500ms, 2000ms}) {
        if (!lease_has_room(lease, kill_after, takes)) continue;
        ++accepted;
        const Duration refresh = lease_refresh(lease, kill_after, takes);
        const Duration end = refresh + takes + lease_retry(lease) + takes;
        ASSERT_LT(end, lease_stop(lease, kill_after))
            << lease.count() << " " << kill_after.count() << " " << takes.count();
        ASSERT_GE(refresh, 2 * takes) << "a beat, and the look at it";
        ASSERT_LE(refresh, lease / 3);
      }
    }
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(Lease, IsRefreshedAtAThirdOfItWhereThatLeavesRoom) {
  EXPECT_EQ(lease_refresh(30s), 10s);
  EXPECT_EQ(lease_refresh(30s, 5s, 1s), 10s);
  EXPECT_EQ(lease_refresh(60s, 5s), 20s);
}

TEST(Lease, IsRefreshedEarlierWhereThatLeavesNone) {
  EXPECT_EQ(lease_refresh(7800ms, 5s), 2600ms - 780ms - 1ns);
  EXPECT_EQ(lease_refresh(8s, 5s, 180ms), 2800ms - 800ms - 360ms - 1ns);
  EXPECT_EQ(lease_refresh(3s, 1800ms), 1s - 300ms - 1ns);
}

// A share that answers in its own time is not asked all the time.
TEST(Lease, IsRefreshedTenTimesAtMost) { EXPECT_EQ(lease_refresh(10s, 5s, 1h), 1s); }

// Nobody else would notice that the lock was taken away.
TEST(Lease, IsRefreshedEveryHalfMinuteHoweverLongItIs) {
  EXPECT_EQ(lease_refresh(90s), 30s);
  EXPECT_EQ(lease_refresh(1h, 5s), 30s);
}

TEST(Lease, IsRefusedWhereNothingWouldHelp) {
  EXPECT_FALSE(lease_has_room(7700ms, 5s));
  EXPECT_TRUE(lease_has_room(7800ms, 5s));
  EXPECT_TRUE(lease_has_room(8s, 5s, 499ms));
  EXPECT_FALSE(lease_has_room(8s, 5s, 500ms));
}

TEST(Lease, TheShortestOneIsTold) {
  EXPECT_EQ(shortest_lease(2s, 0s), 2s);
  EXPECT_EQ(shortest_lease(2s, 5s), 8s);
  EXPECT_EQ(shortest_lease(8900ms, 5s), 9s);
  EXPECT_EQ(shortest_lease(2s, 5s, 1s), 11s);
}

}  // namespace
}  // namespace ufl
