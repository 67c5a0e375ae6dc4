// SPDX-License-Identifier: MIT

#include "protocol/claim.hpp"

#include <utility>
#include <variant>

#include "protocol/assert.hpp"
#include "protocol/both_local.hpp"
#include "protocol/witness.hpp"

namespace ufl {

namespace {

using Outcome = ClaimResult::Outcome;

void forget_what_was_seen(Contest& contest) {
  Observer& observer = contest.observer;
  if (contest.result.outcome != Outcome::acquired) return observer.keep();
  // Of a free lock without a lease there is hardly ever anything, and it must not be slow.
  if (contest.options.lease || observer.has_recalled()) observer.end();
}

void remove_witnesses(Contest& contest) {
  const ClaimResult& result = contest.result;
  const Sighting& from = contest.takeover.from;
  const bool is_acquired = result.outcome == Outcome::acquired;
  if (!is_acquired && !result.left_behind) remove_witness(contest.identity, contest.own.token());
  // A holder that was proven dead by its witness has nobody to remove it. Of all others the record
  // may name one that is not theirs.
  const bool took_over = is_acquired && contest.takeover.is_on;
  if (took_over && !both_local(from, contest.options.local) &&
      contest.options.takeovers.is_dead(from)) {
    remove_witness(contest.identity, from.token);
  }
}

}  // namespace

Claim::Claim(ClaimOptions options, const Clock& clock, Identity& identity, Notifier* notifier)
    : contest_{std::move(options), clock, identity}, waiting_{contest_, notifier} {}

Step Claim::start() {
  const auto& timeout = contest_.options.timeout;
  if (timeout) contest_.deadline = contest_.clock.now() + *timeout;
  return enter(looking_);
}

Step Claim::on_reply(const FileReply& reply) {
  UFL_ASSERT(part_ != nullptr);
  return part_ != nullptr ? go_on(part_->on_reply(reply)) : Finished{};
}

Step Claim::resume() {
  if (is_offered_) {
    const bool is_first_attempt = looking_.count() == 1;
    if (!is_first_attempt && contest_.is_over()) return end(Outcome::timed_out);
    return contest_.takeover.is_on ? enter(replacing_) : enter(publishing_);
  }
  UFL_ASSERT(part_ != nullptr);
  return part_ != nullptr ? go_on(part_->resume()) : Finished{};
}

Step Claim::cancel() {
  const bool is_over = part_ == nullptr && !is_offered_;
  if (is_over || part_ == &withdrawing_) return resume();
  return end(Outcome::cancelled);
}

Step Claim::go_on(const Step& step) {
  return std::holds_alternative<Finished>(step) ? next(part_->take_verdict()) : step;
}

// What follows from the verdict of a part. Who gives it: looking (L), waiting (W), publishing (P),
// replacing (R), verifying (V), withdrawing (X).
Step Claim::next(Verdict verdict) {
  switch (verdict) {
    case Verdict::free:  // L: then publishing or replacing, unless the caller cancels
      return offer();
    case Verdict::published:  // L P R
      return enter(verifying_);
    case Verdict::held:  // L P R V
      return held(false);
    case Verdict::held_as_before:  // L P
      return held(true);
    case Verdict::look:  // L W P R
      return enter(looking_);
    case Verdict::glance:  // W
      return enter(looking_, looking_.glance());
    case Verdict::acquired:  // V
      return end(Outcome::acquired);
    case Verdict::timed_out:  // L W R
      return end(Outcome::timed_out);
    case Verdict::already_held:  // L
      return end(Outcome::already_held);
    case Verdict::too_slow:  // L V
      return end(Outcome::too_slow);
    case Verdict::failed:  // L P R V
      return end(Outcome::failed);
    case Verdict::withdrawn:  // X
      return finish();
  }
  return Finished{};
}

Step Claim::enter(ClaimPart& part, const Step& first) {
  part_ = &part;
  is_offered_ = false;
  return go_on(first);
}

Step Claim::offer() {
  part_ = nullptr;
  is_offered_ = true;
  return LooksFree{};
}

Step Claim::held(bool as_before) {
  if (as_before) return enter(waiting_, waiting_.wait_on());
  contest_.late_looks = 0;
  if (contest_.options.timeout == Duration::zero()) return end(Outcome::busy);
  if (contest_.is_past_deadline()) return end(Outcome::timed_out);
  return enter(waiting_);
}

Step Claim::end(Outcome outcome) {
  ClaimResult& result = contest_.result;
  std::optional<Outcome> if_seen;
  const bool gives_up =
      outcome == Outcome::busy || outcome == Outcome::timed_out || outcome == Outcome::too_slow;
  if (gives_up && publishing_.is_denied_without_reason()) {
    result.failure = {FailureReason::answer, CreateExclusive{contest_.options.path, {}, false},
                      publishing_.refused()};
    if_seen = std::exchange(outcome, Outcome::failed);
  }
  result.outcome = outcome;
  const bool is_settled = outcome == Outcome::acquired || outcome == Outcome::already_held;
  const bool may_stand =
      contest_.own.may_stand() || (contest_.options.lease && contest_.own.has_disowned());
  if (is_settled || !may_stand) return finish();
  withdrawing_.begin(outcome, if_seen);
  return enter(withdrawing_);
}

Step Claim::finish() {
  part_ = nullptr;
  is_offered_ = false;
  waiting_.forget();
  forget_what_was_seen(contest_);
  remove_witnesses(contest_);
  return Finished{};
}

bool Claim::takes_over() const {
  return contest_.takeover.is_on && !contest_.own.was_disowned(contest_.takeover.from.token);
}

}  // namespace ufl
