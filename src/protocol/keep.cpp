// SPDX-License-Identifier: MIT

#include "protocol/keep.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/guard.hpp"
#include "seams/lease.hpp"

namespace ufl {

namespace {

// Two looks that show nothing count as a loss when they are so far apart: a server that fails over,
// or renames in two steps, is back by then.
constexpr Duration kSecondLook = std::chrono::seconds{1};

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
    : options_{std::move(options)}, clock_{clock}, refreshed_{options_.begun} {}

Step Keep::start() {
  if (is_over()) return finish(Outcome::lease_over);
  if (options_.child) return next();
  recorded_ = true;
  return options_.lease ? next() : all_is_well();
}

Step Keep::on_reply(const FileReply& reply) {
  // Whatever the share says now, it says it too late.
  if (is_over()) {
    if (reply.status != FileStatus::ok) result_.failure = reply;
    return finish(Outcome::lease_over);
  }
  switch (state_) {
    case State::update:
      return on_update(reply);
    case State::look:
      return on_look(reply);
    case State::restore:
      return on_restored(reply);
    case State::probe_directory:
      return on_directory(reply);
    case State::idle:
    case State::wait:
    case State::finished:
      break;
  }
  return Finished{};
}

Step Keep::resume() {
  if (state_ != State::wait) return Finished{};
  if (is_over()) return finish(Outcome::lease_over);
  if (clock_.now() >= wait_until_) return next();
  return look_wanted_ && recorded_ ? look() : WaitUntil{wait_until_};
}

Step Keep::cancel() {
  return state_ == State::finished ? Step{Finished{}} : finish(Outcome::ended);
}

// The next thing to ask of the share.
Step Keep::next() {
  if (restoring_ || (recorded_ && !options_.lease)) return look();
  auto content = next_record();
  if (!content) return finish(Outcome::not_recorded);  // a record without room
  content_ = std::move(*content);
  return request(State::update,
                 UpdateFile{options_.path, options_.record, content_, !options_.local});
}

Step Keep::look() {
  return request(State::look, ReadFile{options_.path, kRecordLimit, options_.local});
}

// Goes on from what we tried to write last, unless somebody else has beaten since. So no beat is
// written twice, whatever stands there by now: who saw it the first time counts from then.
std::optional<std::string> Keep::next_record() const {
  const std::string& there = options_.record;
  const bool others_beat = with_next_beat(there) && beat_of(there) > beat_of(content_);
  std::optional<std::string> record = content_;
  if (content_.empty() || others_beat) {
    record = recorded_ ? there : with_child(there, *options_.child);
  }
  return options_.lease && record ? with_next_beat(*record) : record;
}

Step Keep::on_update(const FileReply& reply) {
  if (reply.status == FileStatus::changed) return on_other_content(reply);
  if (reply.status != FileStatus::ok) {
    if (reply.status == FileStatus::not_found) return absent(reply);
    return cannot_tell(reply);
  }
  options_.record = content_;
  refreshed_ = asked_;
  took_ = clock_.now() - asked_;
  recorded_ = true;
  failures_ = 0;
  return all_is_well();
}

Step Keep::all_is_well() {
  absent_since_.reset();
  result_.failure.reset();
  if (options_.lease) return wait_until(refreshed_ + refresh_interval());
  return options_.look_interval ? wait_until(clock_.now() + *options_.look_interval)
                                : wait_until(Mono::max());
}

// Not what we have written last. With our token it is what a write left whose reply was lost, or an
// old state of the share; or somebody who knows the token has refreshed it, or damaged it.
Step Keep::on_other_content(const FileReply& reply) {
  if (options_.local && is_rest(reply.content)) return look();  // which asks who keeps it
  absent_since_.reset();
  Sighting seen = parse_record(reply.content);
  if (seen.token == options_.token && reply.content.size() == options_.record.size()) {
    options_.record = reply.content;
    recorded_ = recorded_ || names(seen.holder.child, options_.child);
    if (recorded_ && !options_.lease) return all_is_well();
    if (++failures_ < kMostFailures) return next();
  } else if (is_whole(seen) && seen.token != options_.token &&
             !is_elsewhere(options_.place, reply)) {
    return lost_to(std::move(seen));
  }
  return cannot_tell(reply);  // somebody is writing; or it is damaged, and not given to anybody
}

Step Keep::on_look(const FileReply& reply) {
  if (reply.status == FileStatus::not_found) return absent(reply);
  if (reply.status != FileStatus::ok) return cannot_tell(reply);
  const bool is_emptied = is_rest(reply.content);
  if (is_emptied && reply.keeper == Keeper::us) return restore(reply);
  const bool is_another_file = options_.kept && reply.keeper != Keeper::unknown;
  if (is_emptied && is_another_file) return absent(reply);
  absent_since_.reset();
  const bool is_wanted = !recorded_ || (options_.lease && clock_.now() >= wait_until_);
  if (is_emptied && is_wanted) {  // and cannot be written to
    FileReply failure = reply;
    failure.status = FileStatus::changed;
    return cannot_tell(failure);
  }
  refusals_ = 0;
  if (std::exchange(restoring_, false)) return next();
  Sighting seen = parse_record(reply.content);
  if (!is_whole(seen) || seen.token == options_.token) {
    return options_.lease ? wait_until(wait_until_) : all_is_well();  // a look is no refresh
  }
  return is_elsewhere(options_.place, reply) ? cannot_tell(reply) : lost_to(std::move(seen));
}

// Is that what somebody has left of our record, the last one or the one that was on its way?
bool Keep::is_rest(const std::string& content) const {
  const auto begins = [&](const std::string& record) {
    return content.size() < record.size() && record.starts_with(content);
  };
  return begins(options_.record) || begins(content_);
}

Step Keep::restore(const FileReply& reply) {
  absent_since_.reset();
  restoring_ = true;
  const std::string& record =
      options_.record.starts_with(reply.content) ? options_.record : content_;
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
      // With a lease nobody has seen a beat for a while, perhaps.
      return recorded_ && !options_.lease ? all_is_well() : next();
    case FileStatus::busy:
    case FileStatus::changed:  // in this moment: the next look tells by whom
      if (++refusals_ >= kMaxBusyLooksAtOnce) return not_restored(reply);
      return wait_until(clock_.now() + kBusyRetry);
    case FileStatus::not_found:
      return absent(reply);
    default:
      return not_restored(reply);
  }
}

Step Keep::not_restored(const FileReply& reply) {
  result_.not_restored = true;
  result_.failure = reply;
  return finish(Outcome::lost);
}

Step Keep::lost_to(Sighting seen) {
  result_.seen = std::move(seen);
  return finish(Outcome::lost);
}

Step Keep::absent(const FileReply& reply) {
  result_.failure = reply;
  const Mono now = clock_.now();
  if (!absent_since_) absent_since_ = now;
  if (asked_ - *absent_since_ >= kSecondLook) {
    return request(State::probe_directory, ProbeDirectory{options_.path});
  }
  return wait_until(std::min(*absent_since_ + kSecondLook, now + retry()));
}

Step Keep::on_directory(const FileReply& reply) {
  if (reply.status == FileStatus::ok && !is_elsewhere(options_.place, reply))
    return finish(Outcome::lost);
  absent_since_.reset();  // what is absent there is not our lock
  return cannot_tell(reply);
}

Step Keep::cannot_tell(const FileReply& reply) {
  result_.failure = reply;
  // Elsewhere: whatever stands there, it is not our file.
  if (reply.status == FileStatus::ok || is_elsewhere(options_.place, reply)) {
    result_.failure->status = FileStatus::failed;
    result_.failure->error = 0;
  }
  const bool is_hopeless = reply.status == FileStatus::denied || ++failures_ >= kMostFailures;
  if (!recorded_ && is_hopeless) return finish(Outcome::not_recorded);
  return wait_until(clock_.now() + retry());
}

Duration Keep::retry() const { return options_.lease ? lease_retry(*options_.lease) : kRetry; }

// A share that has become slower is refreshed earlier; one that once stood still, at the usual time
// again.
Duration Keep::refresh_interval() const {
  return lease_refresh(*options_.lease, options_.kill_after, std::max(options_.takes, took_));
}

std::optional<Mono> Keep::stop_at() const {
  if (!options_.lease) return {};
  return refreshed_ + lease_stop(*options_.lease, options_.kill_after);
}

std::optional<Mono> Keep::kill_at() const {
  if (!options_.lease) return {};
  return refreshed_ + lease_kill(*options_.lease);
}

std::optional<Mono> Keep::last_at() const {
  if (!options_.lease) return {};
  return refreshed_ + lease_last(*options_.lease);
}

std::optional<Mono> Keep::release_until() const {
  if (!options_.lease) return {};
  return refreshed_ + lease_reliable(*options_.lease);
}

bool Keep::is_over() const { return options_.lease && clock_.now() >= *stop_at(); }

Step Keep::wait_until(Mono when) {
  if (options_.lease) when = std::min(when, *stop_at());
  state_ = State::wait;
  wait_until_ = when;
  return WaitUntil{look_wanted_ && recorded_ ? clock_.now() : when};
}

Step Keep::request(State state, FileOperation operation) {
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
