// SPDX-License-Identifier: MIT
//
// Session: from the claim to the release, with a command that a test plays (protocol/session.hpp).

#include "protocol/session.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "unit/session_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(SessionTest, TheCommandStartsOnceTheRecordNamesIt) {
  EXPECT_TRUE(std::holds_alternative<Acquired>(acquire(options())));
  const Step step = session_->keep(kCommand);
  EXPECT_EQ(parse_record(expect_operation<UpdateFile>(step).content).holder.child, kCommand);
  EXPECT_TRUE(command_.told.empty());
  waited(session_->on_reply(ok()));
  EXPECT_EQ(command_.told, std::vector<std::string>{"start"});
  EXPECT_TRUE(session_->holding()->section().has_started());
  EXPECT_EQ(settling_.due, clock_.now() + seconds{1});
}

TEST_F(SessionTest, ARecordThatCouldNotBeWrittenStartsNothingYet) {
  acquire(options());
  (void)session_->keep(kCommand);
  Step step = next(*session_, waited(session_->on_reply(failed())));
  EXPECT_TRUE(command_.told.empty());
  ASSERT_TRUE(asks<UpdateFile>(step)) << "it tries again";
  waited(session_->on_reply(ok()));
  EXPECT_EQ(command_.told, std::vector<std::string>{"start"});
}

TEST_F(SessionTest, ARecordThatCannotBeWrittenStartsNothing) {
  acquire(options());
  (void)session_->keep(kCommand);
  EXPECT_TRUE(asks<ReadFile>(session_->on_reply(denied()))) << "the release";
  EXPECT_EQ(command_.told, (std::vector<std::string>{"abandon", "dismissed"}));
  EXPECT_FALSE(session_->holding()->section().has_started());
  EXPECT_FALSE(fate_) << "the lock is ours still";
}

TEST_F(SessionTest, ALockThatSomebodyElseHasRunsNothing) {
  SessionOptions once = options();
  once.claim.timeout = Duration::zero();
  make(once);
  (void)session_->start();
  EXPECT_TRUE(finished(session_->on_reply(ok(kOther))));
  EXPECT_EQ(session_->claim().result().outcome, ClaimResult::Outcome::busy);
  EXPECT_EQ(session_->stage(), Stage::over);
  EXPECT_FALSE(session_->release());
}

TEST_F(SessionTest, LooksMoreOftenWhereALossStopsTheCommand) {
  for (const bool kills : {true, false}) {
    SessionOptions with = options();
    with.kills = kills;
    Step step = run(std::move(with));
    for (int look = 0; look < 2; ++look) {
      EXPECT_EQ(wait(step), kills ? seconds{5} : seconds{30});
      ASSERT_TRUE(asks<ReadFile>(next(*session_, step)));
      step = waited(session_->on_reply(ok(record_)));
    }
    EXPECT_EQ(command_.told, std::vector<std::string>{"start"}) << "once";
  }
}

TEST_F(SessionTest, AChangeOfTheFileIsLookedAtAtOnce) {
  run(on_disk());
  settle();
  (void)told_of_change();
  waited(session_->on_reply(ok(record_)));
  session_->holding()->command_ended();
  (void)told_of_change();
  EXPECT_EQ(session_->stage(), Stage::releasing) << "the release looks itself";
}

TEST_F(SessionTest, NothingIsToldOfChangesOnAShare) {
  run(options());
  clock_.set(*settling_.due);
  settling_.ring();
  EXPECT_EQ(notifier_.asked, 0);
  EXPECT_EQ(wakes_, 0);
}

TEST_F(SessionTest, WhereTheKernelRefusesTheIntervalIsThere) {
  notifier_.refuses = true;
  run(on_disk());
  clock_.set(*settling_.due);
  settling_.ring();
  EXPECT_EQ(notifier_.asked, 1);
  EXPECT_EQ(wakes_, 0);
}

TEST_F(SessionTest, ARecordThatIsWrittenBackIsToldOnce) {
  run(on_disk());
  settle();
  for (int time = 0; time < 2; ++time) {
    EXPECT_TRUE(expect_operation<ReadFile>(told_of_change()).asks_keeper);
    ASSERT_TRUE(asks<UpdateFile>(session_->on_reply(kept_by(Keeper::us))));
    waited(session_->on_reply(ok()));
    EXPECT_EQ(restored_, 1);
  }
  EXPECT_FALSE(fate_);
}

//   1 Our file is removed.  2 Another makes one, and has not written to it yet.
TEST_F(SessionTest, AnEmptyFileThatAnotherKeepsIsNotOurs) {
  run(on_disk());
  settle();
  (void)told_of_change();
  Step step = next(*session_, waited(session_->on_reply(kept_by(Keeper::somebody))));
  ASSERT_TRUE(asks<ReadFile>(step));
  ASSERT_TRUE(asks<ProbeDirectory>(session_->on_reply(kept_by(Keeper::somebody))));
  (void)session_->on_reply(ok());
  EXPECT_EQ(fate_, CommandFate::runs_on);
}

//   1 The share is unmounted.  2 On the disk below, somebody else has a lock of that name.
TEST_F(SessionTest, AnothersLockOnAnotherDeviceIsNotALoss) {
  const FileReply elsewhere = on_device(kDevice + 1, kOther);
  Step step = next(*session_, run(options()));
  ASSERT_TRUE(asks<ReadFile>(step));
  waited(session_->on_reply(elsewhere));
  EXPECT_FALSE(fate_);
  session_->holding()->command_ended();
  step = session_->resume();
  for (int look = 0; look < 3 && !finished(step); ++look) {
    if (waits(step)) step = next(*session_, step);
    ASSERT_TRUE(asks<ReadFile>(step));
    step = session_->on_reply(elsewhere);
  }
  EXPECT_EQ(session_->release()->result().outcome, ReleaseResult::Outcome::failed);
  EXPECT_FALSE(identity_.witness.empty());
}

