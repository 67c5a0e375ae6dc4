// SPDX-License-Identifier: MIT
//
// ufl LOCKFILE COMMAND, as src/verbs/keeping.cpp and run.cpp do it: the command starts when the
// record names it; it is stopped when the lock is lost; and then the lock is released.

#include <algorithm>
#include <utility>

#include "protocol/lease.hpp"
#include "sim/double.hpp"
#include "sim/run.hpp"

namespace ufl::sim {

namespace {

using std::chrono::seconds;

// As in src/verbs/keeping.cpp.
constexpr Duration kLookInterval = seconds{30};
constexpr Duration kLookIntervalToKill = seconds{5};
constexpr Duration kWatchAfter = seconds{1};

/// Refreshes at a third of the lease.
class Unhurried final : public Double {
 public:
  Unhurried(Machine& inner, SimClock& clock, Duration lease)
      : Double{inner, clock}, interval_{lease / 3} {}
  FileReply altered(const FileReply& reply) override {
    is_well_ = reply.status == FileStatus::ok;
    return reply;
  }
  Step after_reply(Step step) override {
    auto* wait = std::get_if<WaitUntil>(&step);
    if (wait != nullptr && is_well_) wait->at = operation_began() + interval_;
    return step;
  }

 private:
  Duration interval_;
  bool is_well_ = false;
};

/// Sees nothing of what its file has lost.
class Restless final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    FileReply seen = reply;
    seen.keeper = Keeper::unknown;
    return seen;
  }
};

/// Writes its record back whoever has locked the file.
class Unlocked final : public Double {
 public:
  using Double::Double;
  Step after_reply(Step step) override {
    auto* operation = std::get_if<FileOperation>(&step);
    auto* update = operation != nullptr ? std::get_if<UpdateFile>(operation) : nullptr;
    if (update != nullptr && update->restores) update->locked = false;
    return step;
  }
};

}  // namespace

CommandRun::CommandRun(const Stage& stage, Host& host, int who, Kind kind, bool once,
                       std::function<void(bool acquired)> on_ended)
    : Run{stage, host, who, kind, once, std::move(on_ended)},
      deadline_{stage.world, clock_, stage.knobs, process_} {}

void CommandRun::acquired() {
  World& world = stage_.world;
  // Until its command runs, a lock with a lease protects nothing.
  if (!has_lease()) {
    held_ = true;
    stage_.monitor.enters(who_, claim_->result().token);
  }
  // As src/verbs/leasing.cpp.
  const RecoveryKnobs& knobs = stage_.recovery;
  const bool fits = knobs.lease >= 3 * 2 * stage_.share_knobs.v &&
                    lease_has_room(knobs.lease, knobs.kill_after, claim_->result().look_to_write);
  if (has_lease() && !fits) {
    stage_.monitor.loses_lease(who_);  // nothing that is refused was asked for
    stage_.monitor.refuses();
    tell("finds the share too slow for its lease");
    return release(claim_->result().begun + lease_reliable(stage_.recovery.lease));
  }
  child_ = host_.begin_process();
  lifeline_ = identity_.lifeline();
  if (!lifeline_.empty()) host_.keep_lifeline(lifeline_);
  kept_ = client_.kept();
  closes_ = world.chance(stage_.recovery.closes);
  // Where there is a lifeline, what a command that has closed it leaves behind is not seen by
  // anybody: a known limit (ufl(1), CAVEATS).
  leaves_orphans_ = !has_lease() && !closes_ && world.chance(stage_.recovery.orphans);
  keep();
}

void CommandRun::keep() {
  const ClaimResult& held = claim_->result();
  KeepOptions options;
  options.path = "lock";
  options.token = held.token;
  options.record = held.record;
  options.child = child_;
  if (has_lease()) options.lease = stage_.recovery.lease;
  options.kill_after = stage_.recovery.kill_after;
  options.takes = held.look_to_write;
  options.begun = held.begun;
  options.look_interval = stage_.recovery.kills ? kLookIntervalToKill : kLookInterval;
  if (flawed(RecoveryFlaw::never_looks)) options.look_interval = std::chrono::hours{1};
  options.local = stage_.knobs.local;
  options.place = held.place;
  if (flawed(RecoveryFlaw::one_device)) options.place.directory = options.place.file;
  options.kept = held.kept;
  keep_ = std::make_unique<Keep>(std::move(options), clock_);
  double_.reset();
  if (flawed(RecoveryFlaw::lease_from_the_end)) {
    double_ = std::make_unique<Timeless>(*keep_, clock_);
  }
  if (flawed(RecoveryFlaw::third_of_the_lease)) {
    double_ = std::make_unique<Unhurried>(*keep_, clock_, stage_.recovery.lease);
  }
  if (flawed(RecoveryFlaw::never_restores)) double_ = std::make_unique<Restless>(*keep_, clock_);
  if (flawed(RecoveryFlaw::restores_unlocked)) {
    double_ = std::make_unique<Unlocked>(*keep_, clock_);
  }
  client_.let_hang();
  client_.measure();
  await_deadline();
  await_term();
  if (flawed(RecoveryFlaw::command_before_record)) go();
  drive(*keep_,
        DriverEvents{.on_wait = [this] { keep_waits(); }, .on_finished = [this] { keep_ended(); }});
}

