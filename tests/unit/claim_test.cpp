// SPDX-License-Identifier: MIT

#include "protocol/claim.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(ClaimTest, TakesAFreeLocalLockAtOnceAndVerifiesIt) {
  Claim claim = make(local());
  const std::string written = publish(claim);
  const Step step = claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(step)) << "no verification";
  EXPECT_TRUE(finished(claim.on_reply(ok(written))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().token, FakeIdentity::uuid(1));
  EXPECT_EQ(written.substr(0, 37), FakeIdentity::uuid(1) + "\n");
}

TEST_F(ClaimTest, WritesPrefixAndHolderFields) {
  ClaimOptions options = share();
  options.prefix = "ci-";
  options.command = "make all";
  Claim claim = make(options);
  const Sighting seen = parse_record(publish(claim));
  EXPECT_EQ(seen.token, "ci-" + FakeIdentity::uuid(1));
  EXPECT_EQ(seen.holder.command, "make all");
  EXPECT_EQ(seen.holder.since, "2026-11-23T12:00:00Z");
  EXPECT_EQ(seen.holder.delay, 1.0);
  EXPECT_EQ(seen.holder.host, "here");
}

TEST_F(ClaimTest, FlushesOnAShareOnly) {
  Claim on_share = make(share());
  (void)on_share.start();
  (void)on_share.on_reply(absent());
  EXPECT_TRUE(expect_operation<CreateExclusive>(on_share.resume()).sync);
  Claim on_disk = make(local());
  (void)on_disk.start();
  (void)on_disk.on_reply(absent());
  EXPECT_FALSE(expect_operation<CreateExclusive>(on_disk.resume()).sync);
}

TEST_F(ClaimTest, CountsTheDelayFromTheReturnOfTheWrite) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  clock_.advance(milliseconds{700});  // the write takes its time
  EXPECT_EQ(wait(claim.on_reply(ok())), seconds{1});
  clock_.advance(milliseconds{999});
  EXPECT_EQ(wait(claim.resume()), milliseconds{1}) << "an early wake-up must not verify";
  clock_.advance(milliseconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  EXPECT_TRUE(finished(claim.on_reply(ok(written))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(ClaimTest, LosesWhenAnotherTokenIsReadBack) {
  Claim claim = make(share());
  (void)publish(claim);
  (void)claim.on_reply(ok());
  clock_.advance(seconds{1});
  (void)claim.resume();
  EXPECT_EQ(wait(claim.on_reply(ok(record_of(kOther)))), milliseconds{100});
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_EQ(claim.seen().token, kOther);
}

TEST_F(ClaimTest, NeitherEntersNorForgetsAClaimThatIsGoneAtVerification) {
  ClaimOptions options = share();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  (void)publish(claim);
  (void)claim.on_reply(ok());
  clock_.advance(seconds{1});
  (void)claim.resume();
  // It may have been removed, or the share may flicker: look once more before giving up.
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(absent())));
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
}

TEST_F(ClaimTest, TakesBackAClaimThatFlickeredWhenItGivesUp) {
  for (const FileReply& flicker : {absent(), ok(""), ok("xx")}) {
    ClaimOptions options = share();
    options.timeout = Duration::zero();
    Claim claim = make(options);
    const std::string written = publish(claim);
    (void)claim.on_reply(ok());
    clock_.advance(seconds{1});
    (void)claim.resume();
    ASSERT_TRUE(asks<ReadFile>(claim.on_reply(flicker)));
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
    EXPECT_TRUE(finished(claim.on_reply(ok())));
    EXPECT_EQ(claim.result().outcome, Outcome::busy);
  }
}

TEST_F(ClaimTest, DoesNotWaitForItself) {
  // 1 publish  2 verify sees nothing for a moment  3 the next look sees our own token
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  clock_.advance(seconds{1});
  (void)claim.resume();
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
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  clock_.advance(seconds{1});
  (void)claim.resume();
  Step step = claim.on_reply(absent());
  (void)next(claim, step);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exhausted())));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.error, EMFILE);
}

