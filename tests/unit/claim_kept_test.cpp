// SPDX-License-Identifier: MIT
//
// Claims, and an empty file that is kept: somebody has emptied that of a holder who lives, or ours.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

/// On a local disk.
class ClaimKeptTest : public WatchingClaim {
 protected:
  Claim make() { return WatchingClaim::make(options(true)); }
  Claim make_once() { return WatchingClaim::make(once(true)); }
};

TEST_F(ClaimKeptTest, AnEmptyFileIsHeldAsLongAsSomebodyKeepsIt) {
  Claim claim = make();
  step_ = claim.start();
  EXPECT_TRUE(expect_operation<ReadFile>(step_).asks_keeper);
  (void)watch(claim, empty_file(Keeper::somebody), std::chrono::hours{1});
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_TRUE(is_emptied(claim.seen()));
  const Mono gone = clock_.now();
  (void)watch(claim, empty_file(Keeper::nobody), std::chrono::hours{1});
  EXPECT_TRUE(claim.takes_over());
  EXPECT_GT(clock_.now() - gone, seconds{10}) << "watched from then on";
}

TEST_F(ClaimKeptTest, WhatWasSeenBeforeItWasKeptDoesNotCount) {
  Claim first = make_once();
  (void)first.start();
  EXPECT_TRUE(finished(first.on_reply(empty_file(Keeper::nobody))));
  Claim second = make_once();
  (void)second.start();
  EXPECT_TRUE(finished(second.on_reply(empty_file(Keeper::somebody))));
  clock_.advance(seconds{11});
  Claim third = make_once();
  (void)third.start();
  EXPECT_TRUE(finished(third.on_reply(empty_file(Keeper::nobody)))) << "it begins anew";
}

TEST_F(ClaimKeptTest, OnAShareNobodyIsAsked) {
  Claim claim = WatchingClaim::make(options(false));
  EXPECT_FALSE(expect_operation<ReadFile>(claim.start()).asks_keeper);
}

TEST_F(ClaimKeptTest, TheSecondLookAsksAgain) {
  for (const Keeper keeper : {Keeper::nobody, Keeper::somebody}) {
    Claim claim = make();
    step_ = claim.start();
    (void)watch(claim, empty_file(Keeper::nobody), seconds{30});
    ASSERT_TRUE(claim.takes_over());
    EXPECT_TRUE(expect_operation<CreateExclusive>(claim.resume()).kept);
    ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
    const Step then = claim.on_reply(empty_file(keeper));
    EXPECT_EQ(asks<ReplaceFile>(then), keeper == Keeper::nobody);
  }
}

TEST_F(ClaimKeptTest, KeepsItsFileAndSaysSo) {
  for (const Keeper keeper : {Keeper::us, Keeper::unknown}) {
    Claim claim = make();
    const auto create = expect_operation<CreateExclusive>(to_publish(claim));
    EXPECT_TRUE(create.kept);
    (void)claim.on_reply(kept_by(keeper));
    EXPECT_TRUE(finished(claim.on_reply(ok(create.content))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
    EXPECT_EQ(claim.result().kept, keeper == Keeper::us);
  }
}

// Emptied before it was verified: it is given up, and nothing of it is left.
TEST_F(ClaimKeptTest, ItsOwnEmptiedFileIsTakenBack) {
  Claim claim = make_once();
  (void)to_publish(claim);
  (void)claim.on_reply(ok());
  const Step look = claim.on_reply(empty_file(Keeper::unknown));  // the verification
  ASSERT_TRUE(asks<ReadFile>(look));
  const Step step = claim.on_reply(empty_file(Keeper::us));
  EXPECT_EQ(expect_operation<RemoveFile>(step).only_if, OnlyIf{""});
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_FALSE(claim.result().left_behind);
}

// Whoever waits does not wait for himself.
TEST_F(ClaimKeptTest, ItsOwnEmptiedFileIsReplaced) {
  Claim claim = make();
  (void)publish(claim);
  (void)claim.on_reply(ok());
  step_ = claim.on_reply(empty_file(Keeper::unknown));
  (void)watch(claim, empty_file(Keeper::us), seconds{2});
  ASSERT_TRUE(looks_free(step_));
  const Step then = to_rename(claim, empty_file(Keeper::nobody));
  EXPECT_EQ(expect_operation<ReplaceFile>(then).only_if, OnlyIf{""});
}

// What stands in it instead is somebody else's to explain.
TEST_F(ClaimKeptTest, ItsOwnEmptiedFileIsNotLeftBehindWhenItCannotBeReplaced) {
  Claim claim = make();
  (void)publish(claim);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
  ASSERT_TRUE(asks<ReadFile>(next(claim, claim.on_reply(empty_file(Keeper::us)))));
  ASSERT_TRUE(looks_free(claim.on_reply(empty_file(Keeper::us))));
  ASSERT_TRUE(asks<CreateExclusive>(claim.resume()));
  Step step = claim.on_reply(exhausted());
  if (asks<RemoveFile>(step)) step = claim.on_reply(absent());  // of the temporary file
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_EQ(expect_operation<RemoveFile>(claim.on_reply(empty_file(Keeper::us))).path, "dir/lock");
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
}

TEST_F(ClaimKeptTest, ItsOwnFileWithAnotherContentIsNotReplaced) {
  Claim claim = make();
  (void)to_publish(claim);
  (void)claim.on_reply(ok());
  FileReply written_into = empty_file(Keeper::us);
  written_into.content = "hello";
  step_ = claim.on_reply(empty_file(Keeper::unknown));
  (void)watch(claim, written_into, seconds{30});
  EXPECT_FALSE(looks_free(step_));
}

// A program empties it between the look and the removal.
TEST_F(ClaimKeptTest, WhatWasEmptiedWhileItIsTakenBackIsRemovedAllTheSame) {
  Claim claim = make();
  const std::string record = publish(claim);
  (void)claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
  ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(record))));
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(changed())));
  const Step step = claim.on_reply(empty_file(Keeper::us));
  EXPECT_EQ(expect_operation<RemoveFile>(step).only_if, OnlyIf{""});
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_FALSE(claim.result().left_behind);
}

// Somebody does so each time.
TEST_F(ClaimKeptTest, WhatChangesEachTimeItIsTakenBackIsLeftBehind) {
  Claim claim = make();
  const std::string record = publish(claim);
  (void)claim.on_reply(ok());
  Step step = claim.cancel();
  for (int looks = 0; asks<ReadFile>(step); ++looks) {
    ASSERT_LT(looks, 1000);
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(record))));
    step = claim.on_reply(changed());
  }
  EXPECT_TRUE(finished(step));
  EXPECT_TRUE(claim.result().left_behind);
}

}  // namespace
}  // namespace ufl::test
