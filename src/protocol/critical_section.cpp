// SPDX-License-Identifier: MIT

#include "protocol/critical_section.hpp"

#include <algorithm>
#include <utility>

namespace ufl {

CriticalSection::CriticalSection(bool kills, Duration kill_after, const Clock& clock,
                                 CommandControl& command, Timer& deadline, Events events)
    : kills_{kills},
      kill_after_{kill_after},
      clock_{clock},
      command_{command},
      deadline_{deadline},
      events_{std::move(events)} {}

bool CriticalSection::begin(const std::optional<KeptLease>& lease) {
  lease_ = lease;
  await_deadline();
  if (!lease_ || !kills_) return true;
  const bool is_watched = command_.begin_term(lease_->stop_at(), lease_->kill_at());
  if (!is_watched) deadline_.cancel_timer();
  return is_watched;
}

void CriticalSection::kept(const std::optional<KeptLease>& lease, bool is_recorded) {
  if (loss_ != Loss::none) return;
  lease_ = lease;
  // Late it was, whatever it has written: the command was stopped, or is to be.
  if (lease_ && kills_ && !command_.raise_term(lease_->stop_at(), lease_->kill_at())) {
    term_is_over_ = true;
    return lease_ended();
  }
  await_deadline();
  if (!is_recorded || state_ != State::waiting) return;
  state_ = State::running;
  if (!command_.start()) return command_ended();
  has_started_ = true;
  events_.on_start();
}

void CriticalSection::keep_ended(KeepResult::Outcome outcome) {
  keep_ended_ = true;
  // It answers what was under way when the command ended: the lock was ours till then, or it has
  // been said that it may not have been. The release finds out whether it is now.
  if (state_ == State::ended) return end();
  switch (outcome) {
    case KeepResult::Outcome::ended:
      return;
    case KeepResult::Outcome::not_recorded:
      command_.abandon();
      return end();
    case KeepResult::Outcome::lost:
      return lose(Loss::taken_away);
    case KeepResult::Outcome::lease_over:
      return lease_ended();
  }
}

void CriticalSection::command_ended() {
  if (state_ != State::waiting && state_ != State::running) return;
  // The term was over before: the command was stopped for that, or was to be.
  if (loss_ == Loss::none && !command_.conclude_term()) lose(Loss::lease_over);
  if (state_ == State::stopping || state_ == State::over) return;
  // Nobody knows whether the command ended before the lease did, if ufl was stopped meanwhile.
  if (loss_ == Loss::none && is_overdue()) {
    loss_ = Loss::lease_over;
    events_.on_lost(CommandFate::ended);
  }
  deadline_.cancel_timer();
  if (keep_ended_) return end();
  state_ = State::ended;
  events_.on_change();
  // What is under way may never be answered.
  const bool waits = state_ == State::ended && lease_;
  if (waits) deadline_.at(lease_->kill_at(), [this] { end(); });
}

void CriticalSection::command_stopped() {
  if (state_ == State::stopping) end();
}

void CriticalSection::wake() {
  const bool runs = state_ == State::running && loss_ == Loss::none && lease_ && kills_;
  if (runs && is_overdue()) lease_ended();
}

// A command that ended before is not stopped; its end is told in a moment, and judged then:
//   1 A write hangs.  2 The command ends.  3 The lease is over.  4 The write is answered.
void CriticalSection::lease_ended() {
  if (state_ == State::running && command_.has_ended()) return;
  lose(Loss::lease_over);
}

bool CriticalSection::is_overdue() const { return lease_ && clock_.now() >= lease_->kill_at(); }

void CriticalSection::await_deadline() {
  if (lease_) deadline_.at(lease_->stop_at(), [this] { lease_ended(); });
}

// The lock is lost, or its lease is over: told by keep or, while that waits for the share, by the
// clock.
void CriticalSection::lose(Loss loss) {
  const bool is_new = loss_ == Loss::none;
  if (is_new || loss == Loss::taken_away) loss_ = loss;
  if (!is_new) return;
  switch (state_) {
    case State::waiting:
      events_.on_lost(CommandFate::not_run);
      command_.abandon();
      return end();
    case State::running:
      if (kills_) return stop();
      deadline_.cancel_timer();
      return events_.on_lost(CommandFate::runs_on);
    case State::ended:
    case State::stopping:
    case State::over:
      break;
  }
}

// Kill first, then speak: others may run soon.
void CriticalSection::stop() {
  state_ = State::stopping;
  has_stopped_command_ = true;
  deadline_.cancel_timer();
  const Mono kill_at = clock_.now() + kill_after_;
  command_.stop(lease_ ? std::min(kill_at, lease_->kill_at()) : kill_at);
  events_.on_lost(CommandFate::stopped);
}

void CriticalSection::end() {
  state_ = State::over;
  deadline_.cancel_timer();
  command_.dismiss_term();
  events_.on_change();
}

}  // namespace ufl
