// SPDX-License-Identifier: MIT

#include "protocol/heartbeat.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace ufl {

FileOperation Heartbeat::write(std::string next, Mono now) {
  UFL_ASSERT(next.size() == record_.size());
  UFL_ASSERT(now >= asked_);
  next_ = std::move(next);
  asked_ = now;
  return UpdateFile{path_, record_, next_, !local_, locked_};
}

Heartbeat::Answer Heartbeat::on_reply(const FileReply& reply, Mono now) {
  UFL_ASSERT(now >= asked_);
  switch (reply.status) {
    case FileStatus::ok:
      record_ = next_;
      took_ = now - asked_;
      return Answer::written;
    case FileStatus::not_found:
      return Answer::absent;
    case FileStatus::busy:
      return Answer::busy;
    case FileStatus::changed:
      break;
    default:
      return Answer::failed;
  }
  seen_ = parse_record(reply.content);
  const bool is_own = seen_.token == token_in(record_);
  if (is_own && reply.content.size() == record_.size()) {
    record_ = reply.content;
    return Answer::ours;
  }
  return !is_own && is_whole(seen_) ? Answer::another : Answer::unclear;
}

}  // namespace ufl
