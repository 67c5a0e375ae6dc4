// SPDX-License-Identifier: MIT
//
// Keep, when somebody empties the file or cuts it short.

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "protocol/guard.hpp"
#include "protocol/keep.hpp"
#include "protocol/record.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = KeepResult::Outcome;

const std::string kMine = "00000000-0000-4000-8000-000000000001";
const std::string kOther = "11111111-1111-4111-8111-111111111111";
const ProcessId kChild{4711, 99};

FileReply seen(std::string content, Keeper keeper) {
  FileReply reply = ok(std::move(content));
  reply.keeper = keeper;
  return reply;
}

class KeepRestoreTest : public ::testing::Test {
 protected:
  static std::string record(bool leased = false) {
    Holder holder;
    holder.host = "here";
    if (leased) {
      holder.lease = 30;
      holder.beat = kFirstBeat;
    }
    return format_record(kMine, holder);
  }
  static KeepOptions options() {
    KeepOptions options;
    options.path = "lock";
    options.token = kMine;
    options.record = record();
    options.look_interval = seconds{30};
    options.local = options.kept = true;
    return options;
  }
  KeepOptions leased() const {
    KeepOptions with = options();
    with.record = record(true);
    with.lease = seconds{30};
    with.begun = clock_.now();
    with.look_interval.reset();
    return with;
  }
  Duration wait(const Step& step) const {
    const auto* until = std::get_if<WaitUntil>(&step);
    EXPECT_NE(until, nullptr);
    return until != nullptr ? until->at - clock_.now() : Duration{-1};
  }
  Step next(Keep& keep, const Step& step) {
    clock_.advance(wait(step));
    return keep.resume();
  }
  /// To a look that somebody has asked for, which is not answered yet.
  static void to_look(Keep& keep) {
    (void)keep.start();
    keep.look_soon();
    const Step step = keep.resume();
    const auto* read = wants<ReadFile>(step);
    ASSERT_NE(read, nullptr);
    EXPECT_TRUE(read->asks_keeper);
  }
  /// And to the write-back.
  static void to_restore(Keep& keep) {
    to_look(keep);
    ASSERT_NE(wants<UpdateFile>(keep.on_reply(seen("", Keeper::us))), nullptr);
  }

  FakeClock clock_;
};

TEST_F(KeepRestoreTest, WritesTheRecordBackUnderFlock) {
  const std::string whole = record();
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, whole.size() - 1}) {
    Keep keep{options(), clock_};
    to_look(keep);
    const Step step = keep.on_reply(seen(whole.substr(0, length), Keeper::us));
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
  Step step = keep.on_reply(seen("", Keeper::us));
  const auto* restore = wants<UpdateFile>(step);
  ASSERT_NE(restore, nullptr);
  const std::string restored = restore->content;
  EXPECT_EQ(parse_record(restored).holder.beat, "0000000001");
  step = keep.on_reply(ok());
  const auto* beat = wants<UpdateFile>(step);
  ASSERT_NE(beat, nullptr);
  EXPECT_EQ(beat->expected, restored);
  EXPECT_EQ(parse_record(beat->content).holder.beat, "0000000002");
  EXPECT_FALSE(beat->restores);
}

TEST_F(KeepRestoreTest, ABeatFindsItEmptied) {
  Keep keep{leased(), clock_};
  (void)keep.start();
  Step step = next(keep, keep.on_reply(ok()));
  ASSERT_NE(wants<UpdateFile>(step), nullptr);
  step = keep.on_reply(refused(FileStatus::changed, 0));
  ASSERT_NE(wants<ReadFile>(step), nullptr);
  step = keep.on_reply(seen("", Keeper::us));
  ASSERT_NE(wants<UpdateFile>(step), nullptr);
  EXPECT_TRUE(wants<UpdateFile>(step)->restores);
}

