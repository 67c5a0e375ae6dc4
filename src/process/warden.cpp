// SPDX-License-Identifier: MIT

#include "process/warden.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <vector>

#include "process/descriptors.hpp"

namespace ufl {

namespace {

constexpr const char* kName = "lock-warden";

// A ufl that was continued is stopped again, or has not got to it: so soon once more.
constexpr Duration kAgain = std::chrono::milliseconds{50};

// The warden has two descriptors, and closes all others: somebody may wait for their end.
constexpr int kOrders = 0;
constexpr int kTimer = 1;

void set_timer(Duration since_boot, Duration interval) {
  const auto spec_of = [](Duration time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return timespec{seconds.count(), (time - seconds).count()};
  };
  const itimerspec when{spec_of(interval), spec_of(since_boot)};
  ::timerfd_settime(kTimer, TFD_TIMER_ABSTIME, &when, nullptr);
}

bool has_token(std::int64_t pid, const std::string& token) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/environ", std::ios::binary};
  const std::string environment{std::istreambuf_iterator<char>{file}, {}};
  const std::string variable = "UFL_TOKEN=" + token + '\0';
  return environment.starts_with(variable) ||
         environment.find('\0' + variable) != std::string::npos;
}

// What forks while it is looked for is found the next time; SIGSTOP first, so that there is an end
// to it. A number that is used again between the look and the signal could only be hit if all
// numbers were used up in between.
void kill_all_with(const std::string& token, ProcessTable& table) {
  constexpr int kMostSweeps = 100;
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    std::vector<pid_t> found;
    for (const ProcessStat& process : table.all().processes) {
      if (!has_ended(process) && process.pid != ::getpid() && has_token(process.pid, token)) {
        found.push_back(static_cast<pid_t>(process.pid));
      }
    }
    if (found.empty()) return;
    for (const int number : {SIGSTOP, SIGKILL}) {
      for (const pid_t pid : found) ::kill(pid, number);
    }
    ::poll(nullptr, 0, 1);  // they need a moment to end
  }
}

[[noreturn]] void watch_over(const std::string& token, ProcessTable& table) {
  for (;;) {
    pollfd ready[] = {{kOrders, POLLIN, 0}, {kTimer, POLLIN, 0}};
    ::poll(ready, 2, -1);
    if (ready[0].revents != 0) {
      Duration::rep when = 0;
      const ssize_t count = ::read(kOrders, &when, sizeof when);
      if (count != sizeof when) break;
      set_timer(Duration{when}, kAgain);
    } else if (ready[1].revents != 0) {
      std::uint64_t expirations = 0;
      [[maybe_unused]] const ssize_t count = ::read(kTimer, &expirations, sizeof expirations);
      ::kill(::getppid(), SIGCONT);
    }
  }
  kill_all_with(token, table);
  ::_exit(0);
}

// In the child. One thread has forked, so everything may be called here.
[[noreturn]] void stand_by(const int (&pipe)[2], int timer, const ProcessTitle& title,
                           const std::string& token, ProcessTable& table) {
  ::setsid();        // whoever kills our group does not kill it
  ::close(pipe[1]);  // or its end would never be seen here
  ::dup2(pipe[0], kOrders);
  ::dup2(timer, kTimer);
  close_descriptors_from(kTimer + 1);
  ::prctl(PR_SET_NAME, kName);
  title.set_in_child(kName);
  watch_over(token, table);
}

}  // namespace

int Warden::start(const std::string& token) {
  dismiss();
  const int timer = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  int pipe[2] = {-1, -1};
  int error = timer < 0 || ::pipe2(pipe, O_CLOEXEC) != 0 ? errno : 0;
  if (error == 0) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);  // no signal to the group is for it
    pid_ = ::fork();
    if (pid_ < 0) error = errno;
    if (pid_ == 0) stand_by(pipe, timer, title_, token, table_);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
  }
  if (timer >= 0) ::close(timer);
  if (pipe[0] >= 0) ::close(pipe[0]);
  orders_ = pipe[1];
  if (error != 0) dismiss();
  return error;
}

void Warden::continue_at(Mono when) const {
  if (pid_ <= 0) return;
  const Duration::rep since_boot = when.time_since_epoch().count();
  // The pipe has room for thousands of these, and SIGPIPE is held back.
  [[maybe_unused]] const ssize_t count = ::write(orders_, &since_boot, sizeof since_boot);
}

void Warden::dismiss() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  if (orders_ >= 0) ::close(orders_);
  orders_ = -1;
}

}  // namespace ufl
