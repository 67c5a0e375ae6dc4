// SPDX-License-Identifier: MIT

#include "protocol/hold.hpp"

#include <cerrno>

#include "protocol/record.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = ReleaseResult::Outcome;

const std::string kMine = "00000000-0000-4000-8000-000000000001";
const std::string kOther = "11111111-1111-4111-8111-111111111111";

class ReleaseTest : public ::testing::Test {
 protected:
  Release make(bool local = true) { return {{"lock", kMine, seconds{1}, local}, clock_}; }

  /// The pause that `step` asks for, waited through.
  Step wait_through(Release& release, const Step& step) {
    const auto* until = std::get_if<WaitUntil>(&step);
    EXPECT_NE(until, nullptr);
    if (until != nullptr) {
      EXPECT_GE(until->at - clock_.now(), seconds{1});
      clock_.set(until->at);
    }
    return release.resume();
  }

  FakeClock clock_;
};

TEST_F(ReleaseTest, RemovesWhatIsStillOurs) {
  Release release = make();
  ASSERT_NE(wants<ReadFile>(release.start()), nullptr);
  ASSERT_NE(wants<RemoveFile>(release.on_reply(ok(kMine + "\n{}\n"))), nullptr);
  EXPECT_TRUE(finished(release.on_reply(ok())));
  EXPECT_EQ(release.result().outcome, Outcome::released);
}

TEST_F(ReleaseTest, LeavesAnothersLockAndSaysLost) {
  for (const std::string& content : {kOther, format_record(kOther, {})}) {
    Release release = make();
    (void)release.start();
    EXPECT_TRUE(finished(release.on_reply(ok(content))));
    EXPECT_EQ(release.result().outcome, Outcome::lost);
    EXPECT_EQ(release.result().seen.token, kOther);
  }
}

TEST_F(ReleaseTest, BelievesAnAbsenceOnlyTheSecondTime) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(refused(FileStatus::not_found, ENOENT));
  step = wait_through(release, step);
  ASSERT_NE(wants<ReadFile>(step), nullptr);
  ASSERT_NE(wants<ProbeDirectory>(release.on_reply(refused(FileStatus::not_found, ENOENT))),
            nullptr);
  EXPECT_TRUE(finished(release.on_reply(ok())));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, OneAbsenceIsNotALoss) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(refused(FileStatus::not_found, ENOENT));
  (void)wait_through(release, step);
  ASSERT_NE(wants<RemoveFile>(release.on_reply(ok(kMine))), nullptr);
  (void)release.on_reply(ok());
  EXPECT_EQ(release.result().outcome, Outcome::released);
}

TEST_F(ReleaseTest, AnAbsenceAfterAnErrorIsAFirstOne) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(refused(FileStatus::failed, EIO));
  step = wait_through(release, step);
  step = release.on_reply(refused(FileStatus::not_found, ENOENT));
  EXPECT_TRUE(std::holds_alternative<WaitUntil>(step));
}

TEST_F(ReleaseTest, AnUnmountedShareIsNotALoss) {
  Release release = make(false);
  (void)release.start();
  Step step = release.on_reply(refused(FileStatus::not_found, ENOENT));
  (void)wait_through(release, step);
  (void)release.on_reply(refused(FileStatus::not_found, ENOENT));
  EXPECT_TRUE(finished(release.on_reply(refused(FileStatus::not_found, ENOENT))));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
}

TEST_F(ReleaseTest, AnUnreadableFileIsNotALoss) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(refused(FileStatus::failed, EIO));
  (void)wait_through(release, step);
  EXPECT_TRUE(finished(release.on_reply(refused(FileStatus::failed, EIO))));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.error, EIO);
}

TEST_F(ReleaseTest, ATornFileIsReadAgain) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(ok(""));  // a foreign contender has just truncated it
  (void)wait_through(release, step);
  EXPECT_TRUE(finished(release.on_reply(ok(kOther))));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, AnOldLookIsTakenAgainBeforeTheUnlink) {
  Release release = make();
  (void)release.start();
  clock_.advance(milliseconds{51});
  ASSERT_NE(wants<ReadFile>(release.on_reply(ok(kMine))), nullptr);
  ASSERT_NE(wants<RemoveFile>(release.on_reply(ok(kMine))), nullptr);
}

TEST_F(ReleaseTest, AShareThatIsAlwaysSlowIsReleasedAllTheSame) {
  // Every look showed our own token, and nobody else may replace it: better than a lock for ever.
  Release release = make(false);
  Step step = release.start();
  int looks = 0;
  for (; wants<ReadFile>(step) != nullptr && looks < 100; ++looks) {
    clock_.advance(seconds{1});
    step = release.on_reply(ok(kMine));
  }
  EXPECT_GE(looks, 5);
  ASSERT_NE(wants<RemoveFile>(step), nullptr);
}

TEST_F(ReleaseTest, ALockThatIsTakenAfterASlowLookIsLeft) {
  Release release = make(false);
  (void)release.start();
  clock_.advance(seconds{1});
  ASSERT_NE(wants<ReadFile>(release.on_reply(ok(kMine))), nullptr);
  EXPECT_TRUE(finished(release.on_reply(ok(kOther))));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, AnotherDeviceIsNotALoss) {
  Release release{{"lock", kMine, seconds{1}, false, 7}, clock_};
  (void)release.start();
  Step step = release.on_reply(refused(FileStatus::not_found, ENOENT));
  (void)wait_through(release, step);
  (void)release.on_reply(refused(FileStatus::not_found, ENOENT));
  FileReply directory = ok();
  directory.device = 8;  // the mount point below the share
  EXPECT_TRUE(finished(release.on_reply(directory)));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
}

TEST_F(ReleaseTest, AFailedUnlinkIsTold) {
  Release release = make();
  (void)release.start();
  (void)release.on_reply(ok(kMine));
  EXPECT_TRUE(finished(release.on_reply(refused(FileStatus::denied, EPERM))));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.error, EPERM);
}

}  // namespace
}  // namespace ufl::test
