// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "seams/host_signs.hpp"

namespace ufl {

/// The signs that the kernel of this host shows: kill(2) with signal 0, /proc, unix(7), files in
/// memory.
class KernelSigns final : public HostSigns {
 public:
  [[nodiscard]] bool process_exists(std::int64_t pid) override;
  [[nodiscard]] std::optional<ProcessStat> process_stat(std::int64_t pid) override;
  [[nodiscard]] LifelineState probe_lifeline(std::string_view uuid) override;
  [[nodiscard]] bool is_witnessed(std::uint64_t uid, std::string_view uuid) override;
};

}  // namespace ufl
