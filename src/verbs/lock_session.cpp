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
#include "sys/inotify_spare.hpp"
#include "sys/standard_error.hpp"
#include "sys/terminal.hpp"
#include "verbs/leasing.hpp"
#include "verbs/refresh.hpp"

namespace ufl {

namespace {

bool somebody_watches(const Options& options) {
  return options.verbosity != Verbosity::quiet && stderr_is_terminal();
}

// How long a wait must last to be looked at, and how many inotify instances are left by it.
constexpr Duration kSettlesAfter = std::chrono::milliseconds{250};
constexpr int kLeftToOthers = 16;

// Of the inotify instances that a user can have, those that hold a lock leave fewer.
constexpr int kLeftByHolders = 4;

void note_release(RunReport& report, const ReleaseResult& result) {
  report.released = result.outcome == ReleaseResult::Outcome::released;
  if (result.outcome != ReleaseResult::Outcome::lost) return;
  report.kind = RunReport::Kind::lost;
  report.holder = result.seen;
}

// A user that is told who holds the lock is told the truth.
SessionOptions told(SessionOptions session, const Options& options) {
  session.claim.glances =
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
      own_settling_{loop.events().make_timer()},
      session_{told(std::move(session), options),
               SessionWorld{world.clock, world.identity, command, *deadline_, *own_settling_},
               SessionEvents{.on_wake = [this] { driver_.wake(); },
                             .on_over = [this] { session_ended(); },
                             .on_lost = [this](CommandFate fate) { events_.on_lost(fate); },
                             .on_restored =
                                 [this] {
                                   if (options_.verbosity == Verbosity::quiet) return;
                                   say(restored_text(options_.lock_file));
                                 },
                             .on_letting_go = [this] { letting_go(); },
                             .on_settled = [this] { settled(); }}},
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
  waiting.delay = claim().delay() + (claim().late() ? claim().late_hold() : Duration::zero());
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
    say(late_claim_text(options_.lock_file, claim().late_hold() + claim().delay()));
  }
  say_what_keeps_it();
  // On a share, what other hosts do is not told.
  if (!claim().waiting_for_other() || !claim().local()) return;
  std::exchange(watches_, true) ? watch_holder() : watch();
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
  if (claim().is_denied_for_long() && !std::exchange(told_denied_, true)) {
    make_room();
    say(denied_for_long_text(options_.lock_file, claim().refused()));
  }
}

// On a share it may be a lock that is just being written. Whoever gives up soon is told then.
bool LockSession::is_no_lock() const {
  constexpr Duration kSoon = std::chrono::seconds{1};
  const Sighting& seen = claim().seen();
  if (options_.timeout && *options_.timeout < kSoon) return false;
  return seen.kind == Sighting::Kind::garbled && claim().waiting_for_other() &&
         (claim().local() || is_program(seen.token));
}

// Whoever waits is woken by the release.
void LockSession::watch() {
  is_told_ =
      alarm_.begin(loop_.events(), options_.lock_file, NameEvents::removal, [this] { woken(); });
  // The retry interval is there, too.
  const Duration interval = options_.retry.value_or(kDefaultRetryWhenWoken);
  session_.claim().rely_on_hints(is_told_ ? std::optional{interval} : std::nullopt);
  if (is_told_) {
    if (!settling_) settling_ = loop_.events().make_timer();
    settling_->at(world_.clock.now() + kSettlesAfter, [this] { leave_some(); });
  }
  look();
}

// All programs of a user share 128 inotify instances, as a rule: a crowd must not take them all.
// Not asked at once: most waits are over by then, and it may take milliseconds.
void LockSession::leave_some() {
  if (!is_told_ || inotify_is_spare(kLeftToOthers)) return;
  alarm_.end();
  alarm_.drop();
  is_told_ = false;
  session_.claim().rely_on_hints(std::nullopt);
  look();
}

// If the directory has gone, the path may lead to another one by now.
void LockSession::woken() {
  holder_alarm_.end();  // of a crowd nobody is to be woken twice: by the release, and by its end
  alarm_.is_over() ? watch() : look();
}

// Who dies removes nothing. He is not watched before he is known: whoever comes into a crowd, and
// glances with it, watches nobody.
void LockSession::watch_holder() {
  if (!is_told_ || !claim().knows_holder()) return;
  const Sighting& seen = claim().seen();
  const bool is_new = watched_ != seen.token;
  if (is_new) holder_alarm_.end();
  const bool has_no_process = seen.kind != Sighting::Kind::unreadable && !seen.holder.pid;
  if (has_no_process || holder_alarm_.is_set() || begin_to_watch(seen)) {
    session_.claim().holder_is_watched();
  } else if (is_new) {  // perhaps he has ended since that look
    look_what_is_left();
  }
}

// When ufl has died its command may run on.
bool LockSession::begin_to_watch(const Sighting& seen) {
  watched_ = seen.token;
  const Holder here = world_.identity.self();
  const Holder& holder = seen.holder;
  // Else its numbers are those of other processes, here.
  if (holder.boot != here.boot || holder.pidns != here.pidns) return false;
  const auto begin = [this](const ProcessId& process) {
    return holder_alarm_.begin(loop_.events(), process, [this] { holder_ended(); });
  };
  return (holder.pid && begin({*holder.pid, holder.start})) ||
         (holder.child && begin(*holder.child));
}

// What the command has started may still run: nobody tells of that, and the interval stays short.
void LockSession::holder_ended() {
  if (!begin_to_watch(claim().seen())) look_what_is_left();
}

void LockSession::look_what_is_left() {
  session_.claim().holder_ended();
  driver_.wake();
}

void LockSession::look() {
  session_.claim().look_soon();
  driver_.wake();
}

// The command has been running for a while: give back to the kernel what waiting has needed, and
// have it tell of changes of the lock file, on a local file system. Else the interval is there, or
// the refreshes are.
void LockSession::settled() {
  alarm_.drop();
  if (!claim().local()) return;
  const bool begun = own_alarm_.begin(loop_.events(), options_.lock_file, NameEvents::any,
                                      [this] { session_.look_soon(); });
  if (!begun) return;
  if (inotify_is_spare(kLeftByHolders)) return session_.look_soon();
  own_alarm_.end();
  own_alarm_.drop();
}

std::optional<Step> LockSession::acquired() {
  claim_ended();
  report_.kind = RunReport::Kind::acquired;
  report_.token = claimed().token;
  if (claim().takes_over()) forget_refresh(world_, claim().taken_from().token);
  say_taken_over();
  log_.acquired();
  return events_.on_acquired();
}

// Also while a file operation is under way.
void LockSession::session_ended() {
  if (std::exchange(is_over_, true)) return;
  own_alarm_.end();
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
  if (settling_) settling_->cancel_timer();
  alarm_.end();
  holder_alarm_.end();
  if (line_) line_->stop();
  report_.waited = world_.clock.now() - started_;
  report_.holder = claim().takes_over() ? claim().taken_from() : claim().seen();
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
  const WhyGone why = claim().was_abandoned() ? WhyGone::abandoned : WhyGone::dead;
  say(taken_over_text(options_.lock_file, claim().taken_from(), why, world_.clock.wall()));
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
                            life_of(world_.liveness, seen, claim().local()), claim().local(), now));
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
