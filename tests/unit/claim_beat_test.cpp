// SPDX-License-Identifier: MIT
//
// Claims that give a lease: they refresh it while they wait, and are acquired with a fresh one.

#include <algorithm>
#include <cerrno>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

constexpr Duration kLease = seconds{9};
constexpr Duration kRefresh = lease_refresh(kLease);

class ClaimBeatTest : public ClaimFixture {
 protected:
  static ClaimOptions with_delay(Duration delay) {
    ClaimOptions options;
    options.path = "lock";
    options.delay = delay;
    options.retry.interval = seconds{1};
    options.lease = kLease;
    options.takeovers.delay = seconds{4};
    return options;
  }
  /// From the start to the wait that follows the write, which takes `write`.
  Step to_wait(Claim& claim, Duration write = {}) {
    record_ = publish(claim);
    clock_.advance(write);
    return claim.on_reply(ok());
  }
  /// The step writes the next beat; the record as it is then.
  void expect_beat(const Step& step) {
    expect_update(step, record_, with_next_heartbeat(record_).value_or(""));
    record_ = expect_operation<UpdateFile>(step).content;
  }
  /// Up to the look that verifies it, with a beat wherever one is asked for.
  Step to_verify(Claim& claim, Step step) {
    while (!asks<ReadFile>(step) && !HasFailure()) {
      step = next(claim, step);
      if (!asks<UpdateFile>(step)) continue;
      expect_beat(step);
      step = claim.on_reply(ok());
    }
    return step;
  }

  std::string record_;
};

TEST_F(ClaimBeatTest, ALongDelayIsSpentBeating) {
  Claim claim = make(with_delay(seconds{10}));
  const Mono begun = clock_.now();
  Step step = to_wait(claim);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(wait(step), kRefresh);
    step = next(claim, step);
    expect_beat(step);
    EXPECT_FALSE(claim.waiting_for_other());
    step = claim.on_reply(ok());
  }
  EXPECT_EQ(wait(step), seconds{1}) << "the delay is no longer for it";
  ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
  EXPECT_TRUE(finished(claim.on_reply(ok(record_))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().record, record_);
  EXPECT_EQ(claim.result().begun, begun + 3 * kRefresh);
}

TEST_F(ClaimBeatTest, AShortDelayOrNoLeaseNeedsNone) {
  for (const bool leased : {true, false}) {
    ClaimOptions options = with_delay(leased ? seconds{2} : seconds{100});
    if (!leased) options.lease.reset();
    Claim claim = make(options);
    ASSERT_TRUE(asks<ReadFile>(next(claim, to_wait(claim))));
    EXPECT_TRUE(finished(claim.on_reply(ok(record_))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  }
}

//   1 B's late write lands on A's record; B keeps it.  2 C has seen it for the length of its lease,
//   takes it over, runs beside A.
TEST_F(ClaimBeatTest, ALateClaimIsKeptAlive) {
  Claim claim = make(with_delay(seconds{3}));
  const Mono begun = clock_.now();
  Step step = to_wait(claim, milliseconds{1200});
  ASSERT_TRUE(claim.late());
  Mono beaten = begun;
  int beats = 0;
  while (!asks<ReadFile>(step)) {
    step = next(claim, step);
    if (!asks<UpdateFile>(step)) continue;
    EXPECT_LE(clock_.now() - beaten, kRefresh);
    beaten = clock_.now();
    ++beats;
    expect_beat(step);
    step = claim.on_reply(ok());
  }
  EXPECT_GE(clock_.now() - begun, claim.options().late_hold + seconds{3}) << "not before its time";
  EXPECT_GE(beats, 12);
  EXPECT_TRUE(finished(claim.on_reply(ok(record_))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

//   1 A, B: A's claim is older than its lease.  2 B looks: no beat.  3 A writes one, verifies,
//   runs. 4 B renames, verifies, runs.
TEST_F(ClaimBeatTest, ABeatThatMayBeTooLateIsFollowedByTheDelayOfATakeover) {
  for (const Duration slow : {kLease / 3 - Duration{1}, Duration{kLease / 3}}) {
    Claim claim = make(with_delay(seconds{3}));
    Step step = next(claim, to_wait(claim));
    expect_beat(step);
    clock_.advance(slow);
    step = claim.on_reply(ok());
    const Mono beaten = clock_.now();
    expect_beat(step);  // this one is as old as that
    step = to_verify(claim, claim.on_reply(ok()));
    EXPECT_EQ(clock_.now() - beaten, slow < kLease / 3 ? seconds{0} : seconds{4});
  }
}

TEST_F(ClaimBeatTest, AShareThatNeedsTheTimeOfALeaseForEachBeatIsGivenUpOn) {
  Claim claim = make(with_delay(seconds{3}));
  Step step = next(claim, to_wait(claim));
  for (int beats = 0; asks<UpdateFile>(step) && beats < 100; ++beats) {
    expect_beat(step);
    clock_.advance(kRefresh);
    step = claim.on_reply(ok());
  }
  ASSERT_TRUE(asks<ReadFile>(step)) << "it is taken back";
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(record_))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::too_slow);
  EXPECT_FALSE(claim.result().left_behind);
}

//   1 A publishes.  2 the file flickers away at a beat.  3 A looks for two thirds of its lease
//   later: absent; draws a new token; EEXIST: the first one stands there, and its process lives: A.
TEST_F(ClaimBeatTest, AClaimDoesNotWaitForItself) {
  Claim claim = make(with_delay(seconds{4}));
  Step step = next(claim, to_wait(claim));
  const std::string first = record_;
  expect_beat(step);
  step = claim.on_reply(absent());
  clock_.advance(kLease);
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  ASSERT_TRUE(looks_free(claim.on_reply(absent())));
  ASSERT_TRUE(asks<CreateExclusive>(claim.resume()));
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exists())));
  (void)claim.on_reply(ok(first));
  EXPECT_TRUE(claim.waiting_for_other());
  clock_.advance(seconds{10});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step = claim.on_reply(ok(first));
  while (waits(step) && !HasFailure()) {
    step = next(claim, step);
    if (asks<ReadFile>(step)) step = claim.on_reply(ok(first));
  }
  ASSERT_TRUE(looks_free(step));
  EXPECT_FALSE(claim.takes_over()) << "nobody is told that it was somebody else's";
  step = claim.resume();
  const auto temporary = expect_operation<CreateExclusive>(step);
  EXPECT_NE(temporary.path, "lock");
  EXPECT_NE(parse_record(temporary.content).token, parse_record(first).token);
}

