// SPDX-License-Identifier: MIT
//
// Claims that watch a lock until it is abandoned: by a lease that has run out, or by an empty file
// that nobody fills.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "protocol/both_local.hpp"
#include "protocol/claim.hpp"
#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

std::string record(const std::string& beat = "1") {
  return format_record(kOther, leased(30, beat));
}

class ClaimLeaseTest : public WatchingClaim {
 protected:
  Duration watch(Claim& claim, const FileReply& reply, Duration limit) {
    const Duration watched = WatchingClaim::watch(claim, reply, limit);
    EXPECT_EQ(claim.takes_over(), looks_free(step_));
    return watched;
  }
  /// Starts, sees the holder, and is told of its end from then on.
  void begin_to_be_told(Claim& claim) {
    (void)claim.start();
    step_ = claim.on_reply(ok(record()));
    EXPECT_TRUE(claim.on_wait());
    EXPECT_TRUE(asks<ReadFile>(claim.resume()));
    (void)next(claim, claim.on_reply(ok(record())));
    step_ = claim.on_reply(ok(record()));
    EXPECT_FALSE(claim.on_wait());
  }
  ClaimOptions told() {
    ClaimOptions told = options(true);
    told.retry.interval_when_told = seconds{20};
    return told;
  }
};

// What its "lease" and "beat" mean, a newer ufl knows.
TEST_F(ClaimLeaseTest, NoLeaseOfAnotherVersionRunsOut) {
  std::string newer = record();
  newer.replace(newer.find("\"v\":1"), 5, "\"v\":2");
  for (const bool local : {true, false}) {
    ClaimOptions options = this->options(local);
    options.delay_is_auto = true;
    Claim claim = make(options);
    step_ = claim.start();
    watch(claim, ok(newer), seconds{600});
    EXPECT_TRUE(claim.waiting_for_other());
    EXPECT_EQ(claim.seen().kind, Sighting::Kind::unknown_version);
    EXPECT_EQ(claim.delay(), kForeignDelay) << "it may not create exclusively";
    EXPECT_EQ(std::count(asked_.begin(), asked_.end(), true), 0);
  }
}

TEST_F(ClaimLeaseTest, TakesALockOverWhenItsLeaseHasRunOut) {
  for (const bool local : {false, true}) {
    asked_.clear();
    Claim claim = make(options(local));
    step_ = claim.start();
    const Duration watched = watch(claim, ok(record()), seconds{100});
    EXPECT_GT(watched, seconds{30});
    EXPECT_LE(watched, seconds{32});
    EXPECT_TRUE(claim.takes_over());
    EXPECT_TRUE(claim.takeover().was_abandoned);
    EXPECT_EQ(judged_.token, kOther);
    ASSERT_GE(asked_.size(), 2U);
    EXPECT_TRUE(asked_.back());
    asked_.pop_back();
    for (const bool was_abandoned : asked_) EXPECT_FALSE(was_abandoned);
    EXPECT_TRUE(asks<ReplaceFile>(to_rename(claim, ok(record()))));
  }
}

TEST_F(ClaimLeaseTest, AWaiterThatIsToldLooksWhenTheLeaseHasRunOut) {
  Claim claim = make(told());
  const Mono begun = clock_.now();
  begin_to_be_told(claim);
  watch(claim, ok(record()), seconds{100});
  EXPECT_EQ(clock_.now() - begun, seconds{30} + Duration{1});
}

TEST_F(ClaimLeaseTest, ALongIntervalThatWasAskedForDoesNotPutItOffOnALocalDisk) {
  for (const bool local : {true, false}) {
    ClaimOptions patient = options(local);
    patient.retry.interval = seconds{20};
    Claim claim = make(patient);
    step_ = claim.start();
    // On a share all who wait would come at the same time.
    EXPECT_EQ(watch(claim, ok(record()), seconds{100}),
              local ? seconds{30} + Duration{1} : Duration{seconds{40}});
  }
}

TEST_F(ClaimLeaseTest, ThenAtTheUsualIntervalIfTheHolderIsSeenAlive) {
  ClaimOptions alive = told();
  alive.takeovers.may_take_over = [](const Sighting&, bool) { return false; };
  Claim claim = make(alive);
  begin_to_be_told(claim);
  watch(claim, ok(record()), seconds{30});
  EXPECT_EQ(wait(step_), seconds{20});
}

TEST_F(ClaimLeaseTest, ABeatBeginsAnew) {
  Claim claim = make(options(false));
  step_ = claim.start();
  (void)watch(claim, ok(record("1")), seconds{29});
  ASSERT_FALSE(claim.takes_over());
  EXPECT_GT(watch(claim, ok(record("2")), seconds{100}), seconds{28});
}

