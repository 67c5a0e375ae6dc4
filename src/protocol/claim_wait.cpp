// SPDX-License-Identifier: MIT
//
// Claim, while somebody else holds the lock: when to look next, and what others tell meanwhile.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "protocol/claim.hpp"

namespace ufl {

namespace {

// A wait that the deadline cuts short ends this much before it, for one last look.
constexpr Duration kLastLook = std::chrono::milliseconds{20};

// So long after a glance, if no other comes, it is found out who holds the lock now; and so long
// after the end of a holder, once more, whether anything is left of him.
constexpr Duration kWhoIsNext = std::chrono::milliseconds{100};

}  // namespace

Step Claim::held_by_other() {
  late_looks_ = 0;
  if (options_.timeout == Duration::zero()) return give_up(Outcome::busy);
  if (past_deadline()) return give_up(Outcome::timed_out);
  look_at_ = next_look();
  return wait(State::pause, look_at_);
}

Step Claim::resume_pause() {
  const Mono now = clock_.now();
  if (now < look_at_) {
    const bool glance_will_do = options_.glances && !holder_ended_;
    if (look_wanted_) return glance_will_do ? glance() : look();
    return wait(State::pause, look_at_);
  }
  return past_deadline() ? give_up(Outcome::timed_out) : look();
}

Mono Claim::next_look() {
  const Mono now = clock_.now();
  const std::uint64_t random = identity_.random();
  const Mono next = in_time(now + backoff_.next(random));
  latest_look_ = hinted_ ? in_time(now + hinted_->next(random)) : next;
  quiet_for_ = Backoff{kWhoIsNext, false}.next(random);
  if (is_watched_) return latest_look_;
  // What he has started may be ending just now, and nobody tells of that.
  const bool has_ended = std::exchange(holder_ended_, false);
  return has_ended ? std::min(next, in_time(now + quiet_for_)) : next;
}

Mono Claim::in_time(Mono look) const {
  const Mono now = clock_.now();
  // A long interval does not put it off that a patience has run out. On a share all who wait would
  // come at the same time.
  if (options_.local) {
    const auto abandoned_at = observer_.abandoned_at();
    if (abandoned_at && *abandoned_at > now) look = std::min(look, *abandoned_at);
  }
  if (deadline_ && look >= *deadline_) {
    look = *deadline_ - now > kLastLook ? *deadline_ - kLastLook : *deadline_;
  }
  return look;
}

void Claim::look_soon() {
  look_wanted_ = true;
  is_watched_ = false;
}

void Claim::rely_on_hints(std::optional<Duration> interval) {
  hinted_.reset();
  if (interval) hinted_.emplace(*interval, false);
  Backoff& backoff = hinted_ ? *hinted_ : backoff_;
  latest_look_ = in_time(clock_.now() + backoff.next(identity_.random()));
}

void Claim::holder_ended() {
  look_soon();
  holder_ended_ = true;
}

Step Claim::glance() {
  Step step = look();
  is_glance_ = true;
  return step;
}

// Until it is known who that is, nobody tells when he dies. In a crowd the next glance comes first,
// again and again; a timer that is set already is not put off for that: it may fire too early.
Step Claim::wait_on() {
  const Mono now = clock_.now();
  look_at_ = hinted_ ? std::min(latest_look_, now + quiet_for_) : latest_look_;
  const bool is_set = now < wait_until_ && wait_until_ <= look_at_;
  return wait(State::pause, is_set ? wait_until_ : look_at_);
}

}  // namespace ufl
