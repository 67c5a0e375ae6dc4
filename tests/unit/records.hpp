// SPDX-License-Identifier: MIT

#pragma once

#include "protocol/record.hpp"
#include "protocol/utc.hpp"

namespace ufl::test {

/// When alice's lock is looked at.
inline const Wall kNow = *parse_utc("2026-11-23T14:00:00Z");

/// What a look at alice's lock shows.
inline Sighting alices_record() {
  Sighting seen;
  seen.kind = Sighting::Kind::record;
  seen.token = "ci-1";
  seen.holder.user = "alice";
  seen.holder.host = "build-3";
  seen.holder.pid = 4242;
  seen.holder.command = "rsync -a x y";
  seen.holder.since = "2026-11-23T13:57:17Z";
  return seen;
}

}  // namespace ufl::test
