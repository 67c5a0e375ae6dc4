// SPDX-License-Identifier: MIT
//
// A claim that cannot tell whether its record stands: a reply was lost, or the file flickers. And
// how a claim is taken back.

#include <cerrno>
#include <string>

#include "protocol/claim.hpp"
#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(ClaimTest, NeitherEntersNorForgetsAClaimThatIsGoneAtVerification) {
  Claim claim = make(once(share()));
  (void)to_verification(claim);
  // It may have been removed, or the share may flicker: look once more before giving up.
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(absent())));
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
}

TEST_F(ClaimTest, TakesBackAClaimThatFlickeredWhenItGivesUp) {
  for (const FileReply& flicker : {absent(), ok(""), ok("xx")}) {
    Claim claim = make(once(share()));
    const std::string written = to_verification(claim);
    ASSERT_TRUE(asks<ReadFile>(claim.on_reply(flicker)));
    expect_taken_back(claim, written, Outcome::busy);
  }
}

TEST_F(ClaimTest, DoesNotWaitForItself) {
  // 1 publish  2 verify sees nothing for a moment  3 the next look sees our own token
  Claim claim = make(share());
  const std::string written = to_verification(claim);
  Step step = claim.on_reply(absent());
  ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
  // The delay since the publish is over: a fresh read decides.
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok(written))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(ClaimTest, AClaimThatShowsUpEarlyWaitsOutItsDelay) {
  // 1 create lands, its reply is lost: EEXIST  2 an old view says absent  3 the next look sees it
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  Step step = claim.on_reply(absent());
  const Duration paused = wait(step);
  clock_.advance(paused);
  (void)claim.resume();
  EXPECT_EQ(wait(claim.on_reply(ok(written))), seconds{1} - paused);
}

TEST_F(ClaimTest, TakesBackAClaimThatFlickeredWhenALookFails) {
  Claim claim = make(share());
  const std::string written = to_verification(claim);
  Step step = claim.on_reply(absent());
  (void)next(claim, step);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exhausted())));
  expect_taken_back(claim, written, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reply.error, EMFILE);
}

TEST_F(ClaimTest, ALostReplyThatCannotBeReadIsTakenBack) {
  // 1 create lands, its reply is lost: EEXIST  2 the read that would tell fails
  Claim claim = make(once(share()));
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(failed())));
  ASSERT_TRUE(asks<RemoveFile>(to_removal(claim, written)));
}

TEST_F(ClaimTest, WhereCreateMayOverwriteStaleIsNotFree) {
  Claim claim = make(loose_share());
  (void)claim.start();
  (void)claim.on_reply(stale());
  (void)claim.on_reply(ok());
  EXPECT_TRUE(claim.waiting_for_other()) << "a server that was restarted says so of a held lock";
}

TEST_F(ClaimTest, AnUnaccountedClaimKeepsItsToken) {
  // 1 create lands, its reply is lost: EEXIST  2 old views say absent  3 create again
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  Step step = claim.on_reply(absent());
  (void)next(claim, step);
  (void)claim.on_reply(absent());
  step = claim.resume();
  EXPECT_EQ(expect_operation<CreateExclusive>(step).content, written);
  (void)claim.on_reply(exists());
  EXPECT_EQ(wait(claim.on_reply(ok(written))), seconds{1}) << "ours";
}

TEST_F(ClaimTest, AnOldRecordDoesNotDisownAClaim) {
  // 1 create lands, its reply is lost  2 an old view shows the lock before ours  3 giving up
  Claim claim = make(once(share()));
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok(record_of(kOther)))));
  Step step = claim.on_reply(ok(record_of(kOther)));
  EXPECT_EQ(wait(step), seconds{1});
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  expect_taken_back(claim, written, Outcome::busy);
}

TEST_F(ClaimTest, AnAbsenceAtWithdrawalIsBelievedOnceItIsNewEnough) {
  for (const Duration delay : {seconds{1}, seconds{10}}) {
    Claim claim = make(share(delay));
    const std::string written = publish(claim);
    (void)claim.on_reply(ok());
    clock_.advance(milliseconds{100});
    (void)claim.cancel();
    const Duration pause = wait(claim.on_reply(absent()));
    EXPECT_EQ(pause + milliseconds{100}, std::max<Duration>(seconds{1}, delay / 2));
    clock_.advance(pause);
    (void)claim.resume();
    EXPECT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  }
}

TEST_F(ClaimTest, ALostReplyIsOurs) {
  // 1 create lands at the server  2 its reply is lost  3 the client sends it again: EEXIST
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  // The full delay, as for any claim.
  expect_acquired_after(seconds{1}, claim, claim.on_reply(ok(written)), written);
}

TEST_F(ClaimTest, AnUnreadableClaimIsReadAgainAndTakenBackInTheEnd) {
  ClaimOptions options = share();
  options.timeout = milliseconds{100};
  Claim claim = make(options);
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  clock_.advance(seconds{1});
  Step step = claim.resume();
  for (int reads = 0; asks<ReadFile>(step) && reads < 100; ++reads) {
    step = claim.on_reply(failed());
    if (!waits(step)) break;
    step = next(claim, step);
  }
  ASSERT_TRUE(asks<ReadFile>(step));
  expect_taken_back(claim, written, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reply.error, EIO);
}

TEST_F(ClaimTest, CancelWhileWaitingTouchesNothing) {
  Claim claim = make(local());
  (void)claim.start();
  (void)claim.on_reply(ok(record_of(kOther)));
  EXPECT_TRUE(finished(claim.cancel()));
  EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
}

TEST_F(ClaimTest, CancelInTheDelayTakesTheClaimBack) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
  expect_taken_back(claim, written, Outcome::cancelled);
}

// The interleaving of Withdrawing::remove_own().
TEST_F(ClaimTest, WhatAClientShowsItselfIsNotRemovedOnAShare) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  (void)claim.cancel();
  const Step step = claim.on_reply(ok(written));
  EXPECT_EQ(wait(step), seconds{1});
  ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
  EXPECT_TRUE(finished(claim.on_reply(ok(kOther))));
  EXPECT_FALSE(claim.result().left_behind);
}

TEST_F(ClaimTest, CancelInTheDelayLeavesAnothersLock) {
  Claim claim = make(share());
  (void)publish(claim);
  (void)claim.on_reply(ok());
  (void)claim.cancel();
  Step step = claim.on_reply(ok(record_of(kOther)));
  EXPECT_EQ(wait(step), seconds{1}) << "an old view, from before our claim?";
  EXPECT_EQ(wait(claim.cancel()), seconds{1}) << "cannot be hurried";
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
  EXPECT_FALSE(claim.result().left_behind);
}

TEST_F(ClaimTest, AnOldLookIsTakenAgainBeforeTheUnlink) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  clock_.advance(milliseconds{999});
  ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
  EXPECT_EQ(wait(claim.on_reply(ok(written))), milliseconds{1});
  clock_.advance(milliseconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  clock_.advance(milliseconds{400});  // the read took longer than D/3
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok(written))));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
}

TEST_F(ClaimTest, AFailedUnlinkIsTold) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  (void)claim.cancel();
  ASSERT_TRUE(asks<RemoveFile>(to_removal(claim, written)));
  EXPECT_TRUE(finished(claim.on_reply(failed())));
  EXPECT_TRUE(claim.result().left_behind);
}

}  // namespace
}  // namespace ufl::test
