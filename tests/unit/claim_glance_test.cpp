// SPDX-License-Identifier: MIT
//
// A waiter that is told that the lock file may have gone: Claim::look_soon().

#include <optional>
#include <string>

#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

std::string record_of(int holder) { return format_record(FakeIdentity::uuid(holder), Holder{}); }

class ClaimGlanceTest : public ClaimFixture {
 protected:
  ClaimOptions options(bool local) {
    ClaimOptions options;
    options.path = "lock";
    options.retry = seconds{1};
    options.local = local;
    options.atomic_create = true;
    options.may_take_over = [this](const Sighting&, bool) {
      ++judged_;
      return false;
    };
    return options;
  }

  /// Starts, and waits for whoever holds it.
  void begin_to_wait(Claim& claim, Duration interval = seconds{1}) {
    (void)claim.start();
    step_ = claim.on_reply(ok(record_of(101)));
    EXPECT_EQ(wait(), interval);
  }

  /// Looks ten times in a second, ...
  ClaimOptions often() {
    ClaimOptions often = options(true);
    often.retry = milliseconds{100};
    return often;
  }

  /// ... and once when it is told of all that happens. Starts, and waits for holder 101.
  void begin_to_be_told(Claim& claim) {
    begin_to_wait(claim, milliseconds{100});
    claim.rely_on_hints(seconds{1});
    claim.holder_is_watched();
  }

  /// The next look comes in its time, and shows `holder`.
  void look_at(Claim& claim, int holder) {
    clock_.advance(wait());
    EXPECT_TRUE(asks<ReadFile>(claim.resume()));
    step_ = claim.on_reply(ok(record_of(holder)));
  }

  /// Tells it, and has it look.
  void tell(Claim& claim) {
    claim.look_soon();
    step_ = claim.resume();
    EXPECT_TRUE(asks<ReadFile>(step_));
  }

  /// Tells it; the glance shows `holder`.
  void glance_at(Claim& claim, int holder) {
    tell(claim);
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
    step_ = claim.on_reply(ok(record_of(102)));
  }

  /// The wait that the last step asks for, from now.
  [[nodiscard]] Duration wait() const { return MachineTest::wait(step_); }

  Step step_ = Finished{};
  int judged_ = 0;
};

TEST_F(ClaimGlanceTest, TakesTheLockLongBeforeTheNextLook) {
  for (const bool local : {true, false}) {
    Claim claim = make(options(local));
    begin_to_wait(claim);
    clock_.advance(milliseconds{300});
    race(claim);
    const auto* create = wants<CreateExclusive>(step_);
    const std::string written = create->content;
    step_ = claim.on_reply(ok());
    ASSERT_TRUE(asks<ReadFile>(step_));
    step_ = claim.on_reply(ok(written));
    EXPECT_TRUE(finished(step_));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  }
}

TEST_F(ClaimGlanceTest, WhoIsThereIsNotRead) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  ASSERT_EQ(judged_, 1);
  clock_.advance(milliseconds{300});
  glance_at(claim, 102);
  EXPECT_EQ(wait(), milliseconds{700}) << "as if nothing had been";
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(101));
  EXPECT_EQ(judged_, 1);
}

//   The dead are found by the looks in between, however often others tell of a release.
TEST_F(ClaimGlanceTest, TheNextLookComesInItsTime) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  for (int i = 0; i < 9; ++i) {
    clock_.advance(milliseconds{100});
    glance_at(claim, 102);
  }
  EXPECT_EQ(wait(), milliseconds{100});
  clock_.advance(milliseconds{100});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step_ = claim.on_reply(ok(record_of(103)));
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(103));
  EXPECT_EQ(judged_, 2);
  EXPECT_EQ(wait(), seconds{1});
}

TEST_F(ClaimGlanceTest, WhoLosesTheRaceDoesNotReadWhoWon) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  clock_.advance(milliseconds{300});
  race(claim);
  lose(claim);
  EXPECT_EQ(wait(), milliseconds{700});
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(101));
  EXPECT_EQ(judged_, 1);
  EXPECT_TRUE(claim.waiting_for_other());
  race(claim);  // and again
  EXPECT_EQ(expect_operation<CreateExclusive>(step_).content.find(FakeIdentity::uuid(1)),
            std::string::npos)
      << "no token is written twice";
}

TEST_F(ClaimGlanceTest, ALookThatLosesTheRaceWaitsAnInterval) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  (void)claim.on_reply(absent());
  ASSERT_TRUE(asks<CreateExclusive>(claim.resume()));
  lose(claim);
  EXPECT_EQ(wait(), seconds{1});
}

