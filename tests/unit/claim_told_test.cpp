// SPDX-License-Identifier: MIT
//
// What a waiter asks the kernel to tell, and what it does then (protocol/waiting.hpp).

#include "unit/told_fixture.hpp"

namespace ufl::test {
namespace {

using ClaimToldTest = ToldClaim;

TEST_F(ClaimToldTest, OnAShareNothingIsTold) {
  Claim claim = make(options(false));
  (void)claim.start();
  step_ = claim.on_reply(ok(record_of(101)));
  EXPECT_FALSE(claim.on_wait());
  EXPECT_EQ(notifier_.asked, 0);
}

TEST_F(ClaimToldTest, WhereTheKernelRefusesItIsAsIfItHadNotBeenAsked) {
  notifier_.refuses = true;
  Claim claim = make(often());
  (void)claim.start();
  shows(claim, 101);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(wait(), milliseconds{100});
    look_at(claim, 101);
  }
  EXPECT_EQ(notifier_.asked, 1);
}

TEST_F(ClaimToldTest, AWaiterThatIsToldLooksLessOften) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  for (int i = 0; i < 3; ++i) {
    look_at(claim, 101);
    EXPECT_EQ(wait(), seconds{1});
  }
}

//   Nobody tells how it ends, until it is watched, too.
TEST_F(ClaimToldTest, AWaiterThatSeesAnotherHolderLooksAsOftenAsBefore) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  for (int holder : {102, 103}) {
    look_at(claim, holder);
    EXPECT_EQ(wait(), milliseconds{100});
  }
}

TEST_F(ClaimToldTest, AWaiterThatIsNotToldAnyMoreLooksAsOftenAsBefore) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  stop_telling(claim, 101);
  look_at(claim, 101);
  EXPECT_EQ(wait(), milliseconds{100});
}

TEST_F(ClaimToldTest, AWaiterThatIsNotToldAnyMoreIsNotHeldUpByAGlance) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  ASSERT_EQ(wait(), seconds{1});
  stop_telling(claim, 101);
  EXPECT_EQ(wait(), milliseconds{100});
}

//   A line that is torn names no process that could end.
TEST_F(ClaimToldTest, AProcessThatShowsUpLaterIsNotWatchedYet) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  (void)next(claim, step_);
  step_ = claim.on_reply(ok(record_of(101, 4242)));
  EXPECT_EQ(wait(), milliseconds{100});
}

//   What the holder has started may end a moment later.
TEST_F(ClaimToldTest, WhatIsLeftIsLookedForOnceMoreWhateverTheInterval) {
  ClaimOptions seldom = options(true);
  seldom.retry.interval = seldom.retry.interval_when_told = seconds{60};
  Claim claim = make(seldom);
  begin_to_wait(claim, seconds{60});
  end_holder(claim, 101);
  EXPECT_EQ(wait(), milliseconds{100});
  look_at(claim, 101);
  EXPECT_EQ(wait(), seconds{60});
}

TEST_F(ClaimToldTest, WhatIsLeftOfAHolderThatEndedIsFoundOutAtOnce) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  ASSERT_EQ(wait(), seconds{1});
  const int judged = judged_;
  clock_.advance(milliseconds{300});
  end_holder(claim, 101);
  EXPECT_EQ(judged_, judged + 1);
  EXPECT_EQ(wait(), milliseconds{100}) << "nobody tells when its command has ended";
  glance_at(claim, 101);
  EXPECT_EQ(judged_, judged + 1) << "a glance will do again";
}

//   1 We write, and wait our delay.  2 Another overwrites it, and goes: we are told.  3 We verify:
//   absent. Nobody will tell us again.
TEST_F(ClaimToldTest, WhatIsToldMeanwhileIsNotForgotten) {
  ClaimOptions slow = options(true);
  slow.delay = seconds{1};
  Claim claim = make(slow);
  begin_to_wait(claim);
  race(claim);
  step_ = claim.on_reply(ok());
  ASSERT_EQ(wait(), seconds{1});
  notifier_.tell_removal();
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step_ = claim.on_reply(absent());
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_EQ(wait(), seconds{0});
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));
}

TEST_F(ClaimToldTest, TheCommandOfAHolderThatEndedIsWatched) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  Holder holder;
  holder.pid = 4103;
  holder.child = ProcessId{5103, 7};
  (void)next(claim, step_);
  step_ = claim.on_reply(ok(format_record(FakeIdentity::uuid(103), holder)));
  EXPECT_FALSE(claim.on_wait());
  notifier_.tell_end();
  EXPECT_EQ(notifier_.process->pid, 5103);
  EXPECT_EQ(MachineTest::wait(claim.resume()), milliseconds{100}) << "nothing to look at yet";
  notifier_.tell_end();
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));
}

//   It may have ended since the look.
TEST_F(ClaimToldTest, AHolderThatCannotBeWatchedIsLookedAtOnceMore) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  notifier_.ended.insert(4102);
  (void)next(claim, step_);
  step_ = claim.on_reply(ok(record_of(102)));
  EXPECT_TRUE(claim.on_wait());
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));
  shows(claim, 102);
  look_at(claim, 102);
}

//   Its number is another process's, here.
TEST_F(ClaimToldTest, NobodyOfAnotherBootIsWatched) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  Holder holder;
  holder.pid = 4103;
  holder.boot = "another";
  (void)next(claim, step_);
  step_ = claim.on_reply(ok(format_record(FakeIdentity::uuid(103), holder)));
  const int asked = notifier_.asked;
  EXPECT_TRUE(claim.on_wait());
  EXPECT_EQ(notifier_.asked, asked);
}

}  // namespace
}  // namespace ufl::test