//   1 A's beat is late: B may have looked before it, and renames in a moment.  2 the next look
//   shows nothing; the one after that, A's claim.  3 verified at once, it would be held before B's
//   lands.
TEST_F(ClaimBeatTest, TheDelayAfterALateBeatOutlastsAFlicker) {
  ClaimOptions options = with_delay(seconds{3});
  options.takeovers.delay = seconds{8};
  Claim claim = make(options);
  Step step = next(claim, to_wait(claim));
  expect_beat(step);
  clock_.advance(kLease / 3);
  step = claim.on_reply(ok());
  expect_beat(step);  // that one was late: eight seconds from here
  const Mono late = clock_.now();
  step = next(claim, claim.on_reply(ok()));
  ASSERT_TRUE(asks<UpdateFile>(step));
  step = claim.on_reply(absent());
  step = next(claim, step);
  ASSERT_TRUE(asks<ReadFile>(step));
  step = claim.on_reply(ok(record_));
  while (asks<UpdateFile>(step) && !HasFailure()) {
    expect_beat(step);
    step = claim.on_reply(ok());
  }
  step = to_verify(claim, step);
  EXPECT_GE(clock_.now() - late, seconds{8});
}

TEST_F(ClaimBeatTest, BeatsUnderFlockWhereThatKeepsTakersOut) {
  for (const bool local : {true, false}) {
    ClaimOptions options = with_delay(seconds{5});
    options.local = local;
    Claim claim = make(options);
    const Step step = next(claim, to_wait(claim));
    EXPECT_EQ(expect_operation<UpdateFile>(step).locked, local);
    EXPECT_EQ(expect_operation<UpdateFile>(step).sync, !local);
  }
}

TEST_F(ClaimBeatTest, ALookThatTookLongIsNotEnteredOn) {
  Claim claim = make(with_delay(seconds{2}));
  (void)next(claim, to_wait(claim));
  clock_.advance(seconds{1});
  Step step = claim.on_reply(ok(record_));
  expect_beat(step);
  step = claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(step)) << "it was in time";
  EXPECT_TRUE(finished(claim.on_reply(ok(record_))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(ClaimBeatTest, AShareThatNeedsTheLeaseForEachLookIsGivenUp) {
  Claim claim = make(with_delay(seconds{2}));
  Step step = to_wait(claim);
  int looks = 0;
  while (looks < 100) {
    step = to_verify(claim, step);
    ++looks;
    clock_.advance(kRefresh);
    step = claim.on_reply(ok(record_));
    if (!asks<UpdateFile>(step)) break;
    expect_beat(step);
    step = claim.on_reply(ok());
  }
  EXPECT_EQ(looks, 5);
  ASSERT_TRUE(asks<ReadFile>(step)) << "it is taken back";
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(record_))));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::too_slow);
  EXPECT_EQ(claim.result().look_to_write, kRefresh);
}

TEST_F(ClaimBeatTest, ABeatWhoseReplyWasLostIsTheRecord) {
  Claim claim = make(with_delay(seconds{5}));
  const Mono begun = clock_.now();
  Step step = next(claim, to_wait(claim));
  expect_beat(step);
  step = claim.on_reply(failed());  // it was written
  step = next(claim, step);
  step = next(claim, claim.on_reply(changed(record_)));
  expect_beat(step);
  step = to_verify(claim, claim.on_reply(ok()));
  EXPECT_TRUE(finished(claim.on_reply(ok(record_))));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_GE(claim.result().begun, begun + kRefresh);
}

