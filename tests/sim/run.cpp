// SPDX-License-Identifier: MIT

#include "sim/run.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "sim/double.hpp"
#include "sim/identity.hpp"
#include "sim/run_flaws.hpp"

namespace ufl::sim {

using std::chrono::seconds;

// More claims than a history has.
constexpr int kNever = 1'000'000;

Run::Run(const Stage& stage, Host& host, int who, Kind kind, bool once,
         std::function<void(bool acquired)> on_ended)
    : stage_{stage},
      host_{host},
      who_{who},
      kind_{kind},
      once_{once},
      on_ended_{std::move(on_ended)},
      id_{host.begin_process()},
      clock_{stage.world, host.offset()},
      timer_{stage.world, clock_, stage.knobs, process_},
      deadline_{stage.world, clock_, stage.knobs, process_},
      settling_{stage.world, clock_, stage.knobs, process_},
      identity_{stage.world,
                host,
                who,
                id_,
                {!stage.world.chance(stage.recovery.unbound),
                 stage.recovery.flaw == RecoveryFlaw::unpromised_lifeline}},
      judge_{identity_, host},
      client_{stage.world, stage.share, stage.share_knobs, who, process_},
      notifier_{stage.world, stage.share, &host, process_} {
  notifier_.wakes([this] { player_->wake(); });
  if (flawed(RecoveryFlaw::blind_between_beats)) notifier_.tells_no_changes();
}

Run::~Run() = default;

void Run::after(Duration time, World::Action action) {
  when_running(stage_.world, stage_.world.now() + time, process_, std::move(action));
}

ClaimOptions Run::claim_options() {
  ClaimOptions options = claim_of(stage_.knobs, stage_.share_knobs);
  options.takeovers.delay = stage_.knobs.takeover_delay;
  if (stage_.world.chance(stage_.knobs.impatient)) {
    options.timeout = kTick * static_cast<int>(stage_.world.below(500));
  }
  if (once_) {
    options.timeout = Duration::zero();
    options.takeovers.most_lost_races = kMaxBusyLooksAtOnce;
  }
  if (has_lease() || kind_ == Kind::newer) options.lease = stage_.recovery.lease;
  const bool is_stopped = kind_ == Kind::leased && !flawed(RecoveryFlaw::kill_time_forgotten);
  if (is_stopped) options.kill_after = stage_.recovery.kill_after;
  if (flawed(RecoveryFlaw::never_too_slow)) options.most_outlived_claims = kNever;
  options.holder.detached = kind_ == Kind::script || kind_ == Kind::bound || kind_ == Kind::newer;
  if (kind_ == Kind::bound) options.holder.lives_with = id_;
  options.takeovers.observations =
      stage_.one_memory != nullptr ? stage_.one_memory : &host_.memory();
  options.takeovers.observed_as = "lock";
  options.takeovers.may_take_over = [this](const Sighting& seen, bool is_abandoned) {
    return may_take_over(seen, is_abandoned);
  };
  options.takeovers.is_dead = [this](const Sighting& seen) {
    return life_of(judge_, seen, stage_.knobs.local) == Life::dead;
  };
  return options;
}

Sighting Run::as_judged(Sighting seen) {
  const Holder here = identity_.self();
  const bool same_name = seen.holder.host == here.host;
  if (flawed(RecoveryFlaw::name_proves) && same_name) seen.holder.machine = here.machine;
  if (flawed(RecoveryFlaw::name_is_asked_for) && !same_name) seen.holder.machine.reset();
  if (flawed(RecoveryFlaw::holders_mount_ignored)) seen.holder.mount = kLocalMount;
  return seen;
}

bool Run::may_take_over(const Sighting& seen, bool is_abandoned) {
  const Life life = life_of(judge_, as_judged(seen), stage_.knobs.local);
  if (flawed(RecoveryFlaw::lease_beats_lifeline) && is_abandoned) return true;
  if (flawed(RecoveryFlaw::end_is_proof) && notifier_.has_told_end_of(seen.holder)) return true;
  if (flawed(RecoveryFlaw::mtime_for_beats) && seen.holder.lease) {
    // The clock of the server, and that of this host, which is some seconds ahead or behind.
    const Duration age = stage_.world.now() - stage_.share.current().since;
    if (age + seconds{static_cast<int>(who_ % 7) - 3} > lease_of(*seen.holder.lease)) return true;
  }
  return ufl::may_take_over(life, is_abandoned);
}

SessionEvents Run::session_events() { return {}; }

void Run::start() {
  const RecoveryKnobs& recovery = stage_.recovery;
  SessionOptions options;
  options.claim = claim_options();
  options.kills = kind_ == Kind::leased || recovery.kills;
  options.kill_after = recovery.kill_after;
  const SessionWorld around{clock_, identity_, command(), deadline_, settling_, &notifier_};
  player_ = std::make_unique<SessionPlayer>(stage_.world, who_, std::move(options), around,
                                            session_events());
  const bool is_later = kind_ == Kind::newer && !flawed(RecoveryFlaw::childless_at_once);
  player_->before_claim(is_later ? of_later_version(session(), clock_, who_)
                                 : before_claim(recovery.flaw, session(), clock_));
  const auto lease = has_lease() ? std::optional{recovery.lease} : std::nullopt;
  player_->before_keep(before_keep(recovery.flaw, session(), clock_, lease));
  if (stage_.world.tells()) tell("begins on " + host_.ids().name);
  if (flawed(RecoveryFlaw::ignores_keepers)) client_.ignore_keepers();
  const ContenderKnobs& knobs = stage_.knobs;
  if (stage_.world.chance(knobs.cancelled)) {
    const Duration longest = 3 * knobs.delay + 10 * kTick +
                             (stage_.world.chance(200) ? knobs.late_hold : Duration::zero());
    after(stage_.world.some_of(longest), [this] {
      if (over_ || session().stage() != Session::Stage::claiming) return;
      tell("is told to stop");
      player_->stop();
    });
  }
  player_->start(client_, timer_,
                 DriverEvents{.on_acquired =
                                  [this] {
                                    if (session().claim().takes_over()) tell("takes the lock over");
                                    return player_->noted(acquired());
                                  },
                              .on_finished = [this] { session_ended(); }});
}

void Run::session_ended() {
  if (over_) return;
  if (claimed().outcome != ClaimResult::Outcome::acquired) return not_acquired();
  const auto& holding = session().holding();
  if (holding && holding->kept().outcome == KeepResult::Outcome::not_recorded) {
    tell("cannot write down its command");
  }
  if (session().is_too_slow()) {
    stage_.monitor.loses_lease(who_);  // nothing that is refused was asked for
    stage_.monitor.refuses();
    tell("finds the share too slow for its lease");
  }
  if (session().release()) return release_ended(session().release()->result().outcome);
  if (!holding) return handed_over();
  tell("leaves its lock to others");
  gives_up(token());
  end(true);
}

void Run::not_acquired() {
  const ClaimResult& result = claimed();
  if (result.left_behind || client_.betrayed()) {
    gives_up(result.token);
  }
  // A user who is told that the share is too slow for the delay was told of no error.
  const bool is_slow = result.failure.reason == FailureReason::too_slow;
  if (result.outcome == ClaimResult::Outcome::failed && !is_slow) {
    stage_.monitor.fails(who_);
  }
  tell(result.outcome == ClaimResult::Outcome::failed ? "fails" : "gives up");
  // A user who is told that the share is too slow for the lease does not ask for that one again.
  const bool is_refused = result.outcome == ClaimResult::Outcome::too_slow;
  if (is_refused) stage_.monitor.refuses();
  end(is_refused);
}

void Run::release_ended(ReleaseResult::Outcome outcome) {
  using Outcome = ReleaseResult::Outcome;
  if (outcome == Outcome::too_late) tell("leaves its lock to others");
  if (outcome == Outcome::lost) tell("is told that it has lost the lock");
  if (outcome == Outcome::failed) tell("could not release");
  // What others have made of its file is nobody's who is there.
  const bool is_ruined = outcome == Outcome::lost && stage_.recovery.emptied > 0;
  if (outcome == Outcome::too_late || outcome == Outcome::failed || is_ruined) {
    gives_up(token());
  }
  end(true);
}

void Run::gives_up(const std::string& token) {
  stage_.monitor.gives_up(who_, token);
  if (!was_disturbed_) stage_.monitor.fails(who_);
}

Duration Run::hold_time() {
  return std::max(stage_.knobs.shortest_hold, stage_.world.some_of(stage_.knobs.longest_hold));
}

bool Run::lives() const { return !over_ && process_->alive; }

void Run::end(bool acquired) {
  if (std::exchange(over_, true)) return;
  ended_ = stage_.world.now();
  host_.end_process(id_);
  identity_.let_go();
  client_.let_go();
  if (on_ended_) on_ended_(acquired);
}

void Run::kill(bool both) {
  if (!lives()) return;
  tell(both ? "is killed, with its command" : "is killed");
  process_->alive = false;
  process_->killed = stage_.world.now();
  host_.end_process(id_);
  identity_.let_go();
  client_.let_go();
  killed(both);
  end(true);
  if (stage_.world.chance(stage_.recovery.reused)) host_.reuse(id_.pid);
}

void Run::dead_for_good() {
  stage_.monitor.leaves(who_);
  stage_.monitor.dies(who_);
}

void Run::stop(Duration time) {
  if (!lives()) return;
  was_disturbed_ = true;
  time = longest_stop(time);
  if (stage_.world.tells()) tell("is stopped for " + text_of(time));
  process_->stopped_until = std::max(process_->stopped_until, stage_.world.now() + time);
}

void Run::freeze(Moment until) {
  was_disturbed_ = true;
  process_->stopped_until = std::max(process_->stopped_until, until);
  process_->asleep_until = std::max(process_->asleep_until, until);
  frozen(until);
}

void Run::crash() {
  if (lives()) {
    kill(true);
  } else if (!process_->alive && runs()) {
    killed(true);
  } else if (over_ && process_->alive &&
             stage_.world.now() - ended_ <= stage_.share_knobs.b + stage_.share_knobs.w) {
    stage_.monitor.dies(who_);  // its release may not have been sent
  }
  process_->alive = false;
  process_->killed.reset();
}

}  // namespace ufl::sim
