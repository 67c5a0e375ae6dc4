// SPDX-License-Identifier: MIT
//
// Takeover: a temporary file, a second look, a rename, and the delay after it.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(TakeoverTest, RenamesATemporaryFileOverTheRecordAndVerifies) {
  for (const bool on_share : {false, true}) {
    Claim claim = make(on_share ? share() : local());
    Step step = to_temporary(claim);
    const auto create = expect_operation<CreateExclusive>(step);
    EXPECT_EQ(create.path, kTemporary);
    EXPECT_EQ(create.sync, on_share);
    const std::string record = create.content;
    EXPECT_EQ(parse_record(record).token, FakeIdentity::uuid(1));

    step = claim.on_reply(ok());
    EXPECT_EQ(expect_operation<ReadFile>(step).path, "dir/lock");
    step = claim.on_reply(ok(kGone));
    const auto replace = expect_operation<ReplaceFile>(step);
    EXPECT_EQ(replace.path, "dir/lock");
    EXPECT_EQ(replace.from, kTemporary);
    EXPECT_EQ(replace.only_if, on_share ? OnlyIf{} : OnlyIf{kGone});

    step = claim.on_reply(ok());
    EXPECT_EQ(wait(step), on_share ? seconds{3} : seconds{1});
    ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
    EXPECT_TRUE(finished(claim.on_reply(ok(record))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
    EXPECT_EQ(claim.result().token, FakeIdentity::uuid(1));
    EXPECT_TRUE(kGone.starts_with(claim.seen().token)) << "whom it took the lock from";
    EXPECT_TRUE(claim.takes_over());
  }
}

TEST_F(TakeoverTest, AsksOnlyOfWhatItHasRead) {
  int asked = 0;
  ClaimOptions options = share();
  options.timeout.reset();
  options.takeovers.may_take_over = [&asked](const Sighting&, bool) {
    ++asked;
    return false;
  };
  Claim claim = make(options);
  (void)claim.start();
  for (const FileReply& reply : {ok(""), failed(), ok(kWinner)}) {
    EXPECT_EQ(asked, 0);
    const Step step = claim.on_reply(reply);
    ASSERT_TRUE(waits(step));
    (void)next(claim, step);
  }
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(claim.takes_over());
}

TEST_F(TakeoverTest, ItsDelayIsNoShorterThanAsked) {
  for (const Duration own : {Duration{milliseconds{100}}, Duration{seconds{3}}}) {
    Claim claim = make(share(own));
    (void)to_rename(claim);
    EXPECT_EQ(wait(claim.on_reply(ok())), std::max<Duration>(own, seconds{1}));
    EXPECT_EQ(claim.delay(), std::max<Duration>(own, seconds{1}));
    EXPECT_EQ(parse_record(written_).holder.delay,
              std::chrono::duration<double>(claim.delay()).count());
  }
}

TEST_F(TakeoverTest, ASecondLookThatShowsAnythingElseEndsItAndTheNextOneTells) {
  const std::vector<FileReply> others{ok(kWinner), ok(kGone + " "), ok(kGone.substr(0, 36)),
                                      ok(""),      absent(),        failed()};
  for (const FileReply& seen : others) {
    Claim claim = make(share());
    (void)to_temporary(claim);
    (void)claim.on_reply(ok());
    const Step step = dropped(claim, claim.on_reply(seen));
    EXPECT_EQ(wait(step), kBusyRetry) << seen.content;
    clock_.advance(kBusyRetry);
    ASSERT_TRUE(asks<ReadFile>(claim.resume()));
    EXPECT_TRUE(finished(claim.on_reply(ok(kWinner))));
    EXPECT_EQ(claim.result().outcome, Outcome::busy);
    EXPECT_TRUE(kWinner.starts_with(claim.seen().token)) << "whom it lost to";
    EXPECT_FALSE(claim.result().replaced);
  }
}

TEST_F(TakeoverTest, ASecondLookThatIsOldIsTakenAgain) {
  // By the delay that everybody has: the longer one of a takeover is nobody else's.
  Claim claim = make(share(milliseconds{300}));
  (void)to_temporary(claim);
  Step step = claim.on_reply(ok());
  for (int look = 1; look < kMaxLateLooks; ++look) {
    clock_.advance(milliseconds{101});
    step = claim.on_reply(ok(kGone));
    ASSERT_TRUE(asks<ReadFile>(step)) << look;
  }
  clock_.advance(milliseconds{101});
  step = dropped(claim, claim.on_reply(ok(kGone)));
  EXPECT_TRUE(finished(step)) << "nothing was published";
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reason, FailureReason::too_slow);
  EXPECT_TRUE(std::holds_alternative<ReadFile>(claim.result().failure.operation));
}

