// SPDX-License-Identifier: MIT

#include "process/child.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "process/event_loop.hpp"
#include "process/signal_bystander.hpp"
#include "process/signals.hpp"
#include "process/standard_fds.hpp"
#include "seams/clock.hpp"
#include "sys/host_processes.hpp"
#include "unit/child_processes.hpp"
#include "unit/refused_calls.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl::test {
namespace {

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
  HostProcesses table;
  Child child{loop, signals, closed, table};
};

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) == 0; }

bool is_this_program(pid_t pid) {
  std::error_code error;
  const auto executable = [&](const std::string& of) {
    return std::filesystem::read_symlink("/proc/" + of + "/exe", error);
  };
  return executable(std::to_string(pid)) == executable("self");
}

class ChildTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  [[nodiscard]] std::string leave_trace() const { return "echo >" + path("trace"); }
  [[nodiscard]] bool has_run() const { return std::filesystem::exists(path("trace")); }

  TemporaryDirectory directory_;
};

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

TEST_F(ChildTest, AbandonedItHasRunNothingAndIsGone) {
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace()), 0);
    const pid_t pid = ufl.pid();
    ufl.child.abandon();
    EXPECT_FALSE(has_children());
    EXPECT_EQ(state_of(pid), '\0');
    EXPECT_FALSE(ufl.child.in_our_group());
    ufl.child.signal(SIGTERM);
    ufl.child.go([](const CommandEnd&) { ADD_FAILURE() << "there is nothing to go"; });
    ufl.run_for_a_moment();
    EXPECT_FALSE(has_run());
    ASSERT_EQ(ufl.spawn(leave_trace()), 0) << "another one may follow";
    EXPECT_EQ(ufl.finish().status, 0);
    EXPECT_TRUE(has_run());
  });
}

TEST_F(ChildTest, AbandonedThoughItIsStopped) {
  in_own_process([] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn("exit 0"), 0);
    ufl.child.signal(SIGSTOP);
    ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'T'; }));
    ufl.child.abandon();
    EXPECT_FALSE(has_children());
  });
}

TEST_F(ChildTest, DestroyedBeforeItMayGoItIsGone) {
  in_own_process([this] {
    {
      Ufl ufl;
      ASSERT_EQ(ufl.spawn(leave_trace()), 0);
    }
    EXPECT_FALSE(has_children());
    EXPECT_FALSE(has_run());
  });
}

// The descriptors that only live processes keep open tell that all are gone.
TEST_F(ChildTest, EndsWithAUflThatIsKilledBeforeItGoes) {
  Channel alive{0};
  const pid_t holder = start_bound_process([&] {
    Ufl ufl;
    if (ufl.spawn(leave_trace()) != 0) return;
    const ProcessTitle title{0, nullptr};
    SignalBystander bystander{title};
    bystander.start();
    alive.send(ufl.pid());
    ::pause();
  });
  alive.close_in();
  const auto child = alive.receive<pid_t>();
  ASSERT_TRUE(child);
  ASSERT_TRUE(eventually([&] { return state_of(*child) == 'S'; }));
  kill_and_wait(holder);
  EXPECT_TRUE(alive.ends());
  EXPECT_FALSE(has_run());
}

// And it has nothing else open, lest somebody wait for its end.
TEST_F(ChildTest, TheBystanderKeepsAFileAsLongAsTheCommandRuns) {
  Channel kept;
  Channel pids;
  Channel other;
  const pid_t holder = start_bound_process([&] {
    Ufl ufl;
    if (ufl.spawn("exec sleep 60") != 0) return;
    ufl.child.go([](const CommandEnd&) {});
    const ProcessTitle title{0, nullptr};
    SignalBystander bystander{title};
    bystander.keep(kept.in(), ufl.pid());
    bystander.start();
    bystander.start();  // a new one does the same
    pids.send(ufl.pid());
    pids.send(bystander.pid());
    ::pause();
  });
  const auto command = pids.receive<pid_t>();
  const auto bystander = pids.receive<pid_t>();
  ASSERT_TRUE(command && bystander);
  kept.close_in();
  other.close_in();
  kill_and_wait(holder);
  EXPECT_TRUE(other.ends());
  EXPECT_FALSE(has_ended(*bystander));
  ::kill(*command, SIGKILL);
  EXPECT_TRUE(kept.ends());
  EXPECT_TRUE(eventually([&] { return has_ended(*bystander); }));
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

TEST_F(ChildTest, KilledBeforeItGoesItHasEnded) {
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace()), 0);
    ::kill(ufl.pid(), SIGKILL);
    ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'Z'; }));
    const CommandEnd end = ufl.finish();
    EXPECT_EQ(end.signal, SIGKILL);
    EXPECT_EQ(end.exec_error, 0);
    EXPECT_FALSE(has_run());
  });
}

