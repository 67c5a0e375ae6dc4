// SPDX-License-Identifier: MIT
//
// The running command: spawn it, let it go, signal it, learn how it ended.
//
// It starts in two steps, so that its process can be written down before it does anything: spawn()
// makes the process, which waits; go() makes it the command. If ufl dies in between, the process
// ends and nothing has been run.
//
// The process exists from spawn() on, in ufl's process group unless that changes. So of a signal to
// the group that ufl has not read before spawn() returned, the command gets its own, which does to
// it what it does when go() has let it begin.
//
// The command gets every descriptor that ufl was given, and none of ours (all of ours are
// close-on-exec); the signal mask and the ignored signals that ufl was given; the environment plus
// what the caller has put there.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "process/command.hpp"
#include "process/event_loop.hpp"
#include "process/signals.hpp"
#include "seams/identity.hpp"
#include "seams/process_table.hpp"
#include "sys/standard_fds.hpp"

namespace ufl {

/// How a command ended.
struct CommandEnd {
  int status = 0;      ///< exit status, or 128 + signal
  int signal = 0;      ///< the signal that killed it, or 0
  int exec_error = 0;  ///< errno value of an execve(2) that failed, or 0
};

/// How a command is started.
struct SpawnOptions {
  /// It is killed when ufl ends, however that ends (PR_SET_PDEATHSIG, prctl(2)). Not so what it
  /// starts, nor a program that runs as another user than the one who started it (set-user-ID).
  bool die_with_parent = false;
};

/// One command. Once it was let go it is killed when a Child is destroyed before it has ended.
class Child {
 public:
  using EndHandler = std::function<void(const CommandEnd&)>;

  /// `table` is asked for the start of the process. Throws std::system_error when the kernel gives
  /// no descriptors.
  Child(EventLoop& loop, const Signals& signals, const ClosedStandardFds& closed,
        ProcessTable& table);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// As abandon().
  ~Child();

  /// Make a process for `command`, whose executable is at `path`. Returns 0, or the errno value of
  /// what failed; then there is none.
  [[nodiscard]] int spawn(const Command& command, const std::string& path,
                          SpawnOptions options = {});

  /// The process that spawn() has made. It keeps its number, and its start, as the command.
  [[nodiscard]] ProcessId id() const;

  /// A descriptor of that process, pidfd_open(2), which was opened before it could be anything
  /// else; -1: there is none. It stays open until abandon(), leave() or the end of this, and is
  /// this object's.
  [[nodiscard]] int pidfd() const;

  /// Let it be the command. `on_end` is called once, from the loop: also when the executable could
  /// not be run, or the process was killed before. Returns at once: if the executable lies on a
  /// share that hangs, only the command waits for it.
  void go(EndHandler on_end);

  /// End the process instead of letting it go, and wait a second for that at most (it may be one
  /// that cannot be killed). Does nothing after go().
  void abandon();

  /// Let the command run on, and forget it: it cannot be ended, and nobody waits for it any more.
  void leave();

  /// Send the command a signal, unless it has ended. Before go(), it waits for that. What cannot be
  /// delivered (a command that changed its user) is not reported.
  void signal(int signal_number);

  /// Is the command in ufl's process group still? Then what is sent to the group reaches it.
  [[nodiscard]] bool in_our_group() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ufl