TEST_F(TakeoverTest, ALookThatIsInTimeAfterAllIsGoodEnough) {
  Claim claim = make(local());
  (void)to_temporary(claim);
  (void)claim.on_reply(ok());
  clock_.advance(kLocalLookAge + milliseconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok(kGone))));
  clock_.advance(kLocalLookAge);
  EXPECT_TRUE(asks<ReplaceFile>(claim.on_reply(ok(kGone))));
}

TEST_F(TakeoverTest, LosesARaceOnALocalDiskToATouchOfTheRecord) {
  for (const auto& reply : {changed(), absent()}) {
    Claim claim = make(local());
    (void)to_rename(claim);
    EXPECT_EQ(wait(dropped(claim, claim.on_reply(reply))), kBusyRetry);
    clock_.advance(kBusyRetry);
    (void)claim.resume();
    EXPECT_TRUE(finished(claim.on_reply(ok(kWinner)))) << "nothing to take back";
    EXPECT_EQ(claim.result().outcome, Outcome::busy);
    EXPECT_FALSE(claim.result().flocked);
  }
}

TEST_F(TakeoverTest, SaysThatItReplacedSomethingOnlyWhenThatIsSure) {
  Claim lost_reply = make(share());
  (void)to_rename(lost_reply);
  const Step step = lost_reply.on_reply(absent());
  EXPECT_FALSE(lost_reply.result().replaced);
  clock_.advance(wait(step));
  (void)lost_reply.resume();
  (void)lost_reply.on_reply(ok(written_));
  EXPECT_TRUE(lost_reply.result().replaced) << "verified";

  Claim error = make(share());
  (void)to_rename(error);
  (void)dropped(error, error.on_reply(failed()));
  EXPECT_FALSE(error.result().replaced);
  (void)error.on_reply(ok(written_));
  EXPECT_TRUE(error.result().replaced) << "seen when it was to be taken back";
}

TEST_F(TakeoverTest, LooksAgainWhileSomebodyHoldsFlockAndSaysSoInTheEnd) {
  Claim claim = make(local());
  Step step = to_rename(claim);
  int attempts = 1;
  for (;; ++attempts) {
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(flocked())));
    step = claim.on_reply(ok());
    if (finished(step)) break;
    step = next(claim, step);
    ASSERT_TRUE(asks<ReadFile>(step));
    step = claim.on_reply(ok(kGone));
    ASSERT_TRUE(looks_free(step));
    (void)claim.resume();
    (void)claim.on_reply(ok());
    ASSERT_TRUE(asks<ReplaceFile>(claim.on_reply(ok(kGone))));
    ASSERT_LT(attempts, 1000);
  }
  EXPECT_EQ(attempts, kMaxBusyLooks);
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_TRUE(claim.result().flocked);
  EXPECT_FALSE(claim.result().replaced);
}

TEST_F(TakeoverTest, PublishesWhereTheRecordIsGoneAtTheNextLook) {
  ClaimOptions options = local();
  options.timeout.reset();
  options.delay_is_auto = true;
  for (const std::string& seen_between : {std::string{}, kWinner.substr(0, 36) + "\n"}) {
    Claim claim = make(options);
    (void)to_rename(claim);
    EXPECT_EQ(claim.delay(), seconds{1});
    const Step step = dropped(claim, claim.on_reply(absent()));
    (void)next(claim, step);
    if (!seen_between.empty()) {
      (void)next(claim, claim.on_reply(ok(seen_between)));
    }
    EXPECT_TRUE(looks_free(claim.on_reply(absent())));
    EXPECT_FALSE(claim.takes_over());
    const Step publish = claim.resume();
    const auto create = expect_operation<CreateExclusive>(publish);
    // It takes nothing over any more, so its delay is that of any claim: of one that has seen a
    // foreign record, if it has.
    const Duration delay = seen_between.empty() ? Duration::zero() : kForeignDelay;
    EXPECT_EQ(claim.delay(), delay);
    EXPECT_EQ(parse_record(create.content).holder.delay,
              std::chrono::duration<double>(delay).count());
  }
}

// The last look of a wait may be answered after its end.
TEST_F(TakeoverTest, NoneBeginsAfterTheDeadline) {
  ClaimOptions options = local();
  options.timeout = seconds{1};
  options.takeovers.may_take_over = [seen = 0](const Sighting&, bool) mutable {
    return ++seen > 1;
  };
  Claim claim = make(options);
  (void)claim.start();
  ASSERT_TRUE(asks<ReadFile>(next(claim, claim.on_reply(ok(kGone)))));
  clock_.advance(seconds{1});
  ASSERT_TRUE(looks_free(claim.on_reply(ok(kGone))));
  EXPECT_TRUE(finished(claim.resume()));
  EXPECT_EQ(claim.result().outcome, Outcome::timed_out);
}