// The kernel tells, on a local file system.
void CommandRun::watch() {
  const RecoveryKnobs& knobs = stage_.recovery;
  if (!stage_.knobs.local || knobs.robbed + knobs.emptied == 0) return;
  if (flawed(RecoveryFlaw::blind_between_beats)) return;
  const auto tell_it = [this] { after(stage_.world.some_of(3 * kTick), [this] { look_soon(); }); };
  knobs.emptied > 0 ? stage_.share.on_any_change(tell_it) : stage_.share.on_removal(tell_it);
  look_soon();
}

void CommandRun::look_soon() {
  if (over_ || keep_ended_ || command_ended_) return;
  keep_->look_soon();
  driver_->wake();
}

void CommandRun::await_deadline() {
  const bool never = flawed(RecoveryFlaw::never_fenced);
  if (has_lease() && !never) deadline_.at(keep_->lease()->stop_at(), [this] { lose(); });
}

// What the warden does, process/warden_duty.cpp: also for a ufl that stands still.
void CommandRun::await_term() {
  const bool stops =
      has_lease() && !flawed(RecoveryFlaw::never_fenced) && !flawed(RecoveryFlaw::only_continued);
  if (!stops) return;
  const Moment when =
      stage_.world.now() + std::max(keep_->lease()->stop_at() - now(), Duration::zero());
  when_running(stage_.world, when, warden_, [this] { term_ends(); });
}

void CommandRun::term_ends() {
  // ufl has dismissed it; or it dies with ufl, and killed() does the rest.
  if (over_ || done_ || lost_ || command_ended_ || !process_->alive) return;
  if (now() < keep_->lease()->stop_at()) return await_term();  // it was raised meanwhile
  if (recorded_ && !child_runs_) return;
  term_over_ = true;
  if (!child_runs_) return;
  tell("cannot stop its command in time; its warden does");
  const Duration grace = std::max(keep_->lease()->kill_at() - now(), Duration::zero());
  World& world = stage_.world;
  when_running(world, world.now() + world.some_of(grace), warden_, [this] { end_command(); });
}

void CommandRun::keep_waits() {
  if (fencing_) return;
  await_deadline();
  if (!keep_->is_recorded() || std::exchange(recorded_, true)) return;
  after(kWatchAfter, [this] { watch(); });
  go();
}

void CommandRun::keep_ended() {
  keep_ended_ = true;
  record(stage_.world, who_, keep_->result());
  switch (keep_->result().outcome) {
    case KeepResult::Outcome::ended:
      if (!fencing_) done();
      break;
    case KeepResult::Outcome::not_recorded:
      tell("cannot write down its command");
      refuse();
      break;
    case KeepResult::Outcome::lost:
    case KeepResult::Outcome::lease_over:
      if (command_ended_ && !fencing_) return done();  // it was ours to its end
      if (!flawed(RecoveryFlaw::never_fenced)) lose();
      break;
  }
}

bool CommandRun::keeps_watch() const {
  return process_->alive && recorded_ && !was_disturbed_ && !client_.hangs() && !keep_ended_ &&
         !command_ended_ && !done_ && !lost_;
}

bool CommandRun::is_lease_over() const {
  return lost_ && !(keep_ended_ && keep_->result().outcome == KeepResult::Outcome::lost);
}

std::optional<Mono> CommandRun::release_until() const {
  const auto& lease = keep_->lease();
  return lease ? std::optional{lease->reliable_until()} : std::nullopt;
}

void CommandRun::lose() {
  if (std::exchange(lost_, true)) return;
  tell(is_lease_over() ? "sees its lease run out" : "sees that it has lost the lock");
  if (is_lease_over() && !was_disturbed_ && client_.was_well(claim_->result().look_to_write)) {
    stage_.monitor.loses_lease(who_);
  }
  deadline_.cancel_timer();
  if (!recorded_) return refuse();
  if (!has_lease() && !stage_.recovery.kills) return;  // its user is warned
  fencing_ = true;
  Mono kill_at = now() + stage_.recovery.kill_after;
  if (keep_->lease()) kill_at = std::min(kill_at, keep_->lease()->kill_at());
  // Some obey SIGTERM, others wait for SIGKILL.
  const Duration grace = std::max(kill_at - now(), Duration::zero());
  deadline_.at(now() + stage_.world.some_of(grace), [this] { end_command(); });
}

