// SPDX-License-Identifier: MIT

#include "verbs/lock_session.hpp"

#include <chrono>
#include <utility>

#include "process/signal_policy.hpp"
#include "protocol/judge.hpp"
#include "protocol/no_lock.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "sys/hindrances.hpp"
#include "sys/standard_error.hpp"
#include "sys/terminal.hpp"
#include "verbs/leasing.hpp"
#include "verbs/refresh.hpp"

namespace ufl {

namespace {

bool somebody_watches(const Options& options) {
  return options.verbosity != Verbosity::quiet && stderr_is_terminal();
}

void note_release(RunReport& report, const ReleaseResult& result) {
  report.released = result.outcome == ReleaseResult::Outcome::released;
  if (result.outcome != ReleaseResult::Outcome::lost) return;
  report.kind = RunReport::Kind::lost;
  report.holder = result.seen;
}

// A user that is told who holds the lock is told the truth.
SessionOptions told(SessionOptions session, const Options& options) {
  session.claim.retry.glances =
      options.verbosity != Verbosity::verbose && !options.report && !somebody_watches(options);
  return session;
}

}  // namespace

LockSession::LockSession(const Options& options, const World& world, VerbLoop& loop,
                         SessionOptions session, CommandControl& command, RunReport& report,
                         Events events)
    : options_{options},
      world_{world},
      loop_{loop},
      report_{report},
      events_{std::move(events)},
      deadline_{loop.events().make_timer()},
      settling_{loop.events().make_timer()},
      notifier_{loop.events(), world.clock, options.lock_file, [this] { driver_.wake(); }},
      session_{
          told(std::move(session), options),
          SessionWorld{world.clock, world.identity, command, *deadline_, *settling_, &notifier_},
          SessionEvents{.on_wake = [this] { driver_.wake(); },
                        .on_over = [this] { session_ended(); },
                        .on_lost = [this](CommandFate fate) { events_.on_lost(fate); },
                        .on_restored =
                            [this] {
                              if (options_.verbosity == Verbosity::quiet) return;
                              say(restored_text(options_.lock_file));
                            },
                        .on_letting_go = [this] { letting_go(); }}},
      driver_{session_, world.files, loop.timer(),
              DriverEvents{.on_looks_free = events_.on_looks_free,
                           .on_acquired = [this] { return acquired(); },
                           .on_wait = [this] { waits(); },
                           .on_finished = [this] { session_ended(); }}},
      log_{options.lock_file, options.verbosity, world.clock},
      started_{world.clock.now()} {
  if (!somebody_watches(options)) return;
  line_timer_ = loop.events().make_timer();
  line_.emplace(options.lock_file, world.clock, *line_timer_, [this] { return now_waiting(); });
}

void LockSession::start() {
  if (line_) line_->start();
  driver_.start();
}

void LockSession::got_signal(int signal_number) {
  if (!ends_a_wait(signal_number) || fatal_signal_ != 0) return;
  fatal_signal_ = signal_number;
  if (session_.stage() == Session::Stage::claiming) driver_.cancel();
}

WaitProgress LockSession::now_waiting() const {
  WaitProgress waiting;
  waiting.for_other = claim().waiting_for_other();
  waiting.seen = claim().seen();
  waiting.delay =
      claim().delay() + (claim().late() ? claim().options().late_hold : Duration::zero());
  return waiting;
}

void LockSession::make_room() {
  if (line_) line_->make_room();
}

void LockSession::waits() {
  if (session_.stage() != Session::Stage::claiming) return;
  if (log_.is_due(claim().waiting_for_other())) {
    make_room();
    log_.waiting(claim().seen());
  }
  // Half a minute that looks like a hang, and a delay that is too short.
  if (claim().late() && !std::exchange(told_late_, true)) {
    make_room();
    say(late_claim_text(options_.lock_file, claim().options().late_hold + claim().delay()));
  }
  say_what_keeps_it();
}

// What looks like a lock that nobody takes, or like no lock at all.
void LockSession::say_what_keeps_it() {
  if (options_.verbosity == Verbosity::quiet) return;
  if (claim().result().may_not_replace && !std::exchange(told_may_not_, true)) {
    make_room();
    say(may_not_replace_text(options_.lock_file, claim().seen(), world_.clock.wall()));
  }
  if (is_no_lock() && !std::exchange(told_no_lock_, true)) {
    make_room();
    say(waits_for_no_lock_text(options_.lock_file, claim().seen()));
  }
  if (claim().publishing().is_denied_for_long() && !std::exchange(told_denied_, true)) {
    make_room();
    say(denied_for_long_text(options_.lock_file, claim().publishing().refused()));
  }
}

// On a share it may be a lock that is just being written. A user who gives up soon is told then.
bool LockSession::is_no_lock() const {
  constexpr Duration kSoon = std::chrono::seconds{1};
  const Sighting& seen = claim().seen();
  if (options_.timeout && *options_.timeout < kSoon) return false;
  return seen.kind == Sighting::Kind::garbled && claim().waiting_for_other() &&
         (claim().options().local || is_program(seen.token));
}

std::optional<Step> LockSession::acquired() {
  claim_ended();
  report_.kind = RunReport::Kind::acquired;
  report_.token = claimed().token;
  if (claim().takes_over()) forget_refresh(world_, claim().takeover().from.token);
  say_taken_over();
  log_.acquired();
  return events_.on_acquired();
}

// Also while a file operation is under way.
void LockSession::session_ended() {
  if (std::exchange(is_over_, true)) return;
  notifier_.forget_file();
  const bool was_acquired = claimed().outcome == ClaimResult::Outcome::acquired;
  if (!was_acquired) return not_taken();
  const auto& release = session_.release();
  if (session_.is_too_slow()) {
    report_.kind = RunReport::Kind::failed;
    say_too_slow(options_, claimed());
  }
  if (release) note_release(report_, release->result());
  events_.on_ended();
}

void LockSession::letting_go() {
  if (session_.is_too_slow()) claim_ended();
  report_.held = world_.clock.now() - started_ - report_.waited.value_or(Duration::zero());
  events_.on_letting_go();
}

void LockSession::claim_ended() {
  if (line_) line_->stop();
  report_.waited = world_.clock.now() - started_;
  report_.holder = claim().takes_over() ? claim().takeover().from : claim().seen();
}

void LockSession::not_taken() {
  claim_ended();
  const ClaimResult& result = claimed();
  if (result.left_behind) say(left_behind_text(options_.lock_file));
  switch (result.outcome) {
    case ClaimResult::Outcome::acquired:
      break;
    case ClaimResult::Outcome::busy:
    case ClaimResult::Outcome::timed_out:
      return not_acquired();
    case ClaimResult::Outcome::already_held:
      say(already_held_text(options_.lock_file));
      break;
    case ClaimResult::Outcome::too_slow:
      say_too_slow(options_, result);
      break;
    case ClaimResult::Outcome::cancelled:
      if (fatal_signal_ == 0) return events_.on_refused();
      report_.kind = RunReport::Kind::interrupted;
      report_.signal = fatal_signal_;
      return events_.on_not_taken(ending_of_signal(fatal_signal_));
    case ClaimResult::Outcome::failed:
      say(failure_text(options_.lock_file, result.failure));
      break;
  }
  events_.on_not_taken({exit_status::kFailed, 0});
}

// --break says itself what it has broken.
void LockSession::say_taken_over() const {
  const bool is_asked_for = options_.action == Action::break_lock;
  if (!claim().takes_over() || is_asked_for || options_.verbosity == Verbosity::quiet) return;
  const WhyGone why = claim().takeover().was_abandoned ? WhyGone::abandoned : WhyGone::dead;
  say(taken_over_text(options_.lock_file, claim().takeover().from, why, world_.clock.wall()));
}

void LockSession::not_acquired() {
  report_.kind = RunReport::Kind::not_acquired;
  if (events_.on_not_acquired) return events_.on_not_acquired();
  if (says_busy()) {
    const bool timed_out = claim().result().outcome == ClaimResult::Outcome::timed_out;
    const Sighting& seen = claim().seen();
    const Wall now = world_.clock.wall();
    if (claim().result().flocked || claim().result().may_not_replace) {
      Hindrance hindrance = hindrance_at(options_.lock_file);
      hindrance.may_not_replace = claim().result().may_not_replace;
      say(not_taken_over_text(options_.lock_file, seen, hindrance, now));
    } else {
      say(not_acquired_text(options_.lock_file, timed_out ? options_.timeout : std::nullopt, seen,
                            life_of(world_.judge, seen, claim().options().local),
                            claim().options().local, now));
    }
  }
  events_.on_not_taken({options_.conflict_exit_code, 0});
}

// "-E 0" means: skip quietly.
bool LockSession::says_busy() const {
  const bool skip = options_.conflict_exit_code == exit_status::kOk;
  return options_.verbosity == Verbosity::verbose ||
         (options_.verbosity == Verbosity::normal && !skip);
}

}  // namespace ufl
