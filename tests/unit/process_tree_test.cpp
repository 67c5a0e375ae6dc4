// SPDX-License-Identifier: MIT

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
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <new>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "process/child.hpp"
#include "process/event_loop.hpp"
#include "process/signals.hpp"
#include "process/standard_fds.hpp"
#include "seams/process_table.hpp"
#include "sys/host_processes.hpp"
#include "unit/child_processes.hpp"

namespace ufl::test {
namespace {

using Pids = std::set<std::int64_t>;

Pids pids_of(const Remains& remains) {
  EXPECT_EQ(remains.error, 0);
  Pids pids;
  for (const Survivor& survivor : remains.survivors) {
    EXPECT_EQ(survivor.error, 0) << survivor.process.pid;
    pids.insert(survivor.process.pid);
  }
  return pids;
}

[[noreturn]] void wait_for_a_signal() {
  for (;;) ::pause();
}

void end(const Pids& pids) {
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

  HostProcesses host{};
  ProcessTable& table = host;
  ProcessTree tree{table, [this](std::int64_t pid) { return helpers.contains(pid); }};
  Pids helpers{};
  Channel ready{};
};

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
  HostProcesses host_;
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

/// Says what a test wants, of processes that need not be there.
class FakeTable final : public ProcessTable {
 public:
  [[nodiscard]] std::optional<ProcessStat> find(std::int64_t pid) override {
    ++lookups;
    return found ? found(pid) : real.find(pid);
  }
  [[nodiscard]] std::vector<std::int64_t> children() override { return {}; }
  [[nodiscard]] ProcessList all() override {
    if (on_list) on_list();
    return list;
  }

  /// This process, older than all others.
  [[nodiscard]] static ProcessStat self() {
    return {.pid = ::getpid(), .state = 'R', .parent = 1, .threads = 1, .start = 1};
  }
  [[nodiscard]] static ProcessStat child_of(std::int64_t parent, std::int64_t pid,
                                            std::uint64_t start, char state = 'S') {
    return {.pid = pid, .state = state, .parent = parent, .threads = 1, .start = start};
  }

  HostProcesses real;
  ProcessList list{};
  std::function<std::optional<ProcessStat>(std::int64_t)> found{};
  std::function<void()> on_list{};
  int lookups = 0;
};

// Far beyond any real number.
constexpr std::int64_t kSome = 5'000'000'000;

class ProcessTreeOfATable : public ::testing::Test {
 protected:
  [[nodiscard]] Pids alive() { return pids_of(tree_.alive()); }

  FakeTable table_;
  ProcessTree tree_{table_, {}};
  const std::int64_t self_ = ::getpid();
};

TEST_F(ProcessTreeOfATable, NobodyIsOlderThanHisParent) {
  table_.list.processes = {FakeTable::child_of(kSome + 1, kSome + 2, 50), FakeTable::self(),
                           FakeTable::child_of(kSome + 1, kSome + 3, 100),
                           FakeTable::child_of(self_, kSome + 1, 100)};
  EXPECT_EQ(alive(), (Pids{kSome + 1, kSome + 3}));
}

TEST_F(ProcessTreeOfATable, WeAreNotBelowOurselves) {
  ProcessStat self = FakeTable::self();
  self.parent = kSome;
  table_.list.processes = {self, FakeTable::child_of(self_, kSome, 1)};
  EXPECT_EQ(alive(), Pids{kSome});
}

TEST_F(ProcessTreeOfATable, BeginsAtEachRoot) {
  table_.found = [](std::int64_t) { return std::nullopt; };
  table_.list.processes = {FakeTable::child_of(kSome, kSome + 1, 101),
                           FakeTable::child_of(kSome + 1, kSome + 2, 102),  // a root below another
                           FakeTable::child_of(1, kSome, 100),
                           FakeTable::self(),
                           FakeTable::child_of(self_, kSome + 3, 100),
                           FakeTable::child_of(kSome + 1, kSome + 4, 100),  // older than its parent
                           FakeTable::child_of(1, kSome + 5, 100),          // a root, but spared
                           FakeTable::child_of(kSome + 5, kSome + 6, 100)};
  const Pids roots{kSome, kSome + 2, kSome + 5};
  ProcessTree tree{table_, [](std::int64_t pid) { return pid == kSome + 5; },
                   [&](const ProcessStat& process) { return roots.contains(process.pid); }};
  const Remains remains = tree.alive();
  EXPECT_EQ(remains.survivors.size(), 3U);
  EXPECT_EQ(pids_of(remains), (Pids{kSome, kSome + 1, kSome + 2}));
}

TEST_F(ProcessTreeOfATable, AParentThatEndsWhileTheListIsReadIsReplaced) {
  table_.list.processes = {FakeTable::self(), FakeTable::child_of(kSome, kSome + 1, 100),
                           FakeTable::child_of(kSome, kSome + 2, 100)};
  table_.found = [&](std::int64_t pid) {
    return FakeTable::child_of(self_, pid, pid == kSome + 1 ? 100 : 101);
  };
  EXPECT_EQ(alive(), Pids{kSome + 1}) << "the other one's number is used again";
}

TEST_F(ProcessTreeOfATable, ANumberThatIsUsedAgainIsNotHit) {
  const pid_t foreign = start_process(wait_for_a_signal);
  const std::uint64_t start = process_stat(foreign)->start;
  table_.list.processes = {FakeTable::self(), FakeTable::child_of(self_, foreign, start - 1)};
  tree_.terminate();
  tree_.kill_all();
  EXPECT_GT(table_.lookups, 0);
  ::kill(foreign, SIGUSR1);
  int status = 0;
  ASSERT_EQ(::waitpid(foreign, &status, 0), foreign);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGUSR1) << "no other signal came before";
}

TEST_F(ProcessTreeOfATable, WhatCannotBeSeenHasNotEnded) {
  Channel ready;
  const pid_t child = start_process([&] {
    ready.send(start_process(wait_for_a_signal));
    wait_for_a_signal();
  });
  const auto grandchild = ready.receive<pid_t>();
  ASSERT_TRUE(grandchild);
  ASSERT_TRUE(eventually([&] { return state_of(*grandchild) == 'S'; }));
  table_.list.processes = {FakeTable::self(), FakeTable::child_of(self_, *grandchild, 100)};
  table_.found = [](std::int64_t) { return std::nullopt; };
  const Remains remains = tree_.kill_all();
  ASSERT_EQ(remains.survivors.size(), 1U);
  EXPECT_EQ(remains.survivors[0].error, EAGAIN);
  EXPECT_EQ(state_of(*grandchild), 'S');
  ::kill(*grandchild, SIGKILL);
  ASSERT_TRUE(eventually([&] { return has_ended(*grandchild); }));
  kill_and_wait(child);
}

TEST_F(ProcessTreeOfATable, AChildOfOursNeedNotBeSeen) {
  const pid_t command = start_process(wait_for_a_signal);
  tree_.set_command({command, 100});
  table_.list.error = ENOENT;  // a chroot without /proc
  table_.found = [](std::int64_t) { return std::nullopt; };
  const Remains remains = tree_.kill_all();
  EXPECT_EQ(remains.error, ENOENT);
  int status = 0;
  ASSERT_EQ(::waitpid(command, &status, 0), command);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

/// A command of which there is a descriptor.
struct Described {
  Described() : pid{start_bound_process(wait_for_a_signal)}, pidfd{pidfd_of(pid)} {}
  Described(const Described&) = delete;
  Described& operator=(const Described&) = delete;
  ~Described() { ::close(pidfd); }

  static int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); }

