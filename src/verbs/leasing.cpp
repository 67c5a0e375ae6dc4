// SPDX-License-Identifier: MIT

#include "verbs/leasing.hpp"

#include "report/recovery_messages.hpp"
#include "report/say.hpp"

namespace ufl {

bool lease_is_possible(const Options& options, const MountTraits& mount) {
  if (!options.lease) return true;
  if (mount.writes_by_path) {
    say(lease_refused_text(options.lock_file, mount.type));
    return false;
  }
  const Duration needed = 3 * 2 * mount.view;
  if (*options.lease >= needed) return true;
  say(lease_too_short_text(options.lock_file, *options.lease, needed));
  return false;
}

bool lease_fits(const Options& options, const MountTraits& mount, const Claim& claim) {
  const Duration needed = 3 * (2 * mount.view + claim.result().look_to_write);
  if (!options.lease || *options.lease >= needed) return true;
  say(lease_too_short_text(options.lock_file, *options.lease, needed));
  return false;
}

}  // namespace ufl
