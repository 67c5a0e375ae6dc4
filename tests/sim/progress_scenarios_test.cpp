// SPDX-License-Identifier: MIT
//
// The faults that keep the lock from everybody, or tell a failure without need, as the simulator
// has found them.

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "protocol/claim.hpp"
#include "sim/scenario.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = ClaimResult::Outcome;

/// Contenders with leases of 3 s, where create may overwrite.
class ProgressScenario : public Scenario {
 protected:
  static ClaimOptions leased() {
    ClaimOptions options = share(false);
    options.lease = seconds{3};
    options.takeovers.delay = seconds{1};
    options.takeovers.may_take_over = [](const Sighting& /*seen*/, bool is_abandoned) {
      return is_abandoned;
    };
    return options;
  }

  /// The record of another contender, which has taken the lock over for the n-th time.
  static std::string claim_of_another(int n) {
    return FakeIdentity::uuid(1000 + n) +
           "\n{\"lease\":3.0,\"beat\":\"0000000000\",\"mount\":\"share\"}\n";
  }

  /// `player` waits until it takes over what stands there, and does so.
  void takes_over(Player& player) {
    while (wants<CreateExclusive>(player.step) == nullptr) {
      waits(player);
      sees_truth(player);
    }
    temporary_ = wants<CreateExclusive>(player.step)->content;
    is_told(player, ok());
    sees_truth(player);
    is_told(player, done(player.step));
  }

  /// The next heartbeat of `player` is answered after its lease: `next` has taken over meanwhile.
  void is_overtaken(Player& player, const std::string& next) {
    waits(player);
    ASSERT_NE(wants<UpdateFile>(player.step), nullptr);
    passes(seconds{4});
    file_ = next;
    is_told(player, changed(*file_));
  }
};

// Answers that now and then take longer than the leases of all contenders; V = 0, D = 1 s.
//   1 A looks: absent.  2 A's claim lands 0.4 s later: it is late, and A keeps it for the late
//   hold. 3 The answer to a heartbeat of A takes 4 s; its lease is over, and B takes over.  4 A's
//   claim was late, so B keeps its own for as long.  5 The same happens to B: A takes over; and so
//   on. Nobody gets the lock for hours.
TEST_F(ProgressScenario, LateClaimsThatNobodyKeepsForTheLengthOfTheLateHold) {
  const ClaimOptions options = leased();
  Player a = player(options);
  sees_truth(a);
  passes(milliseconds{400});
  lands(a);
  is_told(a, ok());
  ASSERT_TRUE(a.claim->late());
  for (int n = 1; n < options.most_outlived_claims; ++n) {
    is_overtaken(a, claim_of_another(n));
    ASSERT_TRUE(a.claim->waiting_for_other());
    takes_over(a);
    ASSERT_TRUE(a.claim->late()) << "A enters too early on what B may have overwritten";
  }
  is_overtaken(a, claim_of_another(options.most_outlived_claims));
  sees_truth(a);  // nothing of A's stands there
  ASSERT_TRUE(finished(a.step)) << "A goes on for ever";
  EXPECT_EQ(a.claim->result().outcome, Outcome::too_slow);
  EXPECT_GE(a.claim->result().look_to_write, seconds{4}) << "the user is told of a longer lease";
}

// A signal in a takeover that was answered late, where create is atomic. D = 1 s. Without a fault
// of the share a rename may be answered 3B + W after its look was asked for; the monitor took what
// T says of it for a false alarm where only 2B kept within D/3.
//   1 T, U look twice: X.  2 U renames, waits D, verifies, runs.  3 T's rename lands on U's record,
//   D/3 after T's look was asked for.  4 T is told to stop, and takes its record back.  5 C looks:
//   absent, and runs beside U.
TEST_F(ProgressScenario, ASignalInATakeoverThatWasAnsweredLate) {
  file_ = kGone;
  Player t = player(taker(share(true)));
  prepares(t);
  sees_truth(t);
  passes(milliseconds{340});
  is_told(t, done(t.step));
  ASSERT_TRUE(t.claim->late());
  t.step = t.claim->cancel();
  sees_truth(t);
  ASSERT_TRUE(finished(t.step));
  EXPECT_EQ(file_, temporary_) << "T removes what may stand in the place of U's";
  EXPECT_TRUE(t.claim->result().left_behind) << "nobody is told";
}

}  // namespace
}  // namespace ufl::test
