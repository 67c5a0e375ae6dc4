// SPDX-License-Identifier: MIT

#include "process/warden.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "process/descriptors.hpp"
#include "process/process_tree.hpp"

namespace ufl {

namespace {

namespace fs = std::filesystem;

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

std::string proc(std::int64_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// The signs by which a process of the command is known, whoever its parent is.
class Signs {
 public:
  /// To be made while the lifeline is open here.
  explicit Signs(std::string token) : token_{std::move(token)}, lifeline_{find_lifeline()} {}

  /// Does this process bear one of them?
  [[nodiscard]] bool mark(const ProcessStat& process) {
    return has_token(process.pid) || has_lifeline(process);
  }

 private:
  // What /proc shows of a descriptor: "socket:[...]", a name that no other socket has.
  static std::string target_of(const fs::path& descriptor) {
    std::error_code error;
    return fs::read_symlink(descriptor, error);
  }

  // The socket of sys/lifeline.hpp; none: empty.
  [[nodiscard]] std::string find_lifeline() const {
    constexpr std::string_view kPrefix{"\0ufl/", 5};
    for (const int descriptor : open_descriptors()) {
      sockaddr_un address{};
      socklen_t length = sizeof address;
      const int got = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
      if (got != 0 || address.sun_family != AF_UNIX || length > sizeof address) continue;
      const std::string_view name{address.sun_path, length - offsetof(sockaddr_un, sun_path)};
      if (name.size() > kPrefix.size() && name.starts_with(kPrefix) &&
          token_.ends_with(name.substr(kPrefix.size()))) {
        return target_of("/proc/self/fd/" + std::to_string(descriptor));
      }
    }
    return {};
  }

  // UFL_TOKENS is a list of lines. UFL_TOKEN alone is what a process below another ufl, or one that
  // has set it anew, does not have.
  [[nodiscard]] bool has_token(std::int64_t pid) const {
    std::istringstream environment{content_of(proc(pid, "environ"))};
    for (std::string entry; std::getline(environment, entry, '\0');) {
      if (entry == "UFL_TOKEN=" + token_) return true;
      constexpr std::string_view kList = "UFL_TOKENS=";
      if (!entry.starts_with(kList)) continue;
      const std::string list = '\n' + entry.substr(kList.size()) + '\n';
      if (list.find('\n' + token_ + '\n') != std::string::npos) return true;
    }
    return false;
  }

  // Descriptors are many, and this is asked again and again. Who has no lifeline gets none later: a
  // new process is another one.
  [[nodiscard]] bool has_lifeline(const ProcessStat& process) {
    const std::pair key{process.pid, process.start};
    if (lifeline_.empty() || without_lifeline_.contains(key)) return false;
    if (opens_lifeline(process.pid)) return true;
    without_lifeline_.insert(key);
    return false;
  }

  [[nodiscard]] bool opens_lifeline(std::int64_t pid) const {
    std::error_code error;
    for (fs::directory_iterator entry{proc(pid, "fd"), error}, end; !error && entry != end;
         entry.increment(error)) {
      if (target_of(entry->path()) == lifeline_) return true;
    }
    return false;
  }

  std::string token_;
  std::string lifeline_;
  std::set<std::pair<std::int64_t, std::uint64_t>> without_lifeline_;
};

// The wardens of inner ufls have work to do, which may be what no sign of ours shows, and end by
// themselves when that is done: their ufls are killed.
bool is_warden(std::int64_t pid) {
  return pid == ::getpid() || content_of(proc(pid, "comm")) == std::string{kName} + '\n';
}

// Until nothing is left but what cannot be signalled, or is about to end: SIGKILL waits for it.
void kill_all_with(Signs& signs, ProcessTable& table) {
  constexpr int kMostSweeps = 100;
  constexpr int kInterval = 20;  // milliseconds
  ProcessTree tree{table, is_warden,
                   [&signs](const ProcessStat& process) { return signs.mark(process); }};
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    const Remains remains = tree.kill_all();
    const bool done = std::ranges::all_of(remains.survivors, [](const Survivor& survivor) {
      return survivor.error != 0 || survivor.state == 'D';
    });
    if (done && remains.error == 0) return;
    ::poll(nullptr, 0, kInterval);
  }
}

[[noreturn]] void watch_over(Signs& signs, ProcessTable& table) {
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
  kill_all_with(signs, table);
  ::_exit(0);
}

// In the child. One thread has forked, so everything may be called here.
[[noreturn]] void stand_by(const int (&pipe)[2], int timer, const ProcessTitle& title,
                           const std::string& token, ProcessTable& table) {
  Signs signs{token};
  ::setsid();        // whoever kills our group does not kill it
  ::close(pipe[1]);  // or its end would never be seen here
  ::dup2(pipe[0], kOrders);
  ::dup2(timer, kTimer);
  close_descriptors_from(kTimer + 1);
  ::prctl(PR_SET_NAME, kName);
  title.set_in_child(kName);
  watch_over(signs, table);
}

}  // namespace

int Warden::start(const std::string& token) {
  dismiss();
  token_ = token;
  return begin();
}

int Warden::begin() {
  const int timer = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  int pipe[2] = {-1, -1};
  int error = timer < 0 || ::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0 ? errno : 0;
  if (error == 0) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);  // no signal to the group is for it
    pid_ = ::fork();
    if (pid_ < 0) error = errno;
    if (pid_ == 0) stand_by(pipe, timer, title_, token_, table_);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
  }
  if (timer >= 0) ::close(timer);
  if (pipe[0] >= 0) ::close(pipe[0]);
  orders_ = pipe[1];
  if (error != 0) end();
  return error;
}

void Warden::continue_at(Mono when) {
  if (token_.empty() || (orders_ >= 0 && tell(when))) return;
  end();
  if (begin() == 0) static_cast<void>(tell(when));
}

// False: it is not there, or somebody has killed it.
bool Warden::tell(Mono when) const {
  const Duration::rep since_boot = when.time_since_epoch().count();
  // The pipe has room for thousands of these, and SIGPIPE is held back.
  return ::write(orders_, &since_boot, sizeof since_boot) == sizeof since_boot || errno != EPIPE;
}

void Warden::dismiss() {
  token_.clear();
  end();
}

void Warden::end() {
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
