// SPDX-License-Identifier: MIT
//
// Which signals that reach ufl are for the command. Pure.

#pragma once

namespace ufl {

/// One signal, as signalfd(2) tells it.
struct SignalEvent {
  int number = 0;
  /// The kernel sent it by itself, the terminal driver above all (SI_KERNEL).
  bool from_kernel = false;
};

/// Would this signal, by default, end a process? Then it ends a wait for the lock.
[[nodiscard]] bool ends_a_wait(int signal_number);

/// Has the terminal sent `event` to its whole foreground process group, as it does with SIGINT,
/// SIGQUIT and SIGWINCH? Not so a hang-up, which reaches the session leader alone.
[[nodiscard]] bool sent_by_terminal(const SignalEvent& event);

}  // namespace ufl
