// SPDX-License-Identifier: MIT
//
// The fixture of the tests of Session (protocol/session.hpp): from the claim to the release, with a
// command and with timers that a test plays.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/session.hpp"
#include "seams/command_control.hpp"
#include "seams/timer.hpp"
#include "unit/fake_notifier.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {

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
  bool has_ended() override { return has_ended_unseen; }

  std::vector<std::string> told;
  Mono kill_at{};
  bool is_watched = true;
  bool is_over = false;
  bool may_start = true;
  bool has_ended_unseen = false;  ///< and nobody has told the session
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
  /// On a disk, where others see that the file is kept.
  SessionOptions on_disk() {
    keeper_ = Keeper::us;
    SessionOptions local = options();
    local.claim.local = true;
    return local;
  }
  static SessionOptions leased() {
    SessionOptions with_lease = options();
    with_lease.kills = true;
    with_lease.claim.lease = kLease;
    with_lease.claim.kill_after = with_lease.kill_after;
    return with_lease;
  }

  Session& make(SessionOptions with) {
    command_.told.clear();
    fate_.reset();
    session_.emplace(std::move(with),
                     SessionWorld{clock_, identity_, command_, deadline_, settling_, &notifier_},
                     SessionEvents{.on_wake = [this] { ++wakes_; },
                                   .on_over = [this] { is_over_ = true; },
                                   .on_lost = [this](CommandFate fate) { note_loss(fate); },
                                   .on_restored = [this] { ++restored_; },
                                   .on_letting_go = [this] { ++let_go_; }});
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
    clock_.advance(write_takes_);
    step = next(*session_, session_->on_reply(kept_by(keeper_)));
    EXPECT_TRUE(asks<ReadFile>(step));
    return session_->on_reply(on_device(kDevice, record_));
  }

  /// From the start to the command that runs, and the wait that follows.
  Step run(SessionOptions with, bool comes_up = false) {
    EXPECT_TRUE(std::holds_alternative<Acquired>(acquire(std::move(with))));
    Step step = session_->keep(kCommand);
    record_ = expect_operation<UpdateFile>(step).content;
    return waited(session_->on_reply(ok()), comes_up);
  }
  /// The command has run for a second, and all changes are told from now on: the look that follows
  /// shows our record.
  Step settle() {
    clock_.set(*settling_.due);
    settling_.ring();
    EXPECT_EQ(wakes_, 1) << "what happened before is not told";
    EXPECT_TRUE(asks<ReadFile>(session_->resume()));
    return waited(session_->on_reply(ok(record_)));
  }
  /// The kernel tells of a change: the look that follows.
  Step told_of_change() {
    notifier_.tell_change();
    Step step = session_->resume();
    EXPECT_TRUE(asks<ReadFile>(step));
    return step;
  }

  /// As the driver does.
  Step waited(Step step, bool comes_up = false) {
    EXPECT_TRUE(waits(step));
    EXPECT_EQ(session_->on_wait(), comes_up);
    return step;
  }

  void note_loss(CommandFate fate) {
    EXPECT_FALSE(fate_) << "told already";
    fate_ = fate;
    last_told_at_loss_ = command_.told.empty() ? "" : command_.told.back();
  }

  static constexpr ProcessId kCommand{4711, 99};
  /// That of the lock file, when it was taken.
  static constexpr std::uint64_t kDevice = 7;

  FakeIdentity identity_;
  FakeCommand command_;
  FakeTimer deadline_;
  FakeTimer settling_;
  FakeNotifier notifier_;
  std::optional<Session> session_;
  std::string record_;
  Duration write_takes_{};           ///< that of the claim
  Keeper keeper_ = Keeper::unknown;  ///< whom the claim is told to keep the file
  int wakes_ = 0;
  int restored_ = 0;
  int let_go_ = 0;
  bool is_over_ = false;
  std::optional<CommandFate> fate_;
  std::string last_told_at_loss_;
};

}  // namespace ufl::test
