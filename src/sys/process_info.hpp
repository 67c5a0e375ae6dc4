// SPDX-License-Identifier: MIT
//
// Other processes of this host, as kill(2) and /proc tell of them.

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "seams/identity.hpp"
#include "seams/process_table.hpp"
#include "sys/unique_fd.hpp"

namespace ufl {

/// Does /proc speak of our PID namespace? Not so after unshare -p without --mount-proc: there our
/// numbers are those of other processes, whose start would prove that a living process is gone.
[[nodiscard]] bool proc_shows_us();

/// The stat of a process; nothing when /proc does not show it to us.
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);

/// Is there a process of this number? Also true of one that we may not signal. `pid` is positive.
[[nodiscard]] bool process_exists(pid_t pid);

/// The process that has started this one, or 0: it is in a PID namespace that we do not see.
[[nodiscard]] pid_t parent_process();

/// The process of this number, if it runs.
[[nodiscard]] std::optional<ProcessId> find_process(pid_t pid);

/// A descriptor of this very process that is readable once it has ended, pidfd_open(2). Not valid:
/// it has ended, or its start is not told or not shown to us, or the kernel refuses.
[[nodiscard]] UniqueFd open_process(const ProcessId& process);

/// Does this very process run still? What /proc does not show counts as running.
[[nodiscard]] bool process_runs(const ProcessId& process);

/// The name that a process calls itself by, /proc/PID/comm; empty when it is not shown to us.
[[nodiscard]] std::string process_name(pid_t pid);

/// Is this signal pending for the process as a whole, /proc/PID/status? False when that is not
/// shown to us.
[[nodiscard]] bool is_pending(pid_t pid, int signal_number);

/// The command line of a process, /proc/PID/cmdline; empty when it has none, or shows none to us.
[[nodiscard]] std::vector<std::string> process_command(pid_t pid);

}  // namespace ufl
