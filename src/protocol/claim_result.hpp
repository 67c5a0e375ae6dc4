// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "protocol/failure.hpp"
#include "protocol/place.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// How a claim ended.
struct ClaimResult {
  enum class Outcome {
    acquired,      ///< the lock is held with `token`
    busy,          ///< one attempt was asked for, and somebody else holds it
    timed_out,     ///< the timeout passed while somebody else held it
    already_held,  ///< the lock file holds ClaimOptions::enclosing_token: waiting would be for ever
    cancelled,     ///< by cancel()
    too_slow,      ///< the share is, for the lease; see `look_to_write`
    failed,        ///< see `failure`
  };
  Outcome outcome = Outcome::failed;
  std::string token;
  /// Outcome::acquired: the record as it was written.
  std::string record;
  /// Outcome::acquired: nothing of that record, with the heartbeat that it has, was to be seen on
  /// the share before.
  Mono begun{};
  /// Outcome::acquired: the time from the last look to the landing of what was decided on it; with
  /// a lease for which that is too long, the time of one heartbeat, if that is shorter: the first
  /// operation may have waited for what the next ones find. Outcome::too_slow: that, or of a look.
  Duration look_to_write{};
  /// Outcome::acquired: others see that this process keeps the file (CreateExclusive).
  bool kept = false;
  /// Outcome::acquired: where the lock file was seen.
  Place place;
  /// Outcome::failed: the operation that failed, and why.
  Failure failure;
  /// The claim could not be taken back (or must not be: late claims): its file may still be there.
  bool left_behind = false;
  /// Somebody's record was surely replaced by ours, whatever came of it then.
  bool replaced = false;
  /// A takeover could not be done because somebody holds flock(2) on the lock file.
  bool flocked = false;
  /// Nor because this user may not replace it (EPERM: the sticky bit of its directory, mostly);
  /// others may.
  bool may_not_replace = false;
};

}  // namespace ufl
