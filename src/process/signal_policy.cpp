// SPDX-License-Identifier: MIT

#include "process/signal_policy.hpp"

#include <csignal>

namespace ufl {

bool ends_a_wait(int signal_number) {
  switch (signal_number) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:
    case SIGVTALRM:
    case SIGPROF:
    case SIGIO:
    case SIGPWR:
    case SIGSTKFLT:
    case SIGXCPU:
      return true;
    default:
      return signal_number >= SIGRTMIN && signal_number <= SIGRTMAX;
  }
}

bool sent_by_terminal(const SignalEvent& event) {
  const bool to_foreground_group =
      event.number == SIGINT || event.number == SIGQUIT || event.number == SIGWINCH;
  return event.from_kernel && to_foreground_group;
}

}  // namespace ufl
