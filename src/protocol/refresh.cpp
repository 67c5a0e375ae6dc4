// SPDX-License-Identifier: MIT

#include "protocol/refresh.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <variant>

#include "protocol/both_local.hpp"
#include "protocol/guard.hpp"
#include "seams/lease.hpp"

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
  if (state_ == State::write) return on_written(reply);
  return Finished{};
}

Step Refresh::resume() {
  if (state_ == State::look) return looked(look_->resume());
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
  const bool is_settled = settled_at_ && clock_.now() >= *settled_at_;
  return is_settled && is_fresh() ? finish(Outcome::held) : write(look.content);
}

// Nobody sees the last beat as too old yet.
bool Refresh::is_fresh() const { return clock_.now() < result_.refreshed + lease_reliable(lease_); }

Step Refresh::write(const std::string& content) {
  const Holder& holder = result_.seen.holder;
  auto next = with_next_beat(content);
  const bool is_detached = holder.detached.value_or(false);
  if (!next || !is_detached || !holder.lease || *holder.lease <= 0) {
    return finish(Outcome::no_lease);
  }
  lease_ = lease_of(*holder.lease);
  is_late_ = !settled_at_ || !is_fresh();
  if (is_late_) ++rounds_;
  if (rounds_ > kMostRounds) {
    result_.failure.status = FileStatus::failed;
    result_.failure.error = ETIMEDOUT;
    return finish(Outcome::failed);
  }
  refreshing_ = clock_.now();
  state_ = State::write;
  const bool local = options_.look.local;
  return FileOperation{UpdateFile{options_.look.path, content, *next, !local, local}};
}

Step Refresh::on_written(const FileReply& reply) {
  const bool was_moved =
      reply.status == FileStatus::changed || reply.status == FileStatus::not_found;
  if (was_moved) {
    if (!is_late_) ++rounds_;
    return look();  // which tells by whom
  }
  if (reply.status == FileStatus::busy && ++busy_looks_ < kMaxBusyLooks) {
    if (is_late_) --rounds_;
    return pause(kBusyRetry);
  }
  if (reply.status != FileStatus::ok) {
    result_.failure = reply;
    result_.writing = true;
    return finish(Outcome::failed);
  }
  // Landed before the one before it was too old? Later ones count from their own start.
  const Mono now = clock_.now();
  const auto& last = settled_at_ ? std::optional{result_.refreshed} : options_.last;
  const bool is_known = last && *last <= refreshing_;  // nobody refreshes in the future
  const bool is_in_time = is_known && now < *last + lease_reliable(lease_);
  result_.refreshed = refreshing_;
  if (is_in_time && !settled_at_) return finish(Outcome::held);
  if (!is_in_time) {
    settled_at_ = now + takeover_delay(result_.seen, options_.look.local, options_.takeover_delay);
    if (!is_late_) ++rounds_;
  }
  const Mono next_beat = refreshing_ + lease_refresh(lease_);
  return pause(std::max(std::min(*settled_at_, next_beat) - now, Duration::zero()));
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
