// SPDX-License-Identifier: MIT

#include "process/end_child.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "process/process_title.hpp"
#include "process/signal_bystander.hpp"
#include "unit/child_processes.hpp"
#include "unit/refused_calls.hpp"

namespace ufl::test {
namespace {

void stay() {
  for (;;) ::pause();
}

TEST(EndChildTest, KillsAndWaits) {
  in_own_process([] {
    const pid_t child = start_bound_process(stay);
    EXPECT_TRUE(end_child(child));
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), -1) << "it was waited for";
  });
}

TEST(EndChildTest, WaitsForWhoHasEnded) {
  in_own_process([] {
    const pid_t child = start_process([] {});
    ASSERT_TRUE(eventually([child] { return state_of(child) == 'Z'; }));
    EXPECT_TRUE(end_child(child));
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), -1);
  });
}

TEST(EndChildTest, DoesNotWaitForEverForWhoMayNotBeKilled) {
  in_own_process([] {
    const pid_t child = start_bound_process(stay);
    if (!refuse({SYS_kill})) return;
    EXPECT_FALSE(end_child(child));
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0) << "it lives, and ends with this process";
  });
}

TEST(EndChildTest, NorWithoutADescriptorOfIt) {
  in_own_process([] {
    const pid_t child = start_bound_process(stay);
    if (!refuse({SYS_kill, SYS_pidfd_open})) return;
    EXPECT_FALSE(end_child(child));
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0);
  });
}

TEST(EndChildTest, WithoutADescriptorOfItItEndsAllTheSame) {
  in_own_process([] {
    const pid_t child = start_bound_process(stay);
    if (!refuse({SYS_pidfd_open})) return;
    EXPECT_TRUE(end_child(child));
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), -1);
  });
}

TEST(EndChildTest, ABystanderThatMayNotBeKilledHoldsUpNothing) {
  in_own_process([] {
    const ProcessTitle title{0, nullptr};
    SignalBystander bystander{title};
    bystander.start();
    const pid_t first = bystander.pid();
    if (!refuse({SYS_kill})) return;
    bystander.start();
    EXPECT_NE(bystander.pid(), first) << "and another one takes its place";
  });
}

}  // namespace
}  // namespace ufl::test
