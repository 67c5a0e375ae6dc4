// SPDX-License-Identifier: MIT

#include "protocol/looking.hpp"

#include <algorithm>

#include "protocol/assert.hpp"
#include "protocol/both_local.hpp"
#include "protocol/late.hpp"

namespace ufl {

namespace {

// The first looks may wait for a share that is mounted just now.
constexpr int kMostSlowLooks = 3;

}  // namespace

Step Looking::start() {
  contest_.rival.is_glimpsed = false;
  contest_.look_wanted = false;
  contest_.takeover.is_on = false;
  contest_.result.flocked = false;
  ++count_;
  state_ = State::look;
  return contest_.look();
}

Step Looking::glance() {
  Step step = start();
  contest_.rival.is_glimpsed = true;
  return step;
}

Step Looking::on_reply(const FileReply& reply) {
  UFL_ASSERT(state_ != State::pause);
  return state_ == State::probe_directory ? on_directory(reply) : on_look(reply);
}

Step Looking::resume() {
  UFL_ASSERT(state_ == State::pause);
  const Mono until = childless_until();
  if (contest_.clock.now() < until) return WaitUntil{until};
  return end(contest_.is_over() ? Verdict::timed_out : Verdict::look);
}

Step Looking::on_look(const FileReply& reply) {
  fastest_ = std::min(fastest_, contest_.clock.now() - contest_.looked_at);
  const bool is_held = reply.status == FileStatus::ok && has_holder_line(reply.content);
  if (contest_.rival.is_glimpsed && is_held && !contest_.own.may_stand()) {
    return end(Verdict::held_as_before);
  }
  contest_.result.may_not_replace = false;
  switch (reply.status) {
    case FileStatus::not_found:
      if (contest_.options.local) {  // removed by hand: nothing flickers there
        contest_.own.is_gone();
        // The next holder may look the same.
        contest_.observer.saw({}, contest_.looked_at, contest_.clock.now());
      }
      return free();
    case FileStatus::ok:
      contest_.saw(parse_record(reply.content), reply);
      return on_content(reply);
    case FileStatus::stale:
    case FileStatus::denied:
      // ESTALE of the file means "gone" while its directory opens; EACCES means "there, but not for
      // us to read", unless it is the directory that keeps us out.
      refused_ = reply;
      state_ = State::probe_directory;
      return FileOperation{ProbeDirectory{contest_.options.path}};
    case FileStatus::not_regular:
    case FileStatus::bad_path:
    case FileStatus::exhausted:
      return fail(reply, contest_.read_lock());
    case FileStatus::exists:
    case FileStatus::changed:
    case FileStatus::busy:
    case FileStatus::failed:
      break;
  }
  return held_by_unknown(reply);
}

Step Looking::on_content(const FileReply& reply) {
  const OwnClaim& own = contest_.own;
  const std::string& token = contest_.rival.seen.token;
  if (own.may_stand() && token == own.token()) {
    // Our own claim, which looked gone when it was to be verified, or of which nobody could say
    // whether it had been written.
    contest_.takeover.is_on = own.is_by_rename();
    return end(Verdict::published);
  }
  // Emptied by a program before it was verified; as long as we keep it, no taker takes it for left
  // over.
  const bool is_own_rest = reply.keeper == Keeper::us && own.record.starts_with(reply.content);
  contest_.own.rest_stands(is_own_rest);
  const std::string& enclosing = contest_.options.enclosing_token;
  if (!enclosing.empty() && token == enclosing) return end(Verdict::already_held);
  if (!may_take_over() && !is_own_rest) return end(Verdict::held);
  contest_.result.may_not_replace = was_denied(reply);
  return contest_.result.may_not_replace ? end(Verdict::held) : take_over(reply);
}

bool Looking::may_take_over() {
  const Sighting& seen = contest_.rival.seen;
  const bool is_abandoned = contest_.observer.is_abandoned();
  contest_.takeover.was_abandoned = is_abandoned;
  if (contest_.own.was_disowned(seen.token))
    return true;  // its holder lives, and has no use for it
  const bool is_judged = is_whole(seen) || seen.kind == Sighting::Kind::garbled || is_abandoned;
  return is_judged && contest_.options.takeovers.may_take_over(seen, is_abandoned);
}

Step Looking::on_directory(const FileReply& reply) {
  const bool opens = reply.status == FileStatus::ok;
  // A server that has just been restarted says ESTALE of files that are well. Where create may
  // overwrite, only "no such file" is free: the next look, which is a fresh lookup, tells.
  if (refused_.status == FileStatus::stale && opens && contest_.options.atomic_create) {
    return free();
  }
  if (refused_.status == FileStatus::denied && !opens) {
    return fail(refused_, ProbeDirectory{contest_.options.path});
  }
  return held_by_unknown(refused_);
}

Step Looking::free() {
  if (!contest_.is_too_slow(fastest_)) return end(Verdict::free);
  if (++slow_looks_ < kMostSlowLooks) return start();
  contest_.result.look_to_write = fastest_;
  return end(Verdict::too_slow);
}

Step Looking::held_by_unknown(const FileReply& reply) {
  contest_.saw_unreadable(reply);
  return end(Verdict::held);
}

Step Looking::take_over(const FileReply& reply) {
  if (may_have_a_command(reply)) {
    state_ = State::pause;
    return WaitUntil{childless_until()};
  }
  Takeover& takeover = contest_.takeover;
  takeover.is_on = true;
  takeover.from = contest_.rival.seen;
  takeover.judged = {reply.content, reply.identity, contest_.clock.now()};
  const ClaimOptions& options = contest_.options;
  contest_.own.delay.raise_for_takeover(
      delay_beside(contest_.rival.seen, options.local, options.takeovers.delay));
  return free();
}

// A lifeline that is down proves nothing as long as the command may have been written into a newer
// record than this client sees:
//   1 A writes its command into its record; the command closes its descriptors.  2 A is killed.
//   3 B, on the same host through another mount, looks: A's record without a command, and the
//   lifeline is down. B takes over, and the command runs on.
// Nothing is written any more when the lifeline is down, so a second look shows it.
bool Looking::may_have_a_command(const FileReply& reply) {
  const Sighting& seen = contest_.rival.seen;
  const bool is_promised = seen.holder.lifeline && !seen.holder.child;
  const bool is_proven_by_lifeline = is_promised && !contest_.takeover.was_abandoned;
  if (!is_proven_by_lifeline || both_local(seen, contest_.options.local)) return false;
  if (reply.content != childless_.content) {
    childless_ = {reply.content, reply.identity, contest_.clock.now()};
    return true;
  }
  return contest_.looked_at < childless_until();
}

Mono Looking::childless_until() const {
  return childless_.at + second_opinion(false, contest_.own.delay.in_force());
}

bool Looking::was_denied(const FileReply& reply) const {
  const auto& denied = contest_.takeover.denied;
  return denied && denied->content == reply.content && denied->identity == reply.identity &&
         contest_.clock.now() - denied->at < kLongDenial;
}

}  // namespace ufl
