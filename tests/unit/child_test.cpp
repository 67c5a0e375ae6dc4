// SPDX-License-Identifier: MIT
//
// The command: nothing of it runs before it may go, then it is the same process.

#include "process/child.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "process/event_loop.hpp"
#include "sys/kernel_signs.hpp"
#include "unit/child_fixture.hpp"
#include "unit/child_processes.hpp"

namespace ufl::test {
namespace {

bool is_this_program(pid_t pid) {
  std::error_code error;
  const auto executable = [&](const std::string& of) {
    return std::filesystem::read_symlink("/proc/" + of + "/exe", error);
  };
  return executable(std::to_string(pid)) == executable("self");
}

TEST_F(ChildTest, RunsNothingBeforeItMayGo) {
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace() + "; exit 7"), 0);
    ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'S'; }));
    EXPECT_TRUE(is_this_program(ufl.pid()));
    EXPECT_FALSE(has_run());
    EXPECT_EQ(ufl.finish().status, 7);
    EXPECT_TRUE(has_run());
    EXPECT_FALSE(has_children());
  });
}

TEST_F(ChildTest, IsTheSameProcessBeforeAndAfter) {
  in_own_process([] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn("kill -STOP $$; exit 3"), 0);
    const ProcessId id = ufl.child.id();
    ASSERT_TRUE(id.start);
    EXPECT_EQ(process_stat(ufl.pid())->start, *id.start);
    EXPECT_EQ(process_stat(ufl.pid())->parent, ::getpid());
    CommandEnd result;
    ufl.child.go([&](const CommandEnd& end) {
      result = end;
      ufl.loop.stop();
    });
    ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'T'; }));
    EXPECT_FALSE(is_this_program(ufl.pid()));
    EXPECT_EQ(process_stat(ufl.pid())->start, *id.start);
    ufl.child.signal(SIGCONT);
    ufl.loop.run();
    EXPECT_EQ(result.status, 3);
    EXPECT_EQ(result.exec_error, 0);
  });
}

TEST_F(ChildTest, TellsWhyTheCommandCouldNotBeRun) {
  std::ofstream{path("plain")} << "no program\n";
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.child.spawn({{"absent"}}, path("absent")), 0);
    CommandEnd end = ufl.finish();
    EXPECT_EQ(end.exec_error, ENOENT);
    EXPECT_EQ(end.status, 127);
    ASSERT_EQ(ufl.child.spawn({{"plain"}}, path("plain")), 0);
    end = ufl.finish();
    EXPECT_EQ(end.exec_error, EACCES);
    EXPECT_EQ(end.status, 126);
    EXPECT_FALSE(has_children());
  });
}

TEST_F(ChildTest, AScriptWithoutAFirstLineIsRunByTheShell) {
  std::ofstream{path("script")} << "exit $1\n";
  ::chmod(path("script").c_str(), 0755);
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.child.spawn({{"script", "9"}}, path("script")), 0);
    EXPECT_EQ(ufl.finish().status, 9);
  });
}

TEST_F(ChildTest, ASignalThatComesBeforeItGoesEndsTheCommand) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}) {
    in_own_process([this, number] {
      ::setpgid(0, 0);
      Ufl ufl;
      std::vector<int> seen;
      ufl.loop.on_signal([&](const SignalEvent& event) { seen.push_back(event.number); });
      ASSERT_EQ(ufl.spawn(leave_trace()), 0);
      EXPECT_TRUE(ufl.child.in_our_group());
      ::kill(0, number);
      ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'S'; }));
      const CommandEnd end = ufl.finish();
      EXPECT_EQ(end.signal, number);
      EXPECT_FALSE(has_run());
      ufl.loop.poll_signals();
      EXPECT_EQ(seen, std::vector<int>{number});
    });
  }
}

TEST_F(ChildTest, ASignalToItAloneWaitsUntilItGoes) {
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace()), 0);
    ufl.child.signal(SIGTERM);
    ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'S'; }));
    EXPECT_EQ(ufl.finish().signal, SIGTERM);
    EXPECT_FALSE(has_run());
  });
}

TEST_F(ChildTest, DumpsNoCoreOfUfl) {
  std::string pattern;
  std::getline(std::ifstream{"/proc/sys/kernel/core_pattern"}, pattern);
  if (pattern.find_first_of("|/") != std::string::npos) GTEST_SKIP() << "cores go elsewhere";
  in_own_process([this] {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_CORE, &limit), 0);
    std::filesystem::current_path(directory_.path());
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace()), 0);
    ufl.child.signal(SIGQUIT);
    EXPECT_EQ(ufl.finish().signal, SIGQUIT);
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  });
}

TEST_F(ChildTest, WhatUflIgnoresItIgnoresToo) {
  in_own_process([this] {
    ::signal(SIGHUP, SIG_IGN);
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace() + "; kill -HUP $$; exit 5"), 0);
    ufl.child.signal(SIGHUP);
    EXPECT_EQ(ufl.finish().status, 5);
    EXPECT_TRUE(has_run());
  });
}

}  // namespace
}  // namespace ufl::test
