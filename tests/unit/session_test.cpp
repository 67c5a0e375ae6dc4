// SPDX-License-Identifier: MIT
//
// Session: from the claim to the release, with a command that a test plays (protocol/session.hpp).

#include "protocol/session.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/driver.hpp"
#include "protocol/lease.hpp"
#include "seams/command_control.hpp"
#include "seams/timer.hpp"
#include "unit/fake_notifier.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {
namespace {

/// Rings when the test says so.
class FakeTimer final : public Timer {
 public:
  void at(Mono when, std::function<void()> handler) override {
    due = when;
    handler_ = std::move(handler);
  }
  void cancel_timer() override {
    due.reset();
    handler_ = nullptr;
  }
  void ring() {
    const auto handler = std::exchange(handler_, nullptr);
    due.reset();
    handler();
  }

  std::optional<Mono> due;

 private:
  std::function<void()> handler_;
};

/// Notes what it is told, in words.
class FakeCommand final : public CommandControl {
 public:
  bool begin_term(Mono /*stop_at*/, Mono /*kill_at*/) override {
    told.emplace_back("term");
    return is_watched;
  }
  bool raise_term(Mono /*stop_at*/, Mono /*kill_at*/) override { return !is_over; }
  bool conclude_term() override { return !is_over; }
  void dismiss_term() override { told.emplace_back("dismissed"); }
  bool start() override {
    told.emplace_back("start");
    return may_start;
  }
  void abandon() override { told.emplace_back("abandon"); }
  void stop(Mono when) override {
    told.emplace_back("stop");
    kill_at = when;
  }
  bool has_ended() override { return false; }

  std::vector<std::string> told;
  Mono kill_at{};
  bool is_watched = true;
  bool is_over = false;
  bool may_start = true;
};

class SessionTest : public MachineTest {
 protected:
  using Stage = Session::Stage;
  using Loss = CriticalSection::Loss;

  static constexpr Duration kLease = seconds{30};

  static SessionOptions options() {
    SessionOptions options;
    options.claim.path = "lock";
    options.claim.delay = seconds{1};
    options.claim.atomic_create = true;
    options.kill_after = seconds{5};
    return options;
  }
  static SessionOptions leased() {
    SessionOptions with_lease = options();
    with_lease.kills = true;
    with_lease.claim.lease = kLease;
    with_lease.claim.kill_after = with_lease.kill_after;
    return with_lease;
  }

  Session& make(SessionOptions with) {
    session_.emplace(std::move(with),
                     SessionWorld{clock_, identity_, command_, deadline_, settling_, &notifier_},
                     SessionEvents{.on_wake = [this] { ++wakes_; },
                                   .on_over = [this] { is_over_ = true; },
                                   .on_lost = [this](CommandFate fate) { fate_ = fate; }});
    return *session_;
  }

  /// From the start to Acquired, without another contender.
  Step acquire(SessionOptions with) {
    make(std::move(with));
    Step step = session_->start();
    EXPECT_TRUE(asks<ReadFile>(step));
    step = session_->on_reply(absent());
    EXPECT_TRUE(looks_free(step));
    step = session_->resume();
    record_ = expect_operation<CreateExclusive>(step).content;
    step = next(*session_, session_->on_reply(ok()));
    EXPECT_TRUE(asks<ReadFile>(step));
    return session_->on_reply(ok(record_));
  }

  /// From the start to the command that runs, and the wait that follows, in which nothing comes up,
  /// or something does.
  Step run(SessionOptions with, bool comes_up = false) {
    EXPECT_TRUE(std::holds_alternative<Acquired>(acquire(std::move(with))));
    Step step = session_->keep(kCommand);
    record_ = expect_operation<UpdateFile>(step).content;
    return waited(session_->on_reply(ok()), comes_up);
  }

  /// As the driver does.
  Step waited(Step step, bool comes_up = false) {
    EXPECT_TRUE(waits(step));
    EXPECT_EQ(session_->on_wait(), comes_up);
    return step;
  }

  /// The holder looks at the file, which has this content.
  Step look_and_see(const std::string& content) {
    EXPECT_TRUE(asks<ReadFile>(session_->resume()));
    return session_->on_reply(ok(content));
  }

  static constexpr ProcessId kCommand{4711, 99};

