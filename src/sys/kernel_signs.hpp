// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "seams/host_signs.hpp"

namespace ufl {

/// The signs that the kernel of this host shows: /proc, kill(2) with signal 0, unix(7), files in
/// memory.
class KernelSigns final : public HostSigns {
 public:
  [[nodiscard]] std::optional<ProcessStat> find(std::int64_t pid) override;
  [[nodiscard]] std::vector<std::int64_t> children() override;
  [[nodiscard]] ProcessList all() override;
  [[nodiscard]] bool process_exists(std::int64_t pid) override;
  [[nodiscard]] LifelineState probe_lifeline(std::string_view uuid) override;
  [[nodiscard]] bool is_witnessed(std::uint64_t uid, std::string_view uuid) override;
};

}  // namespace ufl
