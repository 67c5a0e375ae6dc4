// SPDX-License-Identifier: MIT
//
// Keep with a lease: beats, and the time after which they are not relied on.

#include <optional>
#include <string>

#include "protocol/lease.hpp"
#include "unit/keep_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(KeepLeaseTest, BeatsAtAThirdOfTheLeaseFromTheStartOfTheLastSuccess) {
  Keep keep{options(), clock_};
  Step step = keep.start();  // the claim has taken a part of the lease: at once
  for (int beat = 0; beat < 5; ++beat) {
    expect_update(step, record(beat), record(beat + 1));
    clock_.advance(seconds{3});
    step = keep.on_reply(ok());
    EXPECT_EQ(wait(step), kLease / 3 - seconds{3});
    step = next(keep, step);
  }
}

// Neither of us stood still.
TEST_F(KeepLeaseTest, AFileThatIsNotThereIsToldWhenTheLeaseIsOver) {
  Keep keep{options(), clock_};
  (void)keep.start();
  clock_.set(keep.lease()->stop_at() - milliseconds{500});
  const Step step = keep.on_reply(absent());
  EXPECT_EQ(wait(step), milliseconds{500});
  ASSERT_TRUE(finished(next(keep, step)));
  EXPECT_EQ(keep.result().outcome, Outcome::lease_over);
  ASSERT_TRUE(keep.result().failure);
  EXPECT_EQ(keep.result().failure->reply.status, FileStatus::not_found);
}

TEST_F(KeepLeaseTest, TheFirstBeatIsWrittenTogetherWithTheCommand) {
  KeepOptions with_command = options();
  with_command.child = kChild;
  Keep keep{with_command, clock_};
  const std::string content = with_child(record(1), kChild).value_or("");
  expect_update(keep.start(), record(), content);
  EXPECT_FALSE(keep.is_recorded());
  const Step step = keep.on_reply(ok());
  EXPECT_TRUE(keep.is_recorded());
  expect_update(next(keep, step), content, with_next_heartbeat(content).value_or(""));
}

TEST_F(KeepLeaseTest, ItsTimesAreCountedFromTheStartOfTheLastSuccess) {
  KeepOptions with_kill = options();
  with_kill.kill_after = seconds{12};
  Keep keep{with_kill, clock_};
  const auto expect_times_from = [&keep](Mono start) {
    EXPECT_EQ(keep.lease()->stop_at(), start + kLease - seconds{12} - milliseconds{300});
    EXPECT_EQ(keep.lease()->kill_at(), start + kLease - milliseconds{300});
    EXPECT_EQ(keep.lease()->reliable_until(), start + seconds{20});
  };
  const Mono begun = clock_.now();
  clock_.advance(seconds{1});
  (void)keep.start();
  const Mono asked = clock_.now();
  clock_.advance(seconds{2});
  expect_times_from(begun);
  (void)keep.on_reply(ok());
  expect_times_from(asked);

  Keep gentle{options(), clock_};
  EXPECT_EQ(gentle.lease()->stop_at(), clock_.now() + seconds{20}) << "two thirds";
}

TEST_F(KeepLeaseTest, AClaimThatTookTooLongHasNoLeaseLeft) {
  for (const bool is_over : {false, true}) {
    KeepOptions late = options();
    late.child = kChild;
    clock_.advance(seconds{20} - (is_over ? Duration::zero() : kTick));
    Keep keep{late, clock_};
    const Step step = keep.start();
    EXPECT_EQ(finished(step), is_over);
    EXPECT_EQ(asks<UpdateFile>(step), !is_over);
    EXPECT_EQ(keep.result().outcome, is_over ? Outcome::lease_over : Outcome::ended);
  }
}

TEST_F(KeepLeaseTest, TriesAgainUntilTheCommandMustStop) {
  for (const auto& reply :
       {failed(), stale(), denied(), changed(record().substr(0, 9)), changed(kMine + "\n{}\n")}) {
    Keep keep{options(), clock_};
    const Mono begun = clock_.now();
    Step step = keep.start();
    int tries = 0;
    for (; !finished(step) && tries < 100; ++tries) {
      expect_update(step, record(), record(tries + 1));
      clock_.advance(milliseconds{100});
      step = keep.on_reply(reply);
      if (finished(step)) break;
      EXPECT_LE(wait(step), seconds{1});
      step = next(keep, step);
    }
    EXPECT_GE(tries, 9);
    EXPECT_TRUE(finished(step));
    EXPECT_EQ(keep.result().outcome, Outcome::lease_over);
    EXPECT_EQ(keep.result().failure->reply.error, reply.error);
    EXPECT_GE(clock_.now(), begun + seconds{20});
    EXPECT_LE(clock_.now(), begun + seconds{21});
    EXPECT_EQ(keep.lease()->reliable_until(), begun + seconds{20});
  }
}

