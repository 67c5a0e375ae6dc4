// SPDX-License-Identifier: MIT
//
// ProcessTree, on real processes.

#include "process/process_tree.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "process/child.hpp"
#include "process/event_loop.hpp"
#include "process/signals.hpp"
#include "seams/process_table.hpp"
#include "sys/kernel_signs.hpp"
#include "sys/pidfd.hpp"
#include "sys/standard_fds.hpp"
#include "unit/child_processes.hpp"
#include "unit/process_forest.hpp"

namespace ufl::test {
namespace {

/// A shell with a background job, one in a session of its own, and a daemon; all of them ready.
Pids grow_a_job(Forest& forest) {
  forest.grow([&] {
    forest.grow();
    forest.grow([] { ::setsid(); });
    forest.grow_daemon();
  });
  return forest.next(4);
}

TEST(ProcessTree, IsEmptyAtFirst) {
  in_own_process([] {
    Forest forest;
    EXPECT_EQ(pids_of(forest.tree.alive()), Pids{});
    EXPECT_EQ(pids_of(forest.tree.terminate()), Pids{});
    EXPECT_EQ(pids_of(forest.tree.kill_all()), Pids{});
    forest.tree.reap_orphans();
  });
}

TEST(ProcessTree, HasEveryDescendant) {
  in_own_process([] {
    ASSERT_EQ(ProcessTree::adopt_orphans(), 0);
    Forest forest;
    const Pids job = grow_a_job(forest);
    EXPECT_EQ(pids_of(forest.tree.alive()), job);
    forest.kill_until_none_is_left();
    for (const auto pid : job) EXPECT_TRUE(has_ended(static_cast<pid_t>(pid))) << pid;
  });
}

TEST(ProcessTree, LosesADaemonUnlessItAdoptsOrphans) {
  in_own_process([] {
    ASSERT_EQ(ProcessTree::adopt_orphans(), 0);  // this process cleans up; the next one does not
    in_own_process([] {
      Forest forest;
      const Pids job = grow_a_job(forest);
      Pids found = pids_of(forest.tree.alive());
      EXPECT_EQ(found.size(), 3U);
      found.merge(Pids{job});
      EXPECT_EQ(found, job);
      forest.kill_until_none_is_left();
      end(job);
    });
  });
}

TEST(ProcessTree, TerminateAsksEveryOne) {
  in_own_process([] {
    Forest forest;
    const pid_t plain = forest.grow();
    const pid_t stopped = forest.grow();
    const pid_t stubborn = forest.grow([] { ::signal(SIGTERM, SIG_IGN); });
    forest.next(3);
    ::kill(stopped, SIGSTOP);
    ASSERT_TRUE(eventually([&] { return state_of(stopped) == 'T'; }));
    EXPECT_EQ(pids_of(forest.tree.terminate()), (Pids{plain, stopped, stubborn}));
    EXPECT_TRUE(eventually([&] { return has_ended(plain) && has_ended(stopped); }));
    EXPECT_EQ(pids_of(forest.tree.alive()), Pids{stubborn}) << "zombies do not count";
    forest.kill_until_none_is_left();
  });
}

TEST(ProcessTree, KillAllEndsWhatIgnoresOrIsStopped) {
  in_own_process([] {
    Forest forest;
    const pid_t stubborn = forest.grow([] {
      sigset_t all;
      ::sigfillset(&all);
      ::sigdelset(&all, SIGALRM);
      ::sigprocmask(SIG_SETMASK, &all, nullptr);
    });
    const pid_t stopped = forest.grow();
    forest.next(2);
    ::kill(stopped, SIGSTOP);
    ASSERT_TRUE(eventually([&] { return state_of(stopped) == 'T'; }));
    forest.kill_until_none_is_left();
    for (const pid_t pid : {stubborn, stopped}) {
      int status = 0;
      EXPECT_EQ(::waitpid(pid, &status, WNOHANG), -1) << "not reaped";
    }
  });
}

TEST(ProcessTree, AProcessWithoutItsMainThreadIsAlive) {
  in_own_process([] {
    Forest forest;
    const pid_t pid = start_process([&] {
      std::thread{[&] {
        eventually([] { return state_of(::getpid()) == 'Z'; });
        forest.ready.send(::getpid());
        wait_for_a_signal();
      }}.detach();
      ::syscall(SYS_exit, 0);
    });
    forest.next(1);
    EXPECT_EQ(pids_of(forest.tree.alive()), Pids{pid});
    forest.kill_until_none_is_left();
  });
}

/// Counts what a test forks, so that a sweep which loses does not take the machine with it.
class Brake {
 public:
  explicit Brake(int most) : most_{most} {
    void* const memory = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    forks_ = new (memory) std::atomic<int>{0};
  }
  /// False: no more.
  [[nodiscard]] bool may_fork() const { return forks_->fetch_add(1) < most_; }
  [[nodiscard]] int forks() const { return *forks_; }
  [[nodiscard]] bool held() const { return forks() < most_; }

