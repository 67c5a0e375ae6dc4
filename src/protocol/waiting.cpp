// SPDX-License-Identifier: MIT

#include "protocol/waiting.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ufl {

namespace {

// A wait that the deadline cuts short ends this much before it, for one last look.
constexpr Duration kLastLook = std::chrono::milliseconds{20};

// So long after a glance, if no other comes, a look finds out who holds the lock now; and so long
// after the end of a holder, once more, whether anything is left of it.
constexpr Duration kWhoIsNext = std::chrono::milliseconds{100};

}  // namespace

Waiting::Waiting(Contest& contest)
    : ClaimPart{contest}, backoff_{contest.options.retry, contest.options.retry_grows} {}

Step Waiting::start() {
  look_at_ = next_look();
  return wait(look_at_);
}

Step Waiting::resume() {
  const Mono now = contest_.clock.now();
  if (now >= look_at_) {
    return end(contest_.is_past_deadline() ? Verdict::timed_out : Verdict::look);
  }
  if (!contest_.look_wanted) return wait(look_at_);
  const bool glance_will_do = contest_.options.glances && !whole_look_wanted_;
  return end(glance_will_do ? Verdict::glance : Verdict::look);
}

Mono Waiting::next_look() {
  const Mono now = contest_.clock.now();
  const std::uint64_t random = contest_.identity.random();
  const Mono next = after_backoff(random);
  latest_look_ = hinted_ ? in_time(now + hinted_->next(random)) : next;
  quiet_for_ = Backoff{kWhoIsNext, false}.next(random);
  if (watched_ == contest_.rival.new_processes) return latest_look_;
  // What the holder has started may be ending just now, and nobody tells of that.
  const bool has_ended = std::exchange(whole_look_wanted_, false);
  return has_ended ? std::min(next, in_time(now + quiet_for_)) : next;
}

Mono Waiting::after_backoff(std::uint64_t random) {
  const bool is_new =
      std::exchange(holder_, contest_.rival.new_holders) != contest_.rival.new_holders;
  if (is_new) backoff_.reset();
  return in_time(contest_.clock.now() + backoff_.next(random));
}

Mono Waiting::in_time(Mono look) const {
  const Mono now = contest_.clock.now();
  // A long interval does not put off that a staleness limit has run out. On a share all waiters
  // would come at the same time.
  if (contest_.options.local) {
    const auto abandoned_at = contest_.observer.abandoned_at();
    if (abandoned_at && *abandoned_at > now) look = std::min(look, *abandoned_at);
  }
  const auto& deadline = contest_.deadline;
  if (deadline && look >= *deadline) {
    look = *deadline - now > kLastLook ? *deadline - kLastLook : *deadline;
  }
  return look;
}

void Waiting::look_soon() {
  contest_.look_wanted = true;
  watched_.reset();
}

void Waiting::holder_ended() {
  look_soon();
  whole_look_wanted_ = true;
}

void Waiting::rely_on_hints(std::optional<Duration> interval) {
  hinted_.reset();
  const std::uint64_t random = contest_.identity.random();
  if (interval) {
    hinted_.emplace(*interval, false);
    latest_look_ = in_time(contest_.clock.now() + hinted_->next(random));
  } else {
    latest_look_ = after_backoff(random);
  }
}

// Until a look has found out who the next holder is, nobody tells when that one dies. In a crowd
// the next glance comes first, again and again. A timer that is set already is not put off for
// that: it may fire too early.
Step Waiting::wait_on() {
  const Mono now = contest_.clock.now();
  look_at_ = hinted_ ? std::min(latest_look_, now + quiet_for_) : latest_look_;
  const bool is_set = now < wait_until_ && wait_until_ <= look_at_;
  return wait(is_set ? wait_until_ : look_at_);
}

// A hint may have come while the contender did something else: its own delay, for one.
Step Waiting::wait(Mono until) {
  wait_until_ = until;
  return WaitUntil{contest_.look_wanted ? contest_.clock.now() : until};
}

}  // namespace ufl
