// SPDX-License-Identifier: MIT

#include "protocol/keep.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/finding.hpp"
#include "protocol/guard.hpp"

namespace ufl {

namespace {

// Without a lease, a share that fails is asked again so soon.
constexpr Duration kRetry = std::chrono::seconds{1};

// A command that waits for its pid to be written is not kept waiting for longer than so many
// failures.
constexpr int kMostFailures = 5;

// Of a record of the same length: beats of the same width are in the order of their digits.
std::optional<std::string> beat_of(const std::string& record) {
  return parse_record(record).holder.beat;
}

bool names(const std::optional<ProcessId>& found, const std::optional<ProcessId>& child) {
  return found && child && found->pid == child->pid && found->start == child->start;
}

}  // namespace

Keep::Keep(KeepOptions options, const Clock& clock)
    : options_{std::move(options)},
      clock_{clock},
      heartbeat_{options_.path, options_.record, options_.local, false} {
  if (!options_.lease) return;
  lease_ = {*options_.lease, options_.kill_after, options_.begun, options_.takes};
}

Step Keep::start() {
  UFL_ASSERT(state_ == State::idle);
  if (is_over()) return finish(Outcome::lease_over);
  if (options_.child) return next();
  recorded_ = true;
  return lease_ ? next() : all_is_well();
}

Step Keep::on_reply(const FileReply& reply) {
  // Whatever the share says now, it says it too late.
  if (is_over()) {
    if (reply.status != FileStatus::ok) note_failure(reply);
    return finish(Outcome::lease_over);
  }
  switch (state_) {
    case State::write:
      return on_written(reply);
    case State::look:
      return on_look(reply);
    case State::restore:
      return on_restored(reply);
    case State::probe_directory:
      if (Absence::is_loss(reply, options_.place)) return finish(Outcome::lost);
      absence_.end();  // what is absent there is not our lock
      return cannot_tell(reply);
    case State::idle:
    case State::wait:
    case State::finished:
      break;
  }
  UFL_NEVER("a reply to nothing");
  return Finished{};
}

Step Keep::resume() {
  UFL_ASSERT(state_ == State::wait);
  if (state_ != State::wait) return Finished{};
  if (is_over()) return finish(Outcome::lease_over);
  if (clock_.now() >= wait_until_) return next();
  return look_wanted_ && recorded_ ? look() : WaitUntil{wait_until_};
}

Step Keep::cancel() {
  UFL_ASSERT(state_ == State::wait || state_ == State::finished);
  return state_ == State::finished ? Step{Finished{}} : finish(Outcome::ended);
}

// The next thing to ask of the share.
Step Keep::next() {
  if (restoring_ || (recorded_ && !lease_)) return look();
  auto content = next_record();
  if (!content) {
    note_failure({}, FailureReason::no_room);
    return finish(Outcome::not_recorded);
  }
  return request(State::write, heartbeat_.write(std::move(*content), clock_.now()));
}

Step Keep::look() {
  return request(State::look, ReadFile{options_.path, kRecordLimit, options_.local});
}

// Never write a heartbeat twice: observers time the lease from its first sighting. So each goes on
// from the one that was tried last, whatever stands there by now, unless somebody else has written
// a later one.
std::optional<std::string> Keep::next_record() const {
  const std::string& there = heartbeat_.record();
  const std::string& last = heartbeat_.written();
  const bool others_beat = with_next_beat(there) && beat_of(there) > beat_of(last);
  std::optional<std::string> record = last;
  if (last.empty() || others_beat) {
    record = recorded_ ? there : with_child(there, *options_.child);
  }
  return lease_ && record ? with_next_beat(*record) : record;
}

Step Keep::on_written(const FileReply& reply) {
  const auto answer = heartbeat_.on_reply(reply, clock_.now());
  switch (answer) {
    case Heartbeat::Answer::written:
      break;
    case Heartbeat::Answer::ours:
    case Heartbeat::Answer::another:
    case Heartbeat::Answer::unclear:
      return on_other_content(reply, answer);
    case Heartbeat::Answer::absent:
      return absent(reply);
    case Heartbeat::Answer::busy:
    case Heartbeat::Answer::failed:
      return cannot_tell(reply);
  }
  if (lease_) {
    lease_->refreshed = asked_;
    // A share that has become slower is refreshed earlier; one that once stood still, at the usual
    // time again.
    lease_->takes = std::max(options_.takes, heartbeat_.took());
  }
  recorded_ = true;
  failures_ = 0;
  return all_is_well();
}

Step Keep::all_is_well() {
  absence_.end();
  result_.failure.reset();
  if (lease_) return wait_until(lease_->refresh_at());
  const auto& interval = options_.look_interval;
  return wait_until(interval ? clock_.now() + *interval : Mono::max());
}

// Not what we have written last. With our token it is what a write left whose reply was lost, or an
// old state of the share; or somebody who knows the token has refreshed it, or damaged it.
Step Keep::on_other_content(const FileReply& reply, Heartbeat::Answer answer) {
  if (options_.local && is_rest(reply.content)) return look();  // which asks who keeps it
  absence_.end();
  const Sighting& seen = heartbeat_.seen();
  if (answer == Heartbeat::Answer::ours) {
    recorded_ = recorded_ || names(seen.holder.child, options_.child);
    if (recorded_ && !lease_) return all_is_well();
    if (++failures_ < kMostFailures) return next();
  } else if (answer == Heartbeat::Answer::another && !is_elsewhere(options_.place, reply)) {
    return lost_to(seen);
  }
  return cannot_tell(reply);  // somebody is writing; or it is damaged, and not given to anybody
}

Step Keep::on_look(const FileReply& reply) {
  const Finding found = find(reply, options_.token, options_.place);
  if (found.kind == Finding::Kind::absent) return absent(reply);
  if (reply.status != FileStatus::ok) return cannot_tell(reply);
  const bool is_emptied = is_rest(reply.content);
  if (is_emptied && reply.keeper == Keeper::us) return restore(reply);
  // An emptied file that is not the one which this process keeps stands in its place.
  const bool is_another_file = options_.kept && reply.keeper != Keeper::unknown;
  if (is_emptied && is_another_file) return absent(reply);
  absence_.end();
  const bool is_wanted = !recorded_ || (lease_ && clock_.now() >= wait_until_);
  // And cannot be written to.
  if (is_emptied && is_wanted) return cannot_tell(reply, FailureReason::changed);
  refusals_ = 0;
  if (std::exchange(restoring_, false)) return next();
  if (found.kind == Finding::Kind::another) return lost_to(found.seen);
  if (found.kind == Finding::Kind::elsewhere) return cannot_tell(reply);
  return lease_ ? wait_until(wait_until_) : all_is_well();  // a look is no refresh
}

// Is that what somebody has left of our record, the last one or the one that was on its way?
bool Keep::is_rest(const std::string& content) const {
  const auto begins = [&](const std::string& record) {
    return content.size() < record.size() && record.starts_with(content);
  };
  return begins(heartbeat_.record()) || begins(heartbeat_.written());
}

Step Keep::restore(const FileReply& reply) {
  absence_.end();
  restoring_ = true;
  const bool is_of_last = heartbeat_.record().starts_with(reply.content);
  const std::string& record = is_of_last ? heartbeat_.record() : heartbeat_.written();
  return request(State::restore,
                 UpdateFile{options_.path, reply.content, record, false, true, true});
}

Step Keep::on_restored(const FileReply& reply) {
  switch (reply.status) {
    case FileStatus::ok:
      ++restored_;
      refusals_ = 0;
      restoring_ = false;
      result_.failure.reset();
      // With a lease nobody has seen a heartbeat for a while, perhaps.
      return recorded_ && !lease_ ? all_is_well() : next();
    case FileStatus::busy:
    case FileStatus::changed:  // in this moment: the next look tells by whom
      if (++refusals_ < kMaxBusyLooksAtOnce) return wait_until(clock_.now() + kBusyRetry);
      break;
    case FileStatus::not_found:
      return absent(reply);
    default:
      break;
  }
  result_.not_restored = true;
  note_failure(reply);
  return finish(Outcome::lost);
}

Step Keep::lost_to(const Sighting& seen) {
  result_.seen = seen;
  return finish(Outcome::lost);
}

Step Keep::absent(const FileReply& reply) {
  note_failure(reply);
  const Mono now = clock_.now();
  if (absence_.confirm(asked_, now)) {
    return request(State::probe_directory, ProbeDirectory{options_.path});
  }
  return wait_until(std::min(absence_.second_look_at(), now + retry()));
}

Step Keep::cannot_tell(const FileReply& reply, FailureReason reason) {
  // Elsewhere: whatever stands there, it is not our file.
  const bool lies_elsewhere = is_elsewhere(options_.place, reply);
  note_failure(reply, lies_elsewhere ? FailureReason::elsewhere : reason);
  const bool is_hopeless = reply.status == FileStatus::denied || ++failures_ >= kMostFailures;
  if (!recorded_ && is_hopeless) return finish(Outcome::not_recorded);
  return wait_until(clock_.now() + retry());
}

void Keep::note_failure(const FileReply& reply, FailureReason reason) {
  FileOperation operation = UpdateFile{options_.path, {}, {}};
  if (state_ == State::look) operation = ReadFile{options_.path};
  if (state_ == State::probe_directory) operation = ProbeDirectory{options_.path};
  result_.failure = {reason, std::move(operation), reply};
}

Duration Keep::retry() const { return lease_ ? lease_retry(lease_->length) : kRetry; }

Step Keep::wait_until(Mono when) {
  if (lease_) when = std::min(when, lease_->stop_at());
  state_ = State::wait;
  wait_until_ = when;
  return WaitUntil{look_wanted_ && recorded_ ? clock_.now() : when};
}

Step Keep::request(State state, FileOperation operation) {
  UFL_ASSERT(clock_.now() >= asked_);
  state_ = state;
  look_wanted_ = false;
  asked_ = clock_.now();
  return operation;
}

Step Keep::finish(Outcome outcome) {
  result_.outcome = outcome;
  state_ = State::finished;
  return Finished{};
}

}  // namespace ufl
