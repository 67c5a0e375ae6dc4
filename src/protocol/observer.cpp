// SPDX-License-Identifier: MIT

#include "protocol/observer.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/lease.hpp"

namespace ufl {

Observer::Observer(std::optional<Duration> empty_limit, Observations* memory, std::string key)
    : empty_limit_{empty_limit}, memory_{memory}, key_{std::move(key)} {}

std::optional<Observation> Observer::observation_of(const Sighting& seen) const {
  const bool may_be_left_over = seen.kind == Sighting::Kind::empty && !is_emptied(seen);
  if (may_be_left_over && empty_limit_ && seen.identity != 0) {
    return Observation{{}, std::to_string(seen.identity), *empty_limit_, {}};
  }
  const auto lease = usable_lease(seen.holder);
  if (seen.kind != Sighting::Kind::record || !lease) return {};
  return Observation{seen.token, *seen.holder.heartbeat, *lease, {}};
}

void Observer::saw(const Sighting& seen, Mono asked, Mono answered) {
  UFL_ASSERT(asked <= answered);
  UFL_ASSERT(!answered_ || *answered_ <= answered);
  if (seen.kind == Sighting::Kind::unreadable) return;
  auto next = observation_of(seen);
  const bool is_new = next && !(current_ && current_->is_of(*next));
  if (!next || is_new) {
    forget();
    current_ = std::move(next);
  }
  if (is_new) {
    current_->since = answered;
    if (!answered_) recall();
  }
  answered_ = answered;
  is_abandoned_ = current_ && asked >= *abandoned_at();
}

std::optional<Mono> Observer::abandoned_at() const {
  if (!current_) return {};
  return current_->since + current_->staleness_limit + Duration{1};
}

// Only for the first look: whatever came before a later one was seen to change.
void Observer::recall() {
  has_recalled_ = true;
  const auto earlier = memory_ != nullptr ? memory_->recall(key_) : std::nullopt;
  const bool is_possible = earlier && earlier->is_of(*current_) && earlier->since >= Mono{} &&
                           earlier->since <= current_->since;
  if (!is_possible) return;
  // The lease that counts is the one that was seen first. An empty file gives none: who looks now
  // may have a longer delay.
  const Duration own =
      current_->token.empty() ? current_->staleness_limit : earlier->staleness_limit;
  is_kept_ = own <= earlier->staleness_limit;
  current_ = earlier;
  current_->staleness_limit = std::max(own, earlier->staleness_limit);
}

void Observer::forget() {
  current_.reset();
  is_kept_ = false;
  is_abandoned_ = false;
}

void Observer::restart(Mono now) {
  if (!current_) return;
  current_->since = now;
  is_abandoned_ = false;
  is_kept_ = false;
  keep();  // the next process must not go by what is kept there
}

void Observer::keep() {
  if (memory_ == nullptr || !answered_ || is_kept_) return;
  is_kept_ = true;
  if (current_) return memory_->keep(key_, *current_);
  memory_->forget(key_);  // what is kept there may have been seen to change
}

void Observer::end() {
  if (memory_ != nullptr) memory_->forget(key_);
}

}  // namespace ufl
