// SPDX-License-Identifier: MIT
//
// Trees of real processes, for the tests of ProcessTree (process/process_tree.hpp).

#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>

#include "process/process_tree.hpp"
#include "seams/process_table.hpp"
#include "sys/kernel_signs.hpp"
#include "unit/child_processes.hpp"

namespace ufl::test {

/// Numbers of processes.
using Pids = std::set<std::int64_t>;

/// The processes that are left. The test fails if one of them, or the list, tells of an error.
inline Pids pids_of(const Remains& remains) {
  EXPECT_EQ(remains.error, 0);
  Pids pids;
  for (const Survivor& survivor : remains.survivors) {
    EXPECT_EQ(survivor.error, 0) << survivor.process.pid;
    pids.insert(survivor.process.pid);
  }
  return pids;
}

/// What a process does until it is killed.
[[noreturn]] inline void wait_for_a_signal() {
  for (;;) ::pause();
}

/// Kills them.
inline void end(const Pids& pids) {
  for (const auto pid : pids) ::kill(static_cast<pid_t>(pid), SIGKILL);
}

/// A tree, and the processes that a test puts into it. To be made in a process of its own.
struct Forest {
  pid_t grow(const std::function<void()>& body = [] {}) const {
    return start_process([&] {
      body();
      ready.send(::getpid());
      wait_for_a_signal();
    });
  }

  /// A process that has left its parent, its session and its group.
  void grow_daemon() const {
    const pid_t middle = start_process([this] {
      const pid_t parent = ::getpid();
      start_process([this, parent] {
        ::setsid();
        eventually([parent] { return ::getppid() != parent; });
        ready.send(::getpid());
        wait_for_a_signal();
      });
    });
    ::waitpid(middle, nullptr, 0);
  }

  /// The numbers of the next processes that are ready.
  Pids next(std::size_t count) const {
    Pids pids;
    while (pids.size() < count) {
      const auto pid = ready.receive<pid_t>();
      if (!pid) break;
      pids.insert(*pid);
    }
    EXPECT_EQ(pids.size(), count);
    return pids;
  }

  /// Sweep until nothing is left.
  void kill_until_none_is_left() {
    EXPECT_TRUE(eventually([&] {
      const Remains remains = tree.kill_all();
      tree.reap_orphans();
      return remains.error == 0 && remains.survivors.empty();
    }));
  }

  /// Whatever was grown holds the other end of a pipe open.
  void expect_all_gone() {
    ready.close_in();
    EXPECT_TRUE(ready.ends());
  }

  KernelSigns host{};
  ProcessTable& table = host;
  ProcessTree tree{table, [this](std::int64_t pid) { return helpers.contains(pid); }};
  Pids helpers{};
  Channel ready{};
};

}  // namespace ufl::test
