// SPDX-License-Identifier: MIT
//
// Real processes for tests. What a test changes about its process (signals, who adopts orphans,
// children) it changes in one that was forked for it. Everything waits for an event; kPatience is
// there so that a broken ufl fails a test instead of hanging it, and whatever is left behind ends
// by itself.

#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "sys/process_info.hpp"

namespace ufl::test {

inline constexpr int kPatience = 20;  // seconds

/// Wait until `condition` is true. False: it has not become so.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{kPatience};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

/// The state letter of a process, or 0: there is none of this number.
inline char state_of(pid_t pid) {
  const auto stat = process_stat(pid);
  return stat ? stat->state : '\0';
}

inline bool has_ended(pid_t pid) {
  const auto stat = process_stat(pid);
  return !stat || ufl::has_ended(*stat);
}

/// Fork a process that runs `body` and ends with that. It also ends after a while, unless it blocks
/// SIGALRM.
inline pid_t start_process(const std::function<void()>& body) {
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::alarm(2 * kPatience);
  body();
  ::_exit(0);
}

/// The same; it ends with the process that has made it, too.
inline pid_t start_bound_process(const std::function<void()>& body) {
  return start_process([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
  });
}

/// Kill a child and wait for it.
inline void kill_and_wait(pid_t pid) {
  ::kill(pid, SIGKILL);
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

/// Run the checks of `body` in a process of its own; they fail here when they fail there.
inline void in_own_process(const std::function<void()>& body) {
  const pid_t pid = start_bound_process([&] {
    try {
      body();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    std::fflush(stdout);
    // Not left to init, which may take its time.
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  });
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see what failed in the process above";
}

/// A pipe through which processes tell that they are ready, and by its end that they are gone.
class Channel {
 public:
  explicit Channel(int flags = O_CLOEXEC) { EXPECT_EQ(::pipe2(ends_.data(), flags), 0); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }

  [[nodiscard]] int out() const { return ends_[0]; }
  [[nodiscard]] int in() const { return ends_[1]; }

  /// Only others write.
  void close_in() { ::close(std::exchange(ends_[1], -1)); }

  template <typename Value>
  void send(const Value& value) const {
    EXPECT_EQ(::write(ends_[1], &value, sizeof value), static_cast<ssize_t>(sizeof value));
  }

  /// The next value that was sent; nothing when nobody will send one any more.
  template <typename Value>
  [[nodiscard]] std::optional<Value> receive() const {
    pollfd ready{ends_[0], POLLIN, 0};
    if (::poll(&ready, 1, kPatience * 1000) != 1) {
      ADD_FAILURE() << "nothing comes from the pipe";
      return std::nullopt;
    }
    Value value{};
    const ssize_t count = ::read(ends_[0], &value, sizeof value);
    if (count == 0) return std::nullopt;
    EXPECT_EQ(count, static_cast<ssize_t>(sizeof value));
    return value;
  }

  /// Does its end come, and nothing before? Then nobody holds it open.
  [[nodiscard]] bool ends() const { return !receive<char>(); }

 private:
  std::array<int, 2> ends_{-1, -1};
};

}  // namespace ufl::test
