// SPDX-License-Identifier: MIT
//
// The fixture of the tests of Child (process/child.hpp): a ufl's surroundings of its command, and a
// directory in which the command leaves a trace.

#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "process/child.hpp"
#include "process/event_loop.hpp"
#include "process/signals.hpp"
#include "seams/clock.hpp"
#include "sys/kernel_signs.hpp"
#include "sys/standard_fds.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl::test {

/// What a ufl has around its command.
struct Ufl {
  int spawn(const std::string& script, SpawnOptions options = {}) {
    return child.spawn({{"sh", "-c", script}}, "/bin/sh", options);
  }

  /// Let the command go, and wait for its end.
  CommandEnd finish() {
    CommandEnd result;
    child.go([&](const CommandEnd& end) {
      result = end;
      loop.stop();
    });
    loop.run();
    return result;
  }

  /// Handle what is ready.
  void run_for_a_moment() {
    const auto timer = loop.make_timer();
    timer->at(Mono{Duration{1}}, [this] { loop.stop(); });
    loop.run();
  }

  [[nodiscard]] pid_t pid() const { return static_cast<pid_t>(child.id().pid); }

  Signals signals;
  EventLoop loop{signals};
  ClosedStandardFds closed;
  KernelSigns table;
  Child child{loop, signals, closed, table};
};

/// Has this process a child that has not ended?
inline bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) == 0; }

/// A directory for one test.
class ChildTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  [[nodiscard]] std::string leave_trace() const { return "echo >" + path("trace"); }
  [[nodiscard]] bool has_run() const { return std::filesystem::exists(path("trace")); }

  TemporaryDirectory directory_;
};

}  // namespace ufl::test