TEST_F(ClaimLeaseTest, ABeatBeforeTheSecondLookIsAHolderThatLives) {
  Claim claim = make(options(false));
  step_ = claim.start();
  (void)watch(claim, ok(record("1")), seconds{100});
  EXPECT_TRUE(asks<RemoveFile>(to_rename(claim, ok(record("2")))));
  step_ = claim.on_reply(ok());
  EXPECT_GT(watch(claim, ok(record("2")), seconds{100}), seconds{29});
}

//   1 A look is asked for at 0; it is answered at 20 with what stood there then.  2 A look asked
//   for at 49 is answered at 60.
TEST_F(ClaimLeaseTest, CountsFromTheAnswerOfTheFirstLookToTheQuestionOfTheLast) {
  Claim claim = make(options(false));
  (void)claim.start();
  clock_.advance(seconds{20});
  (void)claim.on_reply(ok(record()));
  clock_.advance(seconds{30});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  clock_.advance(seconds{11});
  const Step step = claim.on_reply(ok(record()));
  EXPECT_FALSE(claim.takes_over());
  ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
  EXPECT_TRUE(looks_free(claim.on_reply(ok(record()))));
}

TEST_F(ClaimLeaseTest, AHolderWhoIsSeenAliveKeepsItsLock) {
  ClaimOptions alive = options(false);
  alive.takeovers.may_take_over = [](const Sighting&, bool) { return false; };
  alive.timeout = seconds{100};
  Claim claim = make(alive);
  step_ = claim.start();
  (void)watch(claim, ok(record()), seconds{1000});
  EXPECT_EQ(claim.result().outcome, Outcome::timed_out);
}

TEST_F(ClaimLeaseTest, ShortRunsTakeALockOverTogether) {
  for (const Duration later : {seconds{30}, seconds{31}}) {
    memory_.kept.clear();
    Claim first = make(once(false));
    (void)first.start();
    EXPECT_TRUE(finished(first.on_reply(ok(record()))));
    EXPECT_EQ(first.result().outcome, Outcome::busy);
    EXPECT_TRUE(memory_.kept.contains(kKey));

    clock_.advance(later);
    Claim second = make(once(false));
    (void)second.start();
    const Step step = second.on_reply(ok(record()));
    EXPECT_EQ(looks_free(step), later > seconds{30});
    if (later == seconds{30}) continue;
    EXPECT_TRUE(second.takeover().was_abandoned);
    EXPECT_TRUE(asks<ReplaceFile>(to_rename(second, ok(record()))));
  }
}

TEST_F(ClaimLeaseTest, EveryClaimThatDoesNotGetTheLockLeavesWhatItSaw) {
  ClaimOptions timeout = options(false);
  timeout.timeout = seconds{5};
  Claim timed_out = make(timeout);
  step_ = timed_out.start();
  (void)watch(timed_out, ok(record("1")), seconds{100});
  EXPECT_EQ(timed_out.result().outcome, Outcome::timed_out);
  EXPECT_EQ(memory_.kept.at(kKey).heartbeat, "1");

  Claim cancelled = make(options(false));
  (void)cancelled.start();
  (void)cancelled.on_reply(ok(record("2")));
  EXPECT_EQ(memory_.kept.at(kKey).heartbeat, "1") << "while it waits";
  EXPECT_TRUE(finished(cancelled.cancel()));
  EXPECT_EQ(memory_.kept.at(kKey).heartbeat, "2");

  Claim failed = make(options(false));
  (void)failed.start();
  const Step step = failed.on_reply(ok(record("3")));
  (void)next(failed, step);
  EXPECT_TRUE(finished(failed.on_reply(exhausted())));
  EXPECT_EQ(memory_.kept.at(kKey).heartbeat, "3");
}

TEST_F(ClaimLeaseTest, AClaimThatGetsTheLockLeavesNothing) {
  memory_.kept[kKey] = {"of an earlier process", "1", seconds{30}, clock_.now()};
  Claim claim = make(options(false));
  (void)claim.start();
  Step step = claim.on_reply(ok(record()));
  (void)next(claim, step);
  (void)claim.on_reply(absent());
  step = claim.resume();
  const std::string written = expect_operation<CreateExclusive>(step).content;
  (void)claim.on_reply(ok());
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(memory_.writes, 0);
  EXPECT_TRUE(memory_.kept.empty()) << "it has served";
}

TEST_F(ClaimLeaseTest, AnEmptyFileThatStaysIsTakenOverOnALocalDisk) {
  Claim claim = make(options(true));
  step_ = claim.start();
  const Duration watched = watch(claim, empty_file(), seconds{100});
  EXPECT_GT(watched, seconds{10});
  EXPECT_LE(watched, seconds{12});
  EXPECT_EQ(asked_, std::vector<bool>{true}) << "not before";
  EXPECT_EQ(judged_.kind, Sighting::Kind::empty);
  const Step step = to_rename(claim, empty_file());
  EXPECT_EQ(expect_operation<ReplaceFile>(step).only_if, OnlyIf{""});
  EXPECT_EQ(wait(claim.on_reply(ok())), seconds{1}) << "with verification";
}

