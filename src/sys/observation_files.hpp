// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

#include "seams/identity.hpp"
#include "seams/observations.hpp"

namespace ufl {

/// Observations in small files of the user's own: in /run/user/UID/ufl, else /dev/shm/ufl-UID, else
/// $XDG_STATE_HOME/ufl (~/.local/state/ufl). Their times are counted from boot, so their names hold
/// the boot id and the time namespace: a home directory may be shared by many hosts. There, what
/// other boots have left for a month goes when something is kept; memory is emptied by the boot.
///
/// Known race, harmless: 1 A and B see the same thing, A earlier. 2 A keeps it. 3 B keeps it in its
/// place. The later time counts, and somebody waits for longer.
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
