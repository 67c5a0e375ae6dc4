// SPDX-License-Identifier: MIT
//
// Seam: which processes this host shows us. The picture is old when it is looked at: a number in it
// may belong to another process by now, which its start tells.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ufl {

/// One process, as /proc/PID/stat shows it, proc_pid_stat(5).
struct ProcessStat {
  std::int64_t pid = 0;
  char state = '?';         ///< field 3: R, S, D, Z (dead, not waited for), ...
  std::int64_t parent = 0;  ///< field 4; 0: none, or one in a PID namespace that we do not see
  int threads = 0;          ///< field 20
  std::uint64_t start = 0;  ///< field 22: clock ticks after boot
};

/// Is that a process which has ended? A zombie with threads has lost its main thread only.
[[nodiscard]] inline bool has_ended(const ProcessStat& stat) {
  return (stat.state == 'Z' && stat.threads <= 1) || stat.state == 'X' || stat.state == 'x';
}

/// What was found, one after the other: not all at the same moment.
struct ProcessList {
  int error = 0;  ///< errno value: they could not be read, or not all of them
  std::vector<ProcessStat> processes;
};

/// Where processes are looked up.
class ProcessTable {
 public:
  ProcessTable() = default;
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;
  virtual ~ProcessTable() = default;

  /// The process of this number, which may be any; nothing when there is none, or none that is
  /// shown to us.
  [[nodiscard]] virtual std::optional<ProcessStat> find(std::int64_t pid) = 0;

  /// The children of this process, the latest first. Quicker than all(); none where the kernel does
  /// not tell.
  [[nodiscard]] virtual std::vector<std::int64_t> children() = 0;

  /// Every process that is shown to us (hidepid, proc(5), hides those of other users).
  [[nodiscard]] virtual ProcessList all() = 0;
};

}  // namespace ufl
