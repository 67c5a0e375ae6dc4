// SPDX-License-Identifier: MIT

#include "protocol/refresh.hpp"

#include <cerrno>
#include <chrono>
#include <utility>
#include <variant>

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
  if (!is_written_) return write(look.content);
  if (clock_.now() < result_.refreshed + lease_reliable(lease_)) return finish(Outcome::held);
  is_written_ = false;  // that took so long that it is over again
  return write(look.content);
}

Step Refresh::write(const std::string& content) {
  const Holder& holder = result_.seen.holder;
  auto next = with_next_beat(content);
  const bool is_detached = holder.detached.value_or(false);
  if (!next || !is_detached || !holder.lease || *holder.lease <= 0) {
    return finish(Outcome::no_lease);
  }
  if (++rounds_ > kMostRounds) {
    result_.failure.status = FileStatus::failed;
    result_.failure.error = ETIMEDOUT;
    return finish(Outcome::failed);
  }
  lease_ = lease_of(*holder.lease);
  result_.refreshed = clock_.now();
  state_ = State::write;
  const bool local = options_.look.local;
  return FileOperation{UpdateFile{options_.look.path, content, *next, !local, local}};
}

Step Refresh::on_written(const FileReply& reply) {
  const bool was_moved =
      reply.status == FileStatus::changed || reply.status == FileStatus::not_found;
  if (was_moved) return look();  // which tells by whom
  if (reply.status == FileStatus::busy && ++busy_looks_ < kMaxBusyLooks) {
    --rounds_;
    return pause(kBusyRetry);
  }
  if (reply.status != FileStatus::ok) {
    result_.failure = reply;
    result_.writing = true;
    return finish(Outcome::failed);
  }
  const auto& last = options_.last;
  const bool is_known = last && *last <= result_.refreshed;  // nobody refreshes in the future
  if (is_known && clock_.now() < *last + lease_reliable(lease_)) return finish(Outcome::held);
  is_written_ = true;
  return pause(options_.takeover_delay);
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
