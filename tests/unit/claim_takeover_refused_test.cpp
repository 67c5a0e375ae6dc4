// SPDX-License-Identifier: MIT
//
// A takeover whose temporary file or rename was refused, and one that is taken back.

#include <cerrno>

#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(TakeoverTest, ATemporaryFileThatFailsIsRemovedAndNamed) {
  for (const auto& reply : {denied(), failed(ENOSPC), exists()}) {
    Claim claim = make(local());
    (void)to_temporary(claim);
    EXPECT_TRUE(finished(dropped(claim, claim.on_reply(reply))));
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
    EXPECT_EQ(claim.result().failure.reply.error, reply.error);
    const auto* operation = std::get_if<CreateExclusive>(&claim.result().failure.operation);
    ASSERT_NE(operation, nullptr);
    EXPECT_EQ(operation->path, kTemporary);
    EXPECT_FALSE(claim.result().left_behind);
  }
}

//   1 T's first claim looks gone at its verification.  2 T is to take X over; the disk is full, and
//   T has a part of its temporary file.  3 T takes its first claim back, and looks: a file that B
//   has just made.  4 T takes that for a part of its own, and removes it.
TEST_F(TakeoverTest, APartOfTheTemporaryFileIsNoPartOfTheLock) {
  ClaimOptions options = share(milliseconds{300});
  options.timeout.reset();
  Claim claim = make(options);
  (void)claim.start();
  (void)claim.on_reply(absent());
  ASSERT_TRUE(asks<CreateExclusive>(claim.resume()));
  (void)next(claim, claim.on_reply(ok()));
  (void)next(claim, claim.on_reply(absent()));
  ASSERT_TRUE(looks_free(claim.on_reply(ok(kGone))));
  (void)claim.resume();
  ASSERT_TRUE(asks<ReadFile>(dropped(claim, claim.on_reply(full()))));
  EXPECT_FALSE(asks<RemoveFile>(claim.on_reply(ok("")))) << "B's file is removed";
}

TEST_F(TakeoverTest, ARenameThatIsRefusedIsAFailure) {
  Claim claim = make(share());
  (void)to_rename(claim);
  EXPECT_TRUE(finished(dropped(claim, claim.on_reply(refused(FileStatus::bad_path, ENOTDIR)))));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reply.error, ENOTDIR);
  EXPECT_TRUE(std::holds_alternative<ReplaceFile>(claim.result().failure.operation));
}

// A lock of another user in /tmp.
TEST_F(TakeoverTest, ARenameThatIsDeniedMeansHeldForUs) {
  for (auto options : {local(), share()}) {
    options.timeout.reset();
    Claim claim = make(options);
    (void)to_rename(claim);
    Step step = dropped(claim, claim.on_reply(denied(EPERM)));
    EXPECT_TRUE(claim.waiting_for_other());
    EXPECT_TRUE(claim.result().may_not_replace);
    const Mono denied = clock_.now();
    while (clock_.now() - denied < kLongDenial - seconds{1}) {
      ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
      step = claim.on_reply(ok(kGone));
      ASSERT_TRUE(claim.waiting_for_other()) << "it would only be denied again";
      EXPECT_TRUE(claim.result().may_not_replace);
    }
    clock_.advance(seconds{2});  // somebody may have changed the mode of the directory
    (void)claim.resume();
    EXPECT_TRUE(looks_free(claim.on_reply(ok(kGone))));
  }
}

TEST_F(TakeoverTest, ADeniedTakeoverEndsWhenItsOwnerHasFreedTheLock) {
  ClaimOptions options = local();
  options.timeout.reset();
  Claim claim = make(options);
  (void)to_rename(claim);
  (void)next(claim, dropped(claim, claim.on_reply(denied(EPERM))));
  EXPECT_TRUE(looks_free(claim.on_reply(absent())));
  EXPECT_FALSE(claim.result().may_not_replace);
}

TEST_F(TakeoverTest, ADeniedTakeoverIsTriedAgainOfAnotherFile) {
  ClaimOptions options = local();
  options.timeout.reset();
  Claim claim = make(options);
  (void)to_rename(claim);
  (void)next(claim, dropped(claim, claim.on_reply(denied(EPERM))));
  FileReply another = ok(kGone);
  another.identity += 1;  // its owner has changed, for one
  EXPECT_TRUE(looks_free(claim.on_reply(another)));
}

