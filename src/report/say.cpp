// SPDX-License-Identifier: MIT

#include "report/say.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

namespace ufl {

namespace {

std::string line_of_ufl(std::string_view line) { return "ufl: " + std::string{line} + '\n'; }

}  // namespace

bool write_to_stderr(std::string_view text, int milliseconds) {
  pollfd file{STDERR_FILENO, POLLOUT, 0};
  const int count = ::poll(&file, 1, milliseconds);
  // Where a sandbox forbids poll(2), only who may wait writes: perhaps for long.
  const bool is_blind = count < 0 && errno != EINTR && milliseconds > 0;
  const bool ready = count == 1 && (file.revents & POLLOUT) != 0;
  if (!ready && !is_blind) return false;
  // A terminal lets a job in the background write, if that holds SIGTTOU back: termios(3). To be
  // stopped here would be to hold a lock and do nothing for it.
  sigset_t stops;
  sigset_t before;
  ::sigemptyset(&stops);
  ::sigaddset(&stops, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &stops, &before);
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return true;
}

void say(std::string_view line) {
  constexpr int kPatience = 1000;
  write_to_stderr(line_of_ufl(line), kPatience);
}

bool say_at_once(std::string_view line) { return write_to_stderr(line_of_ufl(line), 0); }

}  // namespace ufl
