// SPDX-License-Identifier: MIT

#include "protocol/refresh.hpp"

#include <cerrno>
#include <optional>
#include <string>

#include "protocol/guard.hpp"
#include "protocol/lease.hpp"
#include "unit/fake_observations.hpp"
#include "unit/release_fixture.hpp"

namespace ufl::test {
namespace {

using Outcome = RefreshResult::Outcome;

constexpr Duration kLease = seconds{30};
constexpr Duration kTakeover = seconds{3};

std::string record_of(std::optional<double> lease, std::optional<std::string> beat,
                      std::optional<bool> detached = true) {
  Holder holder = leased(lease, std::move(beat));
  holder.detached = detached;
  return format_record(kMine, holder);
}

std::string record(int beats = 0) { return record_of(30, "000000000" + std::to_string(beats)); }

class RefreshTest : public OurLockTest {
 protected:
  /// With a last refresh at that time; none: it is not known.
  Refresh make_since(std::optional<Mono> last, bool local = true,
                     Duration takeover_delay = kTakeover) {
    return {{options(local), last, takeover_delay}, clock_};
  }
  /// With a last refresh that is so old.
  Refresh make(std::optional<Duration> age, bool local = true) {
    return make_since(ago(age), local);
  }
  /// To the write, which is not answered yet.
  static Step to_write(Refresh& refresh, const std::string& content = record()) {
    const Step step = refresh.start();
    EXPECT_TRUE(asks<ReadFile>(step));
    return refresh.on_reply(ok(content));
  }
};

TEST_F(RefreshTest, ABeatInTimeIsEnough) {
  for (const bool local : {false, true}) {
    Refresh refresh = make(seconds{10}, local);
    clock_.advance(seconds{1});
    ASSERT_TRUE(asks<ReadFile>(refresh.start()));
    clock_.advance(seconds{1});
    const Mono asked = clock_.now();
    const Step step = refresh.on_reply(ok(record()));
    expect_update(step, record(), record(1));
    EXPECT_EQ(expect_operation<UpdateFile>(step).sync, !local);
    EXPECT_EQ(expect_operation<UpdateFile>(step).locked, local);
    clock_.advance(seconds{1});
    EXPECT_TRUE(finished(refresh.on_reply(ok())));
    EXPECT_EQ(refresh.result().outcome, Outcome::held);
    EXPECT_EQ(refresh.result().refreshed, asked) << "its start";
    EXPECT_FALSE(refresh.doubts());
  }
}

//   1 A's lease is over.  2 B looks: no beat.  3 A writes one.  4 B renames, verifies, runs.
TEST_F(RefreshTest, AnOldOrUnknownLastRefreshIsDoubted) {
  for (const auto& age : {std::optional<Duration>{}, std::optional<Duration>{seconds{20}}}) {
    Refresh refresh = make(age);
    (void)to_write(refresh);
    clock_.advance(seconds{2});
    const Step step = refresh.on_reply(ok());
    EXPECT_EQ(wait(step), kTakeover);
    EXPECT_TRUE(refresh.doubts());
    clock_.advance(kTakeover - Duration{1});
    EXPECT_EQ(wait(refresh.resume()), Duration{1}) << "too early";
    clock_.advance(Duration{1});
    ASSERT_TRUE(asks<ReadFile>(refresh.resume()));
    EXPECT_FALSE(refresh.doubts());
    const Mono asked = clock_.now() - kTakeover - seconds{2};
    EXPECT_TRUE(finished(refresh.on_reply(ok(record(1)))));
    EXPECT_EQ(refresh.result().outcome, Outcome::held);
    EXPECT_EQ(refresh.result().refreshed, asked);
  }
}

// Or no refresh could ever be settled: its beat would be too old each time.
TEST_F(RefreshTest, BeatsWhileALongDelayRuns) {
  Refresh refresh = make_since({}, false, kLease);
  (void)to_write(refresh);
  Step step = refresh.on_reply(ok());
  const Mono written = clock_.now();
  for (int beat = 1; beat <= 2; ++beat) {
    EXPECT_EQ(wait(step), kLease / 3);
    ASSERT_TRUE(asks<ReadFile>(next(refresh, step)));
    EXPECT_FALSE(finished(step));
    expect_update(refresh.on_reply(ok(record(beat))), record(beat), record(beat + 1));
    step = refresh.on_reply(ok());
  }
  ASSERT_TRUE(asks<ReadFile>(next(refresh, step)));
  EXPECT_EQ(clock_.now(), written + kLease) << "it does not begin anew";
  EXPECT_TRUE(finished(refresh.on_reply(ok(record(3)))));
  EXPECT_EQ(refresh.result().outcome, Outcome::held);
  EXPECT_EQ(refresh.result().refreshed, written + 2 * kLease / 3);
}

TEST_F(RefreshTest, TheAgeOfTheLastOneIsThatAtTheEndOfTheWrite) {
  for (const Duration write : {seconds{10} - Duration{1}, Duration{seconds{10}}}) {
    Refresh refresh = make(seconds{10});
    (void)to_write(refresh);
    clock_.advance(write);
    EXPECT_EQ(finished(refresh.on_reply(ok())), write < seconds{10});
  }
}

TEST_F(RefreshTest, ALastRefreshInTheFutureIsNotKnown) {
  for (const Mono last : {clock_.now() + seconds{1}, Mono::max()}) {
    Refresh refresh = make_since(last);
    (void)to_write(refresh);
    EXPECT_EQ(wait(refresh.on_reply(ok())), kTakeover);
  }
}

TEST_F(RefreshTest, ALockThatWasTakenOverMeanwhileIsLost) {
  Refresh refresh = make({});
  (void)to_write(refresh);
  (void)next(refresh, refresh.on_reply(ok()));
  EXPECT_TRUE(finished(refresh.on_reply(ok(format_record(kOther, {})))));
  EXPECT_EQ(refresh.result().outcome, Outcome::lost);
  EXPECT_EQ(refresh.result().seen.token, kOther);
}

TEST_F(RefreshTest, ALockThatIsNotOursIsLostWithoutAWrite) {
  Refresh refresh = make(seconds{10});
  (void)refresh.start();
  EXPECT_TRUE(finished(refresh.on_reply(ok(kOther))));
  EXPECT_EQ(refresh.result().outcome, Outcome::lost);
}

TEST_F(RefreshTest, LooksAsAReleaseDoes) {
  Refresh refresh = make(seconds{1});
  (void)refresh.start();
  Step step = refresh.on_reply(absent());
  ASSERT_TRUE(asks<ReadFile>(next(refresh, step)));
  ASSERT_TRUE(asks<ProbeDirectory>(refresh.on_reply(absent())));
  EXPECT_TRUE(finished(refresh.on_reply(ok())));
  EXPECT_EQ(refresh.result().outcome, Outcome::lost);

  Refresh unreadable = make(seconds{1});
  (void)unreadable.start();
  (void)next(unreadable, unreadable.on_reply(failed()));
  EXPECT_TRUE(finished(unreadable.on_reply(failed())));
  EXPECT_EQ(unreadable.result().outcome, Outcome::failed);
  EXPECT_EQ(unreadable.result().failure.reply.error, EIO);
  EXPECT_TRUE(std::holds_alternative<ReadFile>(unreadable.result().failure.operation));
}

TEST_F(RefreshTest, WithoutALeaseOfItsOwnThereIsNothingToRefresh) {
  for (const std::string& content :
       {record_of({}, "0000000000"), record_of(30, {}), record_of(0, "0000000000"),
        record_of(-1, "0000000000"), record_of(30, "soon"), record_of(30, "0000000000", {}),
        record_of(30, "0000000000", false), kMine, kMine + "\n"}) {
    Refresh refresh = make(seconds{1});
    EXPECT_TRUE(finished(to_write(refresh, content))) << content;
    EXPECT_EQ(refresh.result().outcome, Outcome::no_lease) << content;
  }
}

TEST_F(RefreshTest, SomebodyElseWhoRefreshesAtTheSameTimeIsNoFailure) {
  Refresh refresh = make(seconds{10});
  (void)to_write(refresh);
  ASSERT_TRUE(asks<ReadFile>(refresh.on_reply(changed(record(1)))));
  expect_update(refresh.on_reply(ok(record(1))), record(1), record(2));
  EXPECT_TRUE(finished(refresh.on_reply(ok())));
  EXPECT_EQ(refresh.result().outcome, Outcome::held);
}

TEST_F(RefreshTest, WhatHasChangedIsLookedAtAndMayBeLost) {
  for (const FileReply& reply : {changed(format_record(kOther, {})), absent()}) {
    Refresh refresh = make(seconds{10});
    (void)to_write(refresh);
    ASSERT_TRUE(asks<ReadFile>(refresh.on_reply(reply)));
    EXPECT_TRUE(finished(refresh.on_reply(ok(kOther))));
    EXPECT_EQ(refresh.result().outcome, Outcome::lost);
  }
}

TEST_F(RefreshTest, SomebodyWhoIsAlwaysFasterIsNotRacedWithoutEnd) {
  Refresh refresh = make(seconds{1});
  Step step = to_write(refresh);
  int writes = 0;
  for (; asks<UpdateFile>(step) && writes < 100; ++writes) {
    ASSERT_TRUE(asks<ReadFile>(refresh.on_reply(changed(record(1)))));
    step = refresh.on_reply(ok(record(writes % 5)));
  }
  EXPECT_EQ(writes, 5);
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(refresh.result().outcome, Outcome::failed);
  EXPECT_EQ(refresh.result().failure.reason, FailureReason::changed);
}

//   1 A doubts, and waits.  2 A is stopped for two thirds of its lease.  3 It is still ours, but B
//   may be where it was at the first beat.
TEST_F(RefreshTest, WhatTookTooLongIsDoubtedAgain) {
  Refresh refresh = make({});
  (void)to_write(refresh);
  Step step = next(refresh, refresh.on_reply(ok()));
  EXPECT_TRUE(asks<ReadFile>(step));
  clock_.advance(seconds{20} - kTakeover);
  const Mono asked = clock_.now();
  expect_update(refresh.on_reply(ok(record(1))), record(1), record(2));
  step = refresh.on_reply(ok());
  EXPECT_EQ(wait(step), kTakeover);
  (void)next(refresh, step);
  EXPECT_TRUE(finished(refresh.on_reply(ok(record(2)))));
  EXPECT_EQ(refresh.result().outcome, Outcome::held);
  EXPECT_EQ(refresh.result().refreshed, asked);
}

TEST_F(RefreshTest, OnlyABeatThatWasWrittenSinceIsReadBack) {
  Refresh refresh = make({});
  (void)to_write(refresh);
  (void)next(refresh, refresh.on_reply(ok()));
  clock_.advance(kLease);
  expect_update(refresh.on_reply(ok(record(1))), record(1), record(2));
  ASSERT_TRUE(asks<ReadFile>(refresh.on_reply(changed(record(2)))));
  expect_update(refresh.on_reply(ok(record(2))), record(2), record(3));
}

TEST_F(RefreshTest, WhatIsJustInTimeIsNotDoubtedAgain) {
  Refresh refresh = make({});
  (void)to_write(refresh);
  (void)next(refresh, refresh.on_reply(ok()));
  clock_.advance(seconds{20} - kTakeover - Duration{1});
  EXPECT_TRUE(finished(refresh.on_reply(ok(record(1)))));
  EXPECT_EQ(refresh.result().outcome, Outcome::held);
}

TEST_F(RefreshTest, WhatAlwaysTakesTooLongIsGivenUp) {
  Refresh refresh = make({});
  Step step = to_write(refresh);
  int writes = 0;
  for (; asks<UpdateFile>(step) && writes < 100; ++writes) {
    (void)next(refresh, refresh.on_reply(ok()));
    clock_.advance(kLease);
    step = refresh.on_reply(ok(record(writes % 5)));
  }
  EXPECT_EQ(writes, 5);
  EXPECT_EQ(refresh.result().outcome, Outcome::failed);
  EXPECT_EQ(refresh.result().failure.reason, FailureReason::too_late);
}

// Each begins in time, and ends too late.
TEST_F(RefreshTest, SoAreWritesThatAlwaysTakeTooLong) {
  Refresh refresh = make({});
  Step step = to_write(refresh);
  int writes = 0;
  for (; asks<UpdateFile>(step) && writes < 100; ++writes) {
    clock_.advance(2 * kLease / 5);
    step = refresh.on_reply(ok());
    while (waits(step) && !HasFailure()) step = next(refresh, step);
    if (asks<ReadFile>(step)) step = refresh.on_reply(ok(record(writes % 9)));
  }
  EXPECT_LE(writes, 10);
  EXPECT_EQ(refresh.result().outcome, Outcome::failed);
  EXPECT_EQ(refresh.result().failure.reason, FailureReason::too_late);
}

TEST_F(RefreshTest, AWriteThatFailsIsTold) {
  for (const auto& reply : {failed(), denied(), stale(), refused(FileStatus::not_regular, 0)}) {
    Refresh refresh = make(seconds{10});
    (void)to_write(refresh);
    EXPECT_TRUE(finished(refresh.on_reply(reply)));
    EXPECT_EQ(refresh.result().outcome, Outcome::failed);
    EXPECT_TRUE(std::holds_alternative<UpdateFile>(refresh.result().failure.operation));
    EXPECT_EQ(refresh.result().failure.reply.error, reply.error);
  }
}

TEST_F(RefreshTest, AShortLeaseCountsAsLongAsOthersCountIt) {
  for (const Duration age : {seconds{1}, seconds{2}}) {
    Refresh refresh = make(age);
    (void)to_write(refresh, record_of(0.1, "0000000000"));
    EXPECT_EQ(finished(refresh.on_reply(ok())), age < lease_reliable(seconds{2}));
  }
}

// 1 A's lease is over. B locks the file with flock(2), finds the old beat, and is stopped.  2 A
// writes a beat, waits, looks: "held".  3 B goes on, renames its record over A's, runs.
TEST_F(RefreshTest, WaitsForAProcessThatHasLockedTheFile) {
  Refresh refresh = make({});
  Step step = to_write(refresh);
  for (int i = 1; i < kMaxBusyLooks; ++i) {
    ASSERT_TRUE(asks<UpdateFile>(step)) << i;
    step = refresh.on_reply(flocked());
    EXPECT_FALSE(refresh.doubts());
    EXPECT_EQ(wait(step), kBusyRetry);
    ASSERT_TRUE(asks<ReadFile>(next(refresh, step)));
    step = refresh.on_reply(ok(record()));
  }
  EXPECT_TRUE(finished(refresh.on_reply(flocked())));
  EXPECT_EQ(refresh.result().outcome, Outcome::failed);
}

TEST_F(RefreshTest, CannotBeCancelledHalfWay) {
  Refresh refresh = make({});
  (void)to_write(refresh);
  (void)refresh.on_reply(ok());
  EXPECT_EQ(wait(refresh.cancel()), kTakeover);
}

}  // namespace
}  // namespace ufl::test
