// SPDX-License-Identifier: MIT
//
// Claims that watch a lock until it is abandoned: by a lease that has run out, or by an empty file
// that nobody fills.

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "protocol/both_local.hpp"
#include "protocol/claim.hpp"
#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "unit/fake_observations.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = ClaimResult::Outcome;

const std::string kToken = "11111111-1111-4111-8111-111111111111";
const std::string kKey = "share:/lock";
const FileReply kAbsent = refused(FileStatus::not_found, ENOENT);

std::string record(const std::string& beat = "1") {
  return format_record(kToken, leased(30, beat));
}

FileReply empty(std::uint64_t inode = 7) {
  FileReply reply = ok();
  reply.identity = inode;
  return reply;
}

class ClaimLeaseTest : public ::testing::Test {
 protected:
  ClaimOptions options(bool local) {
    ClaimOptions options;
    options.path = "dir/lock";
    options.retry = seconds{1};
    options.local = local;
    options.atomic_create = true;
    options.takeover_delay = seconds{1};
    options.observations = &memory_;
    options.observed_as = kKey;
    options.may_take_over = [this](const Sighting& seen, bool is_abandoned) {
      asked_.push_back(is_abandoned);
      judged_ = seen;
      return is_abandoned;
    };
    return options;
  }
  ClaimOptions once(bool local) {
    ClaimOptions once = options(local);
    once.timeout = Duration::zero();
    return once;
  }
  Claim make(const ClaimOptions& options) { return {options, clock_, identity_}; }

  Step next(Claim& claim, const Step& step) {
    const auto* until = std::get_if<WaitUntil>(&step);
    EXPECT_NE(until, nullptr);
    if (until != nullptr) clock_.set(until->at);
    return claim.resume();
  }
  /// Watch what shows `reply`, from the look or the wait that is pending, until it is taken over,
  /// the claim ends, or `limit` has passed; the time that took.
  Duration watch(Claim& claim, const FileReply& reply, Duration limit) {
    const Mono begun = clock_.now();
    do {
      if (std::holds_alternative<WaitUntil>(step_)) step_ = next(claim, step_);
      if (wants<ReadFile>(step_) != nullptr) step_ = claim.on_reply(reply);
      EXPECT_EQ(claim.waiting_for_other(), std::holds_alternative<WaitUntil>(step_));
    } while (std::holds_alternative<WaitUntil>(step_) && clock_.now() - begun < limit);
    EXPECT_EQ(claim.takes_over(), std::holds_alternative<LooksFree>(step_));
    return clock_.now() - begun;
  }
  /// Starts, sees the holder, and is told of his end from then on.
  void rely_on_hints(Claim& claim) {
    claim.rely_on_hints(seconds{20});
    (void)claim.start();
    step_ = claim.on_reply(ok(record()));
    claim.holder_is_watched();
  }
  /// From LooksFree to the rename, which is not answered yet.
  static Step to_rename(Claim& claim, const FileReply& reply) {
    EXPECT_NE(wants<CreateExclusive>(claim.resume()), nullptr);
    EXPECT_NE(wants<ReadFile>(claim.on_reply(ok())), nullptr) << "no second look";
    return claim.on_reply(reply);
  }

  FakeClock clock_;
  FakeIdentity identity_;
  FakeObservations memory_;
  Step step_;
  std::vector<bool> asked_;
  Sighting judged_;
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
    EXPECT_TRUE(claim.was_abandoned());
    EXPECT_EQ(judged_.token, kToken);
    ASSERT_GE(asked_.size(), 2U);
    EXPECT_TRUE(asked_.back());
    asked_.pop_back();
    for (const bool was_abandoned : asked_) EXPECT_FALSE(was_abandoned);
    EXPECT_NE(wants<ReplaceFile>(to_rename(claim, ok(record()))), nullptr);
  }
}

TEST_F(ClaimLeaseTest, WhoeverReliesOnHintsLooksWhenTheLeaseHasRunOut) {
  Claim claim = make(options(true));
  rely_on_hints(claim);
  EXPECT_EQ(watch(claim, ok(record()), seconds{100}), seconds{30} + Duration{1});
}

TEST_F(ClaimLeaseTest, ALongIntervalThatWasAskedForDoesNotPutItOffOnALocalDisk) {
  for (const bool local : {true, false}) {
    ClaimOptions patient = options(local);
    patient.retry = seconds{20};
    Claim claim = make(patient);
    step_ = claim.start();
    // On a share all who wait would come at the same time.
    EXPECT_EQ(watch(claim, ok(record()), seconds{100}),
              local ? seconds{30} + Duration{1} : Duration{seconds{40}});
  }
}

