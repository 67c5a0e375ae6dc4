// SPDX-License-Identifier: MIT
//
// A glance (protocol/looking.hpp): what a waiter does that is told that the lock file has gone.

#include <tuple>

#include "unit/told_fixture.hpp"

namespace ufl::test {
namespace {

using ClaimGlanceTest = ToldClaim;

TEST_F(ClaimGlanceTest, TakesTheLockLongBeforeTheNextLook) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  clock_.advance(milliseconds{300});
  race(claim);
  const std::string written = expect_operation<CreateExclusive>(step_).content;
  step_ = claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(step_));
  step_ = claim.on_reply(ok(written));
  EXPECT_TRUE(finished(step_));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_FALSE(notifier_.watches_file());
  EXPECT_FALSE(notifier_.process);
}

TEST_F(ClaimGlanceTest, TheHolderIsNotRead) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  const int judged = judged_;
  clock_.advance(milliseconds{300});
  glance_at(claim, 102);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(101));
  EXPECT_EQ(judged_, judged);
}

TEST_F(ClaimGlanceTest, ALoserOfTheRaceDoesNotReadTheWinner) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  const int judged = judged_;
  clock_.advance(milliseconds{300});
  race(claim);
  lose(claim);
  EXPECT_EQ(wait(), milliseconds{100});
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(101));
  EXPECT_EQ(judged_, judged);
  EXPECT_TRUE(claim.waiting_for_other());
  race(claim);  // and again
  EXPECT_EQ(expect_operation<CreateExclusive>(step_).content.find(FakeIdentity::uuid(1)),
            std::string::npos)
      << "no token is written twice";
}

TEST_F(ClaimGlanceTest, ALookThatLosesTheRaceWaitsAnInterval) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  (void)claim.on_reply(absent());
  ASSERT_TRUE(asks<CreateExclusive>(claim.resume()));
  lose(claim);
  EXPECT_EQ(wait(), seconds{1});
}

//   1 We wait for a ufl.  2 It goes, a five-step program comes.  3 That goes, and another of them
//   looks.  4 We create.  5 It writes over ours. So nobody of that kind is overlooked: the delay.
TEST_F(ClaimGlanceTest, AProgramThatOverwritesIsNotOverlooked) {
  for (const bool at_once : {true, false}) {
    ClaimOptions automatic = options(true);
    automatic.delay_is_auto = true;
    Claim claim = make(automatic);
    begin_to_wait(claim);
    if (at_once) {
      tell(claim);
    } else {
      race(claim);
      step_ = claim.on_reply(exists());
    }
    (void)claim.on_reply(ok(FakeIdentity::uuid(103) + "\n"));
    EXPECT_EQ(claim.seen().kind, Sighting::Kind::foreign);
    EXPECT_EQ(claim.delay(), kForeignDelay);
  }
}

//   1 Beside a share whose users wait for 9 s, we wait for one of them.  2 It goes.  3 Another
//   looks.  4 We create.  5 Its write lands on ours, seconds later.
TEST_F(ClaimGlanceTest, BesideAShareTheDelayIsThatOfItsUsers) {
  for (const auto& [mount, delay, waits] :
       {std::tuple{kShareMount, 9.0, seconds{9}}, std::tuple{kShareMount, 0.0, seconds{1}},
        std::tuple{kLocalMount, 9.0, seconds{0}}}) {
    ClaimOptions automatic = options(true);
    automatic.delay_is_auto = true;
    Claim claim = make(automatic);
    Holder there;
    there.mount = mount;
    there.delay = delay;
    (void)claim.start();
    (void)claim.on_reply(ok(format_record(FakeIdentity::uuid(103), there)));
    EXPECT_EQ(claim.delay(), waits) << mount << delay;
  }
}

//   Its reply may have been lost, and the file be ours.
TEST_F(ClaimGlanceTest, OnAShareALostRaceIsLookedInto) {
  Claim claim = make(options(false));
  (void)claim.start();
  step_ = claim.on_reply(ok(record_of(101)));
  ASSERT_TRUE(asks<ReadFile>(next(claim, step_)));
  step_ = to_create(claim);
  const std::string ours = expect_operation<CreateExclusive>(step_).content;
  step_ = claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(step_));
  (void)claim.on_reply(ok(ours));
  EXPECT_FALSE(claim.waiting_for_other());
}