TEST_F(TakeoverTest, ADeniedTakeoverIsBusyForOneAttempt) {
  ClaimOptions options = local();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  (void)to_rename(claim);
  EXPECT_TRUE(finished(dropped(claim, claim.on_reply(denied(EPERM)))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_TRUE(claim.result().may_not_replace);
}

// smbnetfs: the file is open somewhere, or its rename does not replace.
TEST_F(TakeoverTest, ARenameThatFindsTheNameInUseLooksAgain) {
  for (const auto& reply : {in_use(), exists()}) {
    Claim claim = make(share());
    (void)to_rename(claim);
    EXPECT_EQ(wait(dropped(claim, claim.on_reply(reply))), kBusyRetry);
    EXPECT_FALSE(claim.result().flocked);
    clock_.advance(kBusyRetry);
    ASSERT_TRUE(asks<ReadFile>(claim.resume()));
    // It was done all the same, and asked for again.
    const Step step = claim.on_reply(ok(written_));
    EXPECT_FALSE(claim.waiting_for_other());
    ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
    EXPECT_TRUE(finished(claim.on_reply(ok(written_))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  }
}

// The reply to a rename was lost; the client asked again, and the temporary name was gone by then.
TEST_F(TakeoverTest, ANameThatIsGoneOnAShareIsVerified) {
  Claim claim = make(share());
  (void)to_rename(claim);
  const Step step = claim.on_reply(absent());
  EXPECT_EQ(wait(step), seconds{3});
  ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
  EXPECT_TRUE(finished(claim.on_reply(ok(written_))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(TakeoverTest, ARenameThatFailedMayBeDoneAndIsTakenBack) {
  Claim claim = make(share());
  (void)to_rename(claim);
  ASSERT_TRUE(asks<ReadFile>(dropped(claim, claim.on_reply(failed()))));
  const Step step = to_removal(claim, written_);
  EXPECT_EQ(expect_operation<RemoveFile>(step).path, "dir/lock");
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_TRUE(std::holds_alternative<ReplaceFile>(claim.result().failure.operation));
  EXPECT_FALSE(claim.result().left_behind);
}

TEST_F(TakeoverTest, CancelledDuringItsDelayItTakesItsRecordBack) {
  for (const bool on_share : {false, true}) {
    Claim claim = make(on_share ? share() : local());
    (void)to_rename(claim);
    (void)claim.on_reply(ok());
    ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
    const Step step = to_removal(claim, written_);
    EXPECT_EQ(expect_operation<RemoveFile>(step).only_if, on_share ? OnlyIf{} : OnlyIf{written_});
    EXPECT_TRUE(finished(claim.on_reply(ok())));
    EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
    EXPECT_FALSE(claim.result().left_behind);
  }
}

TEST_F(TakeoverTest, TakingBackWhatSomebodyElseHasReplacedIsDone) {
  Claim claim = make(local());
  (void)to_rename(claim);
  (void)claim.on_reply(ok());
  (void)claim.cancel();
  (void)claim.on_reply(ok(written_));
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(changed())));
  EXPECT_TRUE(finished(claim.on_reply(ok(kWinner))));
  EXPECT_FALSE(claim.result().left_behind);
}

TEST_F(TakeoverTest, TakingBackWhatSomebodyElseHasLockedIsTriedAgain) {
  Claim claim = make(local());
  (void)to_rename(claim);
  (void)claim.on_reply(ok());
  (void)claim.cancel();
  for (int look = 1; look <= kMaxBusyLooks; ++look) {
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written_)))) << look;
    const Step step = claim.on_reply(flocked());
    ASSERT_EQ(finished(step), look == kMaxBusyLooks) << look;
    if (finished(step)) break;
    EXPECT_EQ(wait(step), kBusyRetry);
    clock_.advance(kBusyRetry);
    ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  }
  EXPECT_TRUE(claim.result().left_behind);
}

}  // namespace
}  // namespace ufl::test
