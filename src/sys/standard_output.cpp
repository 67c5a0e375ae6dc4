// SPDX-License-Identifier: MIT

#include "sys/standard_output.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>

#include "sys/terminal.hpp"
#include "sys/unique_fd.hpp"

namespace ufl {

StandardOutput::StandardOutput(const ClosedStandardFds& closed, const sigset_t& held_back)
    : is_closed_{closed.closed[STDOUT_FILENO]}, held_back_{held_back} {}

// A signal must get through to a ufl whose stdout nobody reads: poll(2) waits for room and, on a
// signalfd, for a signal. What can be written without waiting is written, signal or not. A pipe
// that is writable takes PIPE_BUF bytes without blocking, pipe(7).
int StandardOutput::write(const std::string& text, const std::function<bool()>& stop) const {
  if (is_closed_) return EBADF;
  if (text.empty()) return 0;
  const UniqueFd pending{::signalfd(-1, &held_back_, SFD_CLOEXEC | SFD_NONBLOCK)};
  std::size_t written = 0;
  bool stopped = false;
  while (written < text.size()) {
    pollfd ready[] = {{STDOUT_FILENO, POLLOUT, 0}, {pending.get(), POLLIN, 0}};
    // Where a sandbox forbids poll(2), the write waits.
    if (::poll(ready, 2, stopped ? 0 : -1) < 0 && errno != EINTR) ready[0].revents = POLLOUT;
    if ((ready[1].revents & POLLIN) != 0 && stop()) stopped = true;
    if (ready[0].revents == 0 && stopped) return EINTR;
    if (ready[0].revents == 0) continue;
    const std::size_t length = std::min(text.size() - written, std::size_t{PIPE_BUF});
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + written, length);
    if (count == 0) return ENOSPC;
    if (count < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  return 0;
}

bool StandardOutput::is_coloured() const { return wants_colour(STDOUT_FILENO); }

}  // namespace ufl
