// SPDX-License-Identifier: MIT
//
// The signals of this process, held back so that they can be read one by one (signalfd(2)), and
// what they were before, so that the command can be given them as ufl got them.
//
// Signals that were ignored or blocked when ufl started stay so: nohup(1) keeps working. SIGTSTP,
// SIGTTIN, SIGTTOU and SIGCONT are left alone: Ctrl-Z stops ufl and the command together.
// SIGPIPE and SIGXFSZ are held back for good, so that a closed stderr or a file-size limit is an
// error to handle and not a death that leaves a lock file behind.

#pragma once

#include <csignal>

namespace ufl {

/// Signal state as it was when ufl started. Make one, early, in main().
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() = default;

  /// The signals that are held back to be read.
  [[nodiscard]] const sigset_t& handled() const { return handled_; }

  /// Hold them back no longer: each does what it does to any program.
  void let_through() const;

  /// In a forked child: put everything back as ufl got it. Async-signal-safe.
  void restore_in_child() const;

 private:
  sigset_t original_mask_{};
  sigset_t handled_{};
  bool child_was_ignored_ = false;
};

/// Die of `signal_number` as a process that never caught it, without a core dump. Returns, if the
/// signal does not kill (pid 1 of a container), the exit status that says the same: 128 + n.
[[nodiscard]] int die_of(int signal_number);

}  // namespace ufl
