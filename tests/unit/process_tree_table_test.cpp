// SPDX-License-Identifier: MIT
//
// ProcessTree, on a process table that says what the test wants.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "process/process_tree.hpp"
#include "seams/process_table.hpp"
#include "sys/kernel_signs.hpp"
#include "unit/child_processes.hpp"
#include "unit/process_forest.hpp"

namespace ufl::test {
namespace {

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

  KernelSigns real;
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
