// SPDX-License-Identifier: MIT
//
// What ends Keep and what does not: the same with and without a lease.

#include <algorithm>
#include <cerrno>
#include <string>

#include "protocol/keep.hpp"
#include "unit/fake_observations.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = KeepResult::Outcome;

const std::string kMine = "00000000-0000-4000-8000-000000000001";
const std::string kOther = "11111111-1111-4111-8111-111111111111";
const FileReply kAbsent = refused(FileStatus::not_found, ENOENT);
const FileReply kFailed = refused(FileStatus::failed, EIO);
constexpr Duration kLease = seconds{30};
// As on an overlay over two devices.
constexpr std::uint64_t kDevice = 7;
constexpr std::uint64_t kDirectoryDevice = 17;

std::string record() { return format_record(kMine, leased(30, std::string{kFirstBeat})); }

/// With a lease or without.
class KeepEndTest : public ::testing::TestWithParam<bool> {
 protected:
  Keep make(Duration lease = kLease, std::uint64_t device = kDevice) {
    KeepOptions options;
    options.path = "lock";
    options.token = kMine;
    options.record = record();
    if (GetParam()) options.lease = lease;
    options.begun = clock_.now();
    options.look_interval = seconds{10};
    options.place = {device, kDirectoryDevice};
    return {options, clock_};
  }
  Duration wait(const Step& step) {
    const auto* until = std::get_if<WaitUntil>(&step);
    EXPECT_NE(until, nullptr);
    return until != nullptr ? until->at - clock_.now() : Duration{-1};
  }
  Step next(Keep& keep, const Step& step) {
    clock_.advance(std::max(wait(step), Duration::zero()));
    return keep.resume();
  }
  /// To the first operation, which is not answered yet.
  void begin(Keep& keep) {
    Step step = keep.start();
    if (!GetParam()) step = next(keep, step);
    expect_operation(step);
  }
  /// A look or, with a lease, a beat.
  static void expect_operation(const Step& step) {
    EXPECT_TRUE(GetParam() ? wants<UpdateFile>(step) != nullptr : wants<ReadFile>(step) != nullptr);
  }
  /// The answer to it: this stands there.
  static FileReply shows(const std::string& content, std::uint64_t device = kDevice) {
    FileReply reply = ok(content);
    if (GetParam()) reply.status = FileStatus::changed;
    reply.device = device;
    return reply;
  }
  /// Our record stands there.
  static FileReply well() { return ok(GetParam() ? "" : record()); }
  static FileReply directory(std::uint64_t device = kDirectoryDevice) {
    FileReply reply = ok();
    reply.directory_device = device;
    return reply;
  }

  FakeClock clock_;
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
    EXPECT_NE(keep.result().failure->status, FileStatus::ok) << "cannot tell";
    expect_operation(next(keep, step));
    EXPECT_TRUE(std::holds_alternative<WaitUntil>(keep.on_reply(well()))) << "mounted again";
  }
}

TEST_P(KeepEndTest, WhereItsDeviceIsNotKnownAnotherTokenIsALoss) {
  Keep keep = make(kLease, 0);
  begin(keep);
  EXPECT_TRUE(finished(keep.on_reply(shows(kOther))));
}

TEST_P(KeepEndTest, AnAbsenceAfterSomethingWasSeenIsAFirstOne) {
  for (const std::string& content : {std::string{}, kOther.substr(0, 20), record()}) {
    Keep keep = make();
    begin(keep);
    expect_operation(next(keep, keep.on_reply(kAbsent)));
    Step step = keep.on_reply(shows(content));
    if (std::holds_alternative<WaitUntil>(step)) step = next(keep, step);
    expect_operation(step);
    step = keep.on_reply(kAbsent);
    EXPECT_EQ(wait(step), seconds{1}) << content;
  }
}

TEST_P(KeepEndTest, AnAbsenceAfterAHintThatAllIsWellIsAFirstOne) {
  Keep keep = make();
  begin(keep);
  const Step step = keep.on_reply(kAbsent);
  keep.look_soon();
  ASSERT_NE(wants<ReadFile>(keep.resume()), nullptr);
  expect_operation(next(keep, keep.on_reply(ok(record()))));
  EXPECT_EQ(wait(keep.on_reply(kAbsent)), seconds{1});
  EXPECT_TRUE(std::holds_alternative<WaitUntil>(step));
}

//   1 The share is unmounted: absent, in a directory of another device.  2 It is mounted again.
//   3 One flicker.
TEST_P(KeepEndTest, AnAbsenceInADirectoryThatIsNotWellDoesNotCount) {
  for (const auto& reply : {directory(kDevice), kAbsent, kFailed}) {
    Keep keep = make();
    begin(keep);
    expect_operation(next(keep, keep.on_reply(kAbsent)));
    ASSERT_NE(wants<ProbeDirectory>(keep.on_reply(kAbsent)), nullptr);
    Step step = keep.on_reply(reply);
    ASSERT_TRUE(keep.result().failure);
    EXPECT_EQ(keep.result().failure->status,
              reply.status == FileStatus::ok ? FileStatus::failed : reply.status);
    expect_operation(next(keep, step));
    step = keep.on_reply(kAbsent);
    expect_operation(next(keep, step));
    EXPECT_NE(wants<ProbeDirectory>(keep.on_reply(kAbsent)), nullptr);
  }
}

TEST_P(KeepEndTest, SaysNoFailureThatIsOver) {
  Keep keep = make();
  EXPECT_FALSE(keep.result().failure);
  begin(keep);
  const Step step = keep.on_reply(kFailed);
  ASSERT_TRUE(keep.result().failure);
  EXPECT_EQ(keep.result().failure->error, EIO);
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
  EXPECT_TRUE(finished(keep.resume()));
  EXPECT_TRUE(finished(keep.on_reply(well())));
}

TEST_P(KeepEndTest, NoWaitIsLongerThanTheCommandMayRun) {
  Keep keep = make();
  const Mono begun = clock_.now();
  begin(keep);
  (void)next(keep, keep.on_reply(kFailed));
  clock_.set(begun + seconds{20} - milliseconds{100});
  for (const auto& reply : {kFailed, kAbsent}) {
    const Step step = keep.on_reply(reply);
    EXPECT_EQ(wait(step), GetParam() ? Duration{milliseconds{100}} : Duration{seconds{1}});
    if (GetParam() && reply.status == FileStatus::not_found) {
      EXPECT_TRUE(finished(next(keep, step)));
      EXPECT_EQ(keep.result().outcome, Outcome::lease_over);
    }
    keep.look_soon();
    (void)keep.resume();
  }
}

TEST_P(KeepEndTest, AFlickerDoesNotUseUpAShortLease) {
  Keep keep = make(seconds{2});
  begin(keep);
  const Mono absent_since = clock_.now();
  Step step = keep.on_reply(kAbsent);
  EXPECT_EQ(wait(step), GetParam() ? Duration{milliseconds{200}} : Duration{seconds{1}});
  for (int look = 0; look < 10; ++look) {
    expect_operation(next(keep, step));
    step = keep.on_reply(kAbsent);
    if (wants<ProbeDirectory>(step) != nullptr) break;
  }
  EXPECT_EQ(clock_.now() - absent_since, seconds{1}) << "and a second apart all the same";
  EXPECT_TRUE(finished(keep.on_reply(directory())));
  EXPECT_EQ(keep.result().outcome, Outcome::lost);
}

}  // namespace
}  // namespace ufl::test
