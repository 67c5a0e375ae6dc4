// SPDX-License-Identifier: MIT

#include "protocol/withdrawing.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace ufl {

Withdrawing::Withdrawing(Contest& contest)
    : ClaimPart{contest},
      removal_{contest.options.path, contest.options.local, contest.options.atomic_create} {}

void Withdrawing::begin(Outcome outcome, std::optional<Outcome> if_seen) {
  contest_.result.outcome = outcome;
  if_seen_ = if_seen;
}

Step Withdrawing::start() {
  state_ = State::look;
  return contest_.look();
}

Step Withdrawing::on_reply(const FileReply& reply) {
  UFL_ASSERT(state_ != State::pause);
  return state_ == State::look ? on_look(reply) : follow(removal_.on_reply(reply));
}

Step Withdrawing::resume() {
  UFL_ASSERT(state_ == State::pause);
  return contest_.clock.now() < wait_until_ ? Step{WaitUntil{wait_until_}} : start();
}

Step Withdrawing::on_look(const FileReply& reply) {
  if (reply.status == FileStatus::not_found) return nothing_of_ours();
  if (reply.status != FileStatus::ok) return unclear(Unclear::may_be_ours);
  OwnClaim& own = contest_.own;
  ClaimResult& result = contest_.result;
  Sighting sighting = parse_record(reply.content);
  const bool is_current = sighting.token == own.token();
  const bool was_disowned = own.was_disowned(sighting.token);
  const bool is_rest_of_ours = own.record.starts_with(reply.content);
  // A full disk leaves the beginning of our record, or nothing of it, in a file that we made. But
  // once another's record has stood there, what is empty may be the rest of that.
  const bool is_part = result.failure.reply.created && !another_stood_ && is_rest_of_ours;
  // And somebody else may have emptied the file that we made.
  const bool is_emptied = reply.keeper == Keeper::us && is_rest_of_ours;
  if (contest_.takeover.is_on && is_current) result.replaced = true;
  if (was_disowned) {
    if (own.has_disowned_late()) own.may_have_overwritten();
    result.token = sighting.token;  // that is what may be left behind
  }
  if (is_current || was_disowned || is_part || is_emptied) return remove_own(reply);
  if (is_whole(sighting)) return on_another(std::move(sighting));
  // Cut short: somebody else's in the making. Ours is whole by now, unless its create has failed.
  const bool has_failed = result.outcome == Outcome::failed;
  return unclear(has_failed ? Unclear::may_be_ours : Unclear::is_not_ours);
}

Step Withdrawing::on_another(Sighting sighting) {
  another_stood_ = true;
  contest_.saw(std::move(sighting));
  // Somebody is there after all: it was for that holder that the create was denied.
  if (if_seen_) contest_.result.outcome = *std::exchange(if_seen_, std::nullopt);
  return nothing_of_ours();
}

// Nothing of ours stands there, says a look.
Step Withdrawing::nothing_of_ours() {
  if (contest_.look_is_newer_than_own()) return end(Verdict::withdrawn);
  return wait(contest_.own.published_at + contest_.second_opinion());
}

// A look cannot tell. On a share a second one may; if not, `verdict` holds.
Step Withdrawing::unclear(Unclear verdict) {
  if (!contest_.options.local && !std::exchange(unclear_once_, true)) {
    return wait(contest_.clock.now() + contest_.second_opinion());
  }
  return verdict == Unclear::may_be_ours ? leave_behind() : end(Verdict::withdrawn);
}

Step Withdrawing::remove_own(const FileReply& reply) {
  // Late claims (c): removing it would let a third one in.
  if (contest_.own.is_late()) return leave_behind();
  // What a client has just written it may show to itself, whatever stands on the share:
  //   1 E, a five-step program, looks: absent.  2 A looks, creates.  3 E's write lands on A's.
  //   4 A is told to stop, looks: its own.  5 E verifies, runs.  6 A's removal: E's record is gone.
  const bool may_be_own_view = !contest_.options.local && !contest_.look_is_newer_than_own();
  if (may_be_own_view) return wait(contest_.own.published_at + contest_.second_opinion());
  content_ = reply.content;
  return follow(
      removal_.on_look(contest_.clock.now() - contest_.looked_at, contest_.own.delay.of_others()));
}

Step Withdrawing::follow(Removal::Next next) {
  switch (next) {
    case Removal::Next::remove:
      state_ = State::remove;
      return removal_.operation(content_);
    case Removal::Next::look:
      return start();
    case Removal::Next::pause:
      return wait(contest_.clock.now() + kBusyRetry);
    case Removal::Next::done:
      return end(Verdict::withdrawn);
    case Removal::Next::slow:
    case Removal::Next::failed:
      break;
  }
  return leave_behind();
}

Step Withdrawing::leave_behind() {
  contest_.result.left_behind = true;
  return end(Verdict::withdrawn);
}

Step Withdrawing::wait(Mono until) {
  state_ = State::pause;
  wait_until_ = until;
  return WaitUntil{until};
}

}  // namespace ufl
