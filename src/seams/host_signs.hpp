// SPDX-License-Identifier: MIT
//
// Seam: the signs of life that this host shows of a holder: its processes, lifelines, witnesses.

#pragma once

#include <cstdint>
#include <string_view>

#include "seams/process_table.hpp"

namespace ufl {

/// What a probe says of a lifeline in this network namespace.
enum class LifelineState {
  up,       ///< somebody keeps it, or a stranger has its name
  down,     ///< nobody has it, and nobody gets it back
  unknown,  ///< no answer: no UUID, a sandbox, no descriptor or memory
};

/// Asks this host. Nothing here fails or blocks; what cannot be asked is no proof of anything.
class HostSigns : public ProcessTable {
 public:
  /// Is there a process of this number in our PID namespace? Also true of one that we may not
  /// signal. False for a number that no process can have.
  [[nodiscard]] virtual bool process_exists(std::int64_t pid) = 0;

  /// Does somebody keep the lifeline of this UUID? `uuid` may be anything.
  [[nodiscard]] virtual LifelineState probe_lifeline(std::string_view uuid) = 0;

  /// Has the user `uid` of this host left a witness for the lock of this UUID? `uuid` may be
  /// anything.
  [[nodiscard]] virtual bool is_witnessed(std::uint64_t uid, std::string_view uuid) = 0;
};

}  // namespace ufl