TEST_F(TakeoverTest, ATakerThatIsOverwrittenDuringTheDelayHasLost) {
  Claim claim = make(share());
  (void)to_rename(claim);
  (void)next(claim, claim.on_reply(ok()));
  EXPECT_TRUE(finished(claim.on_reply(ok(kWinner))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_FALSE(claim.result().left_behind);
}

TEST_F(TakeoverTest, CancelledBeforeItWritesNothing) {
  Claim claim = make(local());
  (void)claim.start();
  (void)claim.on_reply(ok(kGone));
  EXPECT_TRUE(finished(claim.cancel()));
  EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
}

TEST_F(TakeoverTest, TheTemporaryFileLiesBesideTheLock) {
  ClaimOptions options = local();
  options.path = "lock";
  options.holder.prefix = "ci-";
  Claim claim = make(options);
  const Step step = to_temporary(claim);
  EXPECT_EQ(expect_operation<CreateExclusive>(step).path, ".ufl-" + FakeIdentity::uuid(1));
}

// A record may name any witness: only a holder that was judged by its own has left that one.
TEST_F(TakeoverTest, RemovesTheWitnessOfAHolderThatItHasProvenDead) {
  const std::string gone{kGone.substr(0, kGone.find('\n'))};
  const std::string uuid{uuid_of(gone)};
  struct Case {
    bool local;
    bool is_dead;
    const char* mount;
    bool removes;
  };
  for (const Case& c : {Case{false, true, "share", true}, Case{false, false, "share", false},
                        Case{true, true, "share", true}, Case{true, true, "local", false},
                        Case{false, true, "local", true}}) {
    ClaimOptions options = local();
    options.local = c.local;
    options.takeovers.is_dead = [&](const Sighting& seen) {
      return c.is_dead && seen.token == gone;
    };
    const std::string record = gone + "\n{\"uid\":1000,\"mount\":\"" + c.mount + "\"}\n";
    Claim claim = make(options);
    ASSERT_TRUE(asks<ReplaceFile>(to_rename(claim, record)));
    (void)claim.on_reply(ok());
    clock_.advance(seconds{100});
    (void)claim.resume();
    ASSERT_TRUE(finished(claim.on_reply(ok(written_))));
    ASSERT_EQ(claim.result().outcome, Outcome::acquired);
    const auto& removed = host_->removed_witnesses;
    EXPECT_EQ(std::count(removed.begin(), removed.end(), uuid), c.removes ? 1 : 0)
        << c.local << c.is_dead << c.mount;
  }
}

TEST_F(TakeoverTest, ADetachedRecordNamesTheProcessThatItLivesWith) {
  ClaimOptions options = local();
  options.holder.detached = true;
  for (const bool lives : {false, true}) {
    if (lives) options.holder.lives_with = ProcessId{7, 99};
    Claim claim = make(options);
    (void)claim.start();
    (void)claim.on_reply(absent());
    const Step step = claim.resume();
    const Holder holder = parse_record(expect_operation<CreateExclusive>(step).content).holder;
    EXPECT_EQ(holder.detached, true);
    EXPECT_EQ(holder.pid, lives ? std::optional<std::int64_t>{7} : std::nullopt);
    EXPECT_EQ(holder.start, lives ? std::optional<std::uint64_t>{99} : std::nullopt);
    EXPECT_EQ(holder.host, "here");
  }
}

// 1 A publishes; others see its token.  2 A's verification finds nothing.  3 Long after, A
// publishes again: under the old token its lease would be over for everybody who has seen that.
TEST_F(TakeoverTest, AClaimThatIsMadeAgainAfterItsLeaseHasANewToken) {
  ClaimOptions options = share(seconds{3});
  options.timeout.reset();
  options.lease = seconds{30};
  for (const bool in_time : {true, false}) {
    Claim claim = make(options);
    const auto publish = [&] {
      EXPECT_TRUE(looks_free(claim.on_reply(absent())));
      const Step step = claim.resume();
      return parse_record(expect_operation<CreateExclusive>(step).content).token;
    };
    (void)claim.start();
    const std::string first = publish();
    (void)next(claim, claim.on_reply(ok()));
    const Step pause = claim.on_reply(absent());
    clock_.set(in_time ? std::get<WaitUntil>(pause).at : clock_.now() + seconds{20});
    (void)claim.resume();
    EXPECT_EQ(publish() == first, in_time);
  }
}

}  // namespace
}  // namespace ufl::test
