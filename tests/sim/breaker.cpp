// SPDX-License-Identifier: MIT

#include "sim/breaker.hpp"

#include <utility>

#include "sim/mutants.hpp"

namespace ufl::sim {

using std::chrono::seconds;

Breaker::Breaker(const Surroundings& around, int who, Duration uptime)
    : UflProcess{around, who, uptime} {
  monitor_.breaks(who_);
}

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
  options.may_take_over = [token = token_](const Sighting& seen, bool) {
    return seen.token == token;
  };
  options.takeover_delay = knobs_.takeover_delay;
  return options;
}

void Breaker::round() {
  driver_.reset();
  if (world_.chance(200)) {
    world_.tell(who_, "releases the lock of another");
    return release(token_, knobs_.delay);
  }
  claim_ = std::make_unique<Claim>(takeover_options(), clock_, identity_);
  drive(*claim_, knobs_.mutant == nullptr ? nullptr : knobs_.mutant->before_break(*claim_, clock_),
        DriverEvents{.on_looks_free = [this] { return claim_->takes_over(); },
                     .on_finished = [this] { claim_ended(); }});
  const auto at_this_break = [this](World::Action action) {
    return [this, number = breaks_, action = std::move(action)] {
      if (busy_ && number == breaks_) action();
    };
  };
  const Duration a_break = 2 * claim_->delay() + 2 * knobs_.takeover_delay;
  if (world_.chance(knobs_.crash)) {
    after(world_.some_of(a_break), at_this_break([this] { die(); }));
  }
  if (world_.chance(knobs_.cancelled)) {
    after(world_.some_of(a_break), at_this_break([this] {
            if (release_) return;  // nothing stops that
            world_.tell(who_, "is told to stop");
            driver_->cancel();
          }));
  }
  world_.tell(who_, "breaks the lock");
  driver_->start();
}

void Breaker::claim_ended() {
  const ClaimResult& result = claim_->result();
  record(world_, who_, result);
  if (client_.litters()) monitor_.litters(who_);
  if (result.outcome == ClaimResult::Outcome::acquired) {
    monitor_.enters(who_, result.token);
    // Its process may be stopped before it goes on; and whoever takes over may stay.
    return after(world_.chance(500) ? Duration::zero() : hold_time(), [this] {
      monitor_.leaves(who_);
      release(claim_->result().token, claim_->delay());
    });
  }
  if (result.left_behind || client_.betrayed()) monitor_.abandons(who_, result.token);
  // A look that is always too old has no errno.
  if (result.outcome == ClaimResult::Outcome::failed && result.failure.error != 0) {
    monitor_.fails(who_);
  }
  world_.tell(who_, "breaks nothing");
  end();
}

void Breaker::release(const std::string& token, Duration delay) {
  start_release(release_options(token, delay), [this] { release_ended(); });
}

void Breaker::release_ended() {
  record(world_, who_, release_->result());
  const bool failed = release_->result().outcome == ReleaseResult::Outcome::failed;
  if (failed && claim_) monitor_.abandons(who_, claim_->result().token);
  world_.tell(who_, failed ? "could not release" : "has broken the lock");
  end();
}

void Breaker::end() {
  client_.let_go();
  claim_.reset();
  release_.reset();
  busy_ = false;
}

}  // namespace ufl::sim
