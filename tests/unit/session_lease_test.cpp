// SPDX-License-Identifier: MIT
//
// Session, with a lease: who sees to it that the command is stopped before the lease is over, and
// what becomes of the lock file then.

#include "protocol/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST_F(SessionTest, ALeaseEndsWhileTheShareHangs) {
  Step step = next(*session_, run(leased()));
  ASSERT_TRUE(asks<UpdateFile>(step)) << "a heartbeat, which is not answered";
  const auto lease = session_->holding()->lease();
  ASSERT_TRUE(lease);
  EXPECT_EQ(deadline_.due, lease->stop_at());
  clock_.set(lease->stop_at());
  deadline_.ring();
  EXPECT_EQ(fate_, CommandFate::stopped);
  EXPECT_LE(command_.kill_at, lease->kill_at());
  session_->holding()->command_ended();
  EXPECT_FALSE(is_over_);
  session_->holding()->command_stopped();
  EXPECT_TRUE(is_over_) << "without an answer";
  EXPECT_EQ(let_go_, 1);
  EXPECT_FALSE(session_->release()) << "the file is for others to take over";
  EXPECT_TRUE(identity_.witness.empty());
}

TEST_F(SessionTest, AnAnswerMayNeverComeToOneWhoseCommandHasEnded) {
  (void)next(*session_, run(leased()));
  session_->holding()->command_ended();
  EXPECT_FALSE(is_over_);
  EXPECT_EQ(deadline_.due, session_->holding()->lease()->kill_at());
  deadline_.ring();
  EXPECT_TRUE(is_over_);
}

// The command ends while a heartbeat is under way, and that takes until the lease is over.
TEST_F(SessionTest, AHeartbeatThatIsAnsweredAfterTheCommandLosesNothing) {
  SessionOptions with = leased();
  with.kills = false;
  Step step = next(*session_, run(std::move(with)));
  ASSERT_TRUE(asks<UpdateFile>(step));
  session_->holding()->command_ended();
  clock_.advance(kLease);
  step = session_->on_reply(ok());
  EXPECT_FALSE(fate_);
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_TRUE(finished(session_->on_reply(ok(record_))));
  EXPECT_EQ(session_->release()->result().outcome, ReleaseResult::Outcome::too_late);
}

TEST_F(SessionTest, ARefreshInTimeIsOfNoUseOnceTheTermIsOver) {
  Step step = next(*session_, run(leased()));
  ASSERT_TRUE(asks<UpdateFile>(step));
  command_.is_over = true;
  waited(session_->on_reply(ok()), true);
  EXPECT_EQ(fate_, CommandFate::stopped);
  step = session_->resume();
  EXPECT_TRUE(waits(step)) << "nothing is refreshed any more";
  session_->holding()->command_stopped();
  EXPECT_TRUE(finished(session_->resume()));
  EXPECT_FALSE(session_->release());
}

TEST_F(SessionTest, AHolderThatSleptTooLongKillsFirst) {
  run(leased());
  clock_.set(session_->holding()->lease()->kill_at());
  session_->wake();
  EXPECT_EQ(command_.told.back(), "stop");
  EXPECT_EQ(command_.kill_at, clock_.now()) << "later others may run";
  EXPECT_EQ(session_->loss(), Loss::lease_over);
}

TEST_F(SessionTest, AHolderThatSleptTooLongStopsNothingThatHasEnded) {
  run(leased());
  clock_.set(session_->holding()->lease()->kill_at());
  command_.has_ended_unseen = true;
  session_->wake();
  EXPECT_EQ(command_.told.back(), "start");
  session_->holding()->command_ended();
  EXPECT_EQ(fate_, CommandFate::ended);
}

TEST_F(SessionTest, ACommandThatWasStoppedForItsTermHasLostItsLock) {
  run(leased());
  command_.is_over = true;
  session_->holding()->command_ended();
  EXPECT_EQ(fate_, CommandFate::stopped);
  EXPECT_EQ(session_->loss(), Loss::lease_over);
}

// The machine stood still: nothing has rung yet.
TEST_F(SessionTest, AHeartbeatThatIsAnsweredTooLateLosesTheLock) {
  for (const bool kills : {true, false}) {
    SessionOptions with = leased();
    with.kills = kills;
    Step step = next(*session_, run(std::move(with)));
    ASSERT_TRUE(asks<UpdateFile>(step));
    clock_.set(session_->holding()->lease()->stop_at());
    step = session_->on_reply(ok());
    EXPECT_EQ(fate_, kills ? CommandFate::stopped : CommandFate::runs_on);
    EXPECT_EQ(session_->loss(), Loss::lease_over);
    session_->holding()->command_ended();
    session_->holding()->command_stopped();
    EXPECT_TRUE(finished(session_->resume())) << "the file is for others to take over";
  }
}

// The command ended while a write hung, or while ufl stood still: in time, or nobody knows.
TEST_F(SessionTest, ALateAnswerStopsNothingThatHasEnded) {
  for (const bool rings : {true, false}) {
    for (const bool in_time : {true, false}) {
      Step step = next(*session_, run(leased()));
      ASSERT_TRUE(asks<UpdateFile>(step));
      command_.has_ended_unseen = true;
      const auto lease = session_->holding()->lease();
      clock_.set(in_time ? lease->stop_at() : lease->kill_at());
      if (rings) deadline_.ring();
      step = session_->on_reply(ok());
      EXPECT_FALSE(fate_);
      session_->holding()->command_ended();
      EXPECT_EQ(command_.told.back(), "dismissed") << "what it has left runs on";
      EXPECT_EQ(fate_, in_time ? std::nullopt : std::optional{CommandFate::ended});
      command_.has_ended_unseen = false;
    }
  }
}

