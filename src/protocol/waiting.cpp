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

Waiting::Waiting(Contest& contest, Notifier* notifier)
    : ClaimPart{contest},
      notifier_{notifier},
      backoff_{contest.options.retry.interval, contest.options.retry.grows} {}

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
  const bool glance_will_do = contest_.options.retry.glances && !whole_look_wanted_;
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

// What happened before it was asked is not told: hence the look. On a share, what other hosts do is
// not told.
bool Waiting::on_wait() {
  if (notifier_ == nullptr || !contest_.options.local) return false;
  return std::exchange(was_asked_, true) ? watch_holder() : watch_file();
}

void Waiting::forget() {
  if (!was_asked_) return;
  notifier_->forget_file();
  notifier_->forget_process();
}

bool Waiting::watch_file() {
  if (!notifier_->watch_removal([this](bool goes_on) { removed(goes_on); })) return false;
  hinted_.emplace(contest_.options.retry.interval_when_told, false);
  latest_look_ = in_time(contest_.clock.now() + hinted_->next(contest_.identity.random()));
  look_soon();
  return true;
}

// Of a crowd nobody is to be woken twice: by the release, and by the holder's end.
void Waiting::removed(bool goes_on) {
  if (goes_on) {
    notifier_->forget_process();
  } else {
    hinted_.reset();
    latest_look_ = after_backoff(contest_.identity.random());
  }
  look_soon();
}

// A holder that dies removes nothing. It is not watched before it is known: who comes into a crowd,
// and glances with it, watches nobody.
bool Waiting::watch_holder() {
  if (!hinted_ || contest_.rival.is_glimpsed) return false;
  const int process = contest_.rival.new_processes;
  if (watched_ == process) return false;
  notifier_->forget_process();
  const bool is_new = std::exchange(asked_about_, process) != process;
  const Sighting& seen = contest_.rival.seen;
  const bool has_no_process = seen.kind != Sighting::Kind::unreadable && !seen.holder.pid;
  if (has_no_process || begin_to_watch()) {
    watched_ = process;
    return false;
  }
  if (is_new) look_for_what_is_left();  // perhaps it has ended since that look
  return is_new;
}

// When ufl has died its command may run on.
bool Waiting::begin_to_watch() {
  const Holder here = contest_.identity.self();
  const Holder& holder = contest_.rival.seen.holder;
  // Else its numbers are those of other processes, here.
  if (holder.boot != here.boot || holder.pidns != here.pidns) return false;
  const auto watch = [this](const ProcessId& process) {
    return notifier_->watch_process(process, [this] { holder_ended(); });
  };
  return (holder.pid && watch({*holder.pid, holder.start})) ||
         (holder.child && watch(*holder.child));
}

// What the command has started may still run: nobody tells of that, and the interval stays short.
void Waiting::holder_ended() {
  if (!begin_to_watch()) look_for_what_is_left();
}

void Waiting::look_for_what_is_left() {
  look_soon();
  whole_look_wanted_ = true;
}

void Waiting::look_soon() {
  contest_.look_wanted = true;
  watched_.reset();
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
