// SPDX-License-Identifier: MIT

#include "verbs/keeping.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "sys/inotify_spare.hpp"
#include "sys/standard_error.hpp"
#include "verbs/leasing.hpp"

namespace ufl {

namespace {

using std::chrono::seconds;

// Without a lease, from one look at the lock to the next.
constexpr Duration kLookInterval = seconds{30};
constexpr Duration kLookIntervalToKill = seconds{5};

// So long an orphan that has ended stands in the table of processes: a lease may be days.
constexpr Duration kReapInterval = seconds{1};

// Most commands have ended by then, and need no watch.
constexpr Duration kWatchAfter = seconds{1};

// Of the inotify instances that a user can have: fewer than whoever waits leaves (taking.cpp).
constexpr int kLeftToOthers = 4;

}  // namespace

Keeping::Keeping(const Options& options, const World& world, Session& session, MountTraits mount,
                 Events events)
    : options_{options},
      world_{world},
      session_{session},
      mount_{std::move(mount)},
      events_{std::move(events)},
      timer_{session.loop().make_timer()},
      deadline_{session.loop().make_timer()},
      settled_{session.loop().make_timer()},
      reaper_{session.loop().make_timer()} {}

int Keeping::start(const Claim& claim, const ProcessId& child, ProcessTree* tree, Warden& warden) {
  tree_ = tree;
  warden_ = &warden;
  const ClaimResult& held = claim.result();
  KeepOptions keep;
  keep.path = options_.lock_file;
  keep.token = held.token;
  keep.record = held.record;
  if (!mount_.writes_by_path) keep.child = child;
  keep.lease = options_.lease;
  keep.kill_after = time_to_stop(options_);
  keep.takes = held.look_to_write;
  keep.begun = held.begun;
  keep.look_interval = options_.kill_on_loss ? kLookIntervalToKill : kLookInterval;
  keep.local = mount_.local;
  keep.kept = held.kept;
  keep.place = held.place;
  keep_.emplace(std::move(keep), world_.clock);
  driver_.emplace(*keep_, world_.files, *timer_,
                  DriverEvents{.on_wait = [this] { waits(); }, .on_finished = [this] { ended(); }});
  if (options_.lease && tree != nullptr) {
    const int error =
        warden.start(held.token, *tree, keep_->lease()->stop_at(), keep_->lease()->kill_at());
    if (error != 0) return error;
    session_.loop().before_each([this] { wakes(); });
  }
  await_deadline();
  driver_->start();
  return 0;
}

void Keeping::await_deadline() {
  if (options_.lease) deadline_->at(keep_->lease()->stop_at(), [this] { lose(); });
}

// Whatever has happened: if ufl, or the machine, stood still for too long, the command is killed
// before anything else is done.
void Keeping::wakes() {
  const bool runs = recorded_ && !lost_ && !command_ended_ && !tree_->command_has_ended();
  if (runs && is_overdue()) lose();
}

bool Keeping::is_overdue() const {
  return keep_->lease() && world_.clock.now() >= keep_->lease()->kill_at();
}

void Keeping::waits() {
  if (lost_) return;
  // Late it was, whatever it has written: the warden has stopped the command, or will.
  if (options_.lease && !warden_->raise(keep_->lease()->stop_at(), keep_->lease()->kill_at())) {
    lose();
    return driver_->cancel();
  }
  await_deadline();
  // Once: what does that may do it again and again.
  const bool is_new = keep_->restored() > 0 && !std::exchange(told_restored_, true);
  if (is_new && options_.verbosity != Verbosity::quiet) say(restored_text(options_.lock_file));
  if (!keep_->is_recorded() || std::exchange(recorded_, true)) return;
  if (mount_.local) settled_->at(world_.clock.now() + kWatchAfter, [this] { watch(); });
  if (tree_ != nullptr) reap();
  events_.on_recorded();
}

void Keeping::reap() {
  tree_->reap_orphans();
  reaper_->at(world_.clock.now() + kReapInterval, [this] { reap(); });
}

void Keeping::watch() {
  events_.on_settled();
  const bool begun =
      alarm_.begin(session_.loop(), options_.lock_file, NameEvents::any, [this] { look(); });
  if (begun && !inotify_is_spare(kLeftToOthers)) {
    alarm_.end();
    alarm_.drop();
    return;
  }
  if (begun) look();  // else the interval is there, or the refreshes are
}

void Keeping::stop_watching() {
  settled_->cancel_timer();
  alarm_.end();
}

void Keeping::look() {
  keep_->look_soon();
  driver_->wake();
}

void Keeping::ended() {
  keep_ended_ = true;
  stop_watching();
  // It answers what was under way when the command ended: the lock was ours till then, or it has
  // been said that it may not have been. The release finds out whether it is now.
  if (command_ended_) {
    if (!stopper_) done();
    return;
  }
  switch (keep_->result().outcome) {
    case KeepResult::Outcome::ended:
      break;
    case KeepResult::Outcome::not_recorded:
      say(cannot_record_text(options_.lock_file, keep_->result().failure.value_or(FileReply{})));
      refuse();
      break;
    case KeepResult::Outcome::lost:
    case KeepResult::Outcome::lease_over:
      lose();
      break;
  }
}

void Keeping::refuse() {
  warden_->dismiss();
  deadline_->cancel_timer();
  events_.on_refused();
}

// The lock is lost, or its lease is over: told by the machine or, while that waits for the share,
// by the clock.
void Keeping::lose() {
  if (std::exchange(lost_, true)) return;
  if (recorded_ && options_.kill_on_loss) return stop_command();
  say(loss());
  recorded_ ? deadline_->cancel_timer() : refuse();
}

// Acts before it speaks, and until all is dead waits for nobody who does not listen: others may run
// soon.
void Keeping::stop_command() {
  const std::string line = loss();
  const Mono kill_at = world_.clock.now() + options_.kill_after;
  const auto& lease = keep_->lease();
  const Mono latest = lease ? std::min(kill_at, lease->kill_at()) : kill_at;
  const bool tells = warden_->end_term(latest);
  stopper_.emplace(*tree_, *deadline_, world_.clock);
  stopper_->begin(latest, tells, [this] { stopped(); });
  unsaid_ = say_at_once(line);
}

// In words, as it is now.
std::string Keeping::loss() const {
  CommandFate fate = options_.kill_on_loss ? CommandFate::stopped : CommandFate::runs_on;
  if (!recorded_) fate = CommandFate::not_run;
  if (command_ended_) fate = CommandFate::ended;
  if (is_taken_away() && keep_->result().not_restored) {
    return not_restored_text(options_.lock_file, *keep_->result().failure, fate);
  }
  if (is_taken_away()) {
    return lost_while_running_text(options_.lock_file, keep_->result().seen, fate,
                                   world_.clock.wall());
  }
  return lease_over_text(options_.lock_file, *options_.lease, keep_->result().failure, fate);
}

void Keeping::stopped() {
  if (!unsaid_.empty()) say_rest(unsaid_);
  std::vector<std::int64_t> pids;
  for (const Survivor& survivor : stopper_->survivors()) pids.push_back(survivor.process.pid);
  if (!pids.empty()) say(survivors_text(options_.lock_file, pids));
  done();
}

void Keeping::command_ended() {
  if (command_ended_) return;
  // The warden has stopped it; or was to.
  if (!lost_ && !warden_->conclude()) lose();
  command_ended_ = true;
  // Nobody knows whether it ended before the lease did, if ufl was stopped meanwhile.
  if (!lost_ && is_overdue()) {
    lost_ = true;
    say(loss());
  }
  if (stopper_) return stopper_->command_ended();
  deadline_->cancel_timer();
  stop_watching();
  keep_ended_ ? done() : driver_->cancel();
}

void Keeping::done() {
  warden_->dismiss();
  deadline_->cancel_timer();
  reaper_->cancel_timer();
  stop_watching();
  events_.on_done();
}

}  // namespace ufl
