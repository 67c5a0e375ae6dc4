// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "sys/host_identity.hpp"
#include "sys/process_info.hpp"
#include "unit/host_judge.hpp"

namespace ufl {
namespace {

constexpr std::string_view kUuid = "00000000-0000-4000-8000-000000000000";

class LivenessTest : public ::testing::Test {
 protected:
  Life look(const Holder& holder) { return liveness_.look(holder, kUuid, true); }
  Life look_on_share(const Holder& holder) { return liveness_.look(holder, kUuid, false); }

  HostIdentity identity_;
  HostJudge liveness_{identity_};
  Holder self_ = identity_.self();
};

TEST_F(LivenessTest, SeesItself) { EXPECT_EQ(look(self_), Life::alive); }

TEST_F(LivenessTest, ANumberThatIsUsedAgainIsSomebodyElse) {
  *self_.start += 1;
  EXPECT_EQ(look(self_), Life::gone);
}

TEST_F(LivenessTest, AProcessThatEndedIsGoneEvenBeforeItsParentCares) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto stat = process_stat(child);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'Z');
  self_.pid = child;
  self_.start = stat->start;
  EXPECT_EQ(look(self_), Life::gone) << "a zombie";
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(look(self_), Life::gone) << "reaped";
}

TEST_F(LivenessTest, ElsewhereCannotBeChecked) {
  Holder other = self_;
  other.machine.reset();
  other.boot = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(look_on_share(other), Life::other_boot);
  other.host = "no-such-host";
  EXPECT_EQ(look_on_share(other), Life::other_host);
  other.boot.reset();
  EXPECT_EQ(look_on_share(other), Life::other_host);
  other.host = self_.host;
  EXPECT_EQ(look_on_share(other), Life::unknown);
  if (self_.machine) {
    other = self_;
    other.boot.reset();
    other.host = "renamed";
    EXPECT_EQ(look_on_share(other), Life::unknown) << "this machine";
    other.machine = std::string(32, 'a');
    other.host = self_.host;
    EXPECT_EQ(look_on_share(other), Life::other_host) << "another one of our name";
  }
  Holder contained = self_;
  *contained.pidns += 1;
  EXPECT_EQ(look(contained), Life::other_container);
  contained = self_;
  contained.timens.reset();
  EXPECT_EQ(look(contained), Life::unknown);
}

// kill(2) takes 0 and negative numbers for process groups; nobody may be killed by a lock file.
TEST_F(LivenessTest, NumbersFromALockFileAreNotBelieved) {
  for (const std::int64_t pid :
       {std::int64_t{0}, std::int64_t{-1}, -*self_.pid, std::int64_t{1} << 40U,
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    self_.pid = pid;
    EXPECT_EQ(look(self_), Life::unknown) << pid;
  }
  EXPECT_EQ(look({}), Life::unknown);
  self_ = identity_.self();
  self_.start.reset();
  EXPECT_EQ(look(self_), Life::unknown);
}

TEST(ProcessInfo, TellsTheCommandLine) {
  EXPECT_FALSE(process_command(::getpid()).empty());
  EXPECT_TRUE(process_exists(1));
  EXPECT_FALSE(process_stat(std::numeric_limits<pid_t>::max()).has_value());
  EXPECT_TRUE(process_command(std::numeric_limits<pid_t>::max()).empty());
}

}  // namespace
}  // namespace ufl
