// SPDX-License-Identifier: MIT

#include "protocol/observer.hpp"

#include <string>
#include <utility>

#include "seams/lease.hpp"

namespace ufl {

Observer::Observer(std::optional<Duration> empty_patience, Observations* memory, std::string key)
    : empty_patience_{empty_patience}, memory_{memory}, key_{std::move(key)} {}

std::optional<Observation> Observer::observation_of(const Sighting& seen) const {
  if (seen.kind == Sighting::Kind::empty && empty_patience_ && seen.inode != 0) {
    return Observation{{}, std::to_string(seen.inode), *empty_patience_, {}};
  }
  const Holder& holder = seen.holder;
  const bool has_lease = holder.lease && holder.beat && *holder.lease > 0;
  if (seen.kind != Sighting::Kind::record || !has_lease) return {};
  return Observation{seen.token, *holder.beat, lease_of(*holder.lease), {}};
}

void Observer::saw(const Sighting& seen, Mono asked, Mono answered) {
  if (seen.kind == Sighting::Kind::unreadable) return;
  auto next = observation_of(seen);
  const bool is_new = next && !(current_ && current_->is_of(*next));
  if (!next || is_new) {
    forget();
    current_ = std::move(next);
  }
  if (is_new) {
    current_->since = answered;
    const auto earlier = memory_ != nullptr ? memory_->recall(key_) : std::nullopt;
    // The patience that counts is the one that was seen first.
    if (earlier && earlier->is_of(*current_) && earlier->since <= answered) {
      current_ = earlier;
      is_kept_ = true;
    }
  }
  is_abandoned_ = current_ && asked - current_->since > current_->patience;
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
  if (memory_ == nullptr || !current_ || is_kept_) return;
  memory_->keep(key_, *current_);
  is_kept_ = true;
}

}  // namespace ufl
