// SPDX-License-Identifier: MIT

#include "verbs/taking.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "process/signal_policy.hpp"
#include "protocol/guard.hpp"
#include "protocol/judge.hpp"
#include "protocol/no_lock.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "sys/hindrances.hpp"
#include "sys/inotify_spare.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "sys/terminal.hpp"
#include "verbs/leasing.hpp"
#include "verbs/refresh.hpp"

namespace ufl {

Duration delay_on(const MountTraits& mount, const Options& options) {
  return options.delay.value_or(mount.delay);
}

ClaimOptions claim_options(const Options& options, const MountTraits& mount) {
  ClaimOptions claim;
  claim.path = options.lock_file;
  claim.prefix = options.prefix;
  const char* enclosing = std::getenv("UFL_TOKEN");
  claim.enclosing_token = enclosing != nullptr ? enclosing : "";
  claim.delay = delay_on(mount, options);
  claim.delay_is_auto = !options.delay;
  claim.retry = options.retry.value_or(kDefaultRetry);
  claim.retry_grows = !mount.local && !options.retry;
  claim.timeout = options.timeout;
  claim.local = mount.local;
  claim.writes_in_place = !mount.writes_by_path;
  claim.atomic_create = mount.atomic_create;
  return claim;
}

Duration takeover_delay_on(const MountTraits& mount) {
  constexpr Duration kShortest = std::chrono::seconds{1};  // whatever the mount (ufl(1))
  return std::max(mount.delay, kShortest);
}

ClaimOptions waiting_claim_options(const Options& options, const MountTraits& mount,
                                   const World& world) {
  ClaimOptions claim = claim_options(options, mount);
  claim.lease = options.lease;
  claim.kill_after = time_to_stop(options);
  claim.observations = &world.observations;
  claim.observed_as = absolute_path(options.lock_file);
  claim.takeover_delay = takeover_delay_on(mount);
  if (options.timeout == Duration::zero()) claim.most_lost_races = kMaxBusyLooksAtOnce;
  claim.may_take_over = [&world, local = mount.local](const Sighting& seen, bool is_abandoned) {
    return may_take_over(life_of(world.liveness, seen, local), is_abandoned);
  };
  claim.is_dead = [&world, local = mount.local](const Sighting& seen) {
    return life_of(world.liveness, seen, local) == Life::dead;
  };
  return claim;
}

namespace {

bool somebody_watches(const Options& options) {
  return options.verbosity != Verbosity::quiet && stderr_is_terminal();
}

// How long a wait must last to be looked at, and how many inotify instances are left by it.
constexpr Duration kSettlesAfter = std::chrono::milliseconds{250};
constexpr int kLeftToOthers = 16;

// Whoever is told for whom ufl waits is told the truth.
ClaimOptions told(ClaimOptions claim, const Options& options) {
  claim.glances =
      options.verbosity != Verbosity::verbose && !options.report && !somebody_watches(options);
  return claim;
}

}  // namespace

Taking::Taking(const Options& options, const World& world, Session& session, ClaimOptions claim,
               RunReport& report, Events events)
    : options_{options},
      world_{world},
      session_{session},
      report_{report},
      events_{std::move(events)},
      claim_{told(std::move(claim), options), world.clock, world.identity},
      driver_{claim_, world.files, session.timer(),
              DriverEvents{.on_looks_free = events_.on_looks_free,
                           .on_wait = [this] { claim_waits(); },
                           .on_finished = [this] { claim_ended(); }}},
      log_{options.lock_file, options.verbosity, world.clock},
      started_{world.clock.now()} {
  if (!somebody_watches(options)) return;
  line_timer_ = session.loop().make_timer();
  line_.emplace(options.lock_file, world.clock, *line_timer_, [this] { return now_waiting(); });
}

void Taking::start() {
  if (line_) line_->start();
  driver_.start();
}

void Taking::got_signal(int signal_number) {
  if (!ends_a_wait(signal_number) || fatal_signal_ != 0) return;
  fatal_signal_ = signal_number;
  driver_.cancel();
}

void Taking::letting_go() {
  report_.held = world_.clock.now() - started_ - report_.waited.value_or(Duration::zero());
}

WaitProgress Taking::now_waiting() const {
  WaitProgress waiting;
  waiting.for_other = claim_.waiting_for_other();
  waiting.seen = claim_.seen();
  waiting.delay = claim_.delay() + (claim_.late() ? claim_.late_hold() : Duration::zero());
  return waiting;
}

void Taking::make_room() {
  if (line_) line_->make_room();
}

void Taking::claim_waits() {
  if (log_.is_due(claim_.waiting_for_other())) {
    make_room();
    log_.waiting(claim_.seen());
  }
  // Half a minute that looks like a hang, and a delay that is too short.
  if (claim_.late() && !std::exchange(told_late_, true)) {
    make_room();
    say(late_claim_text(options_.lock_file, claim_.late_hold() + claim_.delay()));
  }
  say_what_keeps_it();
  // On a share, what other hosts do is not told.
  if (!claim_.waiting_for_other() || !claim_.local()) return;
  std::exchange(watches_, true) ? watch_holder() : watch();
}

// What looks like a lock that nobody takes, or like no lock at all.
void Taking::say_what_keeps_it() {
  if (options_.verbosity == Verbosity::quiet) return;
  if (claim_.result().may_not_replace && !std::exchange(told_may_not_, true)) {
    make_room();
    say(may_not_replace_text(options_.lock_file, claim_.seen(), world_.clock.wall()));
  }
  if (is_no_lock() && !std::exchange(told_no_lock_, true)) {
    make_room();
    say(waits_for_no_lock_text(options_.lock_file, claim_.seen()));
  }
  if (claim_.is_denied_for_long() && !std::exchange(told_denied_, true)) {
    make_room();
    say(denied_for_long_text(options_.lock_file, claim_.refused()));
  }
}

// On a share it may be a lock that is just being written. Whoever gives up soon is told then.
bool Taking::is_no_lock() const {
  constexpr Duration kSoon = std::chrono::seconds{1};
  const Sighting& seen = claim_.seen();
  if (options_.timeout && *options_.timeout < kSoon) return false;
  return seen.kind == Sighting::Kind::garbled && claim_.waiting_for_other() &&
         (claim_.local() || is_program(seen.token));
}

// Whoever waits is woken by the release.
void Taking::watch() {
  is_told_ =
      alarm_.begin(session_.loop(), options_.lock_file, NameEvents::removal, [this] { woken(); });
  // The retry interval is there, too.
  const Duration interval = options_.retry.value_or(kDefaultRetryWhenWoken);
  claim_.rely_on_hints(is_told_ ? std::optional{interval} : std::nullopt);
  if (is_told_) {
    if (!settling_) settling_ = session_.loop().make_timer();
    settling_->at(world_.clock.now() + kSettlesAfter, [this] { leave_some(); });
  }
  look();
}

// All programs of a user share 128 inotify instances, as a rule: a crowd must not take them all.
// Not asked at once: most waits are over by then, and it may take milliseconds.
void Taking::leave_some() {
  if (!is_told_ || inotify_is_spare(kLeftToOthers)) return;
  alarm_.end();
  alarm_.drop();
  is_told_ = false;
  claim_.rely_on_hints(std::nullopt);
  look();
}

// If the directory has gone, the path may lead to another one by now.
void Taking::woken() {
  holder_alarm_.end();  // of a crowd nobody is to be woken twice: by the release, and by its end
  alarm_.is_over() ? watch() : look();
}

// Who dies removes nothing. He is not watched before he is known: whoever comes into a crowd, and
// glances with it, watches nobody.
void Taking::watch_holder() {
  if (!is_told_ || !claim_.knows_holder()) return;
  const Sighting& seen = claim_.seen();
  const bool is_new = watched_ != seen.token;
  if (is_new) holder_alarm_.end();
  const bool has_no_process = seen.kind != Sighting::Kind::unreadable && !seen.holder.pid;
  if (has_no_process || holder_alarm_.is_set() || begin_to_watch(seen)) {
    claim_.holder_is_watched();
  } else if (is_new) {  // perhaps he has ended since that look
    look_what_is_left();
  }
}

// When ufl has died its command may run on.
bool Taking::begin_to_watch(const Sighting& seen) {
  watched_ = seen.token;
  const Holder here = world_.identity.self();
  const Holder& holder = seen.holder;
  // Else its numbers are those of other processes, here.
  if (holder.boot != here.boot || holder.pidns != here.pidns) return false;
  const auto begin = [this](const ProcessId& process) {
    return holder_alarm_.begin(session_.loop(), process, [this] { holder_ended(); });
  };
  return (holder.pid && begin({*holder.pid, holder.start})) ||
         (holder.child && begin(*holder.child));
}

// What the command has started may still run: nobody tells of that, and the interval stays short.
void Taking::holder_ended() {
  if (!begin_to_watch(claim_.seen())) look_what_is_left();
}

void Taking::look_what_is_left() {
  claim_.holder_ended();
  driver_.wake();
}

void Taking::look() {
  claim_.look_soon();
  driver_.wake();
}

void Taking::claim_ended() {
  if (settling_) settling_->cancel_timer();
  alarm_.end();
  holder_alarm_.end();
  if (line_) line_->stop();
  report_.waited = world_.clock.now() - started_;
  report_.holder = claim_.takes_over() ? claim_.taken_from() : claim_.seen();
  const ClaimResult& result = claim_.result();
  if (result.left_behind) say(left_behind_text(options_.lock_file));
  switch (result.outcome) {
    case ClaimResult::Outcome::acquired:
      report_.kind = RunReport::Kind::acquired;
      report_.token = result.token;
      if (claim_.takes_over()) forget_refresh(world_, claim_.taken_from().token);
      say_taken_over();
      log_.acquired();
      return events_.on_acquired();
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
      return events_.on_ended(ending_of_signal(fatal_signal_));
    case ClaimResult::Outcome::failed:
      say(failure_text(options_.lock_file, result.failed_operation, result.failure));
      break;
  }
  events_.on_ended({exit_status::kFailed, 0});
}

// --break says itself what it has broken.
void Taking::say_taken_over() const {
  const bool is_asked_for = options_.action == Action::break_lock;
  if (!claim_.takes_over() || is_asked_for || options_.verbosity == Verbosity::quiet) return;
  const WhyGone why = claim_.was_abandoned() ? WhyGone::abandoned : WhyGone::dead;
  say(taken_over_text(options_.lock_file, claim_.taken_from(), why, world_.clock.wall()));
}

void Taking::not_acquired() {
  report_.kind = RunReport::Kind::not_acquired;
  if (events_.on_not_acquired) return events_.on_not_acquired();
  if (says_busy()) {
    const bool timed_out = claim_.result().outcome == ClaimResult::Outcome::timed_out;
    const Sighting& seen = claim_.seen();
    const Wall now = world_.clock.wall();
    if (claim_.result().flocked || claim_.result().may_not_replace) {
      Hindrance hindrance = hindrance_at(options_.lock_file);
      hindrance.may_not_replace = claim_.result().may_not_replace;
      say(not_taken_over_text(options_.lock_file, seen, hindrance, now));
    } else {
      say(not_acquired_text(options_.lock_file, timed_out ? options_.timeout : std::nullopt, seen,
                            life_of(world_.liveness, seen, claim_.local()), claim_.local(), now));
    }
  }
  events_.on_ended({options_.conflict_exit_code, 0});
}

// "-E 0" means: skip quietly.
bool Taking::says_busy() const {
  const bool skip = options_.conflict_exit_code == exit_status::kOk;
  return options_.verbosity == Verbosity::verbose ||
         (options_.verbosity == Verbosity::normal && !skip);
}

}  // namespace ufl