TEST_F(KeepRestoreTest, BeforeTheCommandIsRecorded) {
  KeepOptions recording = options();
  recording.child = kChild;
  Keep keep{recording, clock_};
  (void)keep.start();
  ASSERT_NE(wants<ReadFile>(keep.on_reply(refused(FileStatus::changed, 0))), nullptr);
  ASSERT_NE(wants<UpdateFile>(keep.on_reply(seen("", Keeper::us))), nullptr);
  EXPECT_FALSE(keep.is_recorded());
  const Step step = keep.on_reply(ok());
  ASSERT_NE(wants<UpdateFile>(step), nullptr);
  EXPECT_EQ(wants<UpdateFile>(step)->content, with_child(record(), kChild));
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
    if (std::holds_alternative<WaitUntil>(step)) step = next(keep, step);
    ASSERT_NE(wants<UpdateFile>(step), nullptr);
    ASSERT_NE(wants<ReadFile>(keep.on_reply(refused(FileStatus::changed, 0))), nullptr);
    step = keep.on_reply(seen("", Keeper::nobody));
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
    ASSERT_NE(wants<ReadFile>(next(keep, step)), nullptr);
    ASSERT_NE(wants<UpdateFile>(keep.on_reply(seen("", Keeper::us))), nullptr);
    EXPECT_EQ(wait(keep.on_reply(ok())), seconds{30});
  }
}

TEST_F(KeepRestoreTest, IsLostToWhoeverHoldsItForLonger) {
  Keep keep{options(), clock_};
  to_restore(keep);
  Step step = keep.on_reply(refused(FileStatus::busy, EWOULDBLOCK));
  for (int tries = 1; tries < kMaxBusyLooksAtOnce; ++tries) {
    ASSERT_NE(wants<ReadFile>(next(keep, step)), nullptr);
    (void)keep.on_reply(seen("", Keeper::us));
    step = keep.on_reply(refused(FileStatus::busy, EWOULDBLOCK));
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
  EXPECT_TRUE(keep.result().not_restored);
  EXPECT_EQ(keep.result().failure->status, FileStatus::busy);
}

TEST_F(KeepRestoreTest, IsLostAtOnceWhenItCannotBeWritten) {
  for (const FileStatus status : {FileStatus::failed, FileStatus::denied}) {
    Keep keep{options(), clock_};
    to_restore(keep);
    EXPECT_TRUE(finished(keep.on_reply(refused(status, ENOSPC))));
    EXPECT_EQ(keep.result().outcome, Outcome::lost);
    EXPECT_TRUE(keep.result().not_restored);
    EXPECT_EQ(keep.result().failure->error, ENOSPC);
  }
}

TEST_F(KeepRestoreTest, IsLostToATakerWhoWasFaster) {
  Keep keep{options(), clock_};
  to_restore(keep);
  (void)next(keep, keep.on_reply(refused(FileStatus::changed, 0)));
  Step step = keep.on_reply(ok(format_record(kOther, {})));
  if (wants<ReadFile>(step) != nullptr) step = keep.on_reply(ok(format_record(kOther, {})));
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
  EXPECT_EQ(keep.result().seen.token, kOther);
  EXPECT_FALSE(keep.result().not_restored);
}

TEST_F(KeepRestoreTest, AnotherEmptyFileInItsPlaceIsLikeNone) {
  Keep keep{options(), clock_};
  to_look(keep);
  Step step = next(keep, keep.on_reply(seen("", Keeper::nobody)));
  ASSERT_NE(wants<ReadFile>(step), nullptr);
  ASSERT_NE(wants<ProbeDirectory>(keep.on_reply(seen("", Keeper::nobody))), nullptr);
  EXPECT_TRUE(finished(keep.on_reply(ok())));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
}

TEST_F(KeepRestoreTest, WhatIsNotKeptIsLeftAsItIs) {
  KeepOptions not_kept = options();
  not_kept.kept = false;
  for (const Keeper keeper : {Keeper::unknown, Keeper::nobody, Keeper::somebody}) {
    Keep keep{not_kept, clock_};
    to_look(keep);
    EXPECT_EQ(wait(keep.on_reply(seen("", keeper))), seconds{30});
  }
}

TEST_F(KeepRestoreTest, OtherContentIsLeftAlone) {
  for (const std::string& content :
       {std::string{"4711\n"}, std::string(10, '\0'), record() + "x"}) {
    Keep keep{options(), clock_};
    to_look(keep);
    EXPECT_EQ(wait(keep.on_reply(seen(content, Keeper::us))), seconds{30}) << content;
  }
}

}  // namespace
}  // namespace ufl::test
