// SPDX-License-Identifier: MIT

#pragma once

#include "process/process_title.hpp"
#include "process/signals.hpp"
#include "protocol/judge.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"
#include "seams/observations.hpp"
#include "seams/process_table.hpp"
#include "sys/kept_file.hpp"
#include "sys/standard_fds.hpp"
#include "sys/standard_output.hpp"

namespace ufl {

/// The real world, made in main().
struct World {
  const Clock& clock;
  Identity& identity;
  FileSystem& files;
  Judge& judge;
  Observations& observations;
  ProcessTable& processes;
  const Signals& signals;
  const ClosedStandardFds& closed_fds;
  const ProcessTitle& title;
  const StandardOutput& out;
  const KeptFile& kept_file;  ///< that `files` keeps (CreateExclusive)
};

/// How ufl is to end.
struct Ending {
  int status = 0;
  int signal = 0;  ///< die of this signal, unless 0
};

/// To die of this signal.
[[nodiscard]] inline Ending ending_of_signal(int signal) { return {128 + signal, signal}; }

}  // namespace ufl
