// SPDX-License-Identifier: MIT

#include "protocol/release.hpp"

#include <cerrno>
#include <utility>

#include "protocol/guard.hpp"
#include "protocol/late.hpp"
#include "protocol/no_lock.hpp"

namespace ufl {

namespace {

// A share that answers differently each time is given up on after so many looks.
constexpr int kMaxDoubtfulLooks = 5;

}  // namespace

Release::Release(ReleaseOptions options, const Clock& clock)
    : options_{std::move(options)}, clock_{clock} {}

Step Release::start() { return look(); }

Step Release::on_reply(const FileReply& reply) {
  switch (state_) {
    case State::look:
      return on_look(reply);
    case State::probe_directory:
      // Another device: the share was unmounted, and what is there now tells nothing.
      if (reply.status == FileStatus::ok && !is_elsewhere(options_.place, reply)) {
        return finish(Outcome::lost);
      }
      result_.failure = reply;
      if (reply.status == FileStatus::ok) result_.failure.error = 0;
      return finish(Outcome::failed);
    case State::remove:
      return on_removed(reply);
    case State::idle:
    case State::pause:
    case State::finished:
      break;
  }
  return Finished{};
}

Step Release::resume() {
  if (state_ != State::pause) return Finished{};
  if (clock_.now() < wait_until_) return WaitUntil{wait_until_};
  return look();
}

Step Release::look() {
  looked_at_ = clock_.now();
  return request(State::look, ReadFile{options_.path, kRecordLimit, options_.local});
}

Step Release::on_look(const FileReply& reply) {
  result_.seen = {};
  result_.failure = reply;
  if (reply.status == FileStatus::not_found) return doubt(Doubt::absent);
  if (reply.status == FileStatus::not_regular || reply.status == FileStatus::bad_path) {
    return finish(Outcome::failed);  // a second look shows no other
  }
  if (reply.status != FileStatus::ok) return doubt(Doubt::unreadable);

  // With our token, whoever removes it need not understand the rest.
  is_rest_ = is_rest(reply);
  if (token_in(reply.content) != options_.token && !is_rest_) {
    result_.seen = parse_record(reply.content);
    // Unmounted, and what stands there now has nothing to do with our lock.
    if (is_elsewhere(options_.place, reply)) return finish(Outcome::failed);
    const bool is_another = is_whole(result_.seen) || is_no_lock(reply.content);
    if (options_.local && is_another) return finish(Outcome::lost);
    // On a share: a view from before our claim? It shows in a moment.
    if (is_another) return doubt(Doubt::another);
    // Empty or cut short: is somebody writing, or is it our own in part? Only the same once more is
    // an answer.
    const bool again = std::exchange(unclear_content_, reply.content) == reply.content;
    return again ? finish(Outcome::lost) : doubt(Doubt::unclear);
  }
  result_.content = reply.content;
  if (options_.only_look) {
    result_.seen = parse_record(reply.content);
    return finish(Outcome::held);
  }
  if (options_.until && clock_.now() >= *options_.until) return finish(Outcome::too_late);
  switch (looks_.judge(clock_.now() - looked_at_, options_.local, options_.atomic_create,
                       options_.delay)) {
    case UnlinkLooks::Verdict::fresh:
      return request(State::remove,
                     RemoveFile{options_.path, guard(options_.local, reply.content)});
    case UnlinkLooks::Verdict::old:
      return look();
    case UnlinkLooks::Verdict::hopeless:
      break;
  }
  result_.failure.status = FileStatus::failed;
  result_.failure.error = ETIMEDOUT;
  return finish(Outcome::failed);
}

bool Release::is_rest(const FileReply& reply) const {
  return reply.keeper == Keeper::us && options_.token.starts_with(reply.content);
}

Step Release::on_removed(const FileReply& reply) {
  switch (reply.status) {
    case FileStatus::ok:
    case FileStatus::not_found:
      return finish(Outcome::released);
    case FileStatus::changed:  // in this moment: the next look tells by whom
      if (++busy_looks_ < kMaxBusyLooks) return look();
      break;
    case FileStatus::busy:
      if (is_rest_ && busy_looks_ == kMaxBusyLooksAtOnce) return finish(Outcome::lost);
      if (++busy_looks_ < kMaxBusyLooks) return pause(kBusyRetry);
      break;
    default:
      break;
  }
  result_.failure = reply;
  if (reply.status == FileStatus::changed) result_.failure.error = EBADMSG;  // each time
  result_.removing = true;
  return finish(Outcome::failed);
}

Step Release::pause(Duration time) {
  state_ = State::pause;
  wait_until_ = clock_.now() + time;
  return WaitUntil{wait_until_};
}

Step Release::doubt(Doubt doubt) {
  // Two looks that do not show our record, whatever they show: it is not there.
  const bool gone = doubt == Doubt::absent || doubt == Doubt::another;
  if (gone && ++gone_looks_ == 2) {
    if (doubt == Doubt::another) return finish(Outcome::lost);
    return request(State::probe_directory, ProbeDirectory{options_.path});
  }
  const bool unreadable_again = doubt == Doubt::unreadable && ++unreadable_looks_ == 2;
  if (unreadable_again || ++doubtful_looks_ == kMaxDoubtfulLooks) {
    if (result_.failure.error == 0) result_.failure.error = EBADMSG;  // a different one each time
    return finish(Outcome::failed);
  }
  return pause(second_opinion(false, options_.local ? Duration::zero() : options_.delay));
}

Step Release::request(State state, FileOperation operation) {
  state_ = state;
  return operation;
}

Step Release::finish(Outcome outcome) {
  result_.outcome = outcome;
  state_ = State::finished;
  return Finished{};
}

}  // namespace ufl