 private:
  int most_;
  std::atomic<int>* forks_;
};

TEST(ProcessTree, KillAllIsFasterThanAForkBomb) {
  in_own_process([] {
    ASSERT_EQ(ProcessTree::adopt_orphans(), 0);
    Forest forest;
    const Brake brake{10000};
    for (int parent = 0; parent < 4; ++parent) {
      start_process([&] {
        while (brake.may_fork()) {
          start_process([&] {
            if (brake.may_fork()) start_process(wait_for_a_signal);
            if (brake.forks() % 2 == 0) wait_for_a_signal();
          });
          std::this_thread::sleep_for(std::chrono::microseconds{300});
        }
        wait_for_a_signal();
      });
    }
    ASSERT_TRUE(eventually([&] { return brake.forks() > 100; }));
    forest.kill_until_none_is_left();
    EXPECT_TRUE(brake.held()) << "it ended by itself";
    forest.expect_all_gone();
  });
}

/// The processes of a host that has very many: a list is old when it is there.
class SlowTable final : public ProcessTable {
 public:
  [[nodiscard]] std::optional<ProcessStat> find(std::int64_t pid) override {
    return host_.find(pid);
  }
  [[nodiscard]] std::vector<std::int64_t> children() override { return host_.children(); }
  [[nodiscard]] ProcessList all() override {
    ProcessList list = host_.all();
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    return list;
  }

