// SPDX-License-Identifier: MIT
//
// Whether this host has been booted since the holder wrote its record: then the holder is dead.

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "unit/liveness_fixture.hpp"

namespace ufl::test {
namespace {

const std::string kMachine = "3a8b8cea8d37537381d56916948ae29b";
const std::string kAnotherMachine = "3a8b8cea8d37537381d56916948ae29c";

class RebootTest : public LivenessProofTest {
 protected:
  RebootTest() {
    constexpr std::uint64_t kInitial = 4026531836;
    here_.pidns = kInitial;
    here_.machine = kMachine;
    before_ = here_;
    before_.mount = kLocalMount;
    before_.boot = "00000000-0000-4000-8000-000000000000";
  }
  Life look(const Holder& holder, bool local = kLocal) {
    return look_from(here_, holder, uuid_, local);
  }

  Holder here_ = self_;
  Holder before_;
};

TEST_F(RebootTest, OnALocalFileSystemNobodySurvives) {
  EXPECT_EQ(look(before_), Life::dead);
  before_.detached = true;
  EXPECT_EQ(look(before_), Life::dead) << "--acquire --pid";
}

TEST_F(RebootTest, OnAShareThatIsAnotherHost) {
  identity_.leave_witness(uuid_);
  EXPECT_EQ(look(before_, kShare), Life::other_boot);
  before_.host = "named-differently";
  EXPECT_EQ(look(before_, kShare), Life::other_boot) << "its machine ID is ours";
  before_.machine = kAnotherMachine;
  EXPECT_EQ(look(before_, kShare), Life::other_host);
}

// What is a disk here was a share to the holder: another boot is another host's.
TEST_F(RebootTest, WhereTheHolderWasOnAShareNothingIsProven) {
  identity_.leave_witness(uuid_);
  for (const std::optional<std::string>& mount :
       {std::optional<std::string>{kShareMount}, {"local "}, {"ext4"}, {}}) {
    before_.mount = mount;
    EXPECT_EQ(look(before_), Life::other_boot) << mount.value_or("none");
    before_.detached = true;
    EXPECT_EQ(look(before_), Life::other_boot) << mount.value_or("none");
    before_.detached.reset();
  }
}

TEST_F(RebootTest, ARenamedHostKnowsItsOwnLocks) {
  for (const std::optional<std::string>& host : {std::optional<std::string>{"old-name"}, {}}) {
    before_.host = host;
    EXPECT_EQ(look(before_), Life::dead);
  }
  here_.host.reset();
  EXPECT_EQ(look(before_), Life::dead);
}

// What ufl 0.1 has written, or a host without /etc/machine-id: the name explains.
TEST_F(RebootTest, WithoutAMachineIdNothingIsProven) {
  for (const bool ours : {false, true}) {
    Holder& who = ours ? here_ : before_;
    for (const std::optional<std::string>& machine : {std::optional<std::string>{},
                                                      {""},
                                                      {"uninitialized"},
                                                      {kMachine.substr(1)},
                                                      {kMachine + '0'},
                                                      {std::string(32, 'A')},
                                                      {std::string(32, '-')}}) {
      who.machine = machine;
      EXPECT_EQ(look(before_), Life::other_boot) << machine.value_or("none");
    }
    who.machine = kMachine;
  }
  before_.machine = here_.machine = "uninitialized";
  EXPECT_EQ(look(before_), Life::other_boot) << "the same on both sides is no machine ID, either";
  before_.machine.reset();
  before_.host = "named-differently";
  EXPECT_EQ(look(before_), Life::other_host);
}

TEST_F(RebootTest, ALockOfNoProcessIsHeld) {
  before_.detached = true;
  before_.pid.reset();
  EXPECT_EQ(look(before_), Life::other_boot);
}

// A folder that is kept in step with other hosts looks local to each of them.
TEST_F(RebootTest, AnotherMachineWasNotRebooted) {
  before_.machine = kAnotherMachine;
  EXPECT_EQ(look(before_), Life::other_host) << "of the same name";
  before_.host = "named-differently";
  EXPECT_EQ(look(before_), Life::other_host);
}

// Containers side by side may be given boot ids of their own.
TEST_F(RebootTest, InAContainerNothingIsProven) {
  *before_.pidns += 1;
  EXPECT_EQ(look(before_), Life::other_boot);
  here_.pidns = before_.pidns;
  EXPECT_EQ(look(before_), Life::other_boot) << "both in the same one";
  before_.pidns = 4026531836;
  EXPECT_EQ(look(before_), Life::other_boot);
  before_.pidns.reset();
  here_.pidns.reset();
  EXPECT_EQ(look(before_), Life::other_boot);
}

TEST_F(RebootTest, WhatIsNoBootIdProvesNothing) {
  const std::string boot = *here_.boot;
  for (const std::string& text : {std::string{}, std::string{"x"}, boot + '\n', boot + ' '}) {
    before_.boot = text;
    EXPECT_EQ(look(before_), Life::other_boot) << text;
    before_.boot = boot;
    here_.boot = text;
    EXPECT_EQ(look(before_), Life::other_boot) << text;
    here_.boot = boot;
  }
}

}  // namespace
}  // namespace ufl::test
