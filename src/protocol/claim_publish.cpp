// SPDX-License-Identifier: MIT
//
// Publishing a claim: the part of Claim from "the lock looks free" to the delay.

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "protocol/claim.hpp"
#include "protocol/late.hpp"
#include "protocol/token.hpp"
#include "protocol/utc.hpp"
#include "seams/lease.hpp"

namespace ufl {

Step Claim::publish() {
  // With a claim of ours unaccounted for, the same token again, and its delay: should that claim
  // show up after all, it must be known for ours.
  if (!unaccounted_) {
    // What was to be taken over is gone: a claim like all others.
    options_.delay = delay_of_others();
    raised_from_.reset();
  }
  if (!options_.atomic_create && look_is_old()) {
    if (++late_looks_ < kMaxLateLooks) return look();
    operation_ = ReadFile{options_.path, kRecordLimit};
    return fail({});  // always too slow: no errno, the message tells
  }
  late_looks_ = 0;
  if (!unaccounted_ || outlived_its_lease()) prepare_record();
  stood_before_ = std::exchange(unaccounted_, true);
  return request(State::publish, CreateExclusive{options_.path, record_, !options_.local, true});
}

// Others count the lease from when they first saw this token. The old record, should it show up
// after all, is taken over like that of anybody who is gone (given_up_).
bool Claim::outlived_its_lease() const {
  return options_.lease && clock_.now() >= result_.begun + lease_reliable(*options_.lease);
}

void Claim::prepare_record() {
  remove_witness();  // nothing of the claim before is on the share, or it was given up
  give_up_claim();
  not_before_ = {};
  replaces_ = false;
  Holder holder = identity_.self();
  holder.command = options_.command;
  holder.since = utc_text(clock_.wall());
  holder.mount = options_.local ? kLocalMount : kShareMount;
  holder.delay = std::chrono::duration<double>(options_.delay).count();
  if (options_.detached) {
    holder.detached = true;
    holder.pid.reset();
    holder.start.reset();
    if (options_.lives_with) {
      holder.pid = options_.lives_with->pid;
      holder.start = options_.lives_with->start;
    }
  }
  if (options_.lease) {
    holder.lease = std::chrono::duration<double>(*options_.lease).count();
    holder.beat = kFirstBeat;
  }
  const std::string uuid = identity_.new_uuid();
  promise_life(holder, uuid);
  result_.token = make_token(options_.prefix, uuid);
  result_.begun = clock_.now();
  result_.look_to_write = {};
  record_ = format_record(result_.token, holder);
  late_ = false;
}

// Before anybody can read the record: from the first look at it on, whoever doubts that we live
// must see that we do. Without room for a child there is no promise, as the lifeline alone does not
// show a command that closes its descriptors.
void Claim::promise_life(Holder& holder, const std::string& uuid) {
  const bool by_lifeline = !options_.detached && options_.writes_in_place;
  if (by_lifeline && identity_.hold_lifeline(uuid)) holder.lifeline = kLifeline;
  const bool can_be_judged = by_lifeline || options_.lives_with;
  if (can_be_judged && !options_.local) identity_.leave_witness(uuid);
}

void Claim::remove_witness() {
  if (!result_.token.empty()) identity_.remove_witness(std::string{uuid_of(result_.token)});
}

// Of two writes of one record either may be what stands there.
void Claim::note_write() {
  published_at_ = clock_.now();
  result_.look_to_write = std::max(result_.look_to_write, published_at_ - looked_at_);
}

Step Claim::on_publish(const FileReply& reply) {
  note_write();
  // A claim that is published again stays late: its first write may be what stands there.
  late_ = late_ || (!options_.atomic_create && look_is_old());
  switch (reply.status) {
    case FileStatus::ok:
      replaces_ = false;
      result_.kept = reply.keeper == Keeper::us;
      return published();
    case FileStatus::exists:
    case FileStatus::denied:
    case FileStatus::busy:
      // Who won? Perhaps we did, and the first reply was lost on its way (EEXIST on a retransmitted
      // create): the token tells.
      refused_ = reply;
      return request(State::look_after_publish, read_lock());
    case FileStatus::not_found:
    case FileStatus::not_regular:
    case FileStatus::bad_path:
    case FileStatus::exhausted:
      unaccounted_ = stood_before_;
      return fail(reply);
    case FileStatus::stale:
    case FileStatus::changed:
    case FileStatus::failed:
      break;
  }
  // Full disk, I/O error, lost reply: the file may or may not be there.
  return fail(reply);
}

// One of a herd, and another was faster: no reply is lost on a local file system. Who it is, is
// seen in time; whoever waits has been told of one holder already.
bool Claim::is_surely_another(const FileReply& reply) const {
  const bool waits = options_.glances && options_.timeout != Duration::zero() &&
                     seen_.kind != Sighting::Kind::none;
  const bool lost = options_.local && refused_.status == FileStatus::exists && !stood_before_;
  return lost && waits && has_holder_line(reply.content);
}

Step Claim::on_look_after_publish(const FileReply& reply) {
  if (reply.status == FileStatus::ok && is_surely_another(reply)) {
    unaccounted_ = false;
    return is_glance_ ? wait_on() : held_by_other();
  }
  if (reply.status == FileStatus::ok) {
    Sighting sighting = parse_record(reply.content);
    if (sighting.token == result_.token) return published();
    saw(std::move(sighting), reply);
    return held_by_other();
  }
  const bool denied_and_absent =
      refused_.status == FileStatus::denied && reply.status == FileStatus::not_found;
  return denied_and_absent ? denied() : held_by_other();
}

// sshfs says EPERM and davfs2 EACCES where EEXIST is meant, while a cached look still says "absent"
// (davfs2: for up to 24 s, measured). What the permissions of the directory say is the server's to
// know: so a file of our own tells, once, whether we may make any there.
Step Claim::denied() {
  if (!denied_since_) denied_since_ = clock_.now();
  if (options_.local) return may_not_create();
  if (may_create_) return held_by_other();
  return request(State::write_scratch, CreateExclusive{temporary(), {}, true});
}

Step Claim::on_scratch(const FileReply& reply) {
  if (reply.status == FileStatus::denied) return may_not_create();
  may_create_ = reply.status == FileStatus::ok;  // else the next denial asks again
  return request(State::drop_scratch, RemoveFile{temporary()});
}

Step Claim::may_not_create() {
  operation_ = CreateExclusive{options_.path, {}, false};
  // Refused, and no new file is there. On a share both replies may have been lost: it is looked
  // for.
  if (options_.local) unaccounted_ = stood_before_;
  return fail(refused_);
}

bool Claim::is_denied_for_long() const {
  return may_create_ && denied_since_ && clock_.now() - *denied_since_ >= kLongDenial;
}

Step Claim::published() {
  denied_since_.reset();
  verify_until_.reset();
  stale_replies_ = 0;
  verify_at_ = published_at_ + options_.delay + (late_ ? options_.late_hold : Duration::zero());
  verify_at_ = std::max(verify_at_, not_before_);
  return await_verify();
}

Step Claim::await_verify() {
  if (beat_is_due()) return beat();
  if (clock_.now() >= verify_at_) return verify();
  Mono next = verify_at_;
  if (options_.lease) next = std::min(next, next_beat());
  return wait(State::delay, next);
}

bool Claim::beat_is_due() const { return options_.lease && clock_.now() >= next_beat(); }

// As of one who holds it: whose lease is acquired must last until the first refresh.
Mono Claim::next_beat() const {
  return result_.begun + lease_refresh(*options_.lease, options_.kill_after, result_.look_to_write);
}

// Nobody could keep such a lease.
bool Claim::is_too_slow(Duration takes) const {
  return options_.lease && !lease_has_room(*options_.lease, options_.kill_after, takes);
}

// On a local file system a taker may be stopped for any time before it renames, but holds flock(2)
// on the file since its last look (refresh.hpp).
Step Claim::beat() {
  looked_at_ = clock_.now();
  const std::string next = with_next_beat(record_).value_or(record_);
  return request(State::beat,
                 UpdateFile{options_.path, record_, next, !options_.local, options_.local});
}

Step Claim::on_beat(const FileReply& reply) {
  const Mono now = clock_.now();
  if (reply.status == FileStatus::ok) {
    if (outlived_its_lease()) {
      not_before_ = now + std::max(options_.delay, options_.takeover_delay);
      verify_at_ = std::max(verify_at_, not_before_);
    }
    record_ = std::get<UpdateFile>(operation_).content;
    result_.begun = looked_at_;
    const Duration took = now - looked_at_;
    const bool is_anew = std::exchange(measures_anew_, false);
    result_.look_to_write =
        is_anew ? std::min(result_.look_to_write, took) : std::max(result_.look_to_write, took);
    verify_until_.reset();
    return beat_is_due() ? beat_again() : await_verify();
  }
  if (reply.status == FileStatus::changed) {
    Sighting sighting = parse_record(reply.content);
    const bool is_current = sighting.token == result_.token;
    // An earlier beat, whose reply was lost.
    if (is_current && reply.content.size() == record_.size()) record_ = reply.content;
    if (!is_current && is_whole(sighting)) {
      saw(std::move(sighting), reply);
      return held_by_other();
    }
  }
  // As when it is verified: gone, or the share flickers. The next look tells.
  if (reply.status == FileStatus::not_found) return held_by_other();
  return try_again(State::delay, reply);
}

}  // namespace ufl
