// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

#include "seams/identity.hpp"
#include "seams/observations.hpp"

namespace ufl {

/// Observations in small files of the user's own: in /run/user/UID/ufl, else /dev/shm/ufl-UID, else
/// $XDG_STATE_HOME/ufl (~/.local/state/ufl). A home directory may be on a share, and hang: it is
/// touched only when neither of the others can be written to. Their times are counted from boot, so
/// their names hold the boot id and the time namespace: a home directory may be shared by many
/// hosts. Files of other boots that are a month old are removed there when an observation is kept;
/// memory is emptied by the boot. Of more than 500 files the oldest are removed: a waiter that
/// comes back to one of those locks waits for longer.
///
/// Known gap: an observation that was kept elsewhere while /dev/shm could not be written to is not
/// seen once it can be again; and one that /dev/shm held before is seen once more, if it was
/// read-only meanwhile.
///
/// Known race, harmless: 1 A and B see the same thing, A earlier. 2 A keeps it. 3 B keeps it in its
/// place. The later time counts, and a waiter waits for longer.
class ObservationFiles final : public Observations {
 public:
  /// `identity` tells which boot this is; it must outlive this.
  explicit ObservationFiles(Identity& identity) : identity_{identity} {}

  [[nodiscard]] std::optional<Observation> recall(const std::string& key) override;
  void keep(const std::string& key, const Observation& observation) override;
  void forget(const std::string& key) override;

 private:
  [[nodiscard]] std::optional<std::string> name_of(const std::string& key);

  Identity& identity_;
};

}  // namespace ufl