TEST_F(SessionTest, OnADiskOnlyOurOwnRecordIsRemoved) {
  run(on_disk());
  session_->holding()->command_ended();
  ASSERT_TRUE(asks<ReadFile>(session_->resume()));
  const Step step = session_->on_reply(ok(record_));
  EXPECT_EQ(expect_operation<RemoveFile>(step).only_if, record_);
}

TEST_F(SessionTest, AShortDelayBoundsTheLastLookWhereCreateMayOverwrite) {
  for (const bool atomic : {true, false}) {
    SessionOptions with = options();
    with.claim.delay = milliseconds{300};
    with.claim.atomic_create = atomic;
    run(std::move(with));
    session_->holding()->command_ended();
    ASSERT_TRUE(asks<ReadFile>(session_->resume()));
    clock_.advance(milliseconds{101});  // more than a third
    EXPECT_EQ(asks<RemoveFile>(session_->on_reply(ok(record_))), atomic);
  }
}

TEST_F(SessionTest, TheLockIsReleasedWhenTheCommandHasEnded) {
  run(options());
  EXPECT_FALSE(identity_.witness.empty());
  session_->holding()->command_ended();
  EXPECT_EQ(wakes_, 1);
  Step step = session_->resume();
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_FALSE(settling_.due) << "nobody is told of a lock that is let go";
  EXPECT_EQ(let_go_, 1);
  step = session_->on_reply(ok(record_));
  ASSERT_TRUE(asks<RemoveFile>(step));
  EXPECT_FALSE(identity_.witness.empty()) << "it is on the share still";
  EXPECT_TRUE(finished(session_->on_reply(ok())));
  EXPECT_TRUE(identity_.witness.empty());
  EXPECT_EQ(session_->release()->result().outcome, ReleaseResult::Outcome::released);
  EXPECT_FALSE(fate_);
}

TEST_F(SessionTest, TheWitnessStaysWhereTheLockMayStand) {
  run(options());
  session_->holding()->command_ended();
  ASSERT_TRUE(asks<ReadFile>(session_->resume()));
  ASSERT_TRUE(asks<RemoveFile>(session_->on_reply(ok(record_))));
  EXPECT_TRUE(finished(session_->on_reply(failed())));
  EXPECT_FALSE(identity_.witness.empty());
}

TEST_F(SessionTest, ACommandThatMayNotStartAnyMoreHasEnded) {
  command_.may_start = false;
  run(options(), true);
  EXPECT_FALSE(session_->holding()->section().has_started());
  EXPECT_FALSE(settling_.due);
  EXPECT_TRUE(asks<ReadFile>(session_->resume())) << "the release";
  EXPECT_EQ(session_->stage(), Stage::releasing);
}

TEST_F(SessionTest, ALockThatIsTakenBeforeTheCommandRunsNothing) {
  acquire(options());
  (void)session_->keep(kCommand);
  const Step step = session_->on_reply(changed(kOther));
  EXPECT_EQ(fate_, CommandFate::not_run);
  EXPECT_EQ(command_.told, (std::vector<std::string>{"abandon", "dismissed"}));
  EXPECT_TRUE(asks<ReadFile>(step)) << "the release finds out whose it is";
}

TEST_F(SessionTest, ALockThatIsLostStopsItsCommandOrWarnsItsUser) {
  for (const bool kills : {true, false}) {
    SCOPED_TRACE(kills);
    SessionOptions with = options();
    with.kills = kills;
    Step step = next(*session_, run(std::move(with)));
    ASSERT_TRUE(asks<ReadFile>(step));
    step = session_->on_reply(ok(kOther));
    ASSERT_TRUE(waits(step)) << "for the end of the command";
    EXPECT_EQ(std::get<WaitUntil>(step).at, Mono::max());
    EXPECT_EQ(fate_, kills ? CommandFate::stopped : CommandFate::runs_on);
    EXPECT_EQ(command_.told.back(), kills ? "stop" : "start");
    EXPECT_EQ(last_told_at_loss_, command_.told.back()) << "the command first, then its user";
    EXPECT_EQ(session_->holding()->section().has_stopped_command(), kills);
    if (kills) {
      EXPECT_EQ(command_.kill_at, clock_.now() + seconds{5});
    }
    EXPECT_EQ(session_->loss(), Loss::taken_away);
    session_->holding()->command_ended();
    EXPECT_EQ(session_->holding()->section().is_over(), !kills)
        << "what it has started may run still";
    if (kills) session_->holding()->command_stopped();
    EXPECT_TRUE(asks<ReadFile>(session_->resume())) << "the release";
  }
}

TEST_F(SessionTest, WhatIsHandedOverStands) {
  acquire(options());
  EXPECT_TRUE(finished(session_->hand_over()));
  EXPECT_FALSE(session_->release());
  EXPECT_FALSE(identity_.witness.empty());
}

TEST_F(SessionTest, ASignalEndsAClaimAndNothingLater) {
  make(options());
  Step step = session_->start();
  step = session_->on_reply(ok(kOther));
  ASSERT_TRUE(waits(step));
  EXPECT_TRUE(finished(session_->cancel()));
  EXPECT_EQ(session_->claim().result().outcome, ClaimResult::Outcome::cancelled);

  const Step running = run(options());
  EXPECT_EQ(wait(session_->cancel()), wait(running)) << "for the next look";
  EXPECT_EQ(session_->stage(), Stage::keeping);
}

}  // namespace
}  // namespace ufl::test