TEST_F(ClaimTest, ALostReplyThatCannotBeReadIsTakenBack) {
  // 1 create lands, its reply is lost: EEXIST  2 the read that would tell fails
  ClaimOptions options = share();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(failed())));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
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
  ClaimOptions options = share();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok(record_of(kOther)))));
  Step step = claim.on_reply(ok(record_of(kOther)));
  EXPECT_EQ(wait(step), seconds{1});
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
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

TEST_F(ClaimTest, UsesANewTokenForEveryClaim) {
  Claim claim = make(local());
  (void)publish(claim);
  (void)claim.on_reply(ok());
  (void)claim.on_reply(ok(record_of(kOther)));
  clock_.advance(milliseconds{100});
  (void)claim.resume();
  (void)claim.on_reply(absent());
  const Step step = claim.resume();
  EXPECT_EQ(expect_operation<CreateExclusive>(step).content.substr(0, 36), FakeIdentity::uuid(2));
}

TEST_F(ClaimTest, WhateverStandsThereIsHeld) {
  for (const std::string& content :
       {std::string{}, std::string{"x"}, kOther, record_of(kOther), std::string(4096, '\0')}) {
    Claim claim = make(local());
    (void)claim.start();
    (void)claim.on_reply(ok(content));
    EXPECT_TRUE(claim.waiting_for_other()) << content;
  }
}

TEST_F(ClaimTest, OnlyAbsenceIsFree) {
  for (const FileStatus status : {FileStatus::failed, FileStatus::exists}) {
    Claim claim = make(local());
    (void)claim.start();
    (void)claim.on_reply(refused(status, EIO));
    EXPECT_TRUE(claim.waiting_for_other());
    EXPECT_EQ(claim.seen().kind, Sighting::Kind::unreadable);
  }
}

TEST_F(ClaimTest, StaleIsFreeOnlyWhileTheDirectoryOpens) {
  Claim opens = make(share());
  (void)opens.start();
  ASSERT_TRUE(asks<ProbeDirectory>(opens.on_reply(stale())));
  EXPECT_TRUE(looks_free(opens.on_reply(ok())));

  Claim does_not = make(share());
  (void)does_not.start();
  (void)does_not.on_reply(stale());
  (void)does_not.on_reply(stale());
  EXPECT_TRUE(does_not.waiting_for_other());
}

TEST_F(ClaimTest, AnUnreadableFileIsHeldButAClosedDirectoryIsAnError) {
  Claim unreadable = make(local());
  (void)unreadable.start();
  (void)unreadable.on_reply(denied());
  (void)unreadable.on_reply(ok());
  EXPECT_TRUE(unreadable.waiting_for_other());

  Claim closed = make(local());
  (void)closed.start();
  (void)closed.on_reply(denied());
  EXPECT_TRUE(finished(closed.on_reply(denied())));
  EXPECT_EQ(closed.result().outcome, Outcome::failed);
}

TEST_F(ClaimTest, WhatCanNeverBeALockFileFailsAtOnce) {
  for (const FileStatus status : {FileStatus::not_regular, FileStatus::bad_path}) {
    Claim claim = make(local());
    (void)claim.start();
    EXPECT_TRUE(finished(claim.on_reply(refused(status, ENOTDIR))));
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
  }
}

TEST_F(ClaimTest, ExistsIsHeldAndNamesTheWinner) {
  ClaimOptions options = local();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  (void)publish(claim);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exists())));
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_EQ(claim.seen().token, kOther);
}

TEST_F(ClaimTest, ALostReplyIsOurs) {
  // 1 create lands at the server  2 its reply is lost  3 the client sends it again: EEXIST
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  EXPECT_EQ(wait(claim.on_reply(ok(written))), seconds{1}) << "the full delay, as for any claim";
  clock_.advance(seconds{1});
  (void)claim.resume();
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(ClaimTest, DeniedOnAShareMeansExistsWhenAFileIsThere) {
  Claim claim = make(share());
  (void)publish(claim);
  (void)claim.on_reply(denied(EPERM));
  (void)claim.on_reply(ok(record_of(kOther)));
  EXPECT_TRUE(claim.waiting_for_other());
}

TEST_F(ClaimTest, DeniedInADirectoryThatCannotBeWrittenFails) {
  Claim claim = make(share());
  (void)publish(claim);
  (void)claim.on_reply(denied());
  const Step step = claim.on_reply(absent());
  EXPECT_EQ(expect_operation<CreateExclusive>(step).path, ".ufl-" + FakeIdentity::uuid(1));
  // Were the replies lost, of creates that were done? It is looked for, twice.
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(denied())));
  (void)claim.on_reply(absent());
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.error, EACCES);
}

