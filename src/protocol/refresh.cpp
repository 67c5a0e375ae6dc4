// SPDX-License-Identifier: MIT

#include "protocol/refresh.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "protocol/assert.hpp"
#include "protocol/both_local.hpp"
#include "protocol/guard.hpp"
#include "protocol/lease.hpp"

namespace ufl {

namespace {

// Somebody who writes at the same time, or a share that answers differently each time.
constexpr int kMostRounds = 5;

}  // namespace

Refresh::Refresh(RefreshOptions options, const Clock& clock)
    : options_{std::move(options)}, clock_{clock} {
  options_.look.only_look = true;
}

Step Refresh::on_reply(const FileReply& reply) {
  if (state_ == State::look) return looked(look_->on_reply(reply));
  UFL_ASSERT(state_ == State::write);
  return state_ == State::write ? on_written(reply) : Finished{};
}

Step Refresh::resume() {
  if (state_ == State::look) return looked(look_->resume());
  UFL_ASSERT(state_ == State::pause);
  if (state_ != State::pause) return Finished{};
  if (clock_.now() < wait_until_) return WaitUntil{wait_until_};
  return look();
}

Step Refresh::look() {
  state_ = State::look;
  look_.emplace(options_.look, clock_);
  return looked(look_->start());
}

Step Refresh::looked(Step step) {
  if (!std::holds_alternative<Finished>(step)) return step;
  const ReleaseResult& look = look_->result();
  result_.seen = look.seen;
  result_.failure = look.failure;
  if (look.outcome == ReleaseResult::Outcome::lost) return finish(Outcome::lost);
  if (look.outcome != ReleaseResult::Outcome::held) return finish(Outcome::failed);
  const Mono now = clock_.now();
  const bool is_settled = settled_at_ && now >= *settled_at_ && now < lease_.reliable_until();
  return is_settled ? finish(Outcome::held) : write(look.content);
}

Step Refresh::write(const std::string& content) {
  const Holder& holder = result_.seen.holder;
  const auto lease = usable_lease(holder);
  auto next = with_next_heartbeat(content);
  if (!next || !lease || !holder.detached.value_or(false)) return finish(Outcome::no_lease);
  lease_.length = *lease;
  const Mono now = clock_.now();
  is_late_ = !settled_at_ || now >= lease_.reliable_until();
  if (is_late_) ++rounds_;
  if (rounds_ > kMostRounds) return cannot_write(setback_, {});
  const bool local = options_.look.local;
  heartbeat_.emplace(options_.look.path, content, local, local);
  state_ = State::write;
  return heartbeat_->write(std::move(*next), now);
}

Step Refresh::on_written(const FileReply& reply) {
  const Mono now = clock_.now();
  switch (heartbeat_->on_reply(reply, now)) {
    case Heartbeat::Answer::written:
      break;
    case Heartbeat::Answer::busy:
      if (++busy_looks_ >= kMaxBusyLooks) return cannot_write(FailureReason::answer, reply);
      if (is_late_) --rounds_;
      return pause(kBusyRetry);
    case Heartbeat::Answer::failed:
      return cannot_write(FailureReason::answer, reply);
    default:
      setback_ = FailureReason::changed;
      if (!is_late_) ++rounds_;
      return look();  // which tells by whom it was moved
  }
  // Landed before the one before it was too old? Later ones count from their own start.
  const Mono began = heartbeat_->asked();
  if (!settled_at_) lease_.refreshed = options_.last.value_or(Mono::max());
  const bool is_known = lease_.refreshed <= began;  // nobody refreshes in the future
  const bool is_in_time = is_known && now < lease_.reliable_until();
  lease_.refreshed = result_.refreshed = began;
  if (is_in_time && !settled_at_) return finish(Outcome::held);
  if (!is_in_time) {
    settled_at_ = now + delay_beside(result_.seen, options_.look.local, options_.takeover_delay);
    setback_ = FailureReason::too_late;
    if (!is_late_) ++rounds_;
  }
  return pause(std::max(std::min(*settled_at_, lease_.refresh_at()) - now, Duration::zero()));
}

Step Refresh::cannot_write(FailureReason reason, const FileReply& reply) {
  result_.failure = {reason, UpdateFile{options_.look.path, {}, {}}, reply};
  return finish(Outcome::failed);
}

Step Refresh::pause(Duration time) {
  state_ = State::pause;
  wait_until_ = clock_.now() + time;
  return WaitUntil{wait_until_};
}

Step Refresh::finish(Outcome outcome) {
  result_.outcome = outcome;
  state_ = State::finished;
  return Finished{};
}

}  // namespace ufl
