// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "seams/process_table.hpp"

namespace ufl {

/// The processes that /proc shows.
class HostProcesses final : public ProcessTable {
 public:
  [[nodiscard]] std::optional<ProcessStat> find(std::int64_t pid) override;
  [[nodiscard]] std::vector<std::int64_t> children() override;
  [[nodiscard]] ProcessList all() override;
};

}  // namespace ufl
