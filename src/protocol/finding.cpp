// SPDX-License-Identifier: MIT

#include "protocol/finding.hpp"

#include <utility>

#include "protocol/no_lock.hpp"

namespace ufl {

namespace {

Finding::Kind kind_of(const Sighting& seen, const FileReply& reply, const Place& place) {
  if (is_elsewhere(place, reply)) return Finding::Kind::elsewhere;
  if (is_whole(seen)) return Finding::Kind::another;
  return is_no_lock(reply.content) ? Finding::Kind::no_lock : Finding::Kind::unclear;
}

}  // namespace

Finding find(const FileReply& reply, std::string_view token, const Place& place) {
  using Kind = Finding::Kind;
  switch (reply.status) {
    case FileStatus::ok:
      break;
    case FileStatus::not_found:
      return {Kind::absent, {}};
    case FileStatus::not_regular:
    case FileStatus::bad_path:
      return {Kind::impossible, {}};
    default:
      return {Kind::unreadable, {}};
  }
  // With our token: a ufl that removes it need not understand the rest.
  if (token_in(reply.content) == token) return {Kind::ours, {}};
  Sighting seen = parse_record(reply.content);
  const Kind kind = kind_of(seen, reply, place);
  return {kind, std::move(seen)};
}

}  // namespace ufl
