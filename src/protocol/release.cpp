// SPDX-License-Identifier: MIT

#include "protocol/release.hpp"

#include <utility>

#include "protocol/assert.hpp"
#include "protocol/finding.hpp"
#include "protocol/guard.hpp"
#include "protocol/late.hpp"

namespace ufl {

namespace {

// A share that answers differently each time is given up on after so many looks.
constexpr int kMaxDoubtfulLooks = 5;

}  // namespace

Release::Release(ReleaseOptions options, const Clock& clock)
    : options_{std::move(options)},
      clock_{clock},
      removal_{options_.path, options_.local, options_.atomic_create} {}

Step Release::start() {
  UFL_ASSERT(state_ == State::idle);
  return look();
}

Step Release::on_reply(const FileReply& reply) {
  switch (state_) {
    case State::look:
      return on_look(reply);
    case State::probe_directory:
      if (Absence::is_loss(reply, options_.place)) return finish(Outcome::lost);
      result_.failure = {FailureReason::answer, ProbeDirectory{options_.path}, reply};
      return fail(reply.status == FileStatus::ok ? FailureReason::elsewhere
                                                 : FailureReason::answer);
    case State::remove:
      return on_removed(reply);
    case State::idle:
    case State::pause:
    case State::finished:
      break;
  }
  UFL_NEVER("a reply to nothing");
  return Finished{};
}

Step Release::resume() {
  UFL_ASSERT(state_ == State::pause);
  if (state_ != State::pause) return Finished{};
  if (clock_.now() < wait_until_) return WaitUntil{wait_until_};
  return look();
}

Step Release::look() {
  UFL_ASSERT(clock_.now() >= looked_at_);
  looked_at_ = clock_.now();
  return request(State::look, ReadFile{options_.path, kRecordLimit, options_.local});
}

Step Release::on_look(const FileReply& reply) {
  Finding found = find(reply, options_.token, options_.place);
  result_.seen = std::move(found.seen);
  result_.failure = {FailureReason::answer, ReadFile{options_.path}, reply};
  is_rest_ = reply.status == FileStatus::ok && reply.keeper == Keeper::us &&
             options_.token.starts_with(reply.content);
  if (is_rest_) result_.seen = {};
  switch (is_rest_ ? Finding::Kind::ours : found.kind) {
    case Finding::Kind::ours:
      return is_ours(reply);
    case Finding::Kind::impossible:  // a second look shows no other
      return fail(FailureReason::answer);
    case Finding::Kind::elsewhere:
      return fail(FailureReason::elsewhere);
    case Finding::Kind::another:
    case Finding::Kind::no_lock:
      // On a share: a view from before our claim? It shows in a moment.
      return options_.local ? finish(Outcome::lost) : gone(true);
    case Finding::Kind::absent:
      return gone(false);
    case Finding::Kind::unclear: {
      // Is somebody writing, or is it our own in part? Only the same once more is an answer.
      const bool again = std::exchange(unclear_content_, reply.content) == reply.content;
      return again ? finish(Outcome::lost) : doubt();
    }
    case Finding::Kind::unreadable:
      break;
  }
  return ++unreadable_looks_ == 2 ? fail(FailureReason::answer) : doubt();
}

Step Release::is_ours(const FileReply& reply) {
  absence_.end();
  result_.content = reply.content;
  const Mono now = clock_.now();
  if (options_.only_look) {
    result_.seen = parse_record(reply.content);
    return finish(Outcome::held);
  }
  if (options_.until && now >= *options_.until) return finish(Outcome::too_late);
  return follow(removal_.on_look(now - looked_at_, options_.delay));
}

Step Release::on_removed(const FileReply& reply) {
  result_.failure = {FailureReason::answer, RemoveFile{options_.path}, reply};
  // A flock(1) that holds our file without its content uses it for a lock of its own.
  const bool is_used = reply.status == FileStatus::busy && is_rest_;
  if (is_used && removal_.refusals() >= kMaxBusyLooksAtOnce) return finish(Outcome::lost);
  return follow(removal_.on_reply(reply));
}

Step Release::follow(Removal::Next next) {
  switch (next) {
    case Removal::Next::remove:
      return request(State::remove, removal_.operation(result_.content));
    case Removal::Next::look:
      return look();
    case Removal::Next::pause:
      return pause(kBusyRetry);
    case Removal::Next::done:
      return finish(Outcome::released);
    case Removal::Next::slow:
      result_.failure.operation = RemoveFile{options_.path};
      return fail(FailureReason::too_slow);
    case Removal::Next::failed:
      break;
  }
  const bool is_changed = result_.failure.reply.status == FileStatus::changed;
  return fail(is_changed ? FailureReason::changed : FailureReason::answer);
}

Step Release::pause(Duration time) {
  state_ = State::pause;
  wait_until_ = clock_.now() + time;
  return WaitUntil{wait_until_};
}

// Two looks that do not show our record, whatever they show: it is not there.
Step Release::gone(bool is_replaced) {
  if (!absence_.confirm(looked_at_, clock_.now())) return doubt();
  if (is_replaced) return finish(Outcome::lost);
  return request(State::probe_directory, ProbeDirectory{options_.path});
}

Step Release::doubt() {
  if (++doubtful_looks_ == kMaxDoubtfulLooks) return fail(FailureReason::answers_differ);
  return pause(second_opinion(false, options_.local ? Duration::zero() : options_.delay));
}

Step Release::request(State state, FileOperation operation) {
  state_ = state;
  return operation;
}

Step Release::fail(FailureReason reason) {
  result_.failure.reason = reason;
  return finish(Outcome::failed);
}

Step Release::finish(Outcome outcome) {
  result_.outcome = outcome;
  state_ = State::finished;
  return Finished{};
}

}  // namespace ufl
