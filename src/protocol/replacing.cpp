// SPDX-License-Identifier: MIT

#include "protocol/replacing.hpp"

#include <utility>

#include "protocol/assert.hpp"
#include "protocol/claim_record.hpp"
#include "protocol/guard.hpp"
#include "protocol/late.hpp"

namespace ufl {

Step Replacing::start() {
  UFL_ASSERT(contest_.takeover.is_on);
  const OwnClaim& own = contest_.own;
  if (!own.may_stand() || contest_.has_outlived_its_lease()) begin_claim(contest_);
  return request(State::write_temporary, creation());
}

Step Replacing::on_reply(const FileReply& reply) {
  switch (state_) {
    case State::write_temporary:
      return on_temporary(reply);
    case State::second_look:
      return on_second_look(reply);
    case State::rename:
      return on_renamed(reply);
    case State::drop_temporary:
    case State::pause:
      break;
  }
  UFL_ASSERT(state_ == State::drop_temporary);
  return on_dropped();
}

Step Replacing::resume() {
  UFL_ASSERT(state_ == State::pause);
  if (contest_.clock.now() < wait_until_) return WaitUntil{wait_until_};
  return end(contest_.is_over() ? Verdict::timed_out : Verdict::look);
}

Step Replacing::on_temporary(const FileReply& reply) {
  if (reply.status == FileStatus::ok) {
    contest_.result.kept = reply.keeper == Keeper::us;
    return second_look();
  }
  Failure failure{FailureReason::answer, creation(), reply};
  failure.reply.created = false;  // not the lock file
  return fail_after_drop(std::move(failure));
}

Step Replacing::second_look() { return request(State::second_look, contest_.look()); }

Step Replacing::on_second_look(const FileReply& reply) {
  const Takeover& takeover = contest_.takeover;
  // One empty file is like another, and only this one has been watched; and not by its holder.
  const bool is_another =
      takeover.judged.content.empty() &&
      (reply.identity != takeover.judged.identity || reply.keeper == Keeper::somebody);
  if (reply.status != FileStatus::ok || reply.content != takeover.judged.content || is_another) {
    return drop_temporary(Ending::lost_race);  // the next look tells
  }
  if (contest_.look_is_old()) {
    if (++contest_.late_looks < kMaxLateLooks) return second_look();
    // A local takeover is guarded, however slow it is.
    if (!contest_.is_alone()) {
      return fail_after_drop({FailureReason::too_slow, contest_.read_lock(), {}});
    }
  }
  contest_.late_looks = 0;
  contest_.own.write_begins(true);
  return request(State::rename, renaming());
}

Step Replacing::on_renamed(const FileReply& reply) {
  OwnClaim& own = contest_.own;
  contest_.wrote();
  switch (reply.status) {
    case FileStatus::ok:
      contest_.result.replaced = true;
      return published();
    case FileStatus::not_found:
      // The first reply was lost, and the name moved by then? The verification tells.
      if (!contest_.options.local) return published();
      break;
    case FileStatus::busy:
      contest_.result.flocked = is_flocked(reply);
      if (!contest_.options.local) return look_again();
      break;
    case FileStatus::exists:
      return look_again();
    case FileStatus::changed:
      break;
    case FileStatus::denied:
      own.was_not_written();
      contest_.takeover.denied = contest_.takeover.judged;
      contest_.takeover.denied->at = contest_.clock.now();
      return drop_temporary(Ending::denied);
    case FileStatus::stale:
    case FileStatus::failed:
      note_lateness();
      // It may be done, all the same.
      return fail_after_drop({FailureReason::answer, renaming(), reply});
    case FileStatus::not_regular:
    case FileStatus::bad_path:
    case FileStatus::exhausted:
      own.was_not_written();
      return fail_after_drop({FailureReason::answer, renaming(), reply});
  }
  // Local, guarded: somebody else has removed or replaced the record, or is about to.
  own.was_not_written();
  return drop_temporary(Ending::lost_race);
}

Step Replacing::published() {
  note_lateness();
  return end(Verdict::published);
}

// A share on which somebody has the file open (EBUSY), or whose rename does not replace at this
// moment (EEXIST; both smbnetfs): what is there shows in the next look, and so it does if that was
// said to a rename that was done, and asked for again.
Step Replacing::look_again() {
  note_lateness();
  return drop_temporary(Ending::lost_race);
}

// Late claims (c): of ours, or of the one that we take over from, which may have been kept for that
// when its process ended:
//   1 A, B look: absent.  2 A writes, waits D, verifies, runs.  3 B's write lands late on A's; B
//   keeps it, and ends.  4 C takes over from B, waits D, runs beside A.
// A record that names a command was verified. Known gap: where create is atomic only a rename may
// be late like that, and a taker that takes over from such a claim is not kept waiting.
void Replacing::note_lateness() {
  OwnClaim& own = contest_.own;
  const Sighting& from = contest_.takeover.from;
  const bool names_commands =
      from.holder.lifeline || from.holder.heartbeat || from.holder.detached.value_or(false);
  // What creates atomically for us may not do so for that holder.
  const bool creates_atomically =
      contest_.options.atomic_create && contest_.is_alone() == contest_.options.local;
  const bool may_be_late = !creates_atomically && names_commands && !from.holder.child;
  const bool was_late = own.was_disowned(from.token) && own.has_disowned_late();
  if (was_late || (!contest_.is_alone() && (may_be_late || contest_.look_is_old()))) {
    own.may_have_overwritten();
  }
}

Step Replacing::drop_temporary(Ending ending) {
  ending_ = ending;
  return request(State::drop_temporary, RemoveFile{contest_.temporary()});
}

Step Replacing::fail_after_drop(Failure failure) {
  failure_ = std::move(failure);
  return drop_temporary(Ending::failed);
}

Step Replacing::on_dropped() {
  const Mono now = contest_.clock.now();
  if (ending_ == Ending::failed) return fail(std::move(failure_));
  if (ending_ == Ending::denied) {
    // A file of somebody else's in a directory like /tmp (unlink(2), EPERM). Its owner may replace
    // it, and free it by that; for us it is held. Not tried again and again: it would be denied
    // again, until somebody changes what is there; nobody tells of the mode of the directory.
    contest_.result.may_not_replace = true;
    return end(Verdict::held);
  }
  if (contest_.takeover.judged.content.empty() && contest_.result.flocked) {
    contest_.observer.restart(now);  // a flock(1) that uses this file
    return end(Verdict::held);
  }
  if (++lost_races_ >= contest_.options.takeovers.most_lost_races) return end(Verdict::held);
  state_ = State::pause;
  wait_until_ = now + kBusyRetry;
  return WaitUntil{wait_until_};
}

FileOperation Replacing::creation() const {
  return CreateExclusive{contest_.temporary(), contest_.own.record, !contest_.options.local, true};
}

FileOperation Replacing::renaming() const {
  return ReplaceFile{contest_.options.path, contest_.temporary(),
                     guard(contest_.options.local, contest_.takeover.judged.content)};
}

Step Replacing::request(State state, FileOperation operation) {
  state_ = state;
  return operation;
}

}  // namespace ufl