// One empty file is like another: the next one may just be being written.
TEST_F(ClaimLeaseTest, OnlyTheEmptyFileThatWasWatchedIsReplaced) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty_file(7), seconds{100});
  const Step step = to_rename(claim, empty_file(8));
  EXPECT_FALSE(asks<ReplaceFile>(step));
  EXPECT_TRUE(asks<RemoveFile>(step)) << "of the temporary file";
}

TEST_F(ClaimLeaseTest, AnEmptyFileIsGivenTenDelays) {
  ClaimOptions slow = options(true);
  slow.delay = seconds{2};
  Claim claim = make(slow);
  step_ = claim.start();
  const Duration watched = watch(claim, empty_file(), seconds{100});
  EXPECT_GT(watched, seconds{20});
  EXPECT_LE(watched, seconds{22});
}

TEST_F(ClaimLeaseTest, AnEmptyFileOnAShareStaysHeld) {
  Claim claim = make(options(false));
  step_ = claim.start();
  (void)watch(claim, empty_file(), std::chrono::hours{1});
  EXPECT_FALSE(claim.takes_over());
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ClaimLeaseTest, AnotherEmptyFileBeginsAnew) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty_file(7), seconds{10});
  EXPECT_FALSE(claim.takes_over());
  EXPECT_GT(watch(claim, empty_file(8), seconds{100}), seconds{9});
}

//   1 An empty file.  2 It is removed.  3 Another one is made, and gets the same inode number.
TEST_F(ClaimLeaseTest, AnEmptyFileThatWasAwayBeginsAnew) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty_file(), seconds{9});
  ASSERT_TRUE(asks<ReadFile>(next(claim, step_)));
  ASSERT_TRUE(looks_free(claim.on_reply(absent())));
  ASSERT_TRUE(asks<CreateExclusive>(claim.resume()));
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exists())));
  step_ = claim.on_reply(empty_file());
  EXPECT_GT(watch(claim, empty_file(), seconds{100}), seconds{8});
}

TEST_F(ClaimLeaseTest, AnEmptyFileThatIsAnotherAtTheSecondLookIsLeft) {
  for (const FileReply& second : {empty_file(8), ok("x"), absent()}) {
    Claim claim = make(options(true));
    step_ = claim.start();
    (void)watch(claim, empty_file(7), seconds{100});
    EXPECT_TRUE(asks<RemoveFile>(to_rename(claim, second)));
  }
}

//   A flock(1) uses the file: its content never changes, and it is in use.
TEST_F(ClaimLeaseTest, AnEmptyFileThatSomebodyHasLockedIsInUse) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty_file(), seconds{100});
  (void)to_rename(claim, empty_file());
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(flocked())));
  step_ = claim.on_reply(ok());
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_EQ(memory_.kept.at(kKey).since, clock_.now()) << "for others, too";
  const Duration again = watch(claim, empty_file(), seconds{100});
  EXPECT_GT(again, seconds{8});
  EXPECT_LE(again, seconds{11});
}

//   A process that is stopped, or a flock(1), has locked the record of somebody who is gone.
TEST_F(ClaimLeaseTest, OneAttemptDoesNotWaitForALockedRecord) {
  ClaimOptions dead = once(true);
  dead.takeovers.may_take_over = [](const Sighting&, bool) { return true; };
  dead.takeovers.most_lost_races = kMaxBusyLooksAtOnce;
  Claim claim = make(dead);
  const Mono begun = clock_.now();
  Step step = claim.start();
  while (!finished(step)) {
    ASSERT_TRUE(asks<ReadFile>(step));
    (void)claim.on_reply(ok(record()));
    (void)to_rename(claim, ok(record()));
    (void)claim.on_reply(flocked());
    step = claim.on_reply(ok());
    if (waits(step)) step = next(claim, step);
  }
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_TRUE(claim.result().flocked);
  EXPECT_LT(clock_.now() - begun, seconds{1});
}

TEST_F(ClaimLeaseTest, OneAttemptEndsAtOnceWhereAnEmptyFileIsLocked) {
  Claim first = make(once(true));
  (void)first.start();
  EXPECT_TRUE(finished(first.on_reply(empty_file())));
  EXPECT_EQ(first.result().outcome, Outcome::busy);

  clock_.advance(seconds{11});
  Claim second = make(once(true));
  (void)second.start();
  ASSERT_TRUE(looks_free(second.on_reply(empty_file())));
  (void)to_rename(second, empty_file());
  (void)second.on_reply(flocked());
  EXPECT_TRUE(finished(second.on_reply(ok())));
  EXPECT_EQ(second.result().outcome, Outcome::busy);
  EXPECT_TRUE(second.result().flocked);

  Claim third = make(once(true));
  (void)third.start();
  EXPECT_TRUE(finished(third.on_reply(empty_file()))) << "it begins anew";
}

}  // namespace
}  // namespace ufl::test