// A process of this number, which must be free, that is no child of the one that forks; and another
// one that tells how it has ended. 0: not possible here.
pid_t use_again(pid_t number, const Channel& end) {
  const Channel ready;
  const pid_t parent = start_bound_process([&] {
    std::array<std::uint64_t, 11> words{};  // struct clone_args, clone(2)
    words[4] = SIGCHLD;
    words[8] = reinterpret_cast<std::uint64_t>(&number);  // set_tid
    words[9] = 1;
    const long pid = ::syscall(SYS_clone3, words.data(), sizeof words);
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      sigset_t none;
      ::sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ready.send(static_cast<long>(::getpid()));
      for (;;) ::pause();
    }
    if (pid < 0) ready.send(pid);
    int status = 0;
    if (pid > 0 && ::waitpid(static_cast<pid_t>(pid), &status, 0) == pid) end.send(status);
  });
  if (ready.receive<long>() == number) return parent;
  kill_and_wait(parent);
  return 0;
}

// Known race: Asio has waited for the command, and its news wait in the loop.
TEST_F(ChildTest, SignalsNobodyWhoHasTheNumberOfACommandThatWasWaitedFor) {
  in_own_process([] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn("exit 0"), 0);
    const pid_t number = ufl.pid();
    ::kill(number, SIGKILL);
    ASSERT_TRUE(eventually([&] { return state_of(number) == 'Z'; }));
    ufl.child.go([&](const CommandEnd&) { ufl.loop.stop(); });
    ASSERT_EQ(state_of(number), '\0') << "it was waited for, and nobody was told";
    const Channel end;
    const pid_t stranger = use_again(number, end);
    if (stranger == 0) return;  // only root may choose numbers
    ufl.child.signal(SIGTERM);
    ::kill(number, SIGUSR1);
    const auto status = end.receive<int>();
    ASSERT_TRUE(status);
    EXPECT_EQ(WTERMSIG(*status), SIGUSR1) << "no other signal came before";
    EXPECT_EQ(::waitpid(stranger, nullptr, 0), stranger);
    ufl.loop.run();
  });
}

TEST_F(ChildTest, AbandonedItEndsByItselfWhereNobodyMayBeKilled) {
  in_own_process([this] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn(leave_trace()), 0);
    if (!refuse({SYS_kill, SYS_pidfd_send_signal})) return;
    ufl.child.abandon();
    EXPECT_FALSE(has_children());
    EXPECT_FALSE(has_run());
  });
}

TEST_F(ChildTest, AbandonedWhereItCannotEndItHoldsUpNothing) {
  in_own_process([] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn("exit 0"), 0);
    ufl.child.signal(SIGSTOP);
    ASSERT_TRUE(eventually([&] { return state_of(ufl.pid()) == 'T'; }));
    const pid_t number = ufl.pid();
    const Channel let_die;
    const pid_t killer = start_bound_process([&] {
      if (let_die.receive<char>()) ::kill(number, SIGKILL);
    });
    if (!refuse({SYS_kill, SYS_pidfd_send_signal})) return kill_and_wait(killer);
    ufl.child.abandon();
    EXPECT_TRUE(has_children());
    let_die.send('x');
    ::waitpid(killer, nullptr, 0);
  });
}

// The command reads what nobody writes, so it ends by a signal only.
struct Orphan {
  explicit Orphan(SpawnOptions options) {
    const pid_t holder = start_bound_process([&] {
      ::dup2(input.out(), 0);
      ::dup2(alive.in(), 1);
      Ufl ufl;
      if (ufl.spawn("printf x; read line; printf y", options) != 0) return;
      ufl.child.go([](const CommandEnd&) {});
      ::pause();
    });
    alive.close_in();
    EXPECT_EQ(alive.receive<char>(), 'x');
    kill_and_wait(holder);
  }

  Channel input;
  Channel alive;
};

TEST_F(ChildTest, CanBeBoundToTheLifeOfUfl) {
  const Orphan orphan{{.die_with_parent = true}};
  EXPECT_TRUE(orphan.alive.ends());
}

TEST_F(ChildTest, OtherwiseItOutlivesUfl) {
  const Orphan orphan{{}};
  orphan.input.send('\n');
  EXPECT_EQ(orphan.alive.receive<char>(), 'y');
}

// On one processor the new process does not run before ufl waits for something, or is gone.
TEST_F(ChildTest, IsBoundToAUflThatIsGoneBeforeItBegins) {
  for (int round = 0; round < 20; ++round) {
    Channel input;
    Channel alive;
    const pid_t holder = start_bound_process([&] {
      ::dup2(input.out(), 0);
      ::dup2(alive.in(), 1);
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
      ::sched_setaffinity(0, sizeof one, &one);
      Ufl ufl;
      if (ufl.spawn("read line; printf y", {.die_with_parent = true}) != 0) return;
      ufl.child.go([](const CommandEnd&) {});
      ::raise(SIGKILL);
    });
    alive.close_in();
    ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
    input.send('\n');
    EXPECT_TRUE(alive.ends()) << "round " << round;
  }
}

}  // namespace
}  // namespace ufl::test