TEST_F(ClaimTest, DeniedTwiceByLostRepliesItTakesBackWhatItMade) {
  // 1 create lands, its reply is lost, and asked for again: EPERM  2 an old view: absent  3 the
  // same of the file of its own  4 a newer view
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(denied(EPERM));
  (void)claim.on_reply(absent());
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(denied(EPERM))));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_FALSE(claim.result().left_behind);
}

TEST_F(ClaimTest, DeniedOnALocalDiskFailsAtOnce) {
  Claim claim = make(local());
  (void)publish(claim);
  (void)claim.on_reply(denied());
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.error, EACCES);
}

// davfs2: the name looks absent for up to 24 s after another client made it, create says EACCES.
TEST_F(ClaimTest, DeniedWhereFilesCanBeMadeIsHeldForAsLongAsItLasts) {
  Claim claim = make(share());
  Step step = claim.start();
  const Mono begun = clock_.now();
  int scratches = 0;
  while (clock_.now() - begun < seconds{100}) {
    (void)claim.on_reply(absent());
    (void)claim.resume();
    (void)claim.on_reply(denied());
    step = claim.on_reply(absent());
    if (const auto* create = wants<CreateExclusive>(step)) {
      ++scratches;
      EXPECT_EQ(create->path, ".ufl-" + FakeIdentity::uuid(1));
      step = claim.on_reply(ok());
      EXPECT_EQ(expect_operation<RemoveFile>(step).path, ".ufl-" + FakeIdentity::uuid(1));
      step = claim.on_reply(ok());
    }
    EXPECT_TRUE(claim.waiting_for_other());
    EXPECT_EQ(claim.is_denied_for_long(), clock_.now() - begun >= kLongDenial);
    EXPECT_EQ(claim.refused().error, EACCES);
    step = next(claim, step);
    ASSERT_TRUE(asks<ReadFile>(step));
  }
  EXPECT_EQ(scratches, 1) << "once a process";
}

TEST_F(ClaimTest, ADenialIsForgottenWhenSomebodyIsSeen) {
  Claim claim = make(share());
  (void)claim.start();
  bool has_scratch = false;
  const auto is_denied = [&] {
    (void)claim.on_reply(absent());
    (void)claim.resume();
    (void)claim.on_reply(denied(EPERM));
    Step step = claim.on_reply(absent());
    if (std::exchange(has_scratch, true)) return step;
    (void)claim.on_reply(ok());
    return claim.on_reply(ok());
  };
  Step step = is_denied();
  (void)next(claim, step);
  step = claim.on_reply(ok(record_of(kOther)));
  clock_.advance(seconds{60});
  (void)claim.resume();
  (void)is_denied();
  EXPECT_FALSE(claim.is_denied_for_long()) << "the first denial in a row, not one of a minute ago";
}

/// One attempt on a share, whose create is denied with nobody to be seen; what a file of its own
/// there says. Then nothing is seen any more.
class DeniedOnceTest : public ClaimTest {
 protected:
  Outcome outcome_with(const FileReply& scratch) {
    ClaimOptions options = share();
    options.timeout = Duration::zero();
    Claim claim = make(options);
    (void)publish(claim);
    (void)claim.on_reply(denied());
    (void)claim.on_reply(absent());
    EXPECT_TRUE(asks<RemoveFile>(claim.on_reply(scratch))) << "part of it may be there";
    // An earlier create may have been carried out all the same.
    EXPECT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
    (void)claim.on_reply(absent());
    clock_.advance(seconds{1});  // was it an old view?
    (void)claim.resume();
    EXPECT_TRUE(finished(claim.on_reply(absent())));
    failure_ = claim.result().failure;
    return claim.result().outcome;
  }
  FileReply failure_;
};