//   1 We wait for a ufl.  2 It goes, a five-step program comes.  3 That goes, and another of them
//   looks.  4 We create.  5 It writes over ours. So nobody of that kind is overlooked: the delay.
TEST_F(ClaimGlanceTest, AProgramThatOverwritesIsNotOverlooked) {
  for (const bool at_once : {true, false}) {
    ClaimOptions automatic = options(true);
    automatic.delay_is_auto = true;
    Claim claim = make(automatic);
    begin_to_wait(claim);
    if (at_once) {
      tell(claim);
    } else {
      race(claim);
      step_ = claim.on_reply(exists());
    }
    (void)claim.on_reply(ok(FakeIdentity::uuid(103) + "\n"));
    EXPECT_EQ(claim.seen().kind, Sighting::Kind::foreign);
    EXPECT_EQ(claim.delay(), kForeignDelay);
  }
}

//   Its reply may have been lost, and the file be ours.
TEST_F(ClaimGlanceTest, OnAShareALostRaceIsLookedInto) {
  Claim claim = make(options(false));
  begin_to_wait(claim);
  race(claim);
  const std::string ours = expect_operation<CreateExclusive>(step_).content;
  step_ = claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(step_));
  (void)claim.on_reply(ok(ours));
  EXPECT_FALSE(claim.waiting_for_other());
}

//   Somebody wants to be told who it is.
TEST_F(ClaimGlanceTest, WhoHasSeenNobodyLooksWhoWasFaster) {
  Claim claim = make(options(true));
  (void)publish(claim);
  step_ = claim.on_reply(exists());
  ASSERT_TRUE(asks<ReadFile>(step_));
  (void)claim.on_reply(ok(record_of(104)));
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(104));
}

//   After a lost race it has to be seen that what stands there is not ours: that is no mere glance.
TEST_F(ClaimGlanceTest, WhoLooksWhoItIsKnowsIt) {
  Claim claim = make(options(true));
  (void)publish(claim);
  clock_.advance(milliseconds{1});
  (void)claim.on_reply(exists());
  step_ = claim.on_reply(ok(record_of(104)));
  EXPECT_TRUE(claim.knows_holder());
  glance_at(claim, 105);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(105));
  EXPECT_TRUE(claim.knows_holder());
}

TEST_F(ClaimGlanceTest, NothingButAWaitForOthersIsCutShort) {
  ClaimOptions slow = options(false);
  slow.delay = seconds{1};
  Claim claim = make(slow);
  (void)publish(claim);
  step_ = claim.on_reply(ok());
  ASSERT_EQ(wait(), seconds{1}) << "the verification delay";
  claim.look_soon();
  clock_.advance(milliseconds{300});
  step_ = claim.resume();
  EXPECT_EQ(wait(), milliseconds{700});
}

TEST_F(ClaimGlanceTest, WhoeverIsToldLooksLessOften) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  for (int i = 0; i < 3; ++i) {
    look_at(claim, 101);
    EXPECT_EQ(wait(), seconds{1});
  }
}

//   Nobody tells how he ends, until he is watched, too.
TEST_F(ClaimGlanceTest, WhoeverSeesAnotherHolderLooksAsOftenAsBefore) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  for (int holder : {102, 103, 103}) {
    look_at(claim, holder);
    EXPECT_EQ(wait(), milliseconds{100});
  }
}

TEST_F(ClaimGlanceTest, WhoeverIsNotToldAnyMoreLooksAsOftenAsBefore) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  claim.rely_on_hints(std::nullopt);
  look_at(claim, 101);
  EXPECT_EQ(wait(), milliseconds{100});
}

TEST_F(ClaimGlanceTest, WhoeverIsNotToldAnyMoreIsNotHeldUpByAGlance) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  ASSERT_EQ(wait(), seconds{1});
  claim.rely_on_hints(std::nullopt);
  glance_at(claim, 101);
  EXPECT_EQ(wait(), milliseconds{100});
}

//   A line that is torn names no process that could end.
TEST_F(ClaimGlanceTest, AProcessThatShowsUpLaterIsNotWatchedYet) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  Holder holder;
  holder.pid = 4242;
  (void)next(claim, step_);
  step_ = claim.on_reply(ok(format_record(FakeIdentity::uuid(101), holder)));
  EXPECT_EQ(wait(), milliseconds{100});
}

