// SPDX-License-Identifier: MIT
//
// Takeovers on a share, or of what is on a share for its holder: they may be late, and views old.

#include <string>
#include <utility>

#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(TakeoverTest, ALateRenameIsKeptUntilAWinnerMustHaveLeft) {
  for (const FileReply& reply : {ok(), absent()}) {
    const ClaimOptions options = share();
    Claim claim = make(options);
    (void)to_rename(claim);
    clock_.advance(seconds{1} + milliseconds{1});
    const Step step = claim.on_reply(reply);
    EXPECT_EQ(wait(step), options.late_hold + seconds{3});
    EXPECT_TRUE(claim.late());
    ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
    EXPECT_TRUE(finished(claim.on_reply(ok(written_)))) << "removed: a third one gets in";
    EXPECT_TRUE(claim.result().left_behind);
  }
}

//   1 B's write lands late on the record of A, which runs; B keeps it, and ends.  2 T takes over
//   from B.  3 verified after its delay alone, it runs beside A.
TEST_F(TakeoverTest, AClaimThatNeverNamedACommandMayHaveBeenALateOne) {
  struct Case {
    const char* keys;
    bool may_be_late;
  };
  for (const bool atomic : {false, true}) {
    for (const auto& [keys, may_be_late] :
         {Case{R"("lifeline":"dgram")", true}, Case{R"("lease":9,"beat":"1")", true},
          Case{R"("detached":true,"pid":1,"start":1)", true},
          Case{R"("lifeline":"dgram","child":{"pid":1})", false},
          Case{R"("host":"here")", false}}) {
      const std::string gone = kGone.substr(0, 37) + "{" + keys + "}\n";
      ClaimOptions options = share();
      options.atomic_create = atomic;
      options.timeout.reset();
      Claim claim = make(options);
      (void)claim.start();
      Step step = claim.on_reply(ok(gone));
      while (waits(step) && !HasFailure()) {
        (void)next(claim, step);
        step = claim.on_reply(ok(gone));
      }
      ASSERT_TRUE(looks_free(step)) << keys;
      (void)claim.resume();
      (void)claim.on_reply(ok());
      ASSERT_TRUE(asks<ReplaceFile>(claim.on_reply(ok(gone)))) << keys;
      const Duration hold = may_be_late && !atomic ? options.late_hold : Duration::zero();
      EXPECT_EQ(wait(claim.on_reply(ok())), hold + seconds{3}) << keys << " atomic " << atomic;
    }
  }
}

//   1 T's rename lands late, over the record of A, which runs; T is told EIO.  2 T takes it back.
//   3 B looks: absent, and runs beside A.
TEST_F(TakeoverTest, ALateRenameThatFailedIsNotTakenBack) {
  Claim claim = make(share());
  (void)to_rename(claim);
  clock_.advance(seconds{1} + milliseconds{1});
  const Step step = dropped(claim, claim.on_reply(failed()));
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_TRUE(finished(claim.on_reply(ok(written_))));
  EXPECT_TRUE(claim.result().left_behind);
}

TEST_F(TakeoverTest, LatenessIsHarmlessOnALocalDisk) {
  Claim claim = make(local());
  (void)to_rename(claim);
  clock_.advance(seconds{10});
  EXPECT_EQ(wait(claim.on_reply(ok())), seconds{1});
  EXPECT_FALSE(claim.late());
}

// What is a disk here is a share to the holder, and to others beside it that take no flock(2).
TEST_F(TakeoverTest, BesideAShareItWaitsAsLongAsTheHolderDid) {
  const std::string gone{kGone.substr(0, kGone.find('\n'))};
  for (const auto& [keys, waits] :
       {std::pair{R"("mount":"local","delay":9)", seconds{1}},
        std::pair{R"("mount":"share","delay":9)", seconds{9}},
        std::pair{R"("delay":9)", seconds{9}}, std::pair{R"("mount":"share")", seconds{1}},
        std::pair{R"("mount":"share","delay":-9)", seconds{1}},
        std::pair{R"("mount":"share","delay":1e300)", seconds{600}}}) {
    Claim claim = make(local());
    (void)claim.start();
    (void)claim.on_reply(ok(gone + "\n{" + keys + "}\n"));
    EXPECT_TRUE(claim.takes_over());
    EXPECT_EQ(claim.delay(), waits) << keys;
  }
}

// The rename may be late for them, and is not made on an old look.
TEST_F(TakeoverTest, BesideAShareALateTakeoverIsNoticed) {
  const std::string gone{kGone.substr(0, kGone.find('\n'))};
  for (const bool shared : {false, true}) {
    const std::string record =
        gone + "\n{\"mount\":\"" + (shared ? kShareMount : kLocalMount) + "\"}\n";
    Claim claim = make(local());
    const Step step = to_rename(claim, record);
    EXPECT_TRUE(expect_operation<ReplaceFile>(step).only_if) << "other ufls here do take flock(2)";
    clock_.advance(seconds{1});
    (void)claim.on_reply(ok());
    EXPECT_EQ(claim.late(), shared);
  }
}

// What --acquire has left on such a share may be a late claim that has replaced a winner.
TEST_F(TakeoverTest, BesideAShareNobodyKnowsWhetherItCreatesAtomically) {
  const std::string gone{kGone.substr(0, kGone.find('\n'))};
  for (const bool shared : {false, true}) {
    const std::string record =
        gone + "\n{\"detached\":true,\"mount\":\"" + (shared ? kShareMount : kLocalMount) + "\"}\n";
    Claim claim = make(local());
    (void)to_rename(claim, record);
    (void)claim.on_reply(ok());
    EXPECT_EQ(claim.late(), shared);
  }
}

// Its first view of a record without a command may be old: the client writes that back.
TEST_F(TakeoverTest, BesideAShareAChildlessRecordIsSeenTwice) {
  const std::string gone{kGone.substr(0, kGone.find('\n'))};
  for (const bool shared : {false, true}) {
    Claim claim = make(local());
    (void)claim.start();
    const Step step = claim.on_reply(ok(gone + "\n{\"lifeline\":\"dgram\",\"mount\":\"" +
                                        (shared ? kShareMount : kLocalMount) + "\"}\n"));
    EXPECT_EQ(waits(step), shared);
    EXPECT_EQ(looks_free(step), !shared);
  }
}

// The interleaving is in claim_takeover.cpp.
TEST_F(TakeoverTest, OnAShareALifelineThatIsDownIsLookedAtTwiceWhileNoCommandIsToBeSeen) {
  const std::string token = kGone.substr(0, 36);
  Holder holder;
  holder.lifeline = kLifeline;
  holder.mount = kLocalMount;
  const std::string without = format_record(token, holder);
  const std::string with = *with_child(without, {42, 7});
  const auto judged = [this](const ClaimOptions& options, const std::string& record) {
    Claim claim = make(options);
    (void)claim.start();
    return std::pair{claim.on_reply(ok(record)), claim.takes_over()};
  };
  EXPECT_TRUE(judged(share(), with).second);
  EXPECT_TRUE(judged(local(), without).second) << "nothing is old there";
  EXPECT_FALSE(judged(share(), without).second);

  Claim claim = make(share());
  (void)claim.start();
  Step step = claim.on_reply(ok(without));
  EXPECT_EQ(wait(step), share().delay / 2);
  ASSERT_TRUE(asks<ReadFile>(next(claim, step)));
  step = claim.on_reply(ok(without));
  EXPECT_TRUE(looks_free(step)) << "no command, after all";
}

}  // namespace
}  // namespace ufl::test
