// SPDX-License-Identifier: MIT
//
// Keep, when somebody empties the file or cuts it short.

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>

#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "unit/keep_fixture.hpp"

namespace ufl::test {
namespace {

class KeepRestoreTest : public KeepFixture {
 protected:
  static std::string record() { return plain_record(); }
  static KeepOptions options() {
    KeepOptions options = plain();
    options.local = options.kept = true;
    return options;
  }
  [[nodiscard]] KeepOptions leased() const {
    KeepOptions leased = leased_from_now();
    leased.local = leased.kept = true;
    return leased;
  }
  /// To a look that somebody has asked for, which is not answered yet.
  static void to_look(Keep& keep) {
    (void)keep.start();
    keep.look_soon();
    const Step step = keep.resume();
    const auto read = expect_operation<ReadFile>(step);
    EXPECT_TRUE(read.asks_keeper);
  }
  /// And to the write-back.
  static void to_restore(Keep& keep) {
    to_look(keep);
    ASSERT_TRUE(asks<UpdateFile>(keep.on_reply(kept_by(Keeper::us))));
  }
};

TEST_F(KeepRestoreTest, WritesTheRecordBackUnderFlock) {
  const std::string whole = record();
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, whole.size() - 1}) {
    Keep keep{options(), clock_};
    to_look(keep);
    const Step step = keep.on_reply(kept_by(Keeper::us, whole.substr(0, length)));
    const auto* update = wants<UpdateFile>(step);
    ASSERT_NE(update, nullptr) << length;
    EXPECT_EQ(update->path, "lock");
    EXPECT_EQ(update->expected, whole.substr(0, length));
    EXPECT_EQ(update->content, whole);
    EXPECT_TRUE(update->locked);
    EXPECT_TRUE(update->restores);
    EXPECT_EQ(keep.restored(), 0);
    EXPECT_EQ(wait(keep.on_reply(ok())), seconds{30});
    EXPECT_EQ(keep.restored(), 1);
    EXPECT_FALSE(finished(keep.resume()));
  }
}

TEST_F(KeepRestoreTest, WithALeaseABeatFollows) {
  Keep keep{leased(), clock_};
  (void)keep.start();
  ASSERT_GT(wait(keep.on_reply(ok())), Duration::zero());  // the first beat
  keep.look_soon();
  (void)keep.resume();
  Step step = keep.on_reply(kept_by(Keeper::us));
  const auto restore = expect_operation<UpdateFile>(step);
  const std::string restored = restore.content;
  EXPECT_EQ(parse_record(restored).holder.heartbeat, "0000000001");
  step = keep.on_reply(ok());
  const auto beat = expect_operation<UpdateFile>(step);
  EXPECT_EQ(beat.expected, restored);
  EXPECT_EQ(parse_record(beat.content).holder.heartbeat, "0000000002");
  EXPECT_FALSE(beat.restores);
}

TEST_F(KeepRestoreTest, ABeatFindsItEmptied) {
  Keep keep{leased(), clock_};
  (void)keep.start();
  Step step = next(keep, keep.on_reply(ok()));
  ASSERT_TRUE(asks<UpdateFile>(step));
  step = keep.on_reply(changed());
  ASSERT_TRUE(asks<ReadFile>(step));
  step = keep.on_reply(kept_by(Keeper::us));
  EXPECT_TRUE(expect_operation<UpdateFile>(step).restores);
}

TEST_F(KeepRestoreTest, BeforeTheCommandIsRecorded) {
  KeepOptions recording = options();
  recording.child = kChild;
  Keep keep{recording, clock_};
  (void)keep.start();
  ASSERT_TRUE(asks<ReadFile>(keep.on_reply(changed())));
  ASSERT_TRUE(asks<UpdateFile>(keep.on_reply(kept_by(Keeper::us))));
  EXPECT_FALSE(keep.is_recorded());
  const Step step = keep.on_reply(ok());
  EXPECT_EQ(expect_operation<UpdateFile>(step).content, with_child(record(), kChild));
  (void)keep.on_reply(ok());
  EXPECT_TRUE(keep.is_recorded());
}

