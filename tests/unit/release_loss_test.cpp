// SPDX-License-Identifier: MIT
//
// Release: which looks show that the lock is lost, and which say nothing.

#include <tuple>

#include "protocol/record.hpp"
#include "protocol/release.hpp"
#include "unit/release_fixture.hpp"

namespace ufl::test {
namespace {

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
  Step step = release.on_reply(absent());
  step = wait_through(release, step);
  ASSERT_TRUE(asks<ReadFile>(step));
  ASSERT_TRUE(asks<ProbeDirectory>(release.on_reply(absent())));
  EXPECT_TRUE(finished(release.on_reply(ok())));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, OneAbsenceIsNotALoss) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(absent());
  (void)wait_through(release, step);
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
  (void)release.on_reply(ok());
  EXPECT_EQ(release.result().outcome, Outcome::released);
}

TEST_F(ReleaseTest, AnAbsenceAfterALookThatShowedTheLockIsAFirstOne) {
  Release release = make();
  (void)release.start();
  (void)wait_through(release, release.on_reply(absent()));
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
  const Step step = next(release, release.on_reply(in_use()));
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_TRUE(waits(release.on_reply(absent())));
}

TEST_F(ReleaseTest, AnAbsenceAfterAnErrorIsAFirstOne) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(failed());
  step = wait_through(release, step);
  step = release.on_reply(absent());
  EXPECT_TRUE(waits(step));
}

TEST_F(ReleaseTest, AnUnmountedShareIsNotALoss) {
  Release release = make(false);
  (void)release.start();
  Step step = release.on_reply(absent());
  (void)wait_through(release, step);
  (void)release.on_reply(absent());
  EXPECT_TRUE(finished(release.on_reply(absent())));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
}

TEST_F(ReleaseTest, AnUnreadableFileIsNotALoss) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(failed());
  (void)wait_through(release, step);
  EXPECT_TRUE(finished(release.on_reply(failed())));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.reply.error, EIO);
}

TEST_F(ReleaseTest, ATornFileIsReadAgain) {
  Release release = make();
  (void)release.start();
  Step step = release.on_reply(ok(""));  // a foreign contender has just truncated it
  (void)wait_through(release, step);
  EXPECT_TRUE(finished(release.on_reply(ok(kOther))));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

// A script that was named by mistake, or what a power cut leaves. On a share it may be a view of
// what was there before the lock.
TEST_F(ReleaseTest, WhatCanBeNoLockIsLostAtOnceOnALocalDisk) {
  for (const auto& content : {std::string{"#!/bin/sh\n"}, std::string(400, '\0')}) {
    Release local = make();
    (void)local.start();
    EXPECT_TRUE(finished(local.on_reply(ok(content))));
    EXPECT_EQ(local.result().outcome, Outcome::lost);
    EXPECT_EQ(local.result().seen.kind, Sighting::Kind::garbled);
    Release share = make(false);
    (void)share.start();
    (void)wait_through(share, share.on_reply(ok(content)));
    EXPECT_TRUE(finished(share.on_reply(ok(content + "x"))));
    EXPECT_EQ(share.result().outcome, Outcome::lost);
  }
}

TEST_F(ReleaseTest, ALockThatIsTakenAfterASlowLookIsLeft) {
  Release release = make(false);
  (void)release.start();
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(kMine))));
  Step step = release.on_reply(ok(kOther));
  ASSERT_TRUE(asks<ReadFile>(wait_through(release, step)));
  EXPECT_TRUE(finished(release.on_reply(ok(kOther))));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, OnAShareAnothersRecordMayBeAnOldView) {
  Release release = make(false);
  (void)release.start();
  Step step = release.on_reply(ok(kOther));
  ASSERT_TRUE(asks<ReadFile>(wait_through(release, step)));
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
  EXPECT_TRUE(finished(release.on_reply(ok())));
  EXPECT_EQ(release.result().outcome, Outcome::released);
}