TEST_F(KeepLeaseTest, ShortLeasesAreTriedMoreOften) {
  KeepOptions shorter = options();
  shorter.lease = seconds{3};
  Keep keep{shorter, clock_};
  (void)keep.start();
  EXPECT_EQ(wait(keep.on_reply(failed())), milliseconds{300});
}

TEST_F(KeepLeaseTest, GoesOnAfterFailures) {
  Keep keep{options(), clock_};
  (void)keep.start();
  for (int i = 0; i < 6; ++i) (void)next(keep, keep.on_reply(failed()));
  const Mono asked = clock_.now();
  EXPECT_EQ(wait(keep.on_reply(ok())), kLease / 3);
  EXPECT_EQ(keep.lease()->reliable_until(), asked + seconds{20});
}

//   1 The holder is stopped during an operation.  2 It goes on, and hears of a success.
TEST_F(KeepLeaseTest, ASuccessThatComesTooLateRevivesNothing) {
  for (const bool is_late : {false, true}) {
    Keep keep{options(), clock_};
    const Mono begun = clock_.now();
    clock_.advance(seconds{1});
    (void)keep.start();
    clock_.set(begun + seconds{20} - (is_late ? Duration::zero() : kTick));
    const bool ended = finished(keep.on_reply(ok()));
    EXPECT_EQ(ended, is_late);
    EXPECT_EQ(keep.lease()->kill_at() == begun + kLease - milliseconds{300}, is_late);
    EXPECT_EQ(keep.result().outcome, is_late ? Outcome::lease_over : Outcome::ended);
  }
}

//   1 The holder is stopped while it waits.  2 It goes on: no beat is written before it looks at
//   the clock.
TEST_F(KeepLeaseTest, AfterASuspendNothingIsWritten) {
  Keep keep{options(), clock_};
  (void)keep.start();
  (void)keep.on_reply(ok());
  clock_.advance(seconds{20});
  EXPECT_TRUE(finished(keep.resume()));
  EXPECT_EQ(keep.result().outcome, Outcome::lease_over);
}

//   1 A beat lands, its reply is lost, and others count from it.  2 The next try finds it.  3 Only
//   a beat that is written after that, and whose start is known, counts.
TEST_F(KeepLeaseTest, ABeatWhoseReplyWasLostIsFollowedByAnother) {
  Keep keep{options(), clock_};
  (void)keep.start();
  Step step = next(keep, keep.on_reply(failed()));
  const Mono release_until = keep.lease()->reliable_until();
  clock_.advance(seconds{1});
  step = keep.on_reply(changed(record(1)));
  ASSERT_TRUE(asks<UpdateFile>(step)) << "at once";
  EXPECT_EQ(expect_operation<UpdateFile>(step).expected, record(1));
  EXPECT_EQ(keep.lease()->reliable_until(), release_until);
  const Mono asked = clock_.now();
  clock_.advance(seconds{1});
  (void)keep.on_reply(ok());
  EXPECT_EQ(keep.lease()->reliable_until(), asked + seconds{20});
}

TEST_F(KeepLeaseTest, ACommandWhoseRecordLostItsReplyIsRecorded) {
  KeepOptions with_command = options();
  with_command.child = kChild;
  Keep keep{with_command, clock_};
  (void)keep.start();
  const std::string written = with_child(record(1), kChild).value_or("");
  (void)next(keep, keep.on_reply(failed()));
  EXPECT_FALSE(keep.is_recorded());
  const Step step = keep.on_reply(changed(written));
  EXPECT_TRUE(keep.is_recorded());
  EXPECT_EQ(expect_operation<UpdateFile>(step).expected, written);
  EXPECT_TRUE(parse_record(expect_operation<UpdateFile>(step).content).holder.child);
}

TEST_F(KeepLeaseTest, GoesOnFromTheHeartbeatOfSomebodyWhoKnowsTheToken) {
  Keep keep{options(), clock_};
  (void)keep.start();
  expect_update(keep.on_reply(changed(record(7))), record(7), record(8));
  const Step step = keep.on_reply(ok());
  expect_update(next(keep, step), record(8), record(9));
}

