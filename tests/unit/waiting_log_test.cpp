// SPDX-License-Identifier: MIT

#include "verbs/waiting_log.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "support.hpp"

namespace ufl::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

Sighting somebody() {
  return parse_record("0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n{\"v\":1,\"user\":\"alice\"}\n");
}

/// When it speaks within `time`, if it is asked every second; in seconds from the start.
std::vector<int> spoken(WaitingLog& log, FakeClock& clock, Duration time, bool for_other = true) {
  std::vector<int> times;
  for (int second = 0; seconds{second} <= time; ++second) {
    if (log.is_due(for_other)) {
      times.push_back(second);
      log.waiting(somebody());
    }
    clock.advance(seconds{1});
  }
  return times;
}

class WaitingLogTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  void TearDown() override {
    if (!said_) ::testing::internal::GetCapturedStderr();
  }
  std::string said() {
    said_ = true;
    return ::testing::internal::GetCapturedStderr();
  }

  FakeClock clock_;

 private:
  bool said_ = false;
};

TEST_F(WaitingLogTest, SpeaksAtOnceAndAtGrowingIntervals) {
  WaitingLog log{"lock", Verbosity::verbose, clock_};
  EXPECT_EQ(spoken(log, clock_, minutes{21}),
            (std::vector<int>{0, 10, 30, 60, 300, 600, 900, 1200}));
}

TEST_F(WaitingLogTest, SaysForHowLong) {
  WaitingLog log{"a lock\n", Verbosity::verbose, clock_};
  spoken(log, clock_, seconds{30});
  const std::string text = said();
  EXPECT_EQ(text,
            "ufl: a lock\\x0a: waiting: held by alice\n"
            "ufl: a lock\\x0a: waiting for 10s now: held by alice\n"
            "ufl: a lock\\x0a: waiting for 30s now: held by alice\n");
}

// Looks become rare on a share: what was missed is not made up for.
TEST_F(WaitingLogTest, CatchesUpOnce) {
  WaitingLog log{"lock", Verbosity::verbose, clock_};
  ASSERT_TRUE(log.is_due(true));
  log.waiting(somebody());
  clock_.advance(milliseconds{9'999});
  EXPECT_FALSE(log.is_due(true));
  clock_.advance(milliseconds{1});
  EXPECT_TRUE(log.is_due(true));
  clock_.advance(hours{1});
  EXPECT_TRUE(log.is_due(true));
}

TEST_F(WaitingLogTest, NeverForItsOwnDelay) {
  WaitingLog log{"lock", Verbosity::verbose, clock_};
  EXPECT_TRUE(spoken(log, clock_, minutes{2}, false).empty());
  EXPECT_TRUE(log.is_due(true));  // the first of somebody else's
  log.waiting(somebody());
  clock_.advance(minutes{10});
  EXPECT_FALSE(log.is_due(false));
}

TEST_F(WaitingLogTest, NeverWithoutVerbose) {
  for (const Verbosity verbosity : {Verbosity::normal, Verbosity::quiet}) {
    WaitingLog log{"lock", verbosity, clock_};
    EXPECT_TRUE(spoken(log, clock_, minutes{11}).empty());
    log.acquired();
    log.released();
  }
  EXPECT_EQ(said(), "");
}

TEST_F(WaitingLogTest, SaysHowLongItTookAndWasHeld) {
  WaitingLog log{"lock", Verbosity::verbose, clock_};
  clock_.advance(milliseconds{1'500});
  log.acquired();
  clock_.advance(seconds{90});
  log.released();
  EXPECT_EQ(said(), "ufl: lock: got it after 1.5s\nufl: lock: released after 1m30s\n");
}

}  // namespace
}  // namespace ufl::test
