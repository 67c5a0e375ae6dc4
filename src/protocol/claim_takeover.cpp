// SPDX-License-Identifier: MIT
//
// Taking a lock over from somebody who is gone: the part of Claim that replaces a record instead of
// creating one (claim.hpp, "Takeover").

#include <algorithm>
#include <utility>

#include "protocol/both_local.hpp"
#include "protocol/claim.hpp"
#include "protocol/guard.hpp"
#include "protocol/token.hpp"

namespace ufl {

// A lifeline that is down proves nothing as long as the command may have been written into a newer
// record than this client sees:
//   1 A writes its command into its record; the command closes its descriptors.  2 A is killed.
//   3 B, on the same host through another mount, looks: A's record without a command, and the
//   lifeline is down. B takes over, and the command runs on.
// Nothing is written any more when the lifeline is down, so a second look shows it.
bool Claim::may_have_a_command(const FileReply& reply) {
  const bool is_promised = seen_.holder.lifeline && !seen_.holder.child;
  if (both_local(seen_, options_.local) || was_abandoned_ || !is_promised) return false;
  if (reply.content != childless_) {
    childless_ = reply.content;
    childless_since_ = clock_.now();
    return true;
  }
  return looked_at_ < childless_since_ + second_opinion(false, options_.delay);
}

// Can nobody who sees a share here meddle? The guard keeps out those who take it.
bool Claim::is_alone() const {
  return takes_over_ ? both_local(taken_from_, options_.local) : options_.local;
}

Step Claim::take_over(const FileReply& reply) {
  if (may_have_a_command(reply)) {
    return wait(State::lost_race, childless_since_ + second_opinion(false, options_.delay));
  }
  takes_over_ = true;
  taken_from_ = seen_;
  to_replace_ = reply.content;
  identity_to_replace_ = reply.identity;
  if (!raised_from_) raised_from_ = options_.delay;
  options_.delay =
      std::max(options_.delay, takeover_delay(seen_, options_.local, options_.takeover_delay));
  return looks_free();
}

std::string Claim::temporary() const {
  const auto slash = options_.path.rfind('/');
  const auto length = slash == std::string::npos ? 0 : slash + 1;
  return options_.path.substr(0, length) + ".ufl-" + std::string{uuid_of(result_.token)};
}

Step Claim::write_temporary() {
  if (!unaccounted_ || outlived_its_lease()) prepare_record();
  return request(State::write_temporary,
                 CreateExclusive{temporary(), record_, !options_.local, true});
}

Step Claim::on_temporary(const FileReply& reply) {
  if (reply.status == FileStatus::ok) {
    result_.kept = reply.keeper == Keeper::us;
    return second_look();
  }
  FileReply failure = reply;
  failure.created = false;  // not the lock file
  return drop_temporary(std::move(failure));
}

Step Claim::second_look() {
  looked_at_ = clock_.now();
  return request(State::second_look, read_lock());
}

Step Claim::on_second_look(const FileReply& reply) {
  // One empty file is like another, and only this one has been watched; and not by its holder.
  const bool is_another = to_replace_.empty() && (reply.identity != identity_to_replace_ ||
                                                  reply.keeper == Keeper::somebody);
  if (reply.status != FileStatus::ok || reply.content != to_replace_ || is_another) {
    return drop_temporary({});  // the next look tells
  }
  if (look_is_old()) {
    if (++late_looks_ < kMaxLateLooks) return second_look();
    // Always too slow: no errno, the message tells. A local one is guarded, however slow it is.
    if (!is_alone()) return drop_temporary(FileReply{});
  }
  late_looks_ = 0;
  stood_before_ = std::exchange(unaccounted_, true);
  replaces_ = true;
  return request(State::replace,
                 ReplaceFile{options_.path, temporary(), guard(options_.local, to_replace_)});
}

Step Claim::on_replace(const FileReply& reply) {
  note_write();
  switch (reply.status) {
    case FileStatus::ok:
      result_.replaced = true;
      note_late_takeover();
      return published();
    case FileStatus::not_found:
      if (options_.local) return lost_the_race();
      // The first reply was lost, and the name moved by then? The verification tells.
      note_late_takeover();
      return published();
    case FileStatus::busy:
      result_.flocked = is_flocked(reply);
      if (!options_.local) return look_again();
      [[fallthrough]];
    case FileStatus::changed:
      return lost_the_race();
    case FileStatus::exists:
      return look_again();
    case FileStatus::denied:
      return denied_takeover();
    case FileStatus::stale:
    case FileStatus::failed:
      note_late_takeover();
      return drop_temporary(reply);  // it may be done, all the same
    case FileStatus::not_regular:
    case FileStatus::bad_path:
    case FileStatus::exhausted:
      break;
  }
  unaccounted_ = stood_before_;
  return drop_temporary(reply);
}

// A share on which somebody has the file open (EBUSY), or whose rename does not replace at this
// moment (EEXIST; both smbnetfs): what is there shows in the next look, and so it does if that was
// said to a rename that was done, and asked for again.
Step Claim::look_again() {
  note_late_takeover();
  return drop_temporary({});
}

// A file of somebody else's in a directory like /tmp (unlink(2), EPERM). Its owner may replace it,
// and free it by that; for us it is held. Not tried again and again: it would be denied again,
// until somebody changes what is there; what nobody tells of is the mode of the directory.
Step Claim::denied_takeover() {
  denied_takeover_ = DeniedTakeover{to_replace_, identity_to_replace_, clock_.now()};
  result_.may_not_replace = true;
  return lost_the_race();
}

bool Claim::was_denied(const FileReply& reply) const {
  return denied_takeover_ && denied_takeover_->content == reply.content &&
         denied_takeover_->identity == reply.identity &&
         clock_.now() - denied_takeover_->at < kLongDenial;
}

// Local, guarded: somebody else has removed or replaced the record, or is about to.
Step Claim::lost_the_race() {
  unaccounted_ = stood_before_;
  return drop_temporary({});
}

// Late claims (c): of ours, or of the one that it takes over from, which may have been kept for
// that when its process ended:
//   1 A, B look: absent.  2 A writes, waits D, verifies, runs.  3 B's write lands late on A's; B
//   keeps it, and ends.  4 C takes over from B, waits D, runs beside A.
// A record that names a command was verified. Known gap: where create is atomic only a rename may
// be late like that, and whoever takes over from such a claim is not kept waiting.
void Claim::note_late_takeover() {
  const Holder& from = taken_from_.holder;
  const bool names_commands = from.lifeline || from.beat || from.detached.value_or(false);
  // What creates atomically for us may not do so for him.
  const bool creates_atomically = options_.atomic_create && is_alone() == options_.local;
  const bool may_be_late = !creates_atomically && names_commands && !from.child;
  const bool was_late = is_ours(taken_from_.token) && gave_up_late_;
  late_ = late_ || was_late || (!is_alone() && (may_be_late || look_is_old()));
}

// `failure`: what the claim fails of then; none: it goes on waiting.
Step Claim::drop_temporary(std::optional<FileReply> failure) {
  takeover_failure_ = std::move(failure);
  const FileOperation failed = operation_;
  Step step = request(State::drop_temporary, RemoveFile{temporary()});
  operation_ = failed;  // for the message
  return step;
}

Step Claim::on_dropped() {
  if (takeover_failure_) return fail(*std::exchange(takeover_failure_, std::nullopt));
  if (result_.may_not_replace) return held_by_other();
  if (to_replace_.empty() && result_.flocked) {
    observer_.restart(clock_.now());  // a flock(1) that uses this file
    return held_by_other();
  }
  // Somebody else removes, replaces or holds the record. Soon a look tells what came of it.
  if (++lost_races_ >= options_.most_lost_races) return held_by_other();
  return wait(State::lost_race, clock_.now() + kBusyRetry);
}

}  // namespace ufl
