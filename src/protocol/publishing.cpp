// SPDX-License-Identifier: MIT

#include "protocol/publishing.hpp"

#include <utility>

#include "protocol/assert.hpp"
#include "protocol/claim_record.hpp"
#include "protocol/late.hpp"

namespace ufl {

Step Publishing::start() {
  OwnClaim& own = contest_.own;
  // What was to be taken over is gone. With a claim of ours that may stand there: the same token
  // again, and its delay; should that claim show up after all, it must be known for ours.
  if (!own.may_stand()) own.delay.end_takeover();
  if (!contest_.options.atomic_create && contest_.look_is_old()) {
    if (++contest_.late_looks < kMaxLateLooks) return end(Verdict::look);
    return fail({FailureReason::too_slow, contest_.read_lock(), {}});
  }
  contest_.late_looks = 0;
  // Others count the lease from when they first saw the token. The old record, should it show up
  // after all, is taken over like that of any holder that is gone.
  if (!own.may_stand() || contest_.has_outlived_its_lease()) begin_claim(contest_);
  may_have_stood_ = own.may_stand();
  own.write_begins(false);
  return request(State::create,
                 CreateExclusive{contest_.options.path, own.record, !contest_.options.local, true});
}

Step Publishing::on_reply(const FileReply& reply) {
  switch (state_) {
    case State::create:
      return on_created(reply);
    case State::look:
      return on_look(reply);
    case State::write_scratch:
      return on_scratch(reply);
    case State::drop_scratch:
      break;
  }
  return end(Verdict::held);
}

Step Publishing::resume() {
  UFL_NEVER("a resume without a wait");
  return Finished{};
}

Step Publishing::on_created(const FileReply& reply) {
  OwnClaim& own = contest_.own;
  contest_.wrote();
  if (!contest_.options.atomic_create && contest_.look_is_old()) own.may_have_overwritten();
  switch (reply.status) {
    case FileStatus::ok:
      own.was_created();
      contest_.result.kept = reply.keeper == Keeper::us;
      return published();
    case FileStatus::exists:
    case FileStatus::denied:
    case FileStatus::busy:
      refused_ = reply;
      return request(State::look, contest_.read_lock());
    case FileStatus::not_found:
    case FileStatus::not_regular:
    case FileStatus::bad_path:
    case FileStatus::exhausted:
      own.was_not_written();
      break;
    case FileStatus::stale:
    case FileStatus::changed:
    case FileStatus::failed:
      break;  // full disk, I/O error, lost reply: the file may or may not be there
  }
  return fail(reply, CreateExclusive{contest_.options.path, {}, false});
}

Step Publishing::on_look(const FileReply& reply) {
  if (reply.status == FileStatus::ok && is_surely_another(reply)) {
    contest_.own.is_gone();
    return end(contest_.rival.is_glimpsed ? Verdict::held_as_before : Verdict::held);
  }
  if (reply.status == FileStatus::ok) {
    Sighting sighting = parse_record(reply.content);
    if (sighting.token == contest_.own.token()) return published();
    contest_.saw(std::move(sighting), reply);
    return end(Verdict::held);
  }
  const bool denied_and_absent =
      refused_.status == FileStatus::denied && reply.status == FileStatus::not_found;
  return denied_and_absent ? denied() : end(Verdict::held);
}

// One of a herd, and another was faster: no reply is lost on a local file system. Who it is, a
// later look finds out in time; the user of a waiter has been told of one holder already.
bool Publishing::is_surely_another(const FileReply& reply) const {
  const ClaimOptions& options = contest_.options;
  const bool waits = options.retry.glances && options.timeout != Duration::zero() &&
                     contest_.rival.seen.kind != Sighting::Kind::none;
  const bool lost = options.local && refused_.status == FileStatus::exists && !may_have_stood_;
  return lost && waits && has_holder_line(reply.content);
}

// sshfs says EPERM and davfs2 EACCES where EEXIST is meant, while a cached look still says "absent"
// (davfs2: for up to 24 s, measured). What the permissions of the directory say is the server's to
// know: so a file of our own tells, once, whether this user may make any there.
Step Publishing::denied() {
  if (!is_denied()) {
    denied_since_ = contest_.clock.now();
    sightings_then_ = contest_.rival.sightings;
  }
  if (contest_.options.local) return may_not_create();
  if (may_create_) return end(Verdict::held);
  return request(State::write_scratch, CreateExclusive{contest_.temporary(), {}, true});
}

Step Publishing::on_scratch(const FileReply& reply) {
  if (reply.status == FileStatus::denied) return may_not_create();
  may_create_ = reply.status == FileStatus::ok;  // else the next denial asks again
  return request(State::drop_scratch, RemoveFile{contest_.temporary()});
}

// Refused, and no new file is there. On a share both replies may have been lost: the withdrawal
// looks for it.
Step Publishing::may_not_create() {
  if (contest_.options.local) contest_.own.was_not_written();
  return fail(refused_, CreateExclusive{contest_.options.path, {}, false});
}

Step Publishing::published() {
  denied_since_.reset();
  return end(Verdict::published);
}

bool Publishing::is_denied() const {
  return denied_since_ && sightings_then_ == contest_.rival.sightings;
}

bool Publishing::is_denied_for_long() const {
  return may_create_ && is_denied() && contest_.clock.now() - *denied_since_ >= kLongDenial;
}

bool Publishing::is_denied_without_reason() const {
  return is_denied() && !may_create_ && contest_.rival.seen.kind == Sighting::Kind::none;
}

Step Publishing::request(State state, FileOperation operation) {
  state_ = state;
  return operation;
}

}  // namespace ufl
