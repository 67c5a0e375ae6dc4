// SPDX-License-Identifier: MIT

#include "sim/command.hpp"

#include <algorithm>
#include <utility>

namespace ufl::sim {

SimCommand::SimCommand(const Setting& setting, std::shared_ptr<const Process> ufl,
                       const SimClock& clock, Events events)
    : setting_{setting},
      ufl_{std::move(ufl)},
      clock_{clock},
      events_{std::move(events)},
      stopping_{setting.world, clock, setting.knobs, ufl_} {}

ProcessId SimCommand::prepare(const std::string& lifeline, const Kept& kept) {
  World& world = setting_.world;
  id_ = setting_.host.begin_process();
  lifeline_ = lifeline;
  if (!lifeline_.empty()) setting_.host.keep_lifeline(lifeline_);
  kept_ = kept;
  closes_ = world.chance(setting_.recovery.closes);
  // Where there is a lifeline, what a command that has closed it leaves behind is not seen by
  // anybody: a known limit (ufl(1), CAVEATS).
  leaves_orphans_ = !setting_.has_lease && !closes_ && world.chance(setting_.recovery.orphans);
  return id_;
}

Moment SimCommand::in_time(Mono when) const {
  return setting_.world.now() + std::max(when - clock_.now(), Duration::zero());
}

bool SimCommand::begin_term(Mono stop_at, Mono kill_at) {
  stop_at_ = stop_at;
  kill_at_ = kill_at;
  const bool stops = !flawed(RecoveryFlaw::never_fenced) && !flawed(RecoveryFlaw::only_continued);
  if (stops) await_term();
  return true;
}

bool SimCommand::raise_term(Mono stop_at, Mono kill_at) {
  if (term_is_over_) return false;
  stop_at_ = stop_at;
  kill_at_ = kill_at;
  return true;
}

bool SimCommand::conclude_term() {
  is_dismissed_ = true;
  return !term_is_over_;
}

// What the warden does (process/warden_duty.cpp): also for a ufl that stands still, before or while
// it stops its command.
void SimCommand::await_term() {
  when_running(setting_.world, in_time(*stop_at_), warden_, [this] { term_ends(); });
}

void SimCommand::term_ends() {
  // When ufl was killed, the warden dies with it, and ufl_killed() does the rest.
  if (is_dismissed_ || !ufl_->alive) return;
  if (clock_.now() < *stop_at_) return await_term();  // it was raised meanwhile
  if (is_stopping_) return await_kill();
  if (has_started_ && !runs_) return;
  term_is_over_ = true;
  if (!runs_) return;
  World& world = setting_.world;
  world.tell(setting_.who, "cannot stop its command in time; its warden does");
  const Duration grace = std::max(kill_at_ - clock_.now(), Duration::zero());
  when_running(world, world.now() + world.some_of(grace), warden_, [this] { end_all(); });
}

// ufl has told the command to stop, and may be stopped itself before it kills it.
void SimCommand::await_kill() {
  if (!runs_ || flawed(RecoveryFlaw::trusts_a_stopper)) return;
  when_running(setting_.world, in_time(kill_at_), warden_, [this] {
    if (runs_ && ufl_->alive) end_all();
  });
}

bool SimCommand::start() {
  run();
  return true;
}

void SimCommand::run() {
  has_started_ = true;
  if (runs_) return;
  runs_ = true;
  events_.on_begin();
  if (closes_) drop_lifeline();
  World& world = setting_.world;
  const Duration time =
      std::max(setting_.knobs.shortest_hold, world.some_of(setting_.knobs.longest_hold));
  when_running(world, world.now() + time, process_, [this] { ends(); });
}

void SimCommand::ends() {
  if (!std::exchange(runs_, false)) return;
  World& world = setting_.world;
  world.tell(setting_.who, "its command ends");
  // Nobody waits for it as long as ufl is stopped.
  const bool zombie = ufl_->stopped(world.now());
  zombie ? setting_.host.leave_zombie(id_) : setting_.host.end_process(id_);
  if (leaves_orphans_ && process_->alive) {
    orphans_run_ = true;
    const Duration time = world.some_of(setting_.knobs.longest_hold);
    when_running(world, world.now() + time, process_, [this] { orphans_end(); });
  } else {
    drop_lifeline();
  }
  if (setting_.has_lease) setting_.monitor.leaves(setting_.who);
  if (!ufl_->alive) return is_alive() ? void() : events_.on_gone();
  when_running(world, world.now(), ufl_, [this] {
    setting_.host.end_process(id_);
    events_.on_ended();
    if (std::exchange(is_stopping_, false)) events_.on_stopped();
  });
}

void SimCommand::orphans_end() {
  if (!std::exchange(orphans_run_, false)) return;
  drop_lifeline();
  if (!ufl_->alive) events_.on_gone();
}

void SimCommand::end_all() {
  process_->alive = false;
  orphans_end();
  if (runs_) return ends();
  drop_lifeline();  // it has not begun
  setting_.host.end_process(id_);
}

void SimCommand::abandon() {
  end_all();
  setting_.monitor.leaves(setting_.who);
}

// Some obey SIGTERM, others wait for SIGKILL.
void SimCommand::stop(Mono kill_at) {
  is_stopping_ = true;
  if (flawed(RecoveryFlaw::never_fenced)) return;
  const Duration grace = std::max(kill_at - clock_.now(), Duration::zero());
  stopping_.at(clock_.now() + setting_.world.some_of(grace), [this] { end_all(); });
}

void SimCommand::drop_lifeline() {
  if (!runs_) kept_.reset();  // a ufl that waits for it keeps that as long
  if (!lifeline_.empty()) setting_.host.drop_lifeline(std::exchange(lifeline_, {}));
}

void SimCommand::ufl_killed(bool both, std::optional<Mono> last_at) {
  if (both || !is_alive()) {
    end_all();
    return events_.on_gone();
  }
  if (!last_at) return;  // it runs on, and keeps the lock
  // PR_SET_PDEATHSIG ends the command, and the warden what that has started.
  World& world = setting_.world;
  const Duration left = std::max(*last_at - clock_.now(), Duration::zero());
  when_running(world, world.now() + world.some_of(left), process_, [this] { end_all(); });
}

Duration SimCommand::longest_stop(Duration time) {
  if (!stop_at_) return time;
  World& world = setting_.world;
  const Moment until = world.now() + time;
  if (world.chance(setting_.recovery.warden_stopped)) {
    warden_->stopped_until = std::max(warden_->stopped_until, until);
    return time;
  }
  if (world.chance(setting_.recovery.frozen)) return time;
  // The warden continues ufl when the term of its lease ends.
  return std::min(time, std::max(*stop_at_ - clock_.now(), Duration::zero()));
}

void SimCommand::freeze(Moment until) {
  process_->stopped_until = std::max(process_->stopped_until, until);
  warden_->stopped_until = std::max(warden_->stopped_until, until);
  if (setting_.has_lease && runs_) setting_.monitor.freezes(setting_.who, until);
}

}  // namespace ufl::sim
