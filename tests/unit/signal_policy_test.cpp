// SPDX-License-Identifier: MIT

#include "process/signal_policy.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace ufl {
namespace {

TEST(SignalPolicy, WhatWouldEndAProcessEndsAWait) {
  for (const int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGALRM, SIGRTMIN, SIGRTMAX}) {
    EXPECT_TRUE(ends_a_wait(number)) << number;
  }
  for (const int number :
       {SIGWINCH, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGSEGV}) {
    EXPECT_FALSE(ends_a_wait(number)) << number;
  }
}

TEST(SignalPolicy, TheTerminalReachesTheWholeGroup) {
  EXPECT_TRUE(sent_by_terminal({SIGINT, true}));
  EXPECT_TRUE(sent_by_terminal({SIGQUIT, true}));
  EXPECT_TRUE(sent_by_terminal({SIGWINCH, true}));
  EXPECT_FALSE(sent_by_terminal({SIGHUP, true})) << "a hang-up reaches the session leader alone";
  EXPECT_FALSE(sent_by_terminal({SIGALRM, true}))
      << "an alarm(2) from before the exec is ours alone";
  EXPECT_FALSE(sent_by_terminal({SIGINT, false}));
  EXPECT_FALSE(sent_by_terminal({SIGTERM, false}));
}

}  // namespace
}  // namespace ufl