 private:
  KernelSigns host_;
};

TEST(ProcessTree, KillAllCatchesWhatForksAndEndsAtOnce) {
  if (!std::ifstream{"/proc/thread-self/children"}) GTEST_SKIP() << "takes a kernel that tells";
  in_own_process([] {
    ASSERT_EQ(ProcessTree::adopt_orphans(), 0);
    SlowTable table;
    Forest forest{.table = table};
    const Brake brake{200000};
    start_process([&] {
      while (brake.may_fork()) {
        if (::fork() != 0) ::_exit(0);
        ::alarm(2 * kPatience);
      }
      wait_for_a_signal();
    });
    ASSERT_TRUE(eventually([&] { return brake.forks() > 100; }));
    forest.kill_until_none_is_left();
    EXPECT_TRUE(brake.held()) << "it ended by itself";
    forest.expect_all_gone();
  });
}

// A parent that is killed first would leave the tree with what it has started since the look.
TEST(ProcessTree, KillAllLosesNothingWithoutAdoption) {
  for (int round = 0; round < 5; ++round) {
    in_own_process([] {
      ASSERT_EQ(ProcessTree::adopt_orphans(), 0);  // what the next process loses would come here
      in_own_process([] {
        Forest forest;
        const Brake brake{10000};
        for (int parent = 0; parent < 4; ++parent) {
          start_process([&] {
            while (brake.may_fork()) {
              start_process(wait_for_a_signal);
              std::this_thread::sleep_for(std::chrono::microseconds{300});
            }
            wait_for_a_signal();
          });
        }
        ASSERT_TRUE(eventually([&] { return brake.forks() > 50; }));
        forest.kill_until_none_is_left();
        EXPECT_TRUE(brake.held()) << "it ended by itself";
        forest.expect_all_gone();
      });
    });
  }
}

TEST(ProcessTree, SparesWhatIsNotTheCommand) {
  in_own_process([] {
    ASSERT_EQ(ProcessTree::adopt_orphans(), 0);
    Forest before;
    before.grow([&] { before.grow(); });
    const Pids strangers = before.next(2);
    Forest forest;
    const pid_t command = forest.grow([] { ::signal(SIGTERM, SIG_IGN); });
    forest.next(1);
    const pid_t helper = forest.grow([&] { forest.grow(); });
    const Pids helpers = forest.next(2);
    forest.helpers = {helper};
    EXPECT_EQ(pids_of(forest.tree.alive()), Pids{command});
    forest.tree.terminate();
    forest.kill_until_none_is_left();
    EXPECT_TRUE(has_ended(command));
    for (const Pids& spared : {helpers, strangers}) {
      for (const auto pid : spared) {
        EXPECT_TRUE(eventually([pid] { return state_of(static_cast<pid_t>(pid)) == 'S'; })) << pid;
      }
      end(spared);
    }
  });
}

TEST(ProcessTree, NamesWhatItMayNotSignal) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes a second user";
  in_own_process([] {
    Forest forest;
    const pid_t child = forest.grow();
    ASSERT_TRUE(eventually([&] { return state_of(child) == 'S'; }));
    forest.next(1);
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::setresuid(kNobody, kNobody, 0), 0);  // 0: to come back
    for (const Remains& remains : {forest.tree.terminate(), forest.tree.kill_all()}) {
      ASSERT_EQ(remains.survivors.size(), 1U);
      EXPECT_EQ(remains.survivors[0].process.pid, child);
      EXPECT_EQ(remains.survivors[0].error, EPERM);
      EXPECT_EQ(remains.survivors[0].state, 'S');
    }
    EXPECT_EQ(pids_of(forest.tree.alive()), Pids{child});
    ASSERT_EQ(::setresuid(0, 0, 0), 0);
    kill_and_wait(child);
  });
}

bool is_child(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(ProcessTree, ReapsWhatNobodyWaitsFor) {
  in_own_process([] {
    ASSERT_EQ(ProcessTree::adopt_orphans(), 0);
    const Signals signals;
    EventLoop loop{signals};
    const ClosedStandardFds closed;
    Forest forest;
    Child child{loop, signals, closed, forest.table};
    const auto zombie = [] {
      const pid_t pid = start_process([] {});
      EXPECT_TRUE(eventually([pid] { return state_of(pid) == 'Z'; }));
      return pid;
    };
    // Before and behind those that somebody waits for.
    const pid_t first = zombie();
    const pid_t helper = zombie();
    forest.helpers = {helper};
    ASSERT_EQ(child.spawn({{"sh", "-c", "kill -STOP $$; exit 6"}}, "/bin/sh"), 0);
    forest.tree.set_command(child.id());
    int status = -1;
    child.go([&](const CommandEnd& end) {
      status = end.status;
      loop.stop();
    });
    const auto command = static_cast<pid_t>(child.id().pid);
    ASSERT_TRUE(eventually([&] { return state_of(command) == 'T'; }));
    child.signal(SIGCONT);
    ASSERT_TRUE(eventually([&] { return state_of(command) == 'Z'; }));
    const pid_t last = zombie();
    const pid_t running = forest.grow();

    forest.tree.reap_orphans();
    EXPECT_FALSE(is_child(first));
    EXPECT_FALSE(is_child(last));
    EXPECT_TRUE(is_child(helper));
    EXPECT_TRUE(is_child(running));
    loop.run();
    EXPECT_EQ(status, 6);
    EXPECT_EQ(::waitpid(helper, nullptr, WNOHANG), helper);
    kill_and_wait(running);
    forest.tree.reap_orphans();
  });
}

}  // namespace
}  // namespace ufl::test
