// SPDX-License-Identifier: MIT
//
// What is a local disk here may be a share to somebody else: a directory that this host exports, a
// folder that a hypervisor passes through. Whatever rests on "this kernel alone arbitrates" between
// a holder and us (a reboot ends everybody, nobody needs a witness, flock(2) excludes, no view is
// old, no empty file hides a holder) holds only where the holder has seen the file system as local,
// too: it says so in its record.
//
// Known gaps: an empty file says nothing of who has emptied it; and the record of a holder that
// sees it as local says nothing of those who wait on a share.

#pragma once

#include <algorithm>
#include <chrono>

#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// The verification delay that `auto` never goes below once somebody was seen at the path who may
/// not create exclusively (another implementation, another version), or who sees it as a share: the
/// default of the original, uuid_filelock.
inline constexpr Duration kForeignDelay = std::chrono::seconds{1};

/// No longer verification delay of a holder is believed.
inline constexpr Duration kLongestBelievedDelay = std::chrono::minutes{10};

/// Does this kernel alone arbitrate between `holder` and us? `local`: its file system is local
/// here. A holder that does not say what it was there is not known to see it as local.
[[nodiscard]] inline bool both_local(const Holder& holder, bool local) {
  return local && holder.mount == kLocalMount;
}

/// The same of what a look has shown. What names nobody is judged by what we see alone.
[[nodiscard]] inline bool both_local(const Sighting& seen, bool local) {
  return is_whole(seen) ? both_local(seen.holder, local) : local;
}

/// For how long a contender waits before it verifies, once it has seen this holder; also a taker
/// that replaces the holder's record, and a holder that revives its own.
/// `least`: what the mount asks for here. Where it is local here alone, that says nothing of the
/// share on which the holder is, and its contenders: the delay of that holder does.
[[nodiscard]] inline Duration delay_beside(const Sighting& seen, bool local, Duration least) {
  if (!local || both_local(seen, local)) return least;
  const std::chrono::duration<double> most{kLongestBelievedDelay};
  const std::chrono::duration<double> its{
      std::clamp(seen.holder.delay.value_or(0), 0.0, most.count())};
  return std::max({least, kForeignDelay, std::chrono::duration_cast<Duration>(its)});
}

}  // namespace ufl