TEST_F(ClaimBeatTest, ABeatThatFailsIsTriedAgainAndThenTheClaimIsTakenBack) {
  for (const auto& failure : {failed(), flocked(), changed(""), changed("torn")}) {
    Claim claim = make(with_delay(seconds{5}));
    const Mono begun = clock_.now();
    Step step = to_wait(claim);
    while (!asks<ReadFile>(step)) {
      step = next(claim, step);
      if (asks<UpdateFile>(step)) step = claim.on_reply(failure);
    }
    EXPECT_EQ(clock_.now() - begun, kRefresh + seconds{30}) << "not entered on";
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(record_))));
    EXPECT_TRUE(finished(claim.on_reply(ok())));
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
    EXPECT_TRUE(std::holds_alternative<UpdateFile>(claim.result().failure.operation));
  }
}

TEST_F(ClaimBeatTest, AFileThatAProgramEmptiesIsReplacedAtOnce) {
  ClaimOptions options = with_delay(seconds{5});
  options.local = true;
  Claim claim = make(options);
  Step step = next(claim, to_wait(claim));
  ASSERT_TRUE(asks<UpdateFile>(step));
  step = next(claim, claim.on_reply(changed("")));
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_TRUE(looks_free(claim.on_reply(empty_file(Keeper::us))));
  EXPECT_TRUE(asks<CreateExclusive>(claim.resume()));
}

TEST_F(ClaimBeatTest, AClaimThatIsReplacedOrGoneIsNotEnteredOn) {
  for (const auto& reply : {changed(format_record(kOther, {})), absent()}) {
    ClaimOptions options = with_delay(seconds{5});
    options.timeout = Duration::zero();
    Claim claim = make(options);
    const Step step = next(claim, to_wait(claim));
    ASSERT_TRUE(asks<UpdateFile>(step));
    (void)claim.on_reply(reply);
    EXPECT_NE(claim.result().outcome, Outcome::acquired);
    EXPECT_FALSE(claim.late());
  }
}

// Whoever acquires it has the time until the first refresh, and must not have used that up.
TEST_F(ClaimBeatTest, BeatsSoonerWhereTheCommandNeedsTimeToStop) {
  ClaimOptions options = with_delay(seconds{10});
  options.kill_after = seconds{5};
  Claim claim = make(options);
  EXPECT_EQ(wait(to_wait(claim)), lease_refresh(kLease, seconds{5}));
  EXPECT_LT(lease_refresh(kLease, seconds{5}), kRefresh);
}

TEST_F(ClaimBeatTest, BeatsSoonerWhereTheShareIsSlow) {
  Claim claim = make(with_delay(seconds{10}));
  EXPECT_EQ(wait(to_wait(claim, seconds{1})), lease_refresh(kLease, {}, seconds{1}) - seconds{1});
}

TEST_F(ClaimBeatTest, AShareThatIsTooSlowToLookAtIsNotWrittenTo) {
  Claim claim = make(with_delay(seconds{2}));
  Step step = claim.start();
  int looks = 0;
  for (; asks<ReadFile>(step) && looks < 100; ++looks) {
    clock_.advance(seconds{2});
    step = claim.on_reply(absent());
  }
  EXPECT_EQ(looks, 3) << "the first ones may wait for what the next ones find";
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(claim.result().outcome, Outcome::too_slow);
  EXPECT_EQ(claim.result().look_to_write, seconds{2});
}

TEST_F(ClaimBeatTest, OneLookThatIsFastEnoughWillDo) {
  Claim claim = make(with_delay(seconds{2}));
  (void)claim.start();
  clock_.advance(seconds{2});
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(absent())));
  clock_.advance(milliseconds{100});
  ASSERT_TRUE(looks_free(claim.on_reply(absent())));
  EXPECT_TRUE(asks<CreateExclusive>(claim.resume()));
}

TEST_F(ClaimBeatTest, WhatIsTooSlowIsMeasuredOnceMore) {
  for (const Duration beat : {milliseconds{100}, milliseconds{1500}}) {
    ClaimOptions options = with_delay(Duration::zero());
    options.atomic_create = true;
    Claim claim = make(options);
    Step step = to_wait(claim, milliseconds{1400});
    ASSERT_FALSE(lease_has_room(kLease, {}, milliseconds{1400}));
    ASSERT_TRUE(asks<ReadFile>(step));
    step = claim.on_reply(ok(record_));
    expect_beat(step);
    const Mono asked = clock_.now();
    clock_.advance(beat);
    ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
    EXPECT_TRUE(finished(claim.on_reply(ok(record_))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
    EXPECT_EQ(claim.result().look_to_write, std::min(beat, Duration{milliseconds{1400}}));
    EXPECT_GE(claim.result().begun, asked);
  }
}

}  // namespace
}  // namespace ufl::test
