// SPDX-License-Identifier: MIT
//
// Did a signal that reached ufl reach the command, too? A signal sent to ufl alone (kill PID, a
// supervisor) must be passed on; one sent to the process group (kill 0, kill %1, timeout(1)) or to
// each process of a control group (systemd) must not, or the command gets it twice, which is
// "force" for many programs. signalfd(2) tells the two apart in no way: both come from a process,
// and the sender of either may be in our group (a script's `kill $!`) or not.
//
// So a bystander in our process group is asked: a child that does nothing and blocks every signal.
// What is pending there was sent to more than ufl.
//
// The bystander also keeps the lock file open for the command: so a command that closes what it
// inherits, and outlives its ufl, is seen to live (sys/kept_file.hpp). The bystander ends with ufl,
// but not before the command: when ufl is killed, it waits for the command.

#pragma once

#include <sys/types.h>

#include "process/process_title.hpp"

namespace ufl {

/// The bystander. Where none can be made, saw() is always false: better twice than never.
class SignalBystander {
 public:
  /// `title` must outlive it.
  explicit SignalBystander(const ProcessTitle& title) : title_{title} {}
  SignalBystander(const SignalBystander&) = delete;
  SignalBystander& operator=(const SignalBystander&) = delete;
  ~SignalBystander();

  /// The bystanders that are made from now on keep `file` open as long as the child `command` runs,
  /// which has not been waited for. Where its end cannot be told they do not.
  void keep(int file, pid_t command);

  /// Make the bystander, or a new one that has seen nothing yet.
  void start();

  /// Let it end. Does not wait for that: start() and the destructor do.
  void stop();

  /// Its number, or -1: there is none.
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Has it been sent this signal since start()?
  [[nodiscard]] bool saw(int signal_number) const;

 private:
  void remove();

  const ProcessTitle& title_;
  pid_t pid_ = -1;
  bool is_stopped_ = false;  // and not waited for
  int kept_file_ = -1;       // the caller's
  int command_ = -1;         // a pidfd
};

}  // namespace ufl
