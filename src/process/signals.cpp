// SPDX-License-Identifier: MIT

#include "process/signals.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "process/signal_policy.hpp"

namespace ufl {

namespace {

bool is_ignored(int signal_number) {
  struct sigaction action = {};
  return ::sigaction(signal_number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// What ufl passes on, besides the signals that end a wait: the window's size and real-time signals
// mean something to the command only.
bool is_wanted(int signal_number) {
  return ends_a_wait(signal_number) || signal_number == SIGWINCH;
}

}  // namespace

Signals::Signals() {
  ::sigprocmask(SIG_SETMASK, nullptr, &original_mask_);
  ::sigemptyset(&handled_);
  for (int number = 1; number <= SIGRTMAX; ++number) {
    if (!is_wanted(number) || is_ignored(number)) continue;
    if (::sigismember(&original_mask_, number) == 0) ::sigaddset(&handled_, number);
  }
  sigset_t held_back = handled_;
  ::sigaddset(&held_back, SIGPIPE);
  ::sigaddset(&held_back, SIGXFSZ);
  ::sigprocmask(SIG_BLOCK, &held_back, nullptr);

  // With SIGCHLD ignored the kernel reaps the command itself and its status is lost.
  child_was_ignored_ = is_ignored(SIGCHLD);
  if (child_was_ignored_) ::signal(SIGCHLD, SIG_DFL);
}

void Signals::let_through() const { ::sigprocmask(SIG_UNBLOCK, &handled_, nullptr); }

void Signals::restore_in_child() const {
  if (child_was_ignored_) ::signal(SIGCHLD, SIG_IGN);
  ::sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
}

int die_of(int signal_number) {
  // Not RLIMIT_CORE: it does not bind a core_pattern that is a pipe, core(5).
  ::prctl(PR_SET_DUMPABLE, 0);
  ::signal(signal_number, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal_number);
  if (::raise(signal_number) != 0) ::kill(::getpid(), signal_number);  // no tgkill(2) in a sandbox
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  return 128 + signal_number;
}

}  // namespace ufl
