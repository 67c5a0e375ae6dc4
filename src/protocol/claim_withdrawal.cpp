// SPDX-License-Identifier: MIT
//
// Taking a claim back: the part of Claim that every other outcome than `acquired` goes through once
// something of ours may stand on the share.

#include <optional>
#include <utility>

#include "protocol/claim.hpp"
#include "protocol/guard.hpp"
#include "protocol/late.hpp"

namespace ufl {

Step Claim::withdraw(Outcome outcome) {
  after_withdraw_ = outcome;
  withdrawing_ = true;
  return withdraw_look();
}

Step Claim::withdraw_look() {
  looked_at_ = clock_.now();
  return request(State::withdraw_look, read_lock());
}

Step Claim::on_withdraw_look(const FileReply& reply) {
  if (reply.status == FileStatus::not_found) return gone();
  if (reply.status != FileStatus::ok) return unclear(Unclear::may_be_ours);
  const Sighting sighting = parse_record(reply.content);
  // A full disk leaves the beginning of our record, or nothing of it, in a file that we made. But
  // once another's record has stood there, what is empty may be the rest of that.
  const bool part =
      result_.failure.created && !another_stood_ && record_.starts_with(reply.content);
  // And somebody else may have emptied the file that we made.
  const bool is_rest = reply.keeper == Keeper::us && record_.starts_with(reply.content);
  if (takes_over_ && sighting.token == result_.token) result_.replaced = true;
  if (is_ours(sighting.token)) {
    late_ = late_ || gave_up_late_;
    result_.token = sighting.token;  // that is what may be left behind
  }
  if (sighting.token == result_.token || part || is_rest) return remove_own(reply);
  if (is_whole(sighting)) {
    another_stood_ = true;
    saw(sighting);
    // Somebody is there after all: it was him that the create was denied for.
    if (if_seen_) after_withdraw_ = *std::exchange(if_seen_, std::nullopt);
    return gone();
  }
  // Cut short: somebody else's in the making. Ours is whole by now, unless its create has failed.
  return unclear(after_withdraw_ == Outcome::failed ? Unclear::may_be_ours : Unclear::is_not_ours);
}

// Nothing of ours stands there, says a look.
Step Claim::gone() {
  if (outdates_our_claim()) return finish(after_withdraw_);
  return wait(State::withdraw_pause,
              published_at_ + second_opinion(options_.local, options_.delay));
}

// A look cannot tell. On a share a second one may; if not, `verdict` holds.
Step Claim::unclear(Unclear verdict) {
  if (!options_.local && !std::exchange(unclear_once_, true)) {
    return wait(State::withdraw_pause,
                clock_.now() + second_opinion(options_.local, options_.delay));
  }
  return verdict == Unclear::may_be_ours ? leave_behind() : finish(after_withdraw_);
}

Step Claim::remove_own(const FileReply& reply) {
  // Late claims (c): removing it would let a third one in.
  if (late_) return leave_behind();
  switch (unlink_looks_.judge(clock_.now() - looked_at_, options_.local, options_.atomic_create,
                              delay_of_others())) {
    case UnlinkLooks::Verdict::fresh:
      return request(State::withdraw_remove,
                     RemoveFile{options_.path, guard(options_.local, reply.content)});
    case UnlinkLooks::Verdict::old:
      return withdraw_look();
    case UnlinkLooks::Verdict::hopeless:
      break;
  }
  return leave_behind();
}

Step Claim::on_removed(const FileReply& reply) {
  switch (reply.status) {
    case FileStatus::ok:
    case FileStatus::not_found:
      return finish(after_withdraw_);
    case FileStatus::changed:  // in this moment: replaced, or emptied, which the next look tells
      if (++busy_looks_ < kMaxBusyLooks) return withdraw_look();
      return leave_behind();
    case FileStatus::busy:
      if (++busy_looks_ < kMaxBusyLooks) {
        return wait(State::withdraw_pause, clock_.now() + kBusyRetry);
      }
      return leave_behind();
    default:
      return leave_behind();
  }
}

Step Claim::leave_behind() {
  result_.left_behind = true;
  return finish(after_withdraw_);
}

}  // namespace ufl
