// SPDX-License-Identifier: MIT

#include "process/end_child.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "sys/pidfd.hpp"

namespace ufl {

namespace {

constexpr int kPatience = 1000;  // milliseconds

// The child has ended and was waited for, here or by somebody else.
bool is_reaped(pid_t pid) {
  const pid_t got = ::waitpid(pid, nullptr, WNOHANG);
  return got == pid || (got < 0 && errno == ECHILD);
}

}  // namespace

bool end_child(pid_t pid) {
  ::kill(pid, SIGKILL);
  if (is_reaped(pid)) return true;
  // No other process gets its number as long as it is not waited for.
  const int pidfd = open_pidfd(pid);
  if (pidfd >= 0) {
    pollfd end{pidfd, POLLIN, 0};
    ::poll(&end, 1, kPatience);
    ::close(pidfd);
    return is_reaped(pid);
  }
  for (int waited = 0; waited < kPatience; ++waited) {
    if (is_reaped(pid)) return true;
    ::poll(nullptr, 0, 1);
  }
  return false;
}

}  // namespace ufl