  FakeIdentity identity_;
  FakeCommand command_;
  FakeTimer deadline_;
  FakeTimer settling_;
  FakeNotifier notifier_;
  std::optional<Session> session_;
  std::string record_;
  int wakes_ = 0;
  bool is_over_ = false;
  std::optional<CommandFate> fate_;
};

TEST_F(SessionTest, TheCommandStartsOnceTheRecordNamesIt) {
  EXPECT_TRUE(std::holds_alternative<Acquired>(acquire(options())));
  const Step step = session_->keep(kCommand);
  EXPECT_EQ(parse_record(expect_operation<UpdateFile>(step).content).holder.child, kCommand);
  EXPECT_TRUE(command_.told.empty());
  waited(session_->on_reply(ok()));
  EXPECT_EQ(command_.told, std::vector<std::string>{"start"});
  EXPECT_TRUE(settling_.due);
}

TEST_F(SessionTest, ChangesOfALocalFileAreToldOnceTheCommandHasRunForASecond) {
  for (const bool local : {false, true}) {
    SessionOptions with = options();
    with.claim.local = local;
    run(std::move(with));
    EXPECT_EQ(notifier_.asked, 0);
    clock_.set(*settling_.due);
    settling_.ring();
    ASSERT_EQ(notifier_.watches_file(), local);
    if (!local) continue;
    EXPECT_EQ(wakes_, 1) << "what happened before is not told";
    waited(look_and_see(record_));
    notifier_.tell_change();
    waited(look_and_see(record_));
  }
}

TEST_F(SessionTest, TheLockIsReleasedWhenTheCommandHasEnded) {
  run(options());
  EXPECT_FALSE(identity_.witness.empty());
  session_->command_ended();
  EXPECT_EQ(wakes_, 1);
  Step step = session_->resume();
  ASSERT_TRUE(asks<ReadFile>(step));
  EXPECT_FALSE(settling_.due) << "nobody is told of a lock that is let go";
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
  session_->command_ended();
  ASSERT_TRUE(asks<ReadFile>(session_->resume()));
  ASSERT_TRUE(asks<RemoveFile>(session_->on_reply(ok(record_))));
  EXPECT_TRUE(finished(session_->on_reply(failed())));
  EXPECT_FALSE(identity_.witness.empty());
}

TEST_F(SessionTest, ACommandThatMayNotStartAnyMoreHasEnded) {
  command_.may_start = false;
  run(options(), true);
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
    command_.told.clear();
    SessionOptions with = options();
    with.kills = kills;
    Step step = next(*session_, run(std::move(with)));
    ASSERT_TRUE(asks<ReadFile>(step));
    step = session_->on_reply(ok(kOther));
    ASSERT_TRUE(waits(step)) << "for the end of the command";
    EXPECT_EQ(std::get<WaitUntil>(step).at, Mono::max());
    EXPECT_EQ(fate_, kills ? CommandFate::stopped : CommandFate::runs_on);
    EXPECT_EQ(command_.told.back(), kills ? "stop" : "start");
    EXPECT_EQ(session_->section().loss(), Loss::taken_away);
    session_->command_ended();
    EXPECT_EQ(session_->section().is_over(), !kills) << "what it has started may run still";
    if (kills) session_->command_stopped();
    EXPECT_TRUE(asks<ReadFile>(session_->resume())) << "the release";
  }
}

TEST_F(SessionTest, ALeaseEndsWhileTheShareHangs) {
  Step step = next(*session_, run(leased()));
  ASSERT_TRUE(asks<UpdateFile>(step)) << "a heartbeat, which is not answered";
  const auto lease = session_->kept()->lease();
  ASSERT_TRUE(lease);
  EXPECT_EQ(deadline_.due, lease->stop_at());
  clock_.set(lease->stop_at());
  deadline_.ring();
  EXPECT_EQ(fate_, CommandFate::stopped);
  EXPECT_LE(command_.kill_at, lease->kill_at());
  session_->command_ended();
  EXPECT_FALSE(is_over_);
  session_->command_stopped();
  EXPECT_TRUE(is_over_) << "without an answer";
  EXPECT_FALSE(session_->release()) << "the file is for others to take over";
  EXPECT_TRUE(identity_.witness.empty());
}

TEST_F(SessionTest, AnAnswerMayNeverComeToOneWhoseCommandHasEnded) {
  (void)next(*session_, run(leased()));
  session_->command_ended();
  EXPECT_FALSE(is_over_);
  EXPECT_EQ(deadline_.due, session_->kept()->lease()->kill_at());
  deadline_.ring();
  EXPECT_TRUE(is_over_);
}

// The command ends while a heartbeat is under way, and that takes until the lease is over.
TEST_F(SessionTest, AHeartbeatThatIsAnsweredAfterTheCommandLosesNothing) {
  SessionOptions with = leased();
  with.kills = false;
  Step step = next(*session_, run(std::move(with)));
  ASSERT_TRUE(asks<UpdateFile>(step));
  session_->command_ended();
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
  session_->command_stopped();
  EXPECT_TRUE(finished(session_->resume()));
  EXPECT_FALSE(session_->release());
}

TEST_F(SessionTest, WhoSleptTooLongKillsFirst) {
  run(leased());
  clock_.set(session_->kept()->lease()->kill_at());
  session_->wake();
  EXPECT_EQ(command_.told.back(), "stop");
  EXPECT_EQ(session_->section().loss(), Loss::lease_over);
}

TEST_F(SessionTest, ACommandThatEndedAfterItsLeaseLostIt) {
  run(leased());
  clock_.set(session_->kept()->lease()->kill_at());
  session_->command_ended();
  EXPECT_EQ(fate_, CommandFate::ended);
  EXPECT_TRUE(finished(session_->resume()));
  EXPECT_FALSE(session_->release());
}

TEST_F(SessionTest, ALeaseThatNobodyCanWatchOverIsNotBegun) {
  command_.is_watched = false;
  acquire(leased());
  EXPECT_TRUE(asks<ReadFile>(session_->keep(kCommand))) << "the release";
  EXPECT_TRUE(session_->is_unwatched());
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
  EXPECT_TRUE(waits(session_->cancel()));
  EXPECT_EQ(session_->stage(), Stage::keeping);
}

}  // namespace
}  // namespace ufl::test
