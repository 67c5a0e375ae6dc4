// SPDX-License-Identifier: MIT
//
// A script that holds the lock by --acquire: with a lease that it refreshes, or bound to its life;
// or in the way of a later version, which needs no beats.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "protocol/lease.hpp"
#include "sim/run.hpp"

namespace ufl::sim {

namespace {
constexpr int kMostRefreshes = 4;
}  // namespace

ScriptRun::ScriptRun(const Stage& stage, Host& host, int who, Kind kind, bool once,
                     std::function<void(bool acquired)> on_ended)
    : Run{stage, host, who, kind, once, std::move(on_ended)} {}

void ScriptRun::handed_over() {
  if (kind_ != Kind::script) {
    works_ = true;
    stage_.monitor.enters(who_, claimed().token);
    return after(hold_time(), [this] { let_go(); });
  }
  last_ = claimed().begun;
  // The token may come late, to a script that was stopped.
  after(Duration::zero(), [this] { work(*last_ + lease_reliable(stage_.recovery.lease)); });
}

// It works as long as the last refresh lasts, at most. A script that is stopped in the middle of
// that works on when it is continued, and no lock can help it: it is stopped between its works.
void ScriptRun::work(Mono until) {
  if (now() >= until) return rest();
  works_ = true;
  stage_.monitor.enters(who_, claimed().token);
  stage_.world.at(stage_.world.now() + stage_.world.some_of(until - now()), [this] {
    if (!std::exchange(works_, false)) return;
    stage_.monitor.leaves(who_);
    rest();
  });
}

// A moment, or so long that its lease is over.
void ScriptRun::rest() {
  const Duration lease = stage_.recovery.lease;
  const Duration pause =
      stage_.world.chance(600) ? stage_.world.some_of(lease / 3) : stage_.world.some_of(2 * lease);
  was_disturbed_ = true;  // by itself
  after(pause, [this] { refreshes_ < kMostRefreshes ? refresh() : let_go(); });
}

void ScriptRun::refresh() {
  ++refreshes_;
  tell("refreshes its lease");
  RefreshOptions options;
  options.look = release_options();
  options.last = last_known();
  options.takeover_delay = takeover_delay();
  refresh_ = std::make_unique<Refresh>(std::move(options), clock_);
  drive(*refresh_, [this] { refresh_ended(); });
}

void ScriptRun::refresh_ended() {
  using Outcome = RefreshResult::Outcome;
  const RefreshResult& result = refresh_->result();
  record(stage_.world, who_, result);
  if (result.outcome == Outcome::held) {
    last_ = result.refreshed;
    return work(*last_ + lease_reliable(stage_.recovery.lease));
  }
  refresh_failed(result.outcome);
}

void ScriptRun::refresh_failed(RefreshResult::Outcome outcome) {
  const bool is_lost = outcome == RefreshResult::Outcome::lost;
  tell(is_lost ? "is told that it has lost the lock" : "cannot refresh");
  if (!is_lost) gives_up(claimed().token);
  end(true);
}

void ScriptRun::let_go() {
  if (works_) stage_.monitor.leaves(who_);
  works_ = false;
  tell("is done");
  TokenReleaseOptions options;
  options.lock = release_options();
  options.last = last_known();
  options.takeover_delay = takeover_delay();
  token_release_ = std::make_unique<TokenRelease>(std::move(options), clock_, identity_);
  drive(*token_release_, [this] { let_go_ended(); });
}

void ScriptRun::let_go_ended() {
  const auto& not_refreshed = token_release_->not_refreshed();
  if (not_refreshed) {
    record(stage_.world, who_, *not_refreshed);
    return refresh_failed(not_refreshed->outcome);
  }
  record(stage_.world, who_, token_release_->result());
  release_ended(token_release_->result().outcome);
}

// Another process may not know when it was refreshed.
std::optional<Mono> ScriptRun::last_known() {
  if (stage_.world.chance(200)) return {};
  return flawed(RecoveryFlaw::revived) ? std::optional{now()} : last_;
}

Duration ScriptRun::takeover_delay() const {
  return std::max(session().claim().delay(), stage_.knobs.takeover_delay);
}

void ScriptRun::drive(Machine& machine, std::function<void()> on_ended) {
  recorder_.emplace(machine, stage_.world, who_);
  driver_ = std::make_unique<Driver>(*recorder_, client_, timer_,
                                     DriverEvents{.on_finished = std::move(on_ended)});
  driver_->start();
}

ReleaseOptions ScriptRun::release_options() const {
  return {.path = "lock",
          .token = token(),
          .delay = session().claim().delay(),
          .local = stage_.knobs.local,
          .atomic_create = stage_.share_knobs.atomic_create};
}

void ScriptRun::killed(bool /*both*/) {
  works_ = false;
  dead_for_good();
}

}  // namespace ufl::sim