TEST_F(DeniedOnceTest, IsBusyWhereFilesCanBeMade) { EXPECT_EQ(outcome_with(ok()), Outcome::busy); }

TEST_F(DeniedOnceTest, IsAnErrorWhereThatCannotBeTold) {
  for (const auto& reply : {failed(ENOSPC), failed()}) {
    EXPECT_EQ(outcome_with(reply), Outcome::failed);
    EXPECT_EQ(failure_.error, EACCES);
  }
}

TEST_F(ClaimTest, ADeniedCreateForSomebodyWhoIsSeenAfterAllIsBusy) {
  // sshfs says EPERM for EEXIST: 1 denied  2 that holder has just gone  3 the next one is there
  ClaimOptions options = share();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  (void)publish(claim);
  (void)claim.on_reply(denied(EPERM));
  (void)claim.on_reply(absent());
  (void)claim.on_reply(failed());  // the file of our own
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
  (void)claim.on_reply(ok(record_of(kOther)));
  clock_.advance(seconds{1});
  (void)claim.resume();
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_EQ(claim.seen().token, kOther);
}

TEST_F(ClaimTest, AFileThatIsInUseExists) {
  // smbnetfs, EBUSY: 1 another client makes it, and has it open  2 we create
  Claim claim = make(share());
  (void)publish(claim);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(in_use())));
  (void)claim.on_reply(absent());
  EXPECT_TRUE(claim.waiting_for_other());
}

TEST_F(ClaimTest, AnEarlierClaimIsTakenBackWhenALaterCreateFails) {
  // 1 create lands, its reply is lost: EEXIST  2 old views say absent  3 create again: EMFILE
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  (void)next(claim, claim.on_reply(absent()));
  (void)claim.on_reply(absent());
  (void)claim.resume();
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exhausted())));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().failure.error, EMFILE);
}

TEST_F(ClaimTest, AMissingDirectoryFails) {
  Claim claim = make(local());
  (void)publish(claim);
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.error, ENOENT);
}

TEST_F(ClaimTest, AFullDiskLeavesNoFile) {
  for (const std::size_t landed : {std::size_t{0}, std::size_t{20}}) {
    Claim claim = make(local());
    const std::string written = publish(claim);
    ASSERT_TRUE(asks<ReadFile>(claim.on_reply(full())));
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written.substr(0, landed)))));
    EXPECT_TRUE(finished(claim.on_reply(ok())));
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
    EXPECT_EQ(claim.result().failure.error, ENOSPC);
    EXPECT_FALSE(claim.result().left_behind);
  }
}

TEST_F(ClaimTest, AFailedPublishRemovesNobodyElsesFile) {
  for (const std::string& content : {std::string{}, record_of(kOther)}) {
    Claim claim = make(local());
    (void)publish(claim);
    (void)claim.on_reply(failed());  // not known to have made the file
    EXPECT_TRUE(finished(claim.on_reply(ok(content)))) << content;
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
    EXPECT_EQ(claim.result().left_behind, content.empty()) << "an empty file may be ours";
  }
}

TEST_F(ClaimTest, GivesUpAtOnceWithoutWaiting) {
  ClaimOptions options = local();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  (void)claim.start();
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
}

TEST_F(ClaimTest, StartsNoClaimAfterTheDeadline) {
  ClaimOptions options = local();
  options.timeout = milliseconds{250};
  Claim claim = make(options);
  Step step = claim.start();
  step = claim.on_reply(ok(record_of(kOther)));
  for (int looks = 1; looks < 3; ++looks) {
    ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
    step = claim.on_reply(ok(record_of(kOther)));
  }
  EXPECT_EQ(wait(step), milliseconds{30}) << "one last look, just before the deadline";
  clock_.advance(milliseconds{30});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step = claim.on_reply(ok(record_of(kOther)));
  EXPECT_EQ(wait(step), milliseconds{20});
  clock_.advance(milliseconds{20});
  EXPECT_TRUE(finished(claim.resume()));
  EXPECT_EQ(claim.result().outcome, Outcome::timed_out);
}

