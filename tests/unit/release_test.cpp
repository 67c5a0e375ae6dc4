// SPDX-License-Identifier: MIT

#include "protocol/release.hpp"

#include <cerrno>
#include <tuple>

#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {
namespace {

using Outcome = ReleaseResult::Outcome;

class ReleaseTest : public MachineTest {
 protected:
  static ReleaseOptions options(bool local) {
    return {.path = "lock",
            .token = kMine,
            .delay = seconds{1},
            .local = local,
            .atomic_create = true,
            .place = {}};
  }
  Release make(bool local = true) { return {options(local), clock_}; }

  /// The pause that `step` asks for, waited through.
  Step wait_through(Release& release, const Step& step) {
    EXPECT_GE(wait(step), seconds{1});
    return next(release, step);
  }
};

TEST_F(ReleaseTest, RemovesWhatIsStillOurs) {
  Release release = make();
  ASSERT_TRUE(asks<ReadFile>(release.start()));
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine + "\n{}\n"))));
  EXPECT_TRUE(finished(release.on_reply(ok())));
  EXPECT_EQ(release.result().outcome, Outcome::released);
}

// Emptied or cut short, it is the same file.
TEST_F(ReleaseTest, RemovesWhatIsLeftOfOurs) {
  for (const std::string& rest : {std::string{}, kMine.substr(0, 10)}) {
    Release release = make();
    ASSERT_TRUE(expect_operation<ReadFile>(release.start()).asks_keeper);
    const FileReply look = kept_by(Keeper::us, rest);
    const Step step = release.on_reply(look);
    EXPECT_EQ(expect_operation<RemoveFile>(step).only_if, rest);
    EXPECT_TRUE(finished(release.on_reply(ok())));
    EXPECT_EQ(release.result().outcome, Outcome::released);
  }
}

TEST_F(ReleaseTest, LeavesWhatIsLeftToAFlock) {
  Release release = make();
  (void)release.start();
  const FileReply look = kept_by(Keeper::us);
  int tries = 0;
  for (; !finished(release.on_reply(look)) && tries < kMaxBusyLooks; ++tries) {
    const Step step = release.on_reply(flocked());
    if (finished(step)) break;
    ASSERT_TRUE(asks<ReadFile>(next(release, step)));
  }
  EXPECT_EQ(tries, kMaxBusyLooksAtOnce);
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, DoesNotRemoveWhatAnotherKeeps) {
  for (const Keeper keeper : {Keeper::somebody, Keeper::nobody, Keeper::unknown}) {
    Release release = make();
    (void)release.start();
    const FileReply look = kept_by(keeper);
    (void)wait_through(release, release.on_reply(look));
    EXPECT_TRUE(finished(release.on_reply(look)));
    EXPECT_EQ(release.result().outcome, Outcome::lost);
  }
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

// smbnetfs, EBUSY: it is open somewhere.
TEST_F(ReleaseTest, AFileThatIsInUseIsRemovedLater) {
  Release release = make(false);
  (void)release.start();
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
  EXPECT_TRUE(waits(release.on_reply(in_use())));
  clock_.advance(kBusyRetry);
  (void)release.resume();
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
  EXPECT_TRUE(finished(release.on_reply(ok())));
  EXPECT_EQ(release.result().outcome, Outcome::released);
}

TEST_F(ReleaseTest, AnOldLookIsTakenAgainBeforeTheUnlink) {
  Release release = make();
  (void)release.start();
  clock_.advance(milliseconds{51});
  ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(kMine))));
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
}

