// SPDX-License-Identifier: MIT
//
// What the user asked for, after the command line, the environment and the defaults were put
// together.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/exit_status.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// What ufl is asked to do: run a command under the lock, or one of the verbs.
enum class Action { run, acquire, release, check, refresh, status, break_lock, help, version };

/// How much ufl says on stderr.
enum class Verbosity {
  quiet,    ///< nothing about a lock that is busy; failures all the same
  normal,   ///< what is wrong
  verbose,  ///< also what ufl waits for, and how long it took
};

/// The default of --kill-after.
inline constexpr Duration kDefaultKillAfter = std::chrono::seconds{5};

/// The shortest --lease.
inline constexpr Duration kShortestLease = std::chrono::seconds{2};

/// The default of --retry.
inline constexpr Duration kDefaultRetry = std::chrono::milliseconds{100};

/// The same where the kernel tells a waiter of a release, and of the end of the holder.
inline constexpr Duration kDefaultRetryWhenTold = std::chrono::seconds{3};

/// One invocation of ufl. Defaults as in ufl(1).
struct Options {
  Action action = Action::run;
  std::string text;  ///< of help and version: what to print

  std::string lock_file;                    ///< as typed
  std::vector<std::string> lock_files;      ///< of --status; the first one is lock_file
  std::vector<std::string> command;         ///< COMMAND [ARG]...; empty with shell_string
  std::optional<std::string> shell_string;  ///< -c

  std::string prefix;
  std::optional<Duration> delay;    ///< none: auto
  std::optional<Duration> retry;    ///< none: the default, which may grow on a share
  std::optional<Duration> timeout;  ///< none: wait for ever; 0: one attempt
  int conflict_exit_code = exit_status::kNotAcquired;
  bool record_command = true;  ///< false: --no-command
  Verbosity verbosity = Verbosity::normal;

  bool close_lifeline = false;              ///< -o: the command does not inherit it
  std::optional<Duration> lease;            ///< --lease; none: off
  bool kill_on_loss = false;                ///< --on-lost kill, the default with a lease
  Duration kill_after = kDefaultKillAfter;  ///< --kill-after: from SIGTERM to SIGKILL

  std::string token;                  ///< --token, as typed; empty: none
  std::optional<std::int64_t> pid;    ///< --pid
  bool json = false;                  ///< --json
  std::optional<std::string> report;  ///< --report: the file to write
};

}  // namespace ufl
