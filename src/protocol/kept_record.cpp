// SPDX-License-Identifier: MIT

#include "protocol/kept_record.hpp"

#include <algorithm>
#include <utility>

namespace ufl {

namespace {

// Of a record of the same length: heartbeats of the same width are in the order of their digits.
std::optional<std::string> beat_of(const std::string& record) {
  return parse_record(record).holder.heartbeat;
}

bool names(const std::optional<ProcessId>& found, const std::optional<ProcessId>& child) {
  return found && child && found->pid == child->pid && found->start == child->start;
}

bool is_cut(const std::string& content, const std::string& record) {
  return content.size() < record.size() && record.starts_with(content);
}

}  // namespace

KeptRecord::KeptRecord(const KeepOptions& options)
    : child_{options.child},
      usual_{options.takes},
      heartbeat_{options.path, options.record, options.local, false},
      is_recorded_{!options.child} {
  if (!options.lease) return;
  lease_ = {*options.lease, options.kill_after, options.begun, options.takes};
}

std::optional<FileOperation> KeptRecord::write(Mono now) {
  auto record = next();
  if (!record) return std::nullopt;
  return heartbeat_.write(std::move(*record), now);
}

// Never write a heartbeat twice: observers time the lease from its first sighting. So each goes on
// from the one that was tried last, whatever stands there by now, unless somebody else has written
// a later one.
std::optional<std::string> KeptRecord::next() const {
  const std::string& there = heartbeat_.record();
  const std::string& last = heartbeat_.written();
  const bool others_beat = with_next_heartbeat(there) && beat_of(there) > beat_of(last);
  std::optional<std::string> record = last;
  if (last.empty() || others_beat) {
    record = is_recorded_ ? there : with_child(there, *child_);
  }
  return lease_ && record ? with_next_heartbeat(*record) : record;
}

Heartbeat::Answer KeptRecord::on_reply(const FileReply& reply, Mono now) {
  const auto answer = heartbeat_.on_reply(reply, now);
  if (answer == Heartbeat::Answer::ours && names(seen().holder.child, child_)) is_recorded_ = true;
  if (answer != Heartbeat::Answer::written) return answer;
  is_recorded_ = true;
  if (lease_) {
    lease_->refreshed = heartbeat_.asked();
    // A share that has become slower is refreshed earlier; one that once stood still, at the usual
    // time again.
    lease_->takes = std::max(usual_, heartbeat_.took());
  }
  return answer;
}

bool KeptRecord::is_rest(const std::string& content) const {
  return is_cut(content, heartbeat_.record()) || is_cut(content, heartbeat_.written());
}

const std::string& KeptRecord::whole_of(const std::string& rest) const {
  const bool is_of_last = heartbeat_.record().starts_with(rest);
  return is_of_last ? heartbeat_.record() : heartbeat_.written();
}

}  // namespace ufl
