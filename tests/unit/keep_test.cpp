// SPDX-License-Identifier: MIT
//
// Keep without a lease; keep_lease_test.cpp has the rest.

#include "protocol/keep.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "unit/keep_fixture.hpp"

namespace ufl::test {
namespace {

constexpr Duration kInterval = seconds{30};

class KeepTest : public KeepFixture {
 protected:
  static std::string record() { return plain_record(); }
  static std::string recorded() { return with_child(record(), kChild).value_or(""); }
  static KeepOptions watching() { return plain(kInterval); }
  static KeepOptions recording() {
    KeepOptions options = watching();
    options.child = kChild;
    return options;
  }

  /// To the first look, which is not answered yet.
  void to_look(Keep& keep) {
    const Step step = next(keep, keep.start());
    const auto read = expect_operation<ReadFile>(step);
    EXPECT_EQ(read.path, "lock");
    EXPECT_EQ(read.limit, kRecordLimit);
  }
  /// To the second absence, at least a second after the first: the directory is asked.
  void to_directory(Keep& keep) {
    to_look(keep);
    ASSERT_TRUE(asks<ReadFile>(next(keep, keep.on_reply(absent()))));
    const Step step = keep.on_reply(absent());
    EXPECT_EQ(expect_operation<ProbeDirectory>(step).path, "lock");
  }
};

TEST_F(KeepTest, RecordsTheCommandBeforeItStarts) {
  for (const bool local : {false, true}) {
    KeepOptions options = recording();
    options.local = local;
    Keep keep{options, clock_};
    const Step step = keep.start();
    const auto update = expect_operation<UpdateFile>(step);
    EXPECT_EQ(update.path, "lock");
    EXPECT_EQ(update.expected, record());
    EXPECT_EQ(update.content, recorded());
    EXPECT_EQ(update.sync, !local);
    EXPECT_FALSE(keep.is_recorded());
    EXPECT_EQ(wait(keep.on_reply(ok())), kInterval);
    EXPECT_TRUE(keep.is_recorded());
  }
}

TEST_F(KeepTest, WritesNothingWithoutACommand) {
  Keep keep{watching(), clock_};
  EXPECT_EQ(wait(keep.start()), kInterval);
  EXPECT_TRUE(keep.is_recorded());
}

TEST_F(KeepTest, LooksAtAnInterval) {
  Keep keep{watching(), clock_};
  to_look(keep);
  clock_.advance(seconds{2});  // the look takes its time
  const Step step = keep.on_reply(ok(record()));
  EXPECT_EQ(wait(step), kInterval);
  clock_.advance(kInterval - Duration{1});
  EXPECT_EQ(wait(keep.resume()), Duration{1}) << "too early";
  clock_.advance(Duration{1});
  EXPECT_TRUE(asks<ReadFile>(keep.resume()));
}

TEST_F(KeepTest, WithoutAnIntervalItLooksWhenItIsToldTo) {
  KeepOptions options = recording();
  options.look_interval.reset();
  Keep keep{options, clock_};
  (void)keep.start();
  for (int look = 0; look < 3; ++look) {
    const Step step = keep.on_reply(ok(record()));
    ASSERT_TRUE(waits(step));
    EXPECT_EQ(std::get<WaitUntil>(step).at, Mono::max());
    clock_.advance(std::chrono::days{30});
    EXPECT_TRUE(waits(keep.resume()));
    keep.look_soon();
    ASSERT_TRUE(asks<ReadFile>(keep.resume()));
  }
}

//   1 A's look finds its own record.  2 B's takes its place, and A is told.  3 A hears of 1.
TEST_F(KeepTest, AHintDuringAnOperationIsNotForgotten) {
  for (const bool is_update : {false, true}) {
    Keep keep{is_update ? recording() : watching(), clock_};
    is_update ? (void)keep.start() : to_look(keep);
    keep.look_soon();
    const Step step = keep.on_reply(ok(record()));
    EXPECT_EQ(wait(step), Duration::zero());
    ASSERT_TRUE(asks<ReadFile>(keep.resume()));
    EXPECT_EQ(wait(keep.on_reply(ok(record()))), kInterval) << "once";
  }
}

TEST_F(KeepTest, AHintDoesNotHastenTheRecord) {
  Keep keep{recording(), clock_};
  (void)keep.start();
  keep.look_soon();
  EXPECT_EQ(wait(keep.on_reply(failed())), seconds{1});
  keep.look_soon();
  EXPECT_EQ(wait(keep.resume()), seconds{1});
}

TEST_F(KeepTest, AnotherTokenIsALossAtOnce) {
  for (const std::string& content : {kOther, format_record(kOther, {})}) {
    Keep keep{watching(), clock_};
    to_look(keep);
    EXPECT_TRUE(finished(keep.on_reply(ok(content))));
    EXPECT_EQ(keep.result().outcome, Outcome::lost);
    EXPECT_EQ(keep.result().seen.token, kOther);
  }
}

TEST_F(KeepTest, WhatIsTornOrDamagedIsNotGivenToAnybody) {
  const std::string mine = record();
  for (const std::string& content :
       {std::string{}, std::string{"x"}, kOther.substr(0, 30), mine.substr(0, 20),
        mine.substr(0, mine.size() - 5), kMine, std::string(kRecordLimit, 'x')}) {
    Keep keep{watching(), clock_};
    to_look(keep);
    Step step = keep.on_reply(ok(content));
    for (int look = 0; look < 10; ++look) {
      ASSERT_TRUE(asks<ReadFile>(next(keep, step))) << content;
      step = keep.on_reply(ok(content));
    }
    EXPECT_TRUE(waits(step)) << content;
  }
}

TEST_F(KeepTest, OneAbsenceIsNotALoss) {
  Keep keep{watching(), clock_};
  to_look(keep);
  for (int flicker = 0; flicker < 3; ++flicker) {
    Step step = keep.on_reply(absent());
    EXPECT_EQ(wait(step), seconds{1});
    ASSERT_TRUE(asks<ReadFile>(next(keep, step)));
    step = keep.on_reply(ok(record()));
    EXPECT_EQ(wait(step), kInterval);
    (void)next(keep, step);
  }
}

TEST_F(KeepTest, TwoAbsencesASecondApartAreALoss) {
  Keep keep{watching(), clock_};
  to_directory(keep);
  EXPECT_TRUE(finished(keep.on_reply(ok())));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
  EXPECT_EQ(keep.result().seen.kind, Sighting::Kind::none);
}

//   1 The first absence is answered at 10.  2 A look asked for at 10.5 shows nothing, at 12.
TEST_F(KeepTest, TheSecondIsCountedFromTheAnswerOfTheFirstToItsQuestion) {
  Keep keep{watching(), clock_};
  to_look(keep);
  clock_.advance(seconds{5});
  (void)keep.on_reply(absent());
  clock_.advance(seconds{1} - Duration{1});
  keep.look_soon();
  ASSERT_TRUE(asks<ReadFile>(keep.resume()));
  clock_.advance(seconds{5});
  const Step step = keep.on_reply(absent());
  EXPECT_FALSE(asks<ProbeDirectory>(step)) << "asked for within a second";
  clock_.set(std::max(clock_.now(), std::get<WaitUntil>(step).at));
  ASSERT_TRUE(asks<ReadFile>(keep.resume()));
  EXPECT_TRUE(asks<ProbeDirectory>(keep.on_reply(absent())));
}

TEST_F(KeepTest, AnAbsenceInADirectoryThatIsNotWellIsNotALoss) {
  for (const auto& reply : {absent(), stale(), failed(), denied()}) {
    Keep keep{watching(), clock_};
    to_directory(keep);
    const Step step = keep.on_reply(reply);
    EXPECT_EQ(wait(step), seconds{1});
    ASSERT_TRUE(asks<ReadFile>(next(keep, step)));
    EXPECT_EQ(wait(keep.on_reply(ok(record()))), kInterval) << "mounted again";
  }
}

TEST_F(KeepTest, AnAbsenceOnAnotherDeviceIsNotALoss) {
  for (const std::uint64_t taken_on : {std::uint64_t{0}, std::uint64_t{7}}) {
    for (const std::uint64_t seen_on : {std::uint64_t{7}, std::uint64_t{8}}) {
      KeepOptions options = watching();
      options.place.directory = taken_on;
      Keep keep{options, clock_};
      to_directory(keep);
      FileReply directory = ok();
      directory.directory_device = seen_on;
      const bool is_lost = finished(keep.on_reply(directory));
      EXPECT_EQ(is_lost, taken_on == 0 || taken_on == seen_on) << taken_on << " " << seen_on;
    }
  }
}

TEST_F(KeepTest, WhatCannotBeReadIsNotALossHoweverOften) {
  for (const auto& reply : {failed(), stale(), denied(), refused(FileStatus::bad_path, ENOTDIR),
                            exhausted(), refused(FileStatus::not_regular, 0)}) {
    Keep keep{watching(), clock_};
    to_look(keep);
    for (int look = 0; look < 1000; ++look) {
      const Step step = keep.on_reply(reply);
      ASSERT_EQ(wait(step), seconds{1});
      ASSERT_TRUE(asks<ReadFile>(next(keep, step)));
    }
    EXPECT_EQ(wait(keep.on_reply(ok(record()))), kInterval);
  }
}

TEST_F(KeepTest, WithoutALeaseNothingIsEverOver) {
  Keep keep{recording(), clock_};
  EXPECT_FALSE(keep.lease());
  (void)keep.start();
  clock_.advance(std::chrono::days{100});
  const Step step = keep.on_reply(ok());
  clock_.advance(std::chrono::days{100});
  EXPECT_TRUE(asks<ReadFile>(keep.resume()));
  EXPECT_TRUE(waits(step));
}

TEST_F(KeepTest, EndsWhenTheCommandHasEnded) {
  Keep keep{watching(), clock_};
  (void)keep.start();
  EXPECT_TRUE(finished(keep.cancel()));
  EXPECT_EQ(keep.result().outcome, Outcome::ended);
}

//   1 The write lands, and its reply is lost.  2 The next one finds what the first has left.
TEST_F(KeepTest, ALostReplyIsFoundOut) {
  Keep keep{recording(), clock_};
  (void)keep.start();
  Step step = keep.on_reply(failed());
  EXPECT_FALSE(keep.is_recorded());
  EXPECT_EQ(wait(step), seconds{1});
  step = next(keep, step);
  const std::string written = expect_operation<UpdateFile>(step).content;
  EXPECT_EQ(wait(keep.on_reply(changed(written))), kInterval);
  EXPECT_TRUE(keep.is_recorded());
}

TEST_F(KeepTest, ARecordThatCannotBeWrittenIsTriedAFewTimes) {
  for (const bool torn : {false, true}) {
    FileReply reply = refused(torn ? FileStatus::changed : FileStatus::failed, torn ? 0 : EIO);
    if (torn) reply.content = record().substr(0, 20);
    Keep keep{recording(), clock_};
    Step step = keep.start();
    int tries = 0;
    for (; asks<UpdateFile>(step) && tries < 100; ++tries) {
      EXPECT_EQ(expect_operation<UpdateFile>(step).expected, record());
      EXPECT_EQ(expect_operation<UpdateFile>(step).content, recorded());
      step = keep.on_reply(reply);
      if (!finished(step)) step = next(keep, step);
    }
    EXPECT_EQ(tries, 5);
    EXPECT_TRUE(finished(step));
    EXPECT_EQ(keep.result().outcome, Outcome::not_recorded);
    EXPECT_EQ(keep.result().failure->reply.error, reply.error);
    EXPECT_FALSE(keep.is_recorded());
  }
}

TEST_F(KeepTest, ADamagedRecordOfOursIsWrittenAnew) {
  Keep keep{recording(), clock_};
  (void)keep.start();
  std::string damaged = recorded();
  damaged[kMine.size() + 1] = 'x';
  expect_update(keep.on_reply(changed(damaged)), damaged, recorded());
  EXPECT_EQ(wait(keep.on_reply(ok())), kInterval);
}

TEST_F(KeepTest, ARecordThatMustNotBeWrittenIsNotTriedAgain) {
  Keep keep{recording(), clock_};
  (void)keep.start();
  EXPECT_TRUE(finished(keep.on_reply(denied())));
  EXPECT_EQ(keep.result().outcome, Outcome::not_recorded);
  EXPECT_EQ(keep.result().failure->reply.error, EACCES);
}

TEST_F(KeepTest, ARecordWithoutRoomForTheCommandIsNotWritten) {
  KeepOptions options = recording();
  options.record = kMine + "\n{}\n";
  Keep keep{options, clock_};
  EXPECT_TRUE(finished(keep.start()));
  EXPECT_EQ(keep.result().outcome, Outcome::not_recorded);
  EXPECT_EQ(keep.result().failure->reason, FailureReason::no_room);
}

TEST_F(KeepTest, TheLockMayBeLostBeforeTheCommandIsRecorded) {
  Keep replaced{recording(), clock_};
  (void)replaced.start();
  EXPECT_TRUE(finished(replaced.on_reply(changed(format_record(kOther, {})))));
  EXPECT_EQ(replaced.result().outcome, Outcome::lost);
  EXPECT_EQ(replaced.result().seen.token, kOther);

  Keep removed{recording(), clock_};
  (void)removed.start();
  ASSERT_TRUE(asks<UpdateFile>(next(removed, removed.on_reply(absent()))));
  ASSERT_TRUE(asks<ProbeDirectory>(removed.on_reply(absent())));
  EXPECT_TRUE(finished(removed.on_reply(ok())));
  EXPECT_EQ(removed.result().outcome, Outcome::lost);
}

}  // namespace
}  // namespace ufl::test
