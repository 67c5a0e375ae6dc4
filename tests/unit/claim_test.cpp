// SPDX-License-Identifier: MIT
//
// A claim on a lock that is free or held: look, publish, delay, verify, or wait for the holder.

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "protocol/claim.hpp"
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
  options.holder.prefix = "ci-";
  options.holder.command = "make all";
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
  (void)to_verification(claim);
  EXPECT_EQ(wait(claim.on_reply(ok(record_of(kOther)))), milliseconds{100});
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_EQ(claim.seen().token, kOther);
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
  Claim claim = make(once(local()));
  (void)publish(claim);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exists())));
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_EQ(claim.seen().token, kOther);
}

TEST_F(ClaimTest, GivesUpAtOnceWithoutWaiting) {
  Claim claim = make(once(local()));
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
  expect_acquired_after(seconds{5}, claim, claim.on_reply(ok()), written);
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
    options.takeovers.may_take_over = [](const Sighting& /*seen*/, bool is_abandoned) {
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

TEST_F(ClaimTest, TheRetryIntervalGrowsOnAShareAndStartsOverForANewHolder) {
  ClaimOptions options = share();
  options.retry.grows = true;
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