//   He may die before he is watched.
TEST_F(ClaimGlanceTest, WhoWasFasterIsSoonFoundOut) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  clock_.advance(milliseconds{300});
  glance_at(claim, 102);
  EXPECT_FALSE(claim.knows_holder());
  EXPECT_EQ(wait(), milliseconds{100});
  look_at(claim, 102);
  EXPECT_TRUE(claim.knows_holder());
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(102));
}

//   But not in a crowd, where the next one comes at once: by then it is known as if nothing had
//   been told.
TEST_F(ClaimGlanceTest, InACrowdItIsFoundOutAtLeisure) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  const int judged = judged_;
  for (int i = 0; i < 19; ++i) {
    clock_.advance(milliseconds{50});
    glance_at(claim, 102 + i);
  }
  EXPECT_EQ(judged_, judged);
  EXPECT_EQ(wait(), milliseconds{50}) << "a second after the last look";
}

//   What he has started may end a moment later.
TEST_F(ClaimGlanceTest, WhatIsLeftIsLookedForOnceMoreWhateverTheInterval) {
  ClaimOptions seldom = options(true);
  seldom.retry = seconds{60};
  Claim claim = make(seldom);
  begin_to_wait(claim, seconds{60});
  claim.rely_on_hints(seconds{60});
  claim.holder_is_watched();
  claim.holder_ended();
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step_ = claim.on_reply(ok(record_of(101)));
  EXPECT_EQ(wait(), milliseconds{100});
  look_at(claim, 101);
  EXPECT_EQ(wait(), seconds{60});
}

TEST_F(ClaimGlanceTest, WhatIsLeftOfAHolderThatEndedIsFoundOutAtOnce) {
  Claim claim = make(often());
  begin_to_be_told(claim);
  look_at(claim, 101);
  ASSERT_EQ(wait(), seconds{1});
  const int judged = judged_;
  clock_.advance(milliseconds{300});
  claim.holder_ended();
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step_ = claim.on_reply(ok(record_of(101)));
  EXPECT_EQ(judged_, judged + 1);
  EXPECT_EQ(wait(), milliseconds{100}) << "nobody tells when his command has ended";
  glance_at(claim, 101);
  EXPECT_EQ(judged_, judged + 1) << "a glance will do again";
}

//   1 We write, and wait our delay.  2 Another overwrites it, and goes: we are told.  3 We verify:
//   absent. Nobody will tell us again.
TEST_F(ClaimGlanceTest, WhatIsToldMeanwhileIsNotForgotten) {
  ClaimOptions slow = options(true);
  slow.delay = seconds{1};
  Claim claim = make(slow);
  (void)publish(claim);
  step_ = claim.on_reply(ok());
  ASSERT_EQ(wait(), seconds{1});
  claim.look_soon();
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  step_ = claim.on_reply(absent());
  EXPECT_TRUE(claim.waiting_for_other());
  EXPECT_EQ(wait(), seconds{0});
  EXPECT_TRUE(asks<ReadFile>(claim.resume()));
}

TEST_F(ClaimGlanceTest, WhoTellsForWhomItWaitsLooksWhoItIs) {
  ClaimOptions told = options(true);
  told.glances = false;
  Claim claim = make(told);
  begin_to_wait(claim);
  clock_.advance(milliseconds{300});
  glance_at(claim, 102);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(102));
  race(claim);
  (void)claim.on_reply(exists());
  (void)claim.on_reply(ok(record_of(103)));
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(103));
}

//   What cannot be read says nothing about whether it is free.
TEST_F(ClaimGlanceTest, AGlanceThatFailsIsALook) {
  Claim claim = make(options(true));
  begin_to_wait(claim);
  clock_.advance(milliseconds{300});
  tell(claim);
  step_ = claim.on_reply(failed());
  EXPECT_EQ(claim.seen().kind, Sighting::Kind::unreadable);
  EXPECT_EQ(wait(), seconds{1});
}

TEST_F(ClaimGlanceTest, TheTimeoutHoldsAllTheSame) {
  ClaimOptions impatient = options(true);
  impatient.timeout = milliseconds{500};
  Claim claim = make(impatient);
  begin_to_wait(claim, milliseconds{480});  // and a last look before the end
  for (int i = 0; i < 100 && !finished(step_); ++i) {
    clock_.advance(milliseconds{20});
    claim.look_soon();
    step_ = claim.resume();
    if (asks<ReadFile>(step_)) step_ = claim.on_reply(ok(record_of(102)));
  }
  EXPECT_EQ(claim.result().outcome, Outcome::timed_out);
  EXPECT_EQ(claim.seen().token, FakeIdentity::uuid(102)) << "the last look is a real one";
}

}  // namespace
}  // namespace ufl::test