TEST_F(SessionTest, ALossIsToldOnce) {
  for (const bool kills : {true, false}) {
    SessionOptions with = leased();
    with.kills = kills;
    ASSERT_TRUE(asks<UpdateFile>(next(*session_, run(std::move(with)))));
    clock_.set(session_->holding()->lease()->stop_at());
    deadline_.ring();
    EXPECT_TRUE(fate_);
    (void)session_->on_reply(ok());  // too late, says keep, too
    EXPECT_EQ(std::count(command_.told.begin(), command_.told.end(), "stop"), kills ? 1 : 0);
  }
}

TEST_F(SessionTest, ALeaseMayEndBeforeTheCommandHasBegun) {
  acquire(leased());
  ASSERT_TRUE(asks<UpdateFile>(session_->keep(kCommand)));  // which is not answered
  ASSERT_EQ(deadline_.due, session_->holding()->lease()->stop_at());
  clock_.set(*deadline_.due);
  deadline_.ring();
  EXPECT_EQ(fate_, CommandFate::not_run);
  EXPECT_EQ(command_.told, (std::vector<std::string>{"term", "abandon", "dismissed"}));
  EXPECT_TRUE(is_over_);
}

TEST_F(SessionTest, OnlyACommandThatWouldBeStoppedNeedsTimeForThat) {
  for (const bool kills : {true, false}) {
    SessionOptions with = leased();
    with.kills = kills;
    with.kill_after = with.claim.kill_after = seconds{15};
    run(std::move(with));
    const auto& lease = session_->holding()->lease();
    EXPECT_EQ(deadline_.due,
              lease->refreshed + lease_stop(kLease, kills ? seconds{15} : seconds{0}));
    EXPECT_EQ(command_.told.front(), kills ? "term" : "start");
  }
}

TEST_F(SessionTest, AShareThatWasSlowAtTheClaimIsRefreshedEarlier) {
  write_takes_ = milliseconds{4600};
  const Step step = run(leased());
  EXPECT_LT(wait(step), kLease / 3);
}

TEST_F(SessionTest, NothingIsRefreshedForACommandThatHasEnded) {
  clock_.advance(wait(run(leased())));  // a heartbeat is due
  session_->holding()->command_ended();
  EXPECT_TRUE(asks<ReadFile>(session_->resume())) << "the release";
  EXPECT_FALSE(deadline_.due) << "it has the time that it needs";

  ASSERT_TRUE(asks<UpdateFile>(next(*session_, run(leased()))));
  session_->holding()->command_ended();
  EXPECT_TRUE(asks<ReadFile>(session_->on_reply(ok()))) << "the release, at once";
}

TEST_F(SessionTest, ALeaseIsReleasedWithinItsLastRefresh) {
  for (const bool is_late : {false, true}) {
    const Step step = next(*session_, run(leased()));
    record_ = expect_operation<UpdateFile>(step).content;
    const Mono refreshed = clock_.now();
    waited(session_->on_reply(ok()));
    clock_.set(refreshed + lease_reliable(kLease) - milliseconds{1});
    session_->holding()->command_ended();
    ASSERT_TRUE(asks<ReadFile>(session_->resume()));
    if (is_late) clock_.advance(milliseconds{1});
    EXPECT_EQ(asks<RemoveFile>(session_->on_reply(ok(record_))), !is_late);
  }
}

TEST_F(SessionTest, ACommandThatEndedAfterItsLeaseLostIt) {
  run(leased());
  clock_.set(session_->holding()->lease()->kill_at());
  session_->holding()->command_ended();
  EXPECT_EQ(fate_, CommandFate::ended);
  EXPECT_TRUE(finished(session_->resume()));
  EXPECT_FALSE(session_->release());
}

TEST_F(SessionTest, ALeaseThatNobodyCanWatchOverIsNotBegun) {
  command_.is_watched = false;
  acquire(leased());
  EXPECT_TRUE(asks<ReadFile>(session_->keep(kCommand))) << "the release";
  EXPECT_FALSE(session_->holding());
  EXPECT_EQ(command_.told, (std::vector<std::string>{"term", "abandon"}));
  EXPECT_FALSE(deadline_.due);
}

// Four operations and a retry must fit in before the command has to be told to stop.
TEST_F(SessionTest, AShareThatIsTooSlowForTheLeaseIsLeft) {
  const Duration slow = milliseconds{4900};
  make(leased());
  ASSERT_TRUE(asks<ReadFile>(session_->start()));
  ASSERT_TRUE(looks_free(session_->on_reply(absent())));
  record_ = expect_operation<CreateExclusive>(session_->resume()).content;
  clock_.advance(slow);
  Step step = next(*session_, session_->on_reply(ok()));
  ASSERT_TRUE(asks<ReadFile>(step));
  step = session_->on_reply(ok(record_));
  record_ = expect_operation<UpdateFile>(step).content;  // it is measured anew
  clock_.advance(slow);
  ASSERT_TRUE(asks<ReadFile>(session_->on_reply(ok())));
  ASSERT_TRUE(asks<ReadFile>(session_->on_reply(ok(record_)))) << "the release";
  EXPECT_TRUE(session_->is_too_slow());
  ASSERT_TRUE(asks<RemoveFile>(session_->on_reply(ok(record_))));
}

}  // namespace
}  // namespace ufl::test