  pid_t pid;
  int pidfd;
};

// Who has slept for too long has no time for that.
TEST_F(ProcessTreeOfATable, TheCommandIsKilledBeforeAnythingIsLookedFor) {
  const Described command;
  tree_.set_command({command.pid, {}}, command.pidfd);
  EXPECT_FALSE(tree_.command_has_ended());
  int looks = 0;
  table_.on_list = [&] {
    ++looks;
    EXPECT_TRUE(eventually([&] { return state_of(command.pid) == 'Z'; }));
  };
  tree_.kill_all();
  EXPECT_GT(looks, 0);
  EXPECT_TRUE(tree_.command_has_ended());
  int status = 0;
  ASSERT_EQ(::waitpid(command.pid, &status, 0), command.pid);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(ProcessTreeOfATable, ACommandThatCannotBeSeenIsToldByItsDescriptor) {
  const Described command;
  tree_.set_command({command.pid, {}}, command.pidfd);
  table_.list.error = ENOENT;
  table_.found = [](std::int64_t) { return std::nullopt; };
  ProcessTree helpers{tree_, {}, [](const ProcessStat&) { return false; }, command.pidfd};
  helpers.terminate();
  int status = 0;
  ASSERT_EQ(::waitpid(command.pid, &status, 0), command.pid);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(ProcessTreeOfATable, ABadPictureIsNoEmptyTree) {
  EXPECT_EQ(tree_.alive().error, ENOENT) << "we are not in it";
  table_.list = {EMFILE, {FakeTable::self()}};
  EXPECT_EQ(tree_.alive().error, EMFILE);
  EXPECT_EQ(tree_.kill_all().error, EMFILE);
  table_.list.error = 0;
  EXPECT_EQ(tree_.alive().error, 0);
}

TEST_F(ProcessTreeOfATable, NeitherIsOneThatNeverComesToRest) {
  table_.list.processes = {FakeTable::self()};
  std::int64_t last = kSome;
  table_.on_list = [&] {
    table_.list.processes.push_back(FakeTable::child_of(self_, ++last, 100, 'Z'));
  };
  EXPECT_EQ(tree_.alive().error, EAGAIN);
  EXPECT_EQ(tree_.kill_all().error, EAGAIN);
  table_.on_list = {};
  EXPECT_EQ(tree_.alive().error, 0);
}

TEST_F(ProcessTreeOfATable, ACommandThatIsHiddenFromUsIsInIt) {
  const pid_t command = start_process(wait_for_a_signal);
  tree_.set_command({command, 100});
  table_.list.processes = {FakeTable::self(), FakeTable::child_of(command, kSome, 100)};
  EXPECT_EQ(alive(), (Pids{command, kSome}));
  kill_and_wait(command);
  EXPECT_EQ(alive(), Pids{}) << "its number may be anybody's";
}

}  // namespace
}  // namespace ufl::test