TEST_F(ClaimTest, ALookThatComesBackAfterTheDeadlineStartsNoClaim) {
  ClaimOptions options = share();
  options.timeout = seconds{1};
  Claim claim = make(options);
  (void)claim.start();
  Step step = claim.on_reply(ok(record_of(kOther)));
  (void)next(claim, step);
  clock_.advance(seconds{3});  // the share hung
  (void)claim.on_reply(absent());
  EXPECT_TRUE(finished(claim.resume()));
  EXPECT_EQ(claim.result().outcome, Outcome::timed_out);
}

TEST_F(ClaimTest, TheFirstLookMayTakeAFreeLockHoweverShortTheTimeout) {
  ClaimOptions options = share();
  options.timeout = milliseconds{1};
  Claim claim = make(options);
  (void)claim.start();
  clock_.advance(seconds{1});
  (void)claim.on_reply(absent());
  EXPECT_TRUE(asks<CreateExclusive>(claim.resume()));
}

TEST_F(ClaimTest, VerifiesAClaimToItsEndAfterTheDeadline) {
  ClaimOptions options = share(seconds{5});
  options.timeout = milliseconds{100};
  Claim claim = make(options);
  const std::string written = publish(claim);
  EXPECT_EQ(wait(claim.on_reply(ok())), seconds{5});
  clock_.advance(seconds{5});
  (void)claim.resume();
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
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
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.error, EIO);
}

TEST_F(ClaimTest, ANestedClaimFailsAtOnce) {
  ClaimOptions options = local();
  options.enclosing_token = kOther;
  Claim claim = make(options);
  (void)claim.start();
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::already_held);
}

TEST_F(ClaimTest, AForeignRecordMakesTheAutomaticDelayASecond) {
  Claim automatic = make(local());
  (void)automatic.start();
  (void)automatic.on_reply(ok(kOther));
  EXPECT_EQ(automatic.delay(), seconds{1});

  ClaimOptions given = local();
  given.delay_is_auto = false;
  Claim explicit_delay = make(given);
  (void)explicit_delay.start();
  (void)explicit_delay.on_reply(ok(kOther));
  EXPECT_EQ(explicit_delay.delay(), Duration::zero());

  const auto delay_beside = [this](std::optional<std::string> mount) {
    Holder holder;
    holder.mount = std::move(mount);
    Claim own_kind = make(local());
    (void)own_kind.start();
    (void)own_kind.on_reply(ok(format_record(kOther, holder)));
    return own_kind.delay();
  };
  EXPECT_EQ(delay_beside(kLocalMount), Duration::zero());
  EXPECT_EQ(delay_beside(kShareMount), seconds{1}) << "a client of what is a disk here";
  EXPECT_EQ(delay_beside({}), seconds{1}) << "perhaps one";
}

// Who has emptied it, if clients use it, too? On their share it is held.
TEST_F(ClaimTest, AnEmptyFileIsHeldOnceAClientWasSeen) {
  for (const bool shared : {false, true}) {
    Holder holder;
    holder.mount = shared ? kShareMount : kLocalMount;
    ClaimOptions options = local();
    options.timeout.reset();
    options.may_take_over = [](const Sighting& /*seen*/, bool is_abandoned) {
      return is_abandoned;
    };
    Claim claim = make(options);
    (void)claim.start();
    Step step = claim.on_reply(ok(format_record(kOther, holder)));
    for (int look = 0; look < 100 && !looks_free(step); ++look) {
      const auto* until = std::get_if<WaitUntil>(&step);
      ASSERT_NE(until, nullptr);
      clock_.set(until->at + seconds{1});
      step = claim.resume();
      if (asks<ReadFile>(step)) step = claim.on_reply(empty_file());
    }
    EXPECT_EQ(looks_free(step), !shared);
  }
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
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
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
  (void)claim.cancel();
  clock_.advance(milliseconds{400});  // the read took longer than D/3
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok(written))));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written))));
}

