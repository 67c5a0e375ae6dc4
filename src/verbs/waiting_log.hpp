// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cli/options.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// With -v: says on stderr what is waited for, when waiting starts and then at growing intervals,
/// and how long it took. Otherwise silent.
class WaitingLog {
 public:
  WaitingLog(std::string path, Verbosity verbosity, const Clock& clock);

  /// Is it time to say waiting()? Never while not `for_other`, for ufl's own delay.
  [[nodiscard]] bool is_due(bool for_other) const;
  /// The claim waits for another holder, of whom this was seen.
  void waiting(const Sighting& seen);
  void acquired();
  void released();

 private:
  std::string path_;
  bool verbose_;
  const Clock& clock_;
  Mono started_;
  Mono acquired_at_{};
  std::optional<Mono> next_line_;
  std::size_t lines_ = 0;
};

}  // namespace ufl
