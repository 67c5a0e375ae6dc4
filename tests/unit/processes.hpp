// SPDX-License-Identifier: MIT
//
// Real processes for tests: each says when it is ready, and lives until it is killed.

#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "seams/identity.hpp"
#include "sys/process_info.hpp"

namespace ufl::test {

/// What `body` returns, 0 to 255, when it runs in a process of its own; -1 when that was killed.
inline int run_in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// In a process of a test: do nothing until it is killed.
[[noreturn]] inline void stay() {
  while (true) ::pause();
}

/// In the body of a Process, or a process that it has forked: let the test go on, then stay().
[[noreturn]] inline void tell_and_stay() {
  const pid_t pid = ::getpid();
  if (::write(STDOUT_FILENO, &pid, sizeof pid) != sizeof pid) ::_exit(1);
  stay();
}

/// A process that a test has started, or adopted; it is killed and reaped at the end of its scope.
class Process {
 public:
  /// Runs `body` in a new process, and goes on when it, or one that it has forked, has come to
  /// tell_and_stay(). What it has to say it says on descriptor 1, which close_range(3, ~0) spares.
  explicit Process(const std::function<void()>& body) {
    int pipe[2];
    if (::pipe(pipe) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      ::close(pipe[0]);
      ::close(pipe[1]);
      body();
      ::_exit(1);
    }
    ::close(pipe[1]);
    EXPECT_EQ(::read(pipe[0], &told_, sizeof told_), static_cast<ssize_t>(sizeof told_));
    ::close(pipe[0]);
  }
  /// One that a process of ours has started; this one must be its subreaper, prctl(2).
  explicit Process(pid_t pid) : pid_{pid} {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) reap();
  }

  /// Who has come to tell_and_stay().
  [[nodiscard]] pid_t told() const { return told_; }

  /// As a record names it.
  [[nodiscard]] ProcessId id() const {
    const auto stat = process_stat(pid_);
    return {pid_, stat ? std::optional{stat->start} : std::nullopt};
  }

  /// Kill it and wait until it is dead; it stays a zombie.
  void end() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }

  /// End it, and let its number go.
  void reap() {
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  pid_t told_ = -1;
};

}  // namespace ufl::test