TEST_F(ClaimTest, AFailedUnlinkIsTold) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(ok());
  (void)claim.cancel();
  (void)claim.on_reply(ok(written));
  EXPECT_TRUE(finished(claim.on_reply(failed())));
  EXPECT_TRUE(claim.result().left_behind);
}

// Late claims (a): where create may overwrite, a look older than D/3 is taken again.
TEST_F(ClaimTest, AnOldLookIsTakenAgainBeforeAWriteThatMayOverwrite) {
  Claim claim = make(loose_share());
  (void)claim.start();
  (void)claim.on_reply(absent());
  clock_.advance(milliseconds{334});
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));

  Claim atomic = make(share());
  (void)atomic.start();
  (void)atomic.on_reply(absent());
  clock_.advance(milliseconds{334});
  EXPECT_TRUE(asks<CreateExclusive>(atomic.resume()));
}

TEST_F(ClaimTest, AShareThatIsAlwaysTooSlowToOverwriteSafelyIsAnError) {
  Claim claim = make(loose_share());
  Step step = claim.start();
  int looks = 0;
  for (; asks<ReadFile>(step) && looks < 100; ++looks) {
    clock_.advance(milliseconds{400});
    (void)claim.on_reply(absent());
    step = claim.resume();
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
}

TEST_F(ClaimTest, NoDelayOnAnAtomicShareDoesNotMakeLooksTooOld) {
  Claim claim = make(share(Duration::zero()));
  const std::string written = publish(claim);
  EXPECT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(ClaimTest, WhereCreateMayOverwriteAShortDelayBoundsTheLook) {
  ClaimOptions options = loose_share();
  options.delay = milliseconds{300};
  Claim claim = make(options);
  (void)claim.start();
  (void)claim.on_reply(absent());
  clock_.advance(milliseconds{101});
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));
}

// Late claims (b): a slow but atomic create keeps its claim; a slow share starves nobody.
TEST_F(ClaimTest, ALateButAtomicCreateRunsTheFullDelay) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  clock_.advance(seconds{3});
  EXPECT_EQ(wait(claim.on_reply(ok())), seconds{1});
  clock_.advance(seconds{1});
  (void)claim.resume();
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

// Late claims (c): neither removed nor entered on before the one that it may have overwritten has
// noticed.
TEST_F(ClaimTest, ALateClaimThatMayHaveOverwrittenIsKept) {
  for (const Duration took : {milliseconds{334}, milliseconds{1500}}) {  // D/3 is 333 ms
    Claim claim = make(loose_share());
    const std::string written = publish(claim);
    clock_.advance(took);
    EXPECT_EQ(wait(claim.on_reply(ok())), seconds{35} + seconds{1});
    EXPECT_TRUE(claim.late());
    clock_.advance(seconds{36});
    (void)claim.resume();
    (void)claim.on_reply(ok(written));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  }
}

TEST_F(ClaimTest, ALateClaimThatMayHaveOverwrittenIsNotTakenBack) {
  Claim claim = make(loose_share());
  const std::string written = publish(claim);
  clock_.advance(milliseconds{1500});
  (void)claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
  EXPECT_TRUE(finished(claim.on_reply(ok(written))));
  EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
  EXPECT_TRUE(claim.result().left_behind);
}

TEST_F(ClaimTest, TheRetryIntervalGrowsOnAShareAndStartsOverForANewHolder) {
  ClaimOptions options = share();
  options.retry_grows = true;
  Claim claim = make(options);
  Step step = claim.start();
  Duration last{};
  for (int looks = 0; looks < 12; ++looks) {
    step = claim.on_reply(ok(record_of(kOther)));
    last = wait(step);
    clock_.advance(last);
    step = claim.resume();
  }
  EXPECT_EQ(last, seconds{2});
  step = claim.on_reply(ok(record_of("22222222-2222-4222-8222-222222222222")));
  EXPECT_EQ(wait(step), milliseconds{100});
}

}  // namespace
}  // namespace ufl::test