void CommandRun::refuse() {
  deadline_.cancel_timer();
  end_command();
  stage_.monitor.leaves(who_);
  if (is_lease_over()) return leave();
  release(release_until());
}

void CommandRun::command_ended() {
  if (std::exchange(command_ended_, true) || done_) return;
  if (!lost_ && term_over_) lose();
  if (done_) return;
  if (!lost_ && keep_->lease() && now() >= keep_->lease()->kill_at()) lost_ = true;
  if (fencing_) return done();
  deadline_.cancel_timer();
  if (keep_ended_) return done();
  driver_->cancel();
  // What is under way may never be answered. That such a ufl ends all the same is a later issue.
  if (!done_ && has_lease()) {
    deadline_.at(keep_->lease()->kill_at(), [this] {
      if (client_.hangs() && !std::exchange(done_, true)) leave();
    });
  }
}

void CommandRun::done() {
  if (std::exchange(done_, true)) return;
  deadline_.cancel_timer();
  is_lease_over() ? leave() : release(release_until());
}

// The lease is over: the file is for others.
void CommandRun::leave() {
  tell("leaves its lock to others");
  gives_up(claim_->result().token);
  end(true);
}

void CommandRun::go() {
  if (child_runs_) return;
  child_runs_ = true;
  if (!std::exchange(held_, true)) stage_.monitor.enters(who_, claim_->result().token);
  if (closes_) drop_lifeline();
  World& world = stage_.world;
  when_running(world, world.now() + hold_time(), command_, [this] { child_ends(); });
}

void CommandRun::child_ends() {
  if (!std::exchange(child_runs_, false)) return;
  tell("its command ends");
  // Nobody waits for it as long as ufl is stopped.
  const bool zombie = process_->stopped(stage_.world.now());
  zombie ? host_.leave_zombie(child_) : host_.end_process(child_);
  if (leaves_orphans_ && command_->alive) {
    orphans_run_ = true;
    const Duration time = stage_.world.some_of(stage_.knobs.longest_hold);
    when_running(stage_.world, stage_.world.now() + time, command_, [this] { orphans_end(); });
  } else {
    drop_lifeline();
  }
  if (has_lease()) stage_.monitor.leaves(who_);
  if (!process_->alive) return runs() ? void() : dead_for_good();
  after(Duration::zero(), [this] {
    host_.end_process(child_);
    if (over_) return;
    stage_.monitor.leaves(who_);  // what it leaves in the background does not count
    command_ended();
  });
}

void CommandRun::orphans_end() {
  if (!std::exchange(orphans_run_, false)) return;
  drop_lifeline();
  if (!process_->alive) dead_for_good();
}

void CommandRun::end_command() {
  command_->alive = false;
  orphans_end();
  if (child_runs_) return child_ends();
  drop_lifeline();  // it has not begun
  host_.end_process(child_);
}

void CommandRun::drop_lifeline() {
  if (!child_runs_) kept_.reset();  // who waits for it keeps that as long
  if (!lifeline_.empty()) host_.drop_lifeline(std::exchange(lifeline_, {}));
}

void CommandRun::killed(bool both) {
  if (both || !runs()) {
    end_command();
    return dead_for_good();
  }
  if (!has_lease()) return;  // it runs on, and keeps the lock
  // PR_SET_PDEATHSIG ends the command, and the warden what that has started.
  const Duration left = std::max(keep_->lease()->last_at() - now(), Duration::zero());
  when_running(stage_.world, stage_.world.now() + stage_.world.some_of(left), command_,
               [this] { end_command(); });
}

Duration CommandRun::longest_stop(Duration time) {
  const bool has_warden = has_lease() && keep_ && !over_;
  if (!has_warden) return time;
  const Moment until = stage_.world.now() + time;
  if (stage_.world.chance(stage_.recovery.warden_stopped)) {
    warden_->stopped_until = std::max(warden_->stopped_until, until);
    return time;
  }
  if (stage_.world.chance(stage_.recovery.frozen)) return time;
  // The warden continues ufl when the term of its lease ends.
  return std::min(time, std::max(keep_->lease()->stop_at() - now(), Duration::zero()));
}

void CommandRun::frozen(Moment until) {
  command_->stopped_until = std::max(command_->stopped_until, until);
  warden_->stopped_until = std::max(warden_->stopped_until, until);
  if (has_lease() && child_runs_) stage_.monitor.freezes(who_, until);
}

}  // namespace ufl::sim