TEST_F(KeepLeaseTest, ARefresherThatIsAlwaysFirstIsNotRacedWithoutEnd) {
  Keep keep{options(), clock_};
  Step step = keep.start();
  int races = 1;
  for (; asks<UpdateFile>(step) && races < 100; ++races) {
    step = keep.on_reply(changed(record(races)));
  }
  EXPECT_LT(races, 10);
  EXPECT_EQ(wait(step), seconds{1});
  EXPECT_TRUE(asks<UpdateFile>(next(keep, step)));
}

//   1 A writes its second beat, at 10, and B sees it.  2 At 20 A is shown an old state, or its
//   first beat lands late.  3 A writes its second beat once more, and believes in a lease from 20
//   on.  4 B looks at 41: the beat of 10, and the lease is over.
TEST_F(KeepLeaseTest, NoBeatIsWrittenTwice) {
  Keep keep{options(), clock_};
  Step step = keep.start();
  for (int beat = 1; beat <= 3; ++beat) step = next(keep, keep.on_reply(ok()));
  expect_update(step, record(3), record(4));
  expect_update(keep.on_reply(changed(record(2))), record(2), record(5));
  step = keep.on_reply(ok());
  expect_update(next(keep, step), record(5), record(6));
}

TEST_F(KeepLeaseTest, ADamagedRecordOfOursIsWrittenAnew) {
  std::string no_json = record();
  no_json[kMine.size() + 1] = 'x';
  std::string no_beat = record();
  no_beat.replace(no_beat.find("beat"), 4, "boat");
  std::string no_number = record();
  no_number.replace(no_number.rfind(kFirstHeartbeat), 3, "zzz");
  for (const std::string& damaged : {no_json, no_beat, no_number}) {
    Keep keep{options(), clock_};
    Step step = keep.start();
    step = next(keep, keep.on_reply(ok()));
    SCOPED_TRACE(damaged);
    expect_update(keep.on_reply(changed(damaged)), damaged, record(3));
    EXPECT_EQ(wait(keep.on_reply(ok())), kLease / 3);
  }
}

TEST_F(KeepLeaseTest, ACommandThatIsInTheRecordIsRecordedWhateverItsBeat) {
  for (const ProcessId& found : {kChild, ProcessId{kChild.pid, 100}, ProcessId{1, kChild.start}}) {
    const bool is_ours = found.pid == kChild.pid && found.start == kChild.start;
    KeepOptions with_command = options();
    with_command.child = kChild;
    Keep keep{with_command, clock_};
    (void)keep.start();
    const Step step = keep.on_reply(changed(with_child(record(7), found).value_or("")));
    EXPECT_EQ(keep.is_recorded(), is_ours);
    EXPECT_EQ(asks<UpdateFile>(step), is_ours);
  }
}

TEST_F(KeepLeaseTest, ASuccessLetsItBeRacedAgain) {
  Keep keep{options(), clock_};
  Step step = keep.start();
  for (int beat = 1; beat < 12; ++beat) {
    step = keep.on_reply(changed(record(beat)));
    ASSERT_TRUE(asks<UpdateFile>(step)) << beat;
    if (beat % 3 == 0) step = next(keep, keep.on_reply(ok()));
  }
}

//   1 A beats.  2 Whoever watches the file tells A that it has changed.  3 A beats ...
TEST_F(KeepLeaseTest, AHintIsALookAndNoBeat) {
  Keep keep{options(), clock_};
  (void)keep.start();
  (void)keep.on_reply(ok());
  const Mono release_until = keep.lease()->reliable_until();
  for (int hint = 1; hint < 10; ++hint) {
    clock_.advance(seconds{1});
    keep.look_soon();
    ASSERT_TRUE(asks<ReadFile>(keep.resume()));
    EXPECT_EQ(wait(keep.on_reply(ok(record(1)))), kLease / 3 - seconds{hint});
  }
  EXPECT_EQ(keep.lease()->reliable_until(), release_until) << "a look is no refresh";
  clock_.advance(seconds{1});
  keep.look_soon();
  EXPECT_TRUE(asks<UpdateFile>(keep.resume())) << "it is time";
}

TEST_F(KeepLeaseTest, AHintDoesNotHastenAnotherTry) {
  Keep keep{options(), clock_};
  (void)keep.start();
  (void)keep.on_reply(failed());
  keep.look_soon();  // a file that was opened for writing, though nothing was written
  ASSERT_TRUE(asks<ReadFile>(keep.resume()));
  EXPECT_EQ(wait(keep.on_reply(ok(record()))), seconds{1});
}

