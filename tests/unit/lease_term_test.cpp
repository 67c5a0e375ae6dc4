// SPDX-License-Identifier: MIT

#include "process/lease_term.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <utility>

#include "unit/processes.hpp"

namespace ufl::test {
namespace {

using std::chrono::seconds;

/// A clock at which something else may happen just when it is looked at.
class Moment final : public Clock {
 public:
  explicit Moment(Mono now) : now_{now} {}
  [[nodiscard]] Mono now() const override {
    if (auto then = std::exchange(meanwhile, nullptr)) then();
    return now_;
  }
  [[nodiscard]] Wall wall() const override { return {}; }

  mutable std::function<void()> meanwhile;

 private:
  Mono now_;
};

constexpr Mono at(int second) { return Mono{seconds{second}}; }

class LeaseTermTest : public ::testing::Test {
 protected:
  LeaseTermTest() { EXPECT_EQ(term_.open(at(10), at(14), seconds{3}), 0); }

  LeaseTerm term_;
  Moment before_{at(9)};
  Moment in_time_{at(10)};
};

TEST_F(LeaseTermTest, IsRaisedByARefresh) {
  EXPECT_TRUE(term_.raise(before_, at(13), at(17)));
  EXPECT_EQ(term_.stop_at(), at(13));
  EXPECT_EQ(term_.kill_at(), at(17));
  EXPECT_FALSE(term_.end_in_time(in_time_)) << "its time is not there";
  EXPECT_TRUE(term_.end_in_time(Moment{at(13)}));
}

TEST_F(LeaseTermTest, IsNeverLowered) {
  EXPECT_TRUE(term_.raise(before_, at(9), at(12)));
  EXPECT_EQ(term_.stop_at(), at(10));
  EXPECT_EQ(term_.kill_at(), at(14));
}

TEST_F(LeaseTermTest, IsNotRaisedWhenItsTimeHasCome) {
  EXPECT_FALSE(term_.raise(in_time_, at(13), at(17)));
  EXPECT_FALSE(term_.is_over()) << "whoever is told so ends it";
  EXPECT_EQ(term_.stop_at(), at(10));
}

TEST_F(LeaseTermTest, IsEndedOnce) {
  EXPECT_FALSE(term_.end_in_time(before_));
  EXPECT_TRUE(term_.end_in_time(in_time_));
  EXPECT_TRUE(term_.is_over());
  EXPECT_FALSE(term_.end_in_time(in_time_)) << "who ends it tells the command to stop";
  EXPECT_FALSE(term_.end(at(14)));
  EXPECT_EQ(term_.stop_at(), Mono::max());
}

TEST_F(LeaseTermTest, WhatIsOverIsNeverRevived) {
  EXPECT_TRUE(term_.end(at(12)));
  EXPECT_FALSE(term_.raise(before_, at(13), at(17)));
  EXPECT_FALSE(term_.conclude());
  EXPECT_TRUE(term_.is_over());
  EXPECT_EQ(term_.kill_at(), at(12));
}

TEST_F(LeaseTermTest, ALossKillsNoLaterThanTheLease) {
  EXPECT_TRUE(term_.end(at(20)));
  EXPECT_EQ(term_.kill_at(), at(14));
}

TEST_F(LeaseTermTest, AWardenKillsAfterTheTimeThatTheCommandIsGiven) {
  EXPECT_TRUE(term_.end_in_time(in_time_));
  EXPECT_EQ(term_.kill_at(), at(13));
}

TEST_F(LeaseTermTest, AWardenThatIsLateKillsNoLaterThanTheLease) {
  EXPECT_TRUE(term_.end_in_time(Moment{at(12)}));
  EXPECT_EQ(term_.kill_at(), at(14));
}

TEST_F(LeaseTermTest, WhatIsDoneIsNotStopped) {
  EXPECT_TRUE(term_.conclude());
  EXPECT_TRUE(term_.conclude());
  EXPECT_TRUE(term_.is_done());
  EXPECT_FALSE(term_.is_over());
  EXPECT_FALSE(term_.end_in_time(Moment{at(100)}));
  EXPECT_FALSE(term_.end(at(14)));
  EXPECT_FALSE(term_.raise(before_, at(13), at(17)));
  EXPECT_EQ(term_.stop_at(), Mono::max());
}

// The first interleaving of lease_term.hpp.
TEST_F(LeaseTermTest, ARefreshThatTheWardenWasQuickerThanRevivesNothing) {
  before_.meanwhile = [this] { EXPECT_TRUE(term_.end_in_time(in_time_)); };
  EXPECT_FALSE(term_.raise(before_, at(13), at(17)));
  EXPECT_TRUE(term_.is_over());
  EXPECT_EQ(term_.kill_at(), at(13));
}

// The second one.
TEST_F(LeaseTermTest, AWardenThatARefreshWasQuickerThanWaits) {
  in_time_.meanwhile = [this] { EXPECT_TRUE(term_.raise(before_, at(13), at(17))); };
  EXPECT_FALSE(term_.end_in_time(in_time_));
  EXPECT_EQ(term_.stop_at(), at(13));
}

// The third one.
TEST_F(LeaseTermTest, OfTwoWhoEndItOneIsTheFirst) {
  in_time_.meanwhile = [this] { EXPECT_TRUE(term_.end(at(14))); };
  EXPECT_FALSE(term_.end_in_time(in_time_));
  EXPECT_TRUE(term_.is_over());
}

TEST_F(LeaseTermTest, ACommandThatEndsWhileTheWardenLooksIsNotStopped) {
  in_time_.meanwhile = [this] { EXPECT_TRUE(term_.conclude()); };
  EXPECT_FALSE(term_.end_in_time(in_time_));
  EXPECT_TRUE(term_.is_done());
}

TEST_F(LeaseTermTest, IsSharedWithWhoIsForkedLater) {
  EXPECT_EQ(run_in_child([this] { return term_.end_in_time(in_time_) ? 7 : 1; }), 7);
  EXPECT_TRUE(term_.is_over());
  EXPECT_FALSE(term_.end(at(14)));
}

TEST(LeaseTermOfNoLeaseTest, AllowsEverythingAndNeverEnds) {
  LeaseTerm term;
  EXPECT_TRUE(term.raise(Moment{at(9)}, at(1), at(2)));
  EXPECT_FALSE(term.end_in_time(Moment{at(9)}));
  EXPECT_TRUE(term.end(at(1)));
  EXPECT_TRUE(term.conclude());
  EXPECT_FALSE(term.is_over());
  EXPECT_EQ(term.stop_at(), Mono::max());
}

}  // namespace
}  // namespace ufl::test
