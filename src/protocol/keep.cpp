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

FileOperation look_at(const KeepOptions& options) {
  return ReadFile{options.path, kRecordLimit, options.local};
}

Duration retry(const KeepOptions& options) {
  return options.lease ? lease_retry(*options.lease) : kRetry;
}

}  // namespace

Keep::Keep(KeepOptions options, const Clock& clock)
    : options_{std::move(options)}, clock_{clock}, record_{options_}, restoring_{options_.path} {}

Step Keep::start() {
  UFL_ASSERT(state_ == State::idle);
  if (record_.is_over(clock_.now())) return finish(Outcome::lease_over);
  return record_.wants_writes() ? next() : all_is_well();
}

Step Keep::on_reply(const FileReply& reply) {
  // Whatever the share says now, it says it too late.
  if (record_.is_over(clock_.now())) {
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
  if (record_.is_over(clock_.now())) return finish(Outcome::lease_over);
  if (clock_.now() >= wait_until_) return next();
  return may_look_sooner() ? request(State::look, look_at(options_)) : WaitUntil{wait_until_};
}

Step Keep::cancel() {
  UFL_ASSERT(state_ == State::wait || state_ == State::finished);
  return state_ == State::finished ? Step{Finished{}} : finish(Outcome::ended);
}

// The next thing to ask of the share.
Step Keep::next() {
  const bool only_looks = restoring_.is_begun() || !record_.wants_writes();
  if (only_looks) return request(State::look, look_at(options_));
  auto write = record_.write(clock_.now());
  if (write) return request(State::write, std::move(*write));
  note_failure({}, FailureReason::no_room);
  return finish(Outcome::not_recorded);
}

Step Keep::on_written(const FileReply& reply) {
  using Answer = Heartbeat::Answer;
  const Answer answer = record_.on_reply(reply, clock_.now());
  switch (answer) {
    case Answer::written:
      failures_ = 0;
      return all_is_well();
    case Answer::absent:
      return absent(reply);
    case Answer::busy:
    case Answer::failed:
      return cannot_tell(reply);
    case Answer::ours:
    case Answer::another:
    case Answer::unclear:
      break;
  }
  // Not what we have written last. With our token it is what a write left whose reply was lost, or
  // an old state of the share; or somebody who knows the token has refreshed it, or damaged it.
  const bool is_emptied = options_.local && record_.is_rest(reply.content);
  if (is_emptied) return request(State::look, look_at(options_));  // which asks who keeps it
  absence_.end();
  if (answer == Answer::ours) {
    if (!record_.wants_writes()) return all_is_well();
    if (++failures_ < kMostFailures) return next();
  } else if (answer == Answer::another && !is_elsewhere(options_.place, reply)) {
    return finish(Outcome::lost, record_.seen());
  }
  return cannot_tell(reply);  // somebody is writing; or it is damaged, and not given to anybody
}

Step Keep::all_is_well() {
  absence_.end();
  result_.failure.reset();
  if (const auto& lease = record_.lease()) return wait_until(lease->refresh_at());
  const auto& interval = options_.look_interval;
  return wait_until(interval ? clock_.now() + *interval : Mono::max());
}

Step Keep::on_look(const FileReply& reply) {
  const Finding found = find(reply, options_.token, options_.place);
  if (found.kind == Finding::Kind::absent) return absent(reply);
  if (reply.status != FileStatus::ok) return cannot_tell(reply);
  const bool is_emptied = record_.is_rest(reply.content);
  if (is_emptied && reply.keeper == Keeper::us) {
    absence_.end();
    const std::string& record = record_.whole_of(reply.content);
    return request(State::restore, restoring_.write(reply.content, record));
  }
  // An emptied file that is not the one which this process keeps stands in its place.
  const bool is_another_file = options_.kept && reply.keeper != Keeper::unknown;
  if (is_emptied && is_another_file) return absent(reply);
  absence_.end();
  const bool is_wanted = !record_.is_recorded() || (options_.lease && clock_.now() >= wait_until_);
  // And cannot be written to.
  if (is_emptied && is_wanted) return cannot_tell(reply, FailureReason::changed);
  if (restoring_.end()) return next();
  if (found.kind == Finding::Kind::another) return finish(Outcome::lost, found.seen);
  if (found.kind == Finding::Kind::elsewhere) return cannot_tell(reply);
  if (!record_.is_recorded()) return cannot_tell(reply, FailureReason::changed);
  return options_.lease ? wait_until(wait_until_) : all_is_well();  // a look is no refresh
}

Step Keep::on_restored(const FileReply& reply) {
  switch (restoring_.on_reply(reply)) {
    case Restoring::Next::done:
      result_.failure.reset();
      // With a lease nobody has seen a heartbeat for a while, perhaps.
      return record_.wants_writes() ? next() : all_is_well();
    case Restoring::Next::pause:
      return wait_until(clock_.now() + kBusyRetry);
    case Restoring::Next::absent:
      return absent(reply);
    case Restoring::Next::failed:
      break;
  }
  result_.not_restored = true;
  note_failure(reply);
  return finish(Outcome::lost);
}

Step Keep::absent(const FileReply& reply) {
  note_failure(reply);
  const Mono now = clock_.now();
  if (absence_.confirm(asked_, now)) {
    return request(State::probe_directory, ProbeDirectory{options_.path});
  }
  return wait_until(std::min(absence_.second_look_at(), now + retry(options_)));
}

Step Keep::cannot_tell(const FileReply& reply, FailureReason reason) {
  // Elsewhere: whatever stands there, it is not our file.
  const bool lies_elsewhere = is_elsewhere(options_.place, reply);
  note_failure(reply, lies_elsewhere ? FailureReason::elsewhere : reason);
  const bool is_hopeless = reply.status == FileStatus::denied || ++failures_ >= kMostFailures;
  if (!record_.is_recorded() && is_hopeless) return finish(Outcome::not_recorded);
  return wait_until(clock_.now() + retry(options_));
}

void Keep::note_failure(const FileReply& reply, FailureReason reason) {
  FileOperation operation = UpdateFile{options_.path, {}, {}};
  if (state_ == State::look) operation = ReadFile{options_.path};
  if (state_ == State::probe_directory) operation = ProbeDirectory{options_.path};
  result_.failure = {reason, std::move(operation), reply};
}

Step Keep::wait_until(Mono when) {
  if (const auto& lease = record_.lease()) when = std::min(when, lease->stop_at());
  state_ = State::wait;
  wait_until_ = when;
  return WaitUntil{may_look_sooner() ? clock_.now() : when};
}

// A write-back that was refused has opened and closed the file, which is told as a change.
bool Keep::may_look_sooner() const {
  return look_wanted_ && record_.is_recorded() && !restoring_.is_begun();
}

Step Keep::request(State state, FileOperation operation) {
  UFL_ASSERT(clock_.now() >= asked_);
  state_ = state;
  look_wanted_ = false;
  asked_ = clock_.now();
  return operation;
}

Step Keep::finish(Outcome outcome, const Sighting& seen) {
  result_.outcome = outcome;
  result_.seen = seen;
  state_ = State::finished;
  return Finished{};
}

}  // namespace ufl