TEST_F(KeepLeaseTest, AHintMayBeALoss) {
  Keep keep{options(), clock_};
  (void)keep.start();
  (void)keep.on_reply(ok());
  keep.look_soon();
  (void)keep.resume();
  EXPECT_TRUE(finished(keep.on_reply(ok(format_record(kOther, {})))));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
}

TEST_F(KeepLeaseTest, AnotherTokenIsALossAtOnce) {
  for (const std::string& content : {kOther, format_record(kOther, {})}) {
    Keep keep{options(), clock_};
    (void)keep.start();
    EXPECT_TRUE(finished(keep.on_reply(changed(content))));
    EXPECT_EQ(keep.result().outcome, Outcome::lost);
    EXPECT_EQ(keep.result().seen.token, kOther);
  }
}

TEST_F(KeepLeaseTest, OneAbsenceIsNotALossAndTwoAre) {
  for (const bool is_lost : {false, true}) {
    Keep keep{options(), clock_};
    (void)keep.start();
    const Step step = keep.on_reply(absent());
    EXPECT_EQ(wait(step), seconds{1});
    EXPECT_TRUE(asks<UpdateFile>(next(keep, step)));
    if (!is_lost) {
      EXPECT_EQ(wait(keep.on_reply(ok())), kLease / 3);
      continue;
    }
    ASSERT_TRUE(asks<ProbeDirectory>(keep.on_reply(absent())));
    EXPECT_TRUE(finished(keep.on_reply(ok())));
    EXPECT_EQ(keep.result().outcome, Outcome::lost);
  }
}

TEST_F(KeepLeaseTest, WhatTheShareSaysTooLateIsNotHeard) {
  for (const auto& reply : {failed(), absent(), changed(record(1))}) {
    Keep keep{options(), clock_};
    (void)keep.start();
    clock_.advance(seconds{20});
    EXPECT_TRUE(finished(keep.on_reply(reply)));
    EXPECT_EQ(keep.result().outcome, Outcome::lease_over);
    EXPECT_EQ(keep.result().failure->reply.status, reply.status);
  }
}

TEST_F(KeepLeaseTest, TheLongestLeaseOverflowsNothing) {
  KeepOptions longest = options();
  longest.lease = lease_of(1e300);
  longest.kill_after = std::chrono::days{3000};
  Keep keep{longest, clock_};
  (void)keep.start();
  EXPECT_EQ(wait(keep.on_reply(ok())), seconds{30});
  EXPECT_GT(keep.lease()->stop_at(), clock_.now());
  EXPECT_GT(keep.lease()->kill_at(), keep.lease()->stop_at());
}

TEST_F(KeepLeaseTest, BeatsEarlierWhereThatLeavesNoRoomForAnother) {
  KeepOptions slow = options();
  slow.kill_after = seconds{15};
  slow.takes = seconds{2};
  Keep keep{slow, clock_};
  (void)keep.start();
  const Mono begun = clock_.now();
  Step step = keep.on_reply(ok());
  EXPECT_EQ(wait(step), lease_refresh(kLease, seconds{15}, seconds{2}));
  EXPECT_LT(wait(step), kLease / 3);
  for (const auto& reply : {failed(), ok()}) {
    ASSERT_TRUE(asks<UpdateFile>(next(keep, step)));
    clock_.advance(slow.takes);
    step = keep.on_reply(reply);
  }
  EXPECT_TRUE(waits(step)) << "one of two failed, and it is kept";
  EXPECT_GT(keep.lease()->stop_at(), begun + lease_stop(kLease, seconds{15}));
}

// And again at its time when that is over.
TEST_F(KeepLeaseTest, BeatsEarlierOnAShareThatHasBecomeSlow) {
  KeepOptions tight = options();
  tight.kill_after = seconds{15};
  Keep keep{tight, clock_};
  Step step = keep.start();
  for (const Duration takes : {seconds{0}, seconds{2}, seconds{0}}) {
    const Mono asked = clock_.now();
    clock_.advance(takes);
    step = keep.on_reply(ok());
    const Duration refresh = lease_refresh(kLease, seconds{15}, takes);
    EXPECT_EQ(clock_.now() + wait(step), asked + refresh);
    step = next(keep, step);
  }
}

TEST_F(KeepLeaseTest, BeatsEveryHalfMinuteUnderALongLease) {
  KeepOptions patient = options();
  patient.lease = std::chrono::hours{1};
  Keep keep{patient, clock_};
  (void)keep.start();
  EXPECT_EQ(wait(keep.on_reply(ok())), seconds{30});
}

}  // namespace
}  // namespace ufl::test
