// SPDX-License-Identifier: MIT
//
// Release: how what is still ours is removed.

#include <cerrno>

#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "protocol/release.hpp"
#include "unit/release_fixture.hpp"

namespace ufl::test {
namespace {

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

// One refusal in between may have another reason.
TEST_F(ReleaseTest, LeavesWhatIsLeftToAFlock) {
  for (const int other : {-1, kMaxBusyLooksAtOnce - 1}) {
    Release release = make();
    (void)release.start();
    const FileReply look = kept_by(Keeper::us);
    int tries = 0;
    for (; !finished(release.on_reply(look)) && tries < kMaxBusyLooks; ++tries) {
      Step step = release.on_reply(tries == other ? changed() : flocked());
      if (finished(step)) break;
      if (waits(step)) step = next(release, step);
      ASSERT_TRUE(asks<ReadFile>(step));
    }
    EXPECT_EQ(tries, kMaxBusyLooksAtOnce) << other;
    EXPECT_EQ(release.result().outcome, Outcome::lost);
  }
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
  EXPECT_EQ(release.result().failure.reason, FailureReason::too_slow);
}

TEST_F(ReleaseTest, AFailedUnlinkIsTold) {
  Release release = make();
  (void)release.start();
  (void)release.on_reply(ok(kMine));
  EXPECT_TRUE(finished(release.on_reply(denied(EPERM))));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.reply.error, EPERM);
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

TEST_F(ReleaseTest, GivesUpOnWhatChangesBeforeEachRemoval) {
  Release release = make();
  Step step = release.start();
  int looks = 0;
  for (; asks<ReadFile>(step) && looks < 1000; ++looks) {
    ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(kMine)))) << looks;
    step = release.on_reply(changed());
  }
  EXPECT_EQ(looks, kMaxBusyLooks);
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_EQ(release.result().failure.reason, FailureReason::changed);
  EXPECT_TRUE(std::holds_alternative<RemoveFile>(release.result().failure.operation));
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
  EXPECT_EQ(release.result().failure.reply.status, FileStatus::busy);
  EXPECT_TRUE(std::holds_alternative<RemoveFile>(release.result().failure.operation));
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

TEST_F(ReleaseTest, ALockWhoseLeaseIsOverIsLeftToATaker) {
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

}  // namespace
}  // namespace ufl::test
