// SPDX-License-Identifier: MIT
//
// Claims, and an empty file that is kept: somebody has emptied that of a holder who lives, or ours.

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "protocol/claim.hpp"
#include "unit/fake_observations.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = ClaimResult::Outcome;

const FileReply kAbsent = refused(FileStatus::not_found, ENOENT);

FileReply empty(Keeper keeper) {
  FileReply reply = ok();
  reply.identity = 7;
  reply.keeper = keeper;
  return reply;
}

class ClaimKeptTest : public ::testing::Test {
 protected:
  ClaimOptions options() {
    ClaimOptions options;
    options.path = "dir/lock";
    options.retry = seconds{1};
    options.local = options.atomic_create = true;
    options.takeover_delay = seconds{1};
    options.observations = &memory_;
    options.observed_as = "lock";
    options.may_take_over = [](const Sighting&, bool is_abandoned) { return is_abandoned; };
    return options;
  }
  ClaimOptions once() {
    ClaimOptions once = options();
    once.timeout = Duration::zero();
    return once;
  }
  Claim make(const ClaimOptions& options) { return {options, clock_, identity_}; }

  /// Looks, from the one that is pending on, show `reply` for `time`, or until it is taken over.
  Step watch(Claim& claim, Step step, const FileReply& reply, Duration time) {
    const Mono until = clock_.now() + time;
    while (clock_.now() < until && !std::holds_alternative<LooksFree>(step)) {
      if (const auto* wait = std::get_if<WaitUntil>(&step)) {
        clock_.set(wait->at);
        step = claim.resume();
      }
      if (wants<ReadFile>(step) != nullptr) step = claim.on_reply(reply);
    }
    return step;
  }
  /// From the beginning to the publish, which is not answered yet.
  static Step to_publish(Claim& claim) {
    (void)claim.start();
    (void)claim.on_reply(kAbsent);
    return claim.resume();
  }

  FakeClock clock_;
  FakeIdentity identity_;
  FakeObservations memory_;
};

TEST_F(ClaimKeptTest, AnEmptyFileIsHeldAsLongAsSomebodyKeepsIt) {
  Claim claim = make(options());
  const Step start = claim.start();
  ASSERT_NE(wants<ReadFile>(start), nullptr);
  EXPECT_TRUE(wants<ReadFile>(start)->asks_keeper);
  Step step = watch(claim, start, empty(Keeper::somebody), std::chrono::hours{1});
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_TRUE(is_emptied(claim.seen()));
  const Mono gone = clock_.now();
  step = watch(claim, step, empty(Keeper::nobody), std::chrono::hours{1});
  EXPECT_TRUE(claim.takes_over());
  EXPECT_GT(clock_.now() - gone, seconds{10}) << "watched from then on";
}

TEST_F(ClaimKeptTest, WhatWasSeenBeforeItWasKeptDoesNotCount) {
  Claim first = make(once());
  (void)first.start();
  EXPECT_TRUE(finished(first.on_reply(empty(Keeper::nobody))));
  Claim second = make(once());
  (void)second.start();
  EXPECT_TRUE(finished(second.on_reply(empty(Keeper::somebody))));
  clock_.advance(seconds{11});
  Claim third = make(once());
  (void)third.start();
  EXPECT_TRUE(finished(third.on_reply(empty(Keeper::nobody)))) << "it begins anew";
}

TEST_F(ClaimKeptTest, OnAShareNobodyIsAsked) {
  ClaimOptions share = options();
  share.local = false;
  Claim claim = make(share);
  EXPECT_FALSE(wants<ReadFile>(claim.start())->asks_keeper);
}

TEST_F(ClaimKeptTest, TheSecondLookAsksAgain) {
  for (const Keeper keeper : {Keeper::nobody, Keeper::somebody}) {
    Claim claim = make(options());
    (void)watch(claim, claim.start(), empty(Keeper::nobody), seconds{30});
    ASSERT_TRUE(claim.takes_over());
    const Step step = claim.resume();
    ASSERT_NE(wants<CreateExclusive>(step), nullptr);
    EXPECT_TRUE(wants<CreateExclusive>(step)->kept);
    ASSERT_NE(wants<ReadFile>(claim.on_reply(ok())), nullptr);
    const Step then = claim.on_reply(empty(keeper));
    EXPECT_EQ(wants<ReplaceFile>(then) != nullptr, keeper == Keeper::nobody);
  }
}

