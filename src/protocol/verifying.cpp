// SPDX-License-Identifier: MIT

#include "protocol/verifying.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/assert.hpp"

namespace ufl {

namespace {

// How long an unreadable claim of our own is read again before it is taken back: after the
// deadline, or where there is none.
constexpr Duration kGrace = std::chrono::seconds{1};
constexpr Duration kPatience = std::chrono::seconds{30};
constexpr Duration kRetry = std::chrono::milliseconds{250};

// On a share that needs so much of the lease for each answer nobody could keep the lock.
constexpr int kMostStaleReplies = 5;

}  // namespace

Step Verifying::start() {
  const OwnClaim& own = contest_.own;
  const Duration late_hold = own.is_late() ? contest_.options.late_hold : Duration::zero();
  verify_at_ = std::max(own.published_at + own.delay.in_force() + late_hold, own.not_before);
  try_until_.reset();
  stale_replies_ = 0;
  return go_on();
}

Step Verifying::on_reply(const FileReply& reply) {
  UFL_ASSERT(state_ == State::heartbeat || state_ == State::read);
  return state_ == State::heartbeat ? on_heartbeat(reply) : on_read(reply);
}

Step Verifying::resume() {
  UFL_ASSERT(state_ == State::delay || state_ == State::pause);
  if (contest_.clock.now() < wait_until_) return WaitUntil{wait_until_};
  return state_ == State::delay ? go_on() : read();
}

Step Verifying::go_on() {
  if (contest_.heartbeat_is_due()) return heartbeat();
  if (contest_.clock.now() >= verify_at_) return read();
  Mono next = verify_at_;
  if (const auto lease = contest_.lease()) next = std::min(next, lease->refresh_at());
  return wait(State::delay, next);
}

Step Verifying::read() {
  contest_.own.late_hold_is_over();
  ReadFile look{.path = contest_.options.path, .limit = kRecordLimit, .with_directory = true};
  contest_.looked_at = contest_.clock.now();
  state_ = State::read;
  operation_ = std::move(look);
  return operation_;
}

Step Verifying::on_read(const FileReply& reply) {
  if (reply.status == FileStatus::ok) {
    // Mostly it is just what was written, and nothing has to be read in it.
    if (reply.content == contest_.own.record) return acquired(reply);
    Sighting sighting = parse_record(reply.content);
    if (sighting.token == contest_.own.token()) return acquired(reply);
    contest_.saw(std::move(sighting), reply);
    return lost();
  }
  // Somebody removed the claim, or the share flickers: nothing to enter on. The next look tells.
  const bool is_gone =
      reply.status == FileStatus::not_found || reply.status == FileStatus::not_regular;
  if (is_gone) return end(Verdict::held);
  // Unreadable: cannot tell, so neither enter nor walk away from what may be our own file.
  return try_again(State::pause, reply);
}

Step Verifying::acquired(const FileReply& reply) {
  ClaimResult& result = contest_.result;
  if (contest_.heartbeat_is_due()) return heartbeat_again();
  if (contest_.is_too_slow(result.look_to_write) && !std::exchange(measured_anew_, true)) {
    measures_anew_ = true;
    return heartbeat();
  }
  if (contest_.takeover.is_on) result.replaced = true;
  result.place = place_of(reply);
  result.record = contest_.own.record;
  return end(Verdict::acquired);
}

// On a local file system a taker may be stopped for any time before it renames, but holds flock(2)
// on the file since its last look (refresh.hpp).
Step Verifying::heartbeat() {
  const std::string& record = contest_.own.record;
  const bool local = contest_.options.local;
  contest_.looked_at = contest_.clock.now();
  heartbeat_.emplace(contest_.options.path, record, local, local);
  state_ = State::heartbeat;
  operation_ = heartbeat_->write(with_next_heartbeat(record).value_or(record), contest_.looked_at);
  return operation_;
}

Step Verifying::on_heartbeat(const FileReply& reply) {
  const auto answer = heartbeat_->on_reply(reply, contest_.clock.now());
  contest_.own.record = heartbeat_->record();
  switch (answer) {
    case Heartbeat::Answer::written:
      return on_heartbeat_written();
    case Heartbeat::Answer::another:
      contest_.saw(heartbeat_->seen(), reply);
      return lost();
    case Heartbeat::Answer::absent:
      // As when it is read: gone, or the share flickers. The next look tells.
      return end(Verdict::held);
    case Heartbeat::Answer::unclear:
      // Cut short by a program, as when it is read: the next look takes our own rest over.
      if (contest_.options.local) return end(Verdict::held);
      break;
    case Heartbeat::Answer::ours:
    case Heartbeat::Answer::busy:
    case Heartbeat::Answer::failed:
      break;
  }
  return try_again(State::delay, reply);
}

Step Verifying::on_heartbeat_written() {
  const Mono now = contest_.clock.now();
  OwnClaim& own = contest_.own;
  ClaimResult& result = contest_.result;
  if (contest_.has_outlived_its_lease()) {
    own.not_before = now + std::max(own.delay.in_force(), contest_.options.takeovers.delay);
    verify_at_ = std::max(verify_at_, own.not_before);
  }
  result.begun = heartbeat_->asked();
  const Duration took = heartbeat_->took();
  const bool is_anew = std::exchange(measures_anew_, false);
  result.look_to_write =
      is_anew ? std::min(result.look_to_write, took) : std::max(result.look_to_write, took);
  try_until_.reset();
  return contest_.heartbeat_is_due() ? heartbeat_again() : go_on();
}

// That answer took so long that the last heartbeat is too old by now.
Step Verifying::heartbeat_again() {
  if (++stale_replies_ < kMostStaleReplies) return heartbeat();
  ClaimResult& result = contest_.result;
  result.look_to_write = std::max(result.look_to_write, contest_.clock.now() - contest_.looked_at);
  return end(Verdict::too_slow);
}

// A lease that is too short for the share keeps everybody out where a claim may be late:
//   1 A's claim is late: A keeps it for the late hold, and writes heartbeats.  2 The answer to one
//   takes longer than A's lease.  3 B takes over; A may have overwritten a winner, so B keeps its
//   claim for as long.  4 A takes over from B for the same reason, and so on: nobody acquires.
// No taker may cut its late hold short: it does not know who wrote between the others of the chain.
// So the contender that has lost claims in this way too often says that the share is too slow.
Step Verifying::lost() {
  const ClaimResult& result = contest_.result;
  const Duration slowest =
      std::max(result.look_to_write, contest_.clock.now() - contest_.looked_at);
  const bool by_slowness = contest_.has_outlived_its_lease() && contest_.is_too_slow(slowest);
  if (!by_slowness || ++outlived_claims_ < contest_.options.most_outlived_claims) {
    return end(Verdict::held);
  }
  contest_.result.look_to_write = slowest;
  return end(Verdict::too_slow);
}

Step Verifying::try_again(State state, const FileReply& reply) {
  const Mono now = contest_.clock.now();
  if (!try_until_) {
    const auto& deadline = contest_.deadline;
    try_until_ = deadline ? std::max(now, *deadline) + kGrace : now + kPatience;
  }
  if (now >= *try_until_) return fail(reply, operation_);
  return wait(state, std::min(now + kRetry, *try_until_));
}

Step Verifying::wait(State state, Mono until) {
  state_ = state;
  wait_until_ = until;
  return WaitUntil{until};
}

}  // namespace ufl