TEST_F(ClaimLeaseTest, ThenAtTheUsualIntervalIfTheHolderIsSeenAlive) {
  ClaimOptions alive = options(true);
  alive.may_take_over = [](const Sighting&, bool) { return false; };
  Claim claim = make(alive);
  rely_on_hints(claim);
  watch(claim, ok(record()), seconds{30});
  const auto* until = std::get_if<WaitUntil>(&step_);
  ASSERT_NE(until, nullptr);
  EXPECT_EQ(until->at - clock_.now(), seconds{20});
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
  EXPECT_NE(wants<RemoveFile>(to_rename(claim, ok(record("2")))), nullptr);
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
  ASSERT_NE(wants<ReadFile>(claim.resume()), nullptr);
  clock_.advance(seconds{11});
  const Step step = claim.on_reply(ok(record()));
  EXPECT_FALSE(claim.takes_over());
  ASSERT_NE(wants<ReadFile>(next(claim, step)), nullptr);
  EXPECT_TRUE(std::holds_alternative<LooksFree>(claim.on_reply(ok(record()))));
}

TEST_F(ClaimLeaseTest, AHolderWhoIsSeenAliveKeepsItsLock) {
  ClaimOptions alive = options(false);
  alive.may_take_over = [](const Sighting&, bool) { return false; };
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
    EXPECT_EQ(std::holds_alternative<LooksFree>(step), later > seconds{30});
    if (later == seconds{30}) continue;
    EXPECT_TRUE(second.was_abandoned());
    EXPECT_NE(wants<ReplaceFile>(to_rename(second, ok(record()))), nullptr);
  }
}

TEST_F(ClaimLeaseTest, EveryClaimThatDoesNotGetTheLockLeavesWhatItSaw) {
  ClaimOptions timeout = options(false);
  timeout.timeout = seconds{5};
  Claim timed_out = make(timeout);
  step_ = timed_out.start();
  (void)watch(timed_out, ok(record("1")), seconds{100});
  EXPECT_EQ(timed_out.result().outcome, Outcome::timed_out);
  EXPECT_EQ(memory_.kept.at(kKey).beat, "1");

  Claim cancelled = make(options(false));
  (void)cancelled.start();
  (void)cancelled.on_reply(ok(record("2")));
  EXPECT_EQ(memory_.kept.at(kKey).beat, "1") << "while it waits";
  EXPECT_TRUE(finished(cancelled.cancel()));
  EXPECT_EQ(memory_.kept.at(kKey).beat, "2");

  Claim failed = make(options(false));
  (void)failed.start();
  const Step step = failed.on_reply(ok(record("3")));
  (void)next(failed, step);
  EXPECT_TRUE(finished(failed.on_reply(refused(FileStatus::exhausted, EMFILE))));
  EXPECT_EQ(memory_.kept.at(kKey).beat, "3");
}

TEST_F(ClaimLeaseTest, AClaimThatGetsTheLockLeavesNothing) {
  memory_.kept[kKey] = {"of an earlier process", "1", seconds{30}, clock_.now()};
  Claim claim = make(options(false));
  (void)claim.start();
  Step step = claim.on_reply(ok(record()));
  (void)next(claim, step);
  (void)claim.on_reply(kAbsent);
  step = claim.resume();
  ASSERT_NE(wants<CreateExclusive>(step), nullptr);
  const std::string written = wants<CreateExclusive>(step)->content;
  (void)claim.on_reply(ok());
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(memory_.writes, 0);
  EXPECT_TRUE(memory_.kept.empty()) << "it has served";
}

TEST_F(ClaimLeaseTest, AnEmptyFileThatStaysIsTakenOverOnALocalDisk) {
  Claim claim = make(options(true));
  step_ = claim.start();
  const Duration watched = watch(claim, empty(), seconds{100});
  EXPECT_GT(watched, seconds{10});
  EXPECT_LE(watched, seconds{12});
  EXPECT_EQ(asked_, std::vector<bool>{true}) << "not before";
  EXPECT_EQ(judged_.kind, Sighting::Kind::empty);
  const Step step = to_rename(claim, empty());
  ASSERT_NE(wants<ReplaceFile>(step), nullptr);
  EXPECT_EQ(wants<ReplaceFile>(step)->only_if, OnlyIf{""});
  const Step delay = claim.on_reply(ok());
  ASSERT_TRUE(std::holds_alternative<WaitUntil>(delay)) << "with verification";
  EXPECT_EQ(std::get<WaitUntil>(delay).at - clock_.now(), seconds{1});
}

// One empty file is like another: the next one may just be being written.
TEST_F(ClaimLeaseTest, OnlyTheEmptyFileThatWasWatchedIsReplaced) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty(7), seconds{100});
  const Step step = to_rename(claim, empty(8));
  EXPECT_EQ(wants<ReplaceFile>(step), nullptr);
  EXPECT_NE(wants<RemoveFile>(step), nullptr) << "of the temporary file";
}

