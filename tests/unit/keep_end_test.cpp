// SPDX-License-Identifier: MIT
//
// What ends Keep and what does not: the same with and without a lease.

#include <string>

#include "unit/keep_fixture.hpp"

namespace ufl::test {
namespace {

// As on an overlay over two devices.
constexpr std::uint64_t kDevice = 7;
constexpr std::uint64_t kDirectoryDevice = 17;

/// With a lease or without.
class KeepEndTest : public KeepFixture, public ::testing::WithParamInterface<bool> {
 protected:
  static std::string record() { return leased_record(); }
  Keep make(Duration lease = kKeptLease, std::uint64_t device = kDevice) {
    KeepOptions options = leased_from_now();
    options.lease = GetParam() ? std::optional{lease} : std::nullopt;
    options.look_interval = seconds{10};
    options.place = {device, kDirectoryDevice};
    return {options, clock_};
  }
  /// To the first operation, which is not answered yet.
  void begin(Keep& keep) {
    Step step = keep.start();
    if (!GetParam()) step = next(keep, step);
    expect_look_or_beat(step);
  }
  /// A look or, with a lease, a beat.
  static void expect_look_or_beat(const Step& step) {
    EXPECT_TRUE(GetParam() ? asks<UpdateFile>(step) : asks<ReadFile>(step));
  }
  /// The answer to it: this stands there.
  static FileReply shows(const std::string& content, std::uint64_t device = kDevice) {
    FileReply reply = on_device(device, content);
    if (GetParam()) reply.status = FileStatus::changed;
    return reply;
  }
  /// Our record stands there.
  static FileReply well() { return ok(GetParam() ? "" : record()); }
};

INSTANTIATE_TEST_SUITE_P(Lease, KeepEndTest, ::testing::Bool());

//   1 The share is not mounted; somebody takes a lock of that name on the disk below.  2 It is
//   mounted, and A holds its lock.  3 It is unmounted.
TEST_P(KeepEndTest, AnotherTokenOnAnotherDeviceIsNotALoss) {
  for (const std::uint64_t device : {std::uint64_t{0}, kDevice, kDevice + 1}) {
    Keep keep = make();
    begin(keep);
    const Step step = keep.on_reply(shows(format_record(kOther, {}), device));
    EXPECT_EQ(finished(step), device != kDevice + 1) << device;
    if (finished(step)) continue;
    EXPECT_EQ(wait(step), seconds{1});
    ASSERT_TRUE(keep.result().failure);
    EXPECT_EQ(keep.result().failure->reason, FailureReason::elsewhere);
    expect_look_or_beat(next(keep, step));
    EXPECT_TRUE(waits(keep.on_reply(well()))) << "mounted again";
  }
}

TEST_P(KeepEndTest, WhereItsDeviceIsNotKnownAnotherTokenIsALoss) {
  Keep keep = make(kKeptLease, 0);
  begin(keep);
  EXPECT_TRUE(finished(keep.on_reply(shows(kOther))));
}

TEST_P(KeepEndTest, AnAbsenceAfterSomethingWasSeenIsAFirstOne) {
  for (const std::string& content : {std::string{}, kOther.substr(0, 20), record()}) {
    Keep keep = make();
    begin(keep);
    expect_look_or_beat(next(keep, keep.on_reply(absent())));
    Step step = keep.on_reply(shows(content));
    if (waits(step)) step = next(keep, step);
    expect_look_or_beat(step);
    step = keep.on_reply(absent());
    EXPECT_EQ(wait(step), seconds{1}) << content;
  }
}

TEST_P(KeepEndTest, AnAbsenceAfterAHintThatAllIsWellIsAFirstOne) {
  Keep keep = make();
  begin(keep);
  const Step step = keep.on_reply(absent());
  keep.look_soon();
  ASSERT_TRUE(asks<ReadFile>(keep.resume()));
  expect_look_or_beat(next(keep, keep.on_reply(ok(record()))));
  EXPECT_EQ(wait(keep.on_reply(absent())), seconds{1});
  EXPECT_TRUE(waits(step));
}

//   1 The share is unmounted: absent, in a directory of another device.  2 It is mounted again.
//   3 One flicker.
TEST_P(KeepEndTest, AnAbsenceInADirectoryThatIsNotWellDoesNotCount) {
  for (const auto& reply : {directory_on(kDevice), absent(), failed()}) {
    Keep keep = make();
    begin(keep);
    expect_look_or_beat(next(keep, keep.on_reply(absent())));
    ASSERT_TRUE(asks<ProbeDirectory>(keep.on_reply(absent())));
    Step step = keep.on_reply(reply);
    ASSERT_TRUE(keep.result().failure);
    const bool opens = reply.status == FileStatus::ok;
    EXPECT_EQ(keep.result().failure->reason,
              opens ? FailureReason::elsewhere : FailureReason::answer);
    EXPECT_EQ(keep.result().failure->reply.status, reply.status);
    expect_look_or_beat(next(keep, step));
    step = keep.on_reply(absent());
    expect_look_or_beat(next(keep, step));
    EXPECT_TRUE(asks<ProbeDirectory>(keep.on_reply(absent())));
  }
}

TEST_P(KeepEndTest, SaysNoFailureThatIsOver) {
  Keep keep = make();
  EXPECT_FALSE(keep.result().failure);
  begin(keep);
  const Step step = keep.on_reply(failed());
  ASSERT_TRUE(keep.result().failure);
  EXPECT_EQ(keep.result().failure->reply.error, EIO);
  (void)next(keep, step);
  (void)keep.on_reply(well());
  EXPECT_FALSE(keep.result().failure);
}

TEST_P(KeepEndTest, ItsOutcomeStaysWhatItIs) {
  Keep keep = make();
  begin(keep);
  (void)keep.on_reply(shows(kOther));
  EXPECT_TRUE(finished(keep.cancel()));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
}

TEST_P(KeepEndTest, NoWaitIsLongerThanTheCommandMayRun) {
  Keep keep = make();
  const Mono begun = clock_.now();
  begin(keep);
  (void)next(keep, keep.on_reply(failed()));
  clock_.set(begun + seconds{20} - milliseconds{100});
  for (const auto& reply : {failed(), absent()}) {
    const Step step = keep.on_reply(reply);
    EXPECT_EQ(wait(step), GetParam() ? Duration{milliseconds{100}} : Duration{seconds{1}});
    if (GetParam() && reply.status == FileStatus::not_found) {
      EXPECT_TRUE(finished(next(keep, step)));
      EXPECT_EQ(keep.result().outcome, Outcome::lease_over);
      break;
    }
    keep.look_soon();
    (void)keep.resume();
  }
}

TEST_P(KeepEndTest, AFlickerDoesNotUseUpAShortLease) {
  Keep keep = make(seconds{2});
  begin(keep);
  const Mono absent_since = clock_.now();
  Step step = keep.on_reply(absent());
  EXPECT_EQ(wait(step), GetParam() ? Duration{milliseconds{200}} : Duration{seconds{1}});
  for (int look = 0; look < 10; ++look) {
    expect_look_or_beat(next(keep, step));
    step = keep.on_reply(absent());
    if (asks<ProbeDirectory>(step)) break;
  }
  EXPECT_EQ(clock_.now() - absent_since, seconds{1}) << "and a second apart all the same";
  EXPECT_TRUE(finished(keep.on_reply(directory_on(kDirectoryDevice))));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
}

}  // namespace
}  // namespace ufl::test