TEST_F(ClaimKeptTest, KeepsItsFileAndSaysSo) {
  for (const Keeper keeper : {Keeper::us, Keeper::unknown}) {
    Claim claim = make(options());
    const Step step = to_publish(claim);
    ASSERT_NE(wants<CreateExclusive>(step), nullptr);
    EXPECT_TRUE(wants<CreateExclusive>(step)->kept);
    const std::string record = wants<CreateExclusive>(step)->content;
    FileReply created = ok();
    created.keeper = keeper;
    (void)claim.on_reply(created);
    EXPECT_TRUE(finished(claim.on_reply(ok(record))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
    EXPECT_EQ(claim.result().kept, keeper == Keeper::us);
  }
}

// Emptied before it was verified: it is given up, and nothing of it is left.
TEST_F(ClaimKeptTest, ItsOwnEmptiedFileIsTakenBack) {
  Claim claim = make(once());
  (void)to_publish(claim);
  (void)claim.on_reply(ok());
  const Step look = claim.on_reply(empty(Keeper::unknown));  // the verification
  ASSERT_NE(wants<ReadFile>(look), nullptr);
  const Step step = claim.on_reply(empty(Keeper::us));
  ASSERT_NE(wants<RemoveFile>(step), nullptr);
  EXPECT_EQ(wants<RemoveFile>(step)->only_if, OnlyIf{""});
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_FALSE(claim.result().left_behind);
}

// Whoever waits does not wait for himself.
TEST_F(ClaimKeptTest, ItsOwnEmptiedFileIsReplaced) {
  Claim claim = make(options());
  const std::string record = wants<CreateExclusive>(to_publish(claim))->content;
  (void)claim.on_reply(ok());
  const Step step =
      watch(claim, claim.on_reply(empty(Keeper::unknown)), empty(Keeper::us), seconds{2});
  ASSERT_TRUE(std::holds_alternative<LooksFree>(step));
  ASSERT_NE(wants<CreateExclusive>(claim.resume()), nullptr);  // the temporary file
  (void)claim.on_reply(ok());
  const Step then = claim.on_reply(empty(Keeper::nobody));
  ASSERT_NE(wants<ReplaceFile>(then), nullptr);
  EXPECT_EQ(wants<ReplaceFile>(then)->only_if, OnlyIf{""});
}

// What stands in it instead is somebody else's to explain.
TEST_F(ClaimKeptTest, ItsOwnFileWithAnotherContentIsNotReplaced) {
  Claim claim = make(options());
  (void)to_publish(claim);
  (void)claim.on_reply(ok());
  FileReply written_into = empty(Keeper::us);
  written_into.content = "hello";
  const Step step = watch(claim, claim.on_reply(empty(Keeper::unknown)), written_into, seconds{30});
  EXPECT_FALSE(std::holds_alternative<LooksFree>(step));
}

// A program empties it between the look and the removal.
TEST_F(ClaimKeptTest, WhatWasEmptiedWhileItIsTakenBackIsRemovedAllTheSame) {
  Claim claim = make(options());
  const std::string record = wants<CreateExclusive>(to_publish(claim))->content;
  (void)claim.on_reply(ok());
  ASSERT_NE(wants<ReadFile>(claim.cancel()), nullptr);
  ASSERT_NE(wants<RemoveFile>(claim.on_reply(ok(record))), nullptr);
  ASSERT_NE(wants<ReadFile>(claim.on_reply(refused(FileStatus::changed, 0))), nullptr);
  const Step step = claim.on_reply(empty(Keeper::us));
  ASSERT_NE(wants<RemoveFile>(step), nullptr);
  EXPECT_EQ(wants<RemoveFile>(step)->only_if, OnlyIf{""});
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_FALSE(claim.result().left_behind);
}

// Somebody does so each time.
TEST_F(ClaimKeptTest, WhatChangesEachTimeItIsTakenBackIsLeftBehind) {
  Claim claim = make(options());
  const std::string record = wants<CreateExclusive>(to_publish(claim))->content;
  (void)claim.on_reply(ok());
  Step step = claim.cancel();
  for (int looks = 0; wants<ReadFile>(step) != nullptr; ++looks) {
    ASSERT_LT(looks, 1000);
    ASSERT_NE(wants<RemoveFile>(claim.on_reply(ok(record))), nullptr);
    step = claim.on_reply(refused(FileStatus::changed, 0));
  }
  EXPECT_TRUE(finished(step));
  EXPECT_TRUE(claim.result().left_behind);
}

}  // namespace
}  // namespace ufl::test
