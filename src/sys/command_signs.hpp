// SPDX-License-Identifier: MIT
//
// The signs by which a process of the command is known, whoever its parent is: the token of the
// lock in its environment, or the lifeline open.

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "seams/process_table.hpp"

namespace ufl {

/// Those of one lock.
class CommandSigns {
 public:
  /// To be made while the lifeline of `token` is open here.
  explicit CommandSigns(std::string token);

  /// Does this process bear one of them?
  [[nodiscard]] bool mark(const ProcessStat& process);

 private:
  [[nodiscard]] std::string find_lifeline() const;
  [[nodiscard]] bool has_token(std::int64_t pid) const;
  [[nodiscard]] bool has_lifeline(const ProcessStat& process);
  [[nodiscard]] bool opens_lifeline(std::int64_t pid) const;

  std::string token_;
  std::string lifeline_;  // none: empty
  std::set<std::pair<std::int64_t, std::uint64_t>> without_lifeline_;
};

}  // namespace ufl