TEST_F(KeepRestoreTest, WhatCannotBeWrittenBeforeTheCommandIsRecordedIsTriedAgain) {
  KeepOptions recording = options();
  recording.child = kChild;
  recording.kept = false;
  Keep keep{recording, clock_};
  Step step = keep.start();
  for (int tries = 1; !finished(step) && tries < 100; ++tries) {
    if (waits(step)) step = next(keep, step);
    ASSERT_TRUE(asks<UpdateFile>(step));
    ASSERT_TRUE(asks<ReadFile>(keep.on_reply(changed())));
    step = keep.on_reply(kept_by(Keeper::nobody));
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(keep.result().outcome, Outcome::not_recorded);
}

TEST_F(KeepRestoreTest, TriesAgainAsLongAsATakerMayHoldIt) {
  for (const FileStatus status : {FileStatus::busy, FileStatus::changed}) {
    Keep keep{options(), clock_};
    to_restore(keep);
    const Step step = keep.on_reply(refused(status, 0));
    EXPECT_EQ(wait(step), kBusyRetry);
    ASSERT_TRUE(asks<ReadFile>(next(keep, step)));
    ASSERT_TRUE(asks<UpdateFile>(keep.on_reply(kept_by(Keeper::us))));
    EXPECT_EQ(wait(keep.on_reply(ok())), seconds{30});
  }
}

//   1 The write-back opens the file for writing, is refused, and closes it.  2 The kernel tells of
//   that: inotify(7), IN_CLOSE_WRITE.
TEST_F(KeepRestoreTest, ARefusedWriteBackIsNoCauseToLookSooner) {
  Keep keep{options(), clock_};
  to_restore(keep);
  keep.look_soon();
  EXPECT_EQ(wait(keep.on_reply(flocked())), kBusyRetry);
  keep.look_soon();
  EXPECT_EQ(wait(keep.resume()), kBusyRetry);
}

//   1 A program empties the file, before the first write.  2 It writes its own into it.
TEST_F(KeepRestoreTest, AnotherContentBeforeTheCommandIsRecordedIsFoundOutSoon) {
  KeepOptions recording = options();
  recording.child = kChild;
  Keep keep{recording, clock_};
  (void)keep.start();
  ASSERT_TRUE(asks<ReadFile>(keep.on_reply(changed())));
  Step step = keep.on_reply(ok("4711\n"));
  for (int tries = 0; !finished(step) && tries < 100; ++tries) {
    EXPECT_LE(wait(step), seconds{1});
    ASSERT_TRUE(asks<UpdateFile>(next(keep, step)));
    step = keep.on_reply(changed("4711\n"));
  }
  EXPECT_EQ(keep.result().outcome, Outcome::not_recorded);
}

TEST_F(KeepRestoreTest, IsLostToAProcessThatHoldsItForLonger) {
  Keep keep{options(), clock_};
  to_restore(keep);
  Step step = keep.on_reply(flocked());
  for (int tries = 1; tries < kMaxBusyLooksAtOnce; ++tries) {
    ASSERT_TRUE(asks<ReadFile>(next(keep, step)));
    (void)keep.on_reply(kept_by(Keeper::us));
    step = keep.on_reply(flocked());
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
  EXPECT_TRUE(keep.result().not_restored);
  EXPECT_EQ(keep.result().failure->reply.status, FileStatus::busy);
}

TEST_F(KeepRestoreTest, IsLostAtOnceWhenItCannotBeWritten) {
  for (const FileStatus status : {FileStatus::failed, FileStatus::denied}) {
    Keep keep{options(), clock_};
    to_restore(keep);
    EXPECT_TRUE(finished(keep.on_reply(refused(status, ENOSPC))));
    EXPECT_EQ(keep.result().outcome, Outcome::lost);
    EXPECT_TRUE(keep.result().not_restored);
    EXPECT_EQ(keep.result().failure->reply.error, ENOSPC);
  }
}

TEST_F(KeepRestoreTest, IsLostToATakerWhoWasFaster) {
  Keep keep{options(), clock_};
  to_restore(keep);
  (void)next(keep, keep.on_reply(changed()));
  Step step = keep.on_reply(ok(format_record(kOther, {})));
  if (asks<ReadFile>(step)) step = keep.on_reply(ok(format_record(kOther, {})));
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
  EXPECT_EQ(keep.result().seen.token, kOther);
  EXPECT_FALSE(keep.result().not_restored);
}

TEST_F(KeepRestoreTest, AnotherEmptyFileInItsPlaceIsLikeNone) {
  Keep keep{options(), clock_};
  to_look(keep);
  Step step = next(keep, keep.on_reply(kept_by(Keeper::nobody)));
  ASSERT_TRUE(asks<ReadFile>(step));
  ASSERT_TRUE(asks<ProbeDirectory>(keep.on_reply(kept_by(Keeper::nobody))));
  EXPECT_TRUE(finished(keep.on_reply(ok())));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
}

TEST_F(KeepRestoreTest, WhatIsNotKeptIsLeftAsItIs) {
  KeepOptions not_kept = options();
  not_kept.kept = false;
  for (const Keeper keeper : {Keeper::unknown, Keeper::nobody, Keeper::somebody}) {
    Keep keep{not_kept, clock_};
    to_look(keep);
    EXPECT_EQ(wait(keep.on_reply(kept_by(keeper))), seconds{30});
  }
}

TEST_F(KeepRestoreTest, OtherContentIsLeftAlone) {
  for (const std::string& content :
       {std::string{"4711\n"}, std::string(10, '\0'), record() + "x"}) {
    Keep keep{options(), clock_};
    to_look(keep);
    EXPECT_EQ(wait(keep.on_reply(kept_by(Keeper::us, content))), seconds{30}) << content;
  }
}

}  // namespace
}  // namespace ufl::test