//   Somebody wants to be told who it is.
TEST_F(ClaimGlanceTest, AClaimThatHasSeenNobodyLooksAtTheWinner) {
  Claim claim = make(options(true));
  (void)publish(claim);
  step_ = claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(step_));
  (void)claim.on_reply(ok(record_of(104)));
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(104));
}

//   After a lost race it has to be seen that what stands there is not ours: that is no mere glance.
TEST_F(ClaimGlanceTest, ALookKnowsTheHolder) {
  Claim claim = make(options(true));
  (void)publish(claim);
  clock_.advance(milliseconds{1});
  (void)claim.on_reply(exists());
  step_ = claim.on_reply(ok(record_of(104)));
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(104));
}

TEST_F(ClaimGlanceTest, NothingButAWaitForOthersIsCutShort) {
  ClaimOptions slow = options(true);
  slow.delay = seconds{1};
  Claim claim = make(slow);
  begin_to_wait(claim);
  race(claim);
  step_ = claim.on_reply(ok());
  ASSERT_EQ(wait(), seconds{1}) << "the verification delay";
  notifier_.tell_removal();
  clock_.advance(milliseconds{300});
  step_ = claim.resume();
  EXPECT_EQ(wait(), milliseconds{700});
}

//   The next holder may die before it is watched.
TEST_F(ClaimGlanceTest, TheNextHolderIsSoonFoundOut) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  clock_.advance(milliseconds{300});
  glance_at(claim, 102);
  EXPECT_FALSE(notifier_.process) << "nobody is woken twice, by a release and an end";
  EXPECT_EQ(wait(), milliseconds{100});
  look_at(claim, 102);
  EXPECT_EQ(notifier_.process->pid, 4102);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(102));
}

//   But not in a crowd, where the next one comes at once: a holder that is dead is found by the
//   look that comes in its time, however often others tell of a release.
TEST_F(ClaimGlanceTest, InACrowdItIsFoundOutAtLeisure) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  const int judged = judged_;
  for (int i = 0; i < 19; ++i) {
    clock_.advance(milliseconds{50});
    glance_at(claim, 102 + i);
  }
  EXPECT_EQ(judged_, judged);
  EXPECT_EQ(wait(), milliseconds{50}) << "a second after the last look";
}

TEST_F(ClaimGlanceTest, AWaiterThatNamesTheHolderLooksWhoItIs) {
  ClaimOptions told = options(true);
  told.retry.glances = false;
  Claim claim = make(told);
  begin_to_wait(claim);
  clock_.advance(milliseconds{300});
  glance_at(claim, 102);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(102));
  race(claim);
  (void)claim.on_reply(exists());
  (void)claim.on_reply(ok(record_of(103)));
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(103));
}

//   What cannot be read says nothing about whether it is free.
TEST_F(ClaimGlanceTest, AGlanceThatFailsIsALook) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  clock_.advance(milliseconds{300});
  tell(claim);
  step_ = claim.on_reply(failed());
  EXPECT_EQ(claim.seen().kind, Sighting::Kind::unreadable);
  EXPECT_EQ(wait(), seconds{1});
}

TEST_F(ClaimGlanceTest, TheTimeoutHoldsAllTheSame) {
  ClaimOptions impatient = options(true);
  impatient.timeout = milliseconds{1500};
  Claim claim = make(impatient);
  begin_to_wait(claim);
  for (int i = 0; i < 100 && !finished(step_); ++i) {
    clock_.advance(milliseconds{20});
    notifier_.tell_removal();
    step_ = claim.resume();
    if (asks<ReadFile>(step_)) step_ = claim.on_reply(ok(record_of(102)));
  }
  EXPECT_EQ(claim.result().outcome, Outcome::timed_out);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(102)) << "the last look is a real one";
}

}  // namespace
}  // namespace ufl::test
