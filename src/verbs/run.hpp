// SPDX-License-Identifier: MIT
//
// ufl LOCKFILE COMMAND: take the lock, run the command, release the lock.

#pragma once

#include "cli/options.hpp"
#include "process/process_title.hpp"
#include "process/signals.hpp"
#include "process/standard_fds.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// The real world, made in main().
struct World {
  const Clock& clock;
  Identity& identity;
  FileSystem& files;
  const Signals& signals;
  const ClosedStandardFds& closed_fds;
  const ProcessTitle& title;
};

/// How ufl is to end.
struct Ending {
  int status = 0;
  int signal = 0;  ///< die of this signal, unless 0
};

/// Hold options.lock_file while the command runs. Says on stderr what went wrong.
[[nodiscard]] Ending run(const Options& options, const World& world);

}  // namespace ufl
