// SPDX-License-Identifier: MIT
//
// When the witness of a holder is removed (Identity::leave_witness()): once nothing of its lock is
// on the share any more, or its lease alone says from now on when others may have the lock. A
// witness of another user is that user's to remove, whatever a record says: root may release what
// alice has taken, and her witness stays until the next boot.

#pragma once

#include <string>

#include "protocol/release.hpp"
#include "protocol/token.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// Remove the witness that the lock of `token`, which may be anything, has on this host.
inline void remove_witness(Identity& identity, const std::string& token) {
  if (ends_in_uuid(token)) identity.remove_witness(std::string{uuid_of(token)});
}

/// The same after a release that ended so, if it is time. On a local file system nobody leaves one.
inline void remove_witness(Identity& identity, const std::string& token, bool local,
                           ReleaseResult::Outcome outcome) {
  const bool is_over = outcome == ReleaseResult::Outcome::released ||
                       outcome == ReleaseResult::Outcome::lost ||
                       outcome == ReleaseResult::Outcome::too_late;
  if (!local && is_over) remove_witness(identity, token);
}

}  // namespace ufl