TEST_F(ClaimLeaseTest, AnEmptyFileIsGivenTenDelays) {
  ClaimOptions slow = options(true);
  slow.delay = seconds{2};
  Claim claim = make(slow);
  step_ = claim.start();
  const Duration watched = watch(claim, empty(), seconds{100});
  EXPECT_GT(watched, seconds{20});
  EXPECT_LE(watched, seconds{22});
}

TEST_F(ClaimLeaseTest, AnEmptyFileOnAShareStaysHeld) {
  Claim claim = make(options(false));
  step_ = claim.start();
  (void)watch(claim, empty(), std::chrono::hours{1});
  EXPECT_FALSE(claim.takes_over());
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ClaimLeaseTest, AnotherEmptyFileBeginsAnew) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty(7), seconds{10});
  EXPECT_FALSE(claim.takes_over());
  EXPECT_GT(watch(claim, empty(8), seconds{100}), seconds{9});
}

//   1 An empty file.  2 It is removed.  3 Another one is made, and gets the same inode number.
TEST_F(ClaimLeaseTest, AnEmptyFileThatWasAwayBeginsAnew) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty(), seconds{9});
  ASSERT_NE(wants<ReadFile>(next(claim, step_)), nullptr);
  ASSERT_TRUE(std::holds_alternative<LooksFree>(claim.on_reply(kAbsent)));
  ASSERT_NE(wants<CreateExclusive>(claim.resume()), nullptr);
  ASSERT_NE(wants<ReadFile>(claim.on_reply(refused(FileStatus::exists, EEXIST))), nullptr);
  step_ = claim.on_reply(empty());
  EXPECT_GT(watch(claim, empty(), seconds{100}), seconds{8});
}

TEST_F(ClaimLeaseTest, AnEmptyFileThatIsAnotherAtTheSecondLookIsLeft) {
  for (const FileReply& second : {empty(8), ok("x"), kAbsent}) {
    Claim claim = make(options(true));
    step_ = claim.start();
    (void)watch(claim, empty(7), seconds{100});
    EXPECT_NE(wants<RemoveFile>(to_rename(claim, second)), nullptr);
  }
}

//   A flock(1) uses the file: its content never changes, and it is in use.
TEST_F(ClaimLeaseTest, AnEmptyFileThatSomebodyHasLockedIsInUse) {
  Claim claim = make(options(true));
  step_ = claim.start();
  (void)watch(claim, empty(), seconds{100});
  (void)to_rename(claim, empty());
  ASSERT_NE(wants<RemoveFile>(claim.on_reply(refused(FileStatus::busy, 0))), nullptr);
  step_ = claim.on_reply(ok());
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_EQ(memory_.kept.at(kKey).since, clock_.now()) << "for others, too";
  const Duration again = watch(claim, empty(), seconds{100});
  EXPECT_GT(again, seconds{8});
  EXPECT_LE(again, seconds{11});
}

//   A process that is stopped, or a flock(1), has locked the record of somebody who is gone.
TEST_F(ClaimLeaseTest, OneAttemptDoesNotWaitForWhoHasLockedTheRecord) {
  ClaimOptions dead = once(true);
  dead.may_take_over = [](const Sighting&, bool) { return true; };
  dead.most_lost_races = kMaxBusyLooksAtOnce;
  Claim claim = make(dead);
  const Mono begun = clock_.now();
  Step step = claim.start();
  while (!finished(step)) {
    ASSERT_NE(wants<ReadFile>(step), nullptr);
    (void)claim.on_reply(ok(record()));
    (void)to_rename(claim, ok(record()));
    (void)claim.on_reply(refused(FileStatus::busy, 0));
    step = claim.on_reply(ok());
    if (std::holds_alternative<WaitUntil>(step)) step = next(claim, step);
  }
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_TRUE(claim.result().flocked);
  EXPECT_LT(clock_.now() - begun, seconds{1});
}

TEST_F(ClaimLeaseTest, OneAttemptEndsAtOnceWhereAnEmptyFileIsLocked) {
  Claim first = make(once(true));
  (void)first.start();
  EXPECT_TRUE(finished(first.on_reply(empty())));
  EXPECT_EQ(first.result().outcome, Outcome::busy);

  clock_.advance(seconds{11});
  Claim second = make(once(true));
  (void)second.start();
  ASSERT_TRUE(std::holds_alternative<LooksFree>(second.on_reply(empty())));
  (void)to_rename(second, empty());
  (void)second.on_reply(refused(FileStatus::busy, 0));
  EXPECT_TRUE(finished(second.on_reply(ok())));
  EXPECT_EQ(second.result().outcome, Outcome::busy);
  EXPECT_TRUE(second.result().flocked);

  Claim third = make(once(true));
  (void)third.start();
  EXPECT_TRUE(finished(third.on_reply(empty()))) << "it begins anew";
}

}  // namespace
}  // namespace ufl::test
