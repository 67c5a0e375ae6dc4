// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <string>

#include "process/process_title.hpp"
#include "process/signals.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"
#include "seams/liveness.hpp"
#include "seams/observations.hpp"
#include "seams/process_table.hpp"
#include "sys/standard_fds.hpp"

namespace ufl {

/// The real world, made in main().
struct World {
  const Clock& clock;
  Identity& identity;
  FileSystem& files;
  Liveness& liveness;
  Observations& observations;
  ProcessTable& processes;
  const Signals& signals;
  const ClosedStandardFds& closed_fds;
  const ProcessTitle& title;
  /// Write all of a text to stdout. Returns 0, or the errno value (EBADF: it is closed). Asks
  /// `stop` whenever a signal has come; if that says true, the rest is not written, and EINTR
  /// returned.
  std::function<int(const std::string& text, const std::function<bool()>& stop)> print;
  /// Does stdout show colours, and does the user want them?
  std::function<bool()> stdout_is_coloured;
  /// The descriptor of the file that `files` keeps (CreateExclusive); -1: of none.
  std::function<int()> kept_file = [] { return -1; };
};

/// How ufl is to end.
struct Ending {
  int status = 0;
  int signal = 0;  ///< die of this signal, unless 0
};

/// To die of this signal.
[[nodiscard]] inline Ending ending_of_signal(int signal) { return {128 + signal, signal}; }

}  // namespace ufl