TEST_F(ReleaseTest, AnOldViewAndATornOneAreNoLoss) {
  Release release = make(false);
  (void)release.start();
  Step step = release.on_reply(ok(kOther));
  (void)wait_through(release, step);
  step = release.on_reply(ok(kMine.substr(0, 20)));
  ASSERT_TRUE(asks<ReadFile>(wait_through(release, step)));
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
}

TEST_F(ReleaseTest, OthersWhoComeAndGoAreALoss) {
  Release release = make(false);
  (void)release.start();
  Step step = release.on_reply(absent());
  (void)wait_through(release, step);
  step = release.on_reply(ok(""));
  (void)wait_through(release, step);
  EXPECT_TRUE(finished(release.on_reply(ok(kOther))));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, AnotherDeviceIsNotALoss) {
  ReleaseOptions on_device = options(false);
  on_device.place = {8, 7};
  Release release{on_device, clock_};
  (void)release.start();
  Step step = release.on_reply(absent());
  (void)wait_through(release, step);
  (void)release.on_reply(absent());
  const FileReply directory = directory_on(8);  // the mount point below the share
  EXPECT_TRUE(finished(release.on_reply(directory)));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.reason, FailureReason::elsewhere);
}

TEST_F(ReleaseTest, AShareThatAnswersDifferentlyEachTimeTellsNothing) {
  Release release = make(false);
  Step step = release.start();
  int looks = 0;
  for (; !finished(step) && looks < 100; ++looks) {
    if (waits(step)) step = wait_through(release, step);
    step = release.on_reply(ok(kMine.substr(0, 5 + static_cast<std::size_t>(looks))));
  }
  EXPECT_EQ(looks, 5);
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.reason, FailureReason::answers_differ);
}

TEST_F(ReleaseTest, ALostLockIsLostHoweverLate) {
  ReleaseOptions leased = options(true);
  leased.until = clock_.now();
  for (const bool only_look : {false, true}) {
    leased.only_look = only_look;
    Release other{leased, clock_};
    (void)other.start();
    (void)other.on_reply(ok(kOther));
    EXPECT_EQ(other.result().outcome, Outcome::lost);
  }
  Release mine{leased, clock_};
  (void)mine.start();
  (void)mine.on_reply(ok(kMine));
  EXPECT_EQ(mine.result().outcome, Outcome::held) << "a look removes nothing";
  EXPECT_EQ(mine.result().content, kMine);
}

//   1 While a share is not mounted, somebody leaves a lock on the disk below.  2 The share is
//   mounted, and A takes its lock.  3 It is unmounted: cannot tell.
TEST_F(ReleaseTest, AnothersLockOnAnotherDeviceIsNotALoss) {
  for (const bool local : {false, true}) {
    for (const auto& [known, seen, is_lost] :
         {std::tuple{0U, 9U, true}, std::tuple{7U, 0U, true}, std::tuple{7U, 9U, false}}) {
      ReleaseOptions taken = options(local);
      taken.place.file = known;
      Release release{taken, clock_};
      const FileReply reply = on_device(seen, kOther);
      Step step = release.start();
      for (int look = 0; look < 3 && !finished(step); ++look) {
        if (!asks<ReadFile>(step)) step = wait_through(release, step);
        step = release.on_reply(reply);
      }
      EXPECT_TRUE(finished(step));
      EXPECT_EQ(release.result().outcome, is_lost ? Outcome::lost : Outcome::failed);
      if (is_lost) continue;
      EXPECT_EQ(release.result().failure.reason, FailureReason::elsewhere);
    }
  }
}

TEST_F(ReleaseTest, AnUnknownDeviceIsAnyDevice) {
  for (const std::uint64_t known : {std::uint64_t{0}, std::uint64_t{7}}) {
    ReleaseOptions on_disk = options(true);
    on_disk.place.directory = known;
    Release release{on_disk, clock_};
    (void)release.start();
    (void)wait_through(release, release.on_reply(absent()));
    (void)release.on_reply(absent());
    EXPECT_TRUE(finished(release.on_reply(directory_on(9))));
    EXPECT_EQ(release.result().outcome, known == 0 ? Outcome::lost : Outcome::failed);
  }
}

}  // namespace
}  // namespace ufl::test
