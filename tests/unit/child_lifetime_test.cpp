// SPDX-License-Identifier: MIT
//
// A command that ends before it goes, is abandoned, or has lost its ufl.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

#include "process/child.hpp"
#include "process/signal_bystander.hpp"
#include "unit/child_fixture.hpp"
#include "unit/child_processes.hpp"
#include "unit/refused_calls.hpp"

namespace ufl::test {
namespace {

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

// It is waited for in the moment in which its end is told, so nobody else has its number before.
TEST_F(ChildTest, SignalsNobodyWhoHasTheNumberOfACommandThatHasEnded) {
  in_own_process([] {
    Ufl ufl;
    ASSERT_EQ(ufl.spawn("exit 0"), 0);
    const pid_t number = ufl.pid();
    ::kill(number, SIGKILL);
    ASSERT_TRUE(eventually([&] { return state_of(number) == 'Z'; }));
    ufl.child.go([&](const CommandEnd&) { ufl.loop.stop(); });
    ufl.child.signal(SIGTERM);
    ASSERT_EQ(state_of(number), 'Z') << "nobody waits for it before its end is told";
    ufl.loop.run();
    ASSERT_EQ(state_of(number), '\0');
    const Channel end;
    const pid_t stranger = use_again(number, end);
    if (stranger == 0) return;  // only root may choose numbers
    ufl.child.signal(SIGTERM);
    ::kill(number, SIGUSR1);
    const auto status = end.receive<int>();
    ASSERT_TRUE(status);
    EXPECT_EQ(WTERMSIG(*status), SIGUSR1) << "no other signal came before";
    EXPECT_EQ(::waitpid(stranger, nullptr, 0), stranger);
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
