// SPDX-License-Identifier: MIT
//
// The signs that mark a process as the command's, whatever its parent: it has the token of the lock
// in its environment, or the lifeline open.

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "seams/process_table.hpp"

namespace ufl {

/// The signs of one lock.
class CommandSigns {
 public:
  /// Make it while the lifeline of `token` is open in this process.
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
