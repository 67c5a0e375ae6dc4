// SPDX-License-Identifier: MIT

#include "verbs/placing.hpp"

#include "report/messages.hpp"
#include "sys/standard_error.hpp"

namespace ufl {

// rename(2) and unlink(2) of a mount point: EBUSY. What is there would be held for ever.
bool can_be_a_lock(const Options& options, const MountTraits& mount) {
  if (mount.mounted_alone) say(mounted_alone_text(options.lock_file));
  return !mount.mounted_alone;
}

}  // namespace ufl
