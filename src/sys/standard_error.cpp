// SPDX-License-Identifier: MIT

#include "sys/standard_error.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <ctime>

namespace ufl {

namespace {

std::string line_of_ufl(std::string_view line) { return "ufl: " + std::string{line} + '\n'; }

constexpr int kPatience = 1000;  // milliseconds
constexpr int kAtOnce = 10;

volatile std::sig_atomic_t time_is_up = 0;

extern "C" void note_time(int /*signal*/) { time_is_up = 1; }

/// Interrupts the system call that this process waits in when time is up, and again and again from
/// then on: the first time may come between two calls. It is needed because a pipe that was
/// writable may have less room than is written to it, or none once another writer was quicker, and
/// a blocking write(2) then waits for ever. stderr is not made non-blocking: it would be so for
/// every process that has it open.
class Alarm {
 public:
  explicit Alarm(int milliseconds) {
    time_is_up = 0;
    struct sigaction action = {};
    action.sa_handler = note_time;  // without SA_RESTART
    ::sigaction(kSignal, &action, &before_);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, kSignal);
    ::pthread_sigmask(SIG_UNBLOCK, &set, &mask_);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = kSignal;
    is_made_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    const itimerspec times{timespec_of(kAtOnce), timespec_of(milliseconds)};
    is_set_ = is_made_ && ::timer_settime(timer_, 0, &times, nullptr) == 0;
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() {
    if (is_made_) ::timer_delete(timer_);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    ::sigaction(kSignal, &before_, nullptr);
  }

  /// False: there is no timer.
  [[nodiscard]] bool is_set() const { return is_set_; }
  [[nodiscard]] static bool is_over() { return time_is_up != 0; }

 private:
  // The kernel sends it only to the owner of a socket with urgent data; by default it does nothing.
  static constexpr int kSignal = SIGURG;

  static timespec timespec_of(int milliseconds) {
    return {milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  }

  struct sigaction before_ = {};
  sigset_t mask_{};
  timer_t timer_{};
  bool is_made_ = false;
  bool is_set_ = false;
};

// Where a sandbox forbids poll(2), it counts as writable for a caller that may wait, and only for
// that.
bool is_writable(int milliseconds) {
  pollfd file{STDERR_FILENO, POLLOUT, 0};
  const int count = ::poll(&file, 1, milliseconds);
  if (count < 0 && errno != EINTR) return milliseconds > 0;
  return count == 1 && (file.revents & POLLOUT) != 0;
}

// Without an alarm, at most PIPE_BUF bytes are written at a time: a writable pipe takes them
// without blocking, if nobody else writes to it.
std::size_t write_in_time(std::string_view text, const Alarm& alarm) {
  std::size_t written = 0;
  while (written < text.size() && !Alarm::is_over()) {
    const std::string_view rest = text.substr(written);
    const std::size_t length =
        alarm.is_set() ? rest.size() : std::min<std::size_t>(rest.size(), PIPE_BUF);
    const ssize_t count = ::write(STDERR_FILENO, rest.data(), length);
    if (count > 0) written += static_cast<std::size_t>(count);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) break;
    const bool waits = alarm.is_set() && count < 0 && errno == EAGAIN;
    if ((waits || !alarm.is_set()) && !is_writable(waits ? -1 : 0)) break;
  }
  return written;
}

}  // namespace

std::size_t write_to_stderr(std::string_view text, int milliseconds) {
  if (!is_writable(milliseconds)) return 0;
  // A terminal lets a background job write that holds SIGTTOU back: termios(3). A ufl that is
  // stopped here would hold a lock and do nothing for it.
  sigset_t stops;
  sigset_t before;
  ::sigemptyset(&stops);
  ::sigaddset(&stops, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &stops, &before);
  const std::size_t written = write_in_time(text, Alarm{std::max(milliseconds, kAtOnce)});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return written;
}

void say(std::string_view line) { say_rest(line_of_ufl(line)); }

void say_rest(std::string_view text) { write_to_stderr(text, kPatience); }

std::string say_at_once(std::string_view line) {
  std::string text = line_of_ufl(line);
  text.erase(0, write_to_stderr(text, 0));
  return text;
}

}  // namespace ufl
