// SPDX-License-Identifier: MIT
//
// The running command: spawn it, signal it, learn how it ended.
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
#include "process/standard_fds.hpp"

namespace ufl {

/// How a command ended.
struct CommandEnd {
  int status = 0;      ///< exit status, or 128 + signal
  int signal = 0;      ///< the signal that killed it, or 0
  int exec_error = 0;  ///< errno value of an execve(2) that failed, or 0
};

/// One command. It must have ended before a Child is destroyed: the loop that runs it must not stop
/// earlier.
class Child {
 public:
  using EndHandler = std::function<void(const CommandEnd&)>;

  /// Throws std::system_error when the kernel gives no pidfd, which waiting needs.
  Child(EventLoop& loop, const Signals& signals, const ClosedStandardFds& closed);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Start `command`, whose executable is at `path`. Returns 0, or the errno value of a fork that
  /// failed; then `on_end` is never called. Otherwise it is called once, from the loop.
  [[nodiscard]] int spawn(const Command& command, const std::string& path, EndHandler on_end);

  /// Send the command a signal, unless it has ended. What cannot be delivered (a command that
  /// changed its user) is not reported.
  void signal(int signal_number);

  /// Is the command in ufl's process group still? Then what is sent to the group reaches it.
  [[nodiscard]] bool in_our_group() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ufl
