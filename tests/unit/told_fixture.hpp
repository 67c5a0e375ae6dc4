// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {

/// The record of the holder with this number, with a process, or without.
inline std::string record_of(int holder, std::optional<int> pid) {
  Holder there;
  there.pid = pid;
  return format_record(FakeIdentity::uuid(holder), there);
}
inline std::string record_of(int holder) { return record_of(holder, 4000 + holder); }

/// A claim that waits, and is told what happens (seams/notifier.hpp).
class ToldClaim : public ClaimFixture {
 protected:
  ClaimOptions options(bool local) {
    ClaimOptions options = basic_options(local, seconds{1});
    options.retry.interval_when_told = seconds{1};
    options.takeovers.may_take_over = [this](const Sighting&, bool) {
      ++judged_;
      return false;
    };
    return options;
  }

  /// Starts, and waits for holder 101, whose end is told from now on, as each removal is.
  void begin_to_wait(Claim& claim, Duration interval = seconds{1}) {
    (void)claim.start();
    step_ = claim.on_reply(ok(record_of(101)));
    EXPECT_EQ(wait(), interval);
    EXPECT_TRUE(claim.on_wait()) << "what happened before is not told";
    EXPECT_TRUE(asks<ReadFile>(claim.resume()));
    shows(claim, 101);
    look_at(claim, 101);
    EXPECT_EQ(wait(), interval);
  }

  /// Looks ten times in a second, and once when it is told.
  ClaimOptions often() {
    ClaimOptions often = options(true);
    often.retry.interval = milliseconds{100};
    return often;
  }
  void begin_to_be_told(Claim& claim) { begin_to_wait(claim, milliseconds{100}); }

  /// The look shows `holder`, and the claim waits, as the driver has it.
  void shows(Claim& claim, int holder) {
    step_ = claim.on_reply(ok(record_of(holder)));
    EXPECT_FALSE(waits(step_) && claim.on_wait());
  }

  /// The next look comes in its time, and shows `holder`.
  void look_at(Claim& claim, int holder) {
    clock_.advance(wait());
    EXPECT_TRUE(asks<ReadFile>(claim.resume()));
    shows(claim, holder);
  }

  /// Tells it of a removal, and has it look.
  void tell(Claim& claim) {
    notifier_.tell_removal();
    step_ = claim.resume();
    EXPECT_TRUE(asks<ReadFile>(step_));
  }

  /// Tells it; the glance shows `holder`.
  void glance_at(Claim& claim, int holder) {
    tell(claim);
    shows(claim, holder);
  }

  /// Tells it, for the last time; the glance shows `holder`.
  void stop_telling(Claim& claim, int holder) {
    notifier_.tell_removal(false);
    EXPECT_TRUE(asks<ReadFile>(claim.resume()));
    shows(claim, holder);
  }

  /// Has the holder that is watched end; the look shows `holder`.
  void end_holder(Claim& claim, int holder) {
    notifier_.tell_end();
    EXPECT_TRUE(asks<ReadFile>(claim.resume()));
    step_ = claim.on_reply(ok(record_of(holder)));
  }

  /// The glance shows nothing, and it wants to create the file.
  void race(Claim& claim) {
    tell(claim);
    step_ = to_create(claim);
    EXPECT_TRUE(asks<CreateExclusive>(step_));
  }

  /// Another was faster.
  void lose(Claim& claim) {
    step_ = claim.on_reply(exists());
    EXPECT_TRUE(asks<ReadFile>(step_));
    shows(claim, 102);
  }

  /// The wait that the last step asks for, from now.
  [[nodiscard]] Duration wait() const { return MachineTest::wait(step_); }

  Step step_ = Finished{};
  int judged_ = 0;
};

}  // namespace ufl::test
