// SPDX-License-Identifier: MIT
//
// The system calls that ufl cannot do without, asked for before anything is done: a sandbox
// (seccomp(2)) may forbid any of them, and some are first needed when the lock file is there and
// the command runs.

#pragma once

namespace ufl {

// Each throws std::system_error (what(): the call, and why) when a system call is refused for which
// there is no other way. All of them together cost some microseconds.

/// To wait for anything, in the event loop: every verb.
void require_calls_to_wait();

/// To make, write, replace or remove a lock file; `locked`: on a local disk, under flock(2).
void require_calls_to_change(bool locked);

/// To run a command.
void require_calls_to_run();

/// To stop all that a command has started.
void require_calls_to_stop();

}  // namespace ufl
