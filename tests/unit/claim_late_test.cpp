// SPDX-License-Identifier: MIT
//
// Late claims: what was decided on an old look must not land on somebody's lock
// (protocol/claim.hpp).

#include <string>

#include "protocol/claim.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

// Late claims (a): where create may overwrite, a look older than D/3 is taken again.
TEST_F(ClaimTest, AnOldLookIsTakenAgainBeforeAWriteThatMayOverwrite) {
  Claim claim = make(loose_share());
  (void)claim.start();
  (void)claim.on_reply(absent());
  clock_.advance(milliseconds{334});
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));

  Claim atomic = make(share());
  (void)atomic.start();
  (void)atomic.on_reply(absent());
  clock_.advance(milliseconds{334});
  EXPECT_TRUE(asks<CreateExclusive>(atomic.resume()));
}

TEST_F(ClaimTest, AShareThatIsAlwaysTooSlowToOverwriteSafelyIsAnError) {
  Claim claim = make(loose_share());
  Step step = claim.start();
  int looks = 0;
  for (; asks<ReadFile>(step) && looks < 100; ++looks) {
    clock_.advance(milliseconds{400});
    (void)claim.on_reply(absent());
    step = claim.resume();
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
}

TEST_F(ClaimTest, NoDelayOnAnAtomicShareDoesNotMakeLooksTooOld) {
  Claim claim = make(share(Duration::zero()));
  const std::string written = publish(claim);
  EXPECT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
  (void)claim.on_reply(ok(written));
  EXPECT_EQ(claim.result().outcome, Outcome::acquired);
}

TEST_F(ClaimTest, WhereCreateMayOverwriteAShortDelayBoundsTheLook) {
  ClaimOptions options = loose_share();
  options.delay = milliseconds{300};
  Claim claim = make(options);
  (void)claim.start();
  (void)claim.on_reply(absent());
  clock_.advance(milliseconds{101});
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));
}

// Late claims (b): a slow but atomic create keeps its claim; a slow share starves nobody.
TEST_F(ClaimTest, ALateButAtomicCreateRunsTheFullDelay) {
  Claim claim = make(share());
  const std::string written = publish(claim);
  clock_.advance(seconds{3});
  expect_acquired_after(seconds{1}, claim, claim.on_reply(ok()), written);
}

// Late claims (c): neither removed nor entered on before the one that it may have overwritten has
// noticed.
TEST_F(ClaimTest, ALateClaimThatMayHaveOverwrittenIsKept) {
  for (const Duration took : {milliseconds{334}, milliseconds{1500}}) {  // D/3 is 333 ms
    Claim claim = make(loose_share());
    const std::string written = publish(claim);
    clock_.advance(took);
    const Step step = claim.on_reply(ok());
    EXPECT_TRUE(claim.late());
    expect_acquired_after(seconds{35} + seconds{1}, claim, step, written);
  }
}

TEST_F(ClaimTest, ALateClaimThatMayHaveOverwrittenIsNotTakenBack) {
  Claim claim = make(loose_share());
  const std::string written = publish(claim);
  clock_.advance(milliseconds{1500});
  (void)claim.on_reply(ok());
  ASSERT_TRUE(asks<ReadFile>(claim.cancel()));
  EXPECT_TRUE(finished(claim.on_reply(ok(written))));
  EXPECT_EQ(claim.result().outcome, Outcome::cancelled);
  EXPECT_TRUE(claim.result().left_behind);
}

}  // namespace
}  // namespace ufl::test
