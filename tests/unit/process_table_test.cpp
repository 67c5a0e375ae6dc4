// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <limits>
#include <vector>

#include "sys/kernel_signs.hpp"
#include "sys/process_info.hpp"
#include "unit/child_processes.hpp"

namespace ufl::test {
namespace {

TEST(ProcessTable, FindsThisProcess) {
  KernelSigns table;
  const auto self = table.find(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->pid, ::getpid());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(self->state, 'R');
  EXPECT_GE(self->threads, 1);
  EXPECT_GT(self->start, 0U);
  EXPECT_FALSE(table.find(std::numeric_limits<pid_t>::max()));
}

TEST(ProcessTable, ListsEveryProcessOnce) {
  KernelSigns table;
  const ProcessList list = table.all();
  EXPECT_EQ(list.error, 0);
  for (const pid_t pid : {::getpid(), ::getppid()}) {
    const auto is_it = [pid](const ProcessStat& process) { return process.pid == pid; };
    EXPECT_EQ(std::count_if(list.processes.begin(), list.processes.end(), is_it), 1) << pid;
  }
}

TEST(ProcessTable, NamesTheYoungestChildFirst) {
  if (!std::ifstream{"/proc/thread-self/children"}) GTEST_SKIP() << "this kernel does not tell";
  in_own_process([] {
    KernelSigns table;
    EXPECT_EQ(table.children(), std::vector<std::int64_t>{});
    const pid_t first = start_process([] { ::pause(); });
    const pid_t second = start_process([] { ::pause(); });
    EXPECT_EQ(table.children(), (std::vector<std::int64_t>{second, first}));
    kill_and_wait(first);
    EXPECT_EQ(table.children(), std::vector<std::int64_t>{second});
    kill_and_wait(second);
  });
}

TEST(OpenProcess, IsThisVeryProcessWhileItRuns) {
  const auto self = find_process(::getpid());
  ASSERT_TRUE(self && self->start);
  EXPECT_TRUE(open_process(*self).valid());
  EXPECT_FALSE(open_process({self->pid, *self->start + 1}).valid()) << "another of that number";
  EXPECT_FALSE(open_process({self->pid, {}}).valid()) << "nobody knows which";
  constexpr std::int64_t kTooLarge = std::int64_t{1} << 32;
  for (const std::int64_t pid : {std::int64_t{0}, std::int64_t{-1}, self->pid + kTooLarge,
                                 self->pid - kTooLarge, kTooLarge - 1}) {
    EXPECT_FALSE(open_process({pid, self->start}).valid()) << pid;
  }
}

TEST(OpenProcess, NotOfOneThatHasEnded) {
  const pid_t pid = start_process([] { ::pause(); });
  const auto process = find_process(pid);
  ASSERT_TRUE(process);
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return has_ended(pid); }));
  EXPECT_FALSE(open_process(*process).valid()) << "a zombie";
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_FALSE(open_process(*process).valid());
}

TEST(ProcessTable, ANameCannotForgeTheRest) {
  in_own_process([] {
    ::prctl(PR_SET_NAME, ") Z 1 (");
    const auto self = KernelSigns{}.find(::getpid());
    ASSERT_TRUE(self);
    EXPECT_EQ(self->state, 'R');
    EXPECT_EQ(self->parent, ::getppid());
  });
}

TEST(ProcessTable, AListThatWasCutShortSaysSo) {
  in_own_process([] {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const int lowest = ::dup(0);
    ::close(lowest);
    limit.rlim_cur = static_cast<rlim_t>(lowest) + 1;  // the directory, but no file in it
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(KernelSigns{}.all().error, EMFILE);
    limit.rlim_cur -= 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(KernelSigns{}.all().error, EMFILE);
  });
}

TEST(ProcessTable, TheNumbersOfAnotherNamespaceAreNotOurs) {
  in_own_process([] {
    if (::unshare(CLONE_NEWPID) != 0) GTEST_SKIP() << "takes privileges";
    in_own_process([] {
      ASSERT_EQ(::getpid(), 1);
      KernelSigns table;
      EXPECT_FALSE(table.find(1)) << "that is somebody else";
      EXPECT_EQ(table.all().error, ENOENT);
    });
    EXPECT_TRUE(KernelSigns{}.find(::getpid())) << "we have not moved";
  });
}

}  // namespace
}  // namespace ufl::test