TEST_F(ReleaseTest, AShareThatIsAlwaysSlowIsReleasedAllTheSame) {
  // Every look showed our own token, and nobody else may replace it: better than a lock for ever.
  Release release = make(false);
  Step step = release.start();
  int looks = 0;
  for (; asks<ReadFile>(step) && looks < 100; ++looks) {
    clock_.advance(seconds{1});
    step = release.on_reply(ok(kMine));
  }
  EXPECT_GE(looks, 5);
  ASSERT_TRUE(asks<RemoveFile>(step));
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

TEST_F(ReleaseTest, AShortDelayBoundsTheLookWhereCreateMayOverwrite) {
  for (const bool atomic : {true, false}) {
    ReleaseOptions loose = options(false);
    loose.delay = milliseconds{300};
    loose.atomic_create = atomic;
    Release release{loose, clock_};
    (void)release.start();
    clock_.advance(milliseconds{101});  // more than a third
    EXPECT_EQ(asks<RemoveFile>(release.on_reply(ok(kMine))), atomic);
  }
}

TEST_F(ReleaseTest, AShareThatIsAlwaysSlowIsReleasedOnALookAsFastAsTheOthers) {
  Release release = make(false);
  Step step = release.start();
  for (int looks = 0; looks < kMaxLateLooks; ++looks) {
    ASSERT_TRUE(asks<ReadFile>(step)) << looks;
    clock_.advance(milliseconds{500});
    step = release.on_reply(ok(kMine));
  }
  ASSERT_TRUE(asks<ReadFile>(step));
  clock_.advance(seconds{10});  // a stall: somebody else may hold it by now
  step = release.on_reply(ok(kMine));
  ASSERT_TRUE(asks<ReadFile>(step));
  clock_.advance(milliseconds{600});
  EXPECT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
}

TEST_F(ReleaseTest, AShareThatIsSlowOnceAndSlowerForEverKeepsTheFile) {
  Release release = make(false);
  Step step = release.start();
  for (int looks = 0; looks < 100 && asks<ReadFile>(step); ++looks) {
    clock_.advance(looks < kMaxLateLooks ? Duration{milliseconds{500}} : Duration{seconds{10}});
    step = release.on_reply(ok(kMine));
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.error, ETIMEDOUT);
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
}

TEST_F(ReleaseTest, AFailedUnlinkIsTold) {
  Release release = make();
  (void)release.start();
  (void)release.on_reply(ok(kMine));
  EXPECT_TRUE(finished(release.on_reply(denied(EPERM))));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.error, EPERM);
}

TEST_F(ReleaseTest, GuardsTheRemovalOnALocalDiskAlone) {
  const std::string record = kMine + "\n{}\n";
  for (const bool local : {false, true}) {
    Release release = make(local);
    (void)release.start();
    const Step step = release.on_reply(ok(record));
    EXPECT_EQ(expect_operation<RemoveFile>(step).only_if, local ? OnlyIf{record} : OnlyIf{});
  }
}

TEST_F(ReleaseTest, LooksAgainAtWhatHasJustChanged) {
  Release release = make();
  (void)release.start();
  (void)release.on_reply(ok(kMine));
  ASSERT_TRUE(asks<ReadFile>(release.on_reply(changed())));
  EXPECT_TRUE(finished(release.on_reply(ok(kOther))));
  EXPECT_EQ(release.result().outcome, Outcome::lost);
}

TEST_F(ReleaseTest, TriesAgainWhileSomebodyElseHasLockedTheFile) {
  Release release = make();
  Step step = release.start();
  for (int look = 1; look < kMaxBusyLooks; ++look) {
    ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine)))) << look;
    step = release.on_reply(flocked());
    ASSERT_TRUE(waits(step)) << look;
    EXPECT_EQ(wait(step), kBusyRetry);
    clock_.advance(kBusyRetry);
    ASSERT_TRUE(asks<ReadFile>(release.resume()));
  }
  (void)release.on_reply(ok(kMine));
  EXPECT_TRUE(finished(release.on_reply(flocked())));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.status, FileStatus::busy);
  EXPECT_TRUE(release.result().removing);
}

TEST_F(ReleaseTest, OnlyLooksIfThatIsAskedFor) {
  ReleaseOptions look = options(true);
  look.only_look = true;
  for (const std::string& content : {kMine, kOther}) {
    Release release{look, clock_};
    (void)release.start();
    EXPECT_TRUE(finished(release.on_reply(ok(content))));
    EXPECT_EQ(release.result().outcome, content == kMine ? Outcome::held : Outcome::lost);
  }
}

TEST_F(ReleaseTest, ALockWhoseLeaseIsOverIsLeftToWhoeverTakesItOver) {
  for (const bool is_over : {false, true}) {
    ReleaseOptions leased = options(true);
    leased.until = clock_.now() + milliseconds{40};
    Release release{leased, clock_};
    (void)release.start();
    clock_.advance(milliseconds{40} - (is_over ? Duration::zero() : Duration{1}));
    const Step step = release.on_reply(ok(kMine));
    EXPECT_EQ(asks<RemoveFile>(step), !is_over);
    EXPECT_EQ(finished(step), is_over);
    if (is_over) {
      EXPECT_EQ(release.result().outcome, Outcome::too_late);
    }
  }
}

TEST_F(ReleaseTest, ALeaseIsLookedAtBeforeEachRemoval) {
  ReleaseOptions leased = options(true);
  leased.until = clock_.now() + milliseconds{60};
  Release release{leased, clock_};
  (void)release.start();
  ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine))));
  const Step step = release.on_reply(flocked());
  ASSERT_TRUE(waits(step));
  ASSERT_TRUE(asks<ReadFile>(next(release, step)));
  clock_.advance(milliseconds{10});
  EXPECT_TRUE(finished(release.on_reply(ok(kMine))));
  EXPECT_EQ(release.result().outcome, Outcome::too_late);
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
