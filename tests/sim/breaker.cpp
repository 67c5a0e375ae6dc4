// SPDX-License-Identifier: MIT

#include "sim/breaker.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "sim/double.hpp"
#include "sim/mutants.hpp"

namespace ufl::sim {

using std::chrono::seconds;

Breaker::Breaker(const Surroundings& around, int who, Duration uptime)
    : UflProcess{around, who, uptime} {
  monitor_.breaks(who_);
}

Breaker::~Breaker() = default;

void Breaker::notice(const std::string& token) {
  if (busy_ || dead()) return;
  busy_ = true;
  token_ = token;
  ++breaks_;
  // Several who notice it at once often begin at the same moment.
  after(world_.some_of(seconds{1}), [this] { round(); });
}

ClaimOptions Breaker::takeover_options() const {
  ClaimOptions options = claim_options();
  options.delay = knobs_.break_delay;
  options.timeout = Duration::zero();
  options.takeovers.may_take_over = [token = token_](const Sighting& seen, bool) {
    return seen.token == token;
  };
  options.takeovers.delay = knobs_.takeover_delay;
  return options;
}

void Breaker::round() {
  player_.reset();
  if (world_.chance(200)) {
    world_.tell(who_, "releases the lock of another");
    return release_of_another();
  }
  make_session(takeover_options());
  if (knobs_.mutant != nullptr) {
    player_->before_claim(knobs_.mutant->before_break(session(), clock_));
  }
  const auto at_this_break = [this](World::Action action) {
    return [this, number = breaks_, action = std::move(action)] {
      if (busy_ && number == breaks_) action();
    };
  };
  const Duration a_break = 2 * session().claim().delay() + 2 * knobs_.takeover_delay;
  if (world_.chance(knobs_.crash)) {
    after(world_.some_of(a_break), at_this_break([this] { die(); }));
  }
  if (world_.chance(knobs_.cancelled)) {
    after(world_.some_of(a_break), at_this_break([this] {
            if (session().stage() == Session::Stage::releasing) return;  // nothing stops that
            world_.tell(who_, "is told to stop");
            if (session().stage() == Session::Stage::claiming) player_->stop();
          }));
  }
  world_.tell(who_, "breaks the lock");
  player_->start(client_, timer_,
                 DriverEvents{.on_looks_free = [this] { return session().claim().takes_over(); },
                              .on_acquired =
                                  [this] {
                                    acquired();
                                    return std::nullopt;
                                  },
                              .on_finished = [this] { session_ended(); }});
}

void Breaker::acquired() {
  if (client_.litters()) monitor_.litters(who_);
  monitor_.enters(who_, claimed().token);
  // Its process may be stopped before it goes on; and a taker may stay.
  after(world_.chance(500) ? Duration::zero() : hold_time(), [this] {
    monitor_.leaves(who_);
    let_go();
  });
}

void Breaker::session_ended() {
  const auto& release = session().release();
  if (release) return released(release->result(), claimed().token);
  if (client_.litters()) monitor_.litters(who_);
  const ClaimResult& result = claimed();
  if (result.left_behind || client_.betrayed()) monitor_.abandons(who_, result.token);
  const bool is_slow = result.failure.reason == FailureReason::too_slow;
  if (result.outcome == ClaimResult::Outcome::failed && !is_slow) {
    monitor_.fails(who_);
  }
  world_.tell(who_, "breaks nothing");
  end();
}

void Breaker::release_of_another() {
  release_ = std::make_unique<Release>(release_options(token_, knobs_.delay), clock_);
  Machine* machine = release_.get();
  if (knobs_.mutant != nullptr) double_ = knobs_.mutant->before_release(*release_, clock_, token_);
  if (double_) machine = double_.get();
  recorder_.emplace(*machine, world_, who_);
  driver_ =
      std::make_unique<Driver>(*recorder_, client_, timer_, DriverEvents{.on_finished = [this] {
        record(world_, who_, release_->result());
        released(release_->result(), {});
      }});
  driver_->start();
}

void Breaker::released(const ReleaseResult& result, const std::string& own_token) {
  const bool failed = result.outcome == ReleaseResult::Outcome::failed;
  if (failed && !own_token.empty()) monitor_.abandons(who_, own_token);
  world_.tell(who_, failed ? "could not release" : "has broken the lock");
  end();
}

void Breaker::end() {
  client_.let_go();
  busy_ = false;
}

}  // namespace ufl::sim
