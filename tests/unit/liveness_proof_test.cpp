// SPDX-License-Identifier: MIT
//
// What proves that nothing is left of a holder, and that whatever is missing from it proves
// nothing.

#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "sys/host_identity.hpp"
#include "sys/lifeline.hpp"
#include "sys/process_info.hpp"
#include "sys/witness_file.hpp"
#include "unit/host_liveness.hpp"
#include "unit/processes.hpp"
#include "unit/support.hpp"

namespace ufl {
namespace {

using test::Process;
using test::run_in_child;
using test::stay;
using test::tell_and_stay;

constexpr bool kLocal = true;
constexpr bool kShare = false;
constexpr int kNotPermitted = 99;

/// A host that is what the test says.
class KnownHost final : public Identity {
 public:
  explicit KnownHost(Holder self) : self_{std::move(self)} {}
  std::string new_uuid() override { return {}; }
  Holder self() override { return self_; }
  bool hold_lifeline(const std::string& /*uuid*/) override { return false; }
  void leave_witness(const std::string& /*uuid*/) override {}
  void remove_witness(const std::string& /*uuid*/) override {}
  std::uint64_t random() override { return 0; }

 private:
  Holder self_;
};

// As seen from `here`.
Life look_from(Holder here, const Holder& holder, const std::string& uuid, bool local) {
  KnownHost host{std::move(here)};
  return HostLiveness{host}.look(holder, uuid, local);
}

/// What `holder` says of itself, with `process` in place of this one.
Holder named(Holder holder, const ProcessId& process) {
  holder.pid = process.pid;
  holder.start = process.start;
  return holder;
}

// A process that was there.
ProcessId ended_process() {
  Process process{tell_and_stay};
  const ProcessId id = process.id();
  process.reap();
  return id;
}

class LivenessProofTest : public ::testing::Test {
 protected:
  LivenessProofTest() {
    // Orphans become our children, so that they can be waited for.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    record_.lifeline = kLifeline;
    record_.mount = kLocalMount;
  }
  ~LivenessProofTest() override { remove_witness_file(::getuid(), uuid_); }

  Life look(const Holder& holder, bool local = kLocal) {
    return HostLiveness{identity_}.look(holder, uuid_, local);
  }

  HostIdentity identity_;
  const std::string uuid_ = identity_.new_uuid();
  const Holder self_ = identity_.self();
  Holder record_ = named(self_, ended_process());  // of a ufl that was killed
};

TEST_F(LivenessProofTest, ALifelineThatIsDownIsProof) { EXPECT_EQ(look(record_), Life::dead); }

TEST_F(LivenessProofTest, ALifelineThatIsUpIsProofOfLife) {
  const auto lifeline = Lifeline::bind(uuid_, Lifeline::OnExec::keep);
  EXPECT_EQ(look(record_), Life::alive);
  EXPECT_EQ(look(record_, kShare), Life::alive);
}

// A process that has closed what it should keep.
TEST_F(LivenessProofTest, AHolderThatIsSeenIsAliveWithoutALifeline) {
  Holder seen = self_;
  seen.lifeline = kLifeline;
  EXPECT_EQ(look(seen), Life::alive);
}

// The holder's socket(2) was forbidden, or another version has other lifelines.
TEST_F(LivenessProofTest, ALifelineThatWasNotPromisedProvesNothing) {
  record_.lifeline.reset();
  EXPECT_EQ(look(record_), Life::gone);
  record_.lifeline = "stream";
  EXPECT_EQ(look(record_), Life::gone);
  record_.lifeline = "";
  EXPECT_EQ(look(record_), Life::gone);
}

TEST_F(LivenessProofTest, ALifelineInAnotherNetworkNamespaceProvesNothing) {
  Holder other = record_;
  *other.netns += 1;
  EXPECT_EQ(look(other), Life::gone);
  other.netns.reset();
  EXPECT_EQ(look(other), Life::gone);
  Holder here = self_;
  here.netns.reset();
  EXPECT_EQ(look_from(here, record_, uuid_, kLocal), Life::gone);
  EXPECT_EQ(look_from(here, other, uuid_, kLocal), Life::gone) << "unknown on both sides";
}

TEST_F(LivenessProofTest, FromAnotherNetworkNamespaceNothingIsProven) {
  const auto lifeline = Lifeline::bind(uuid_, Lifeline::OnExec::keep);
  const int seen = run_in_child([&] {
    if (::unshare(CLONE_NEWNET) != 0) return kNotPermitted;
    if (probe_lifeline(uuid_) != LifelineState::down) return 98;
    HostIdentity identity;
    return static_cast<int>(HostLiveness{identity}.look(record_, uuid_, kLocal));
  });
  if (seen == kNotPermitted) GTEST_SKIP() << "not permitted to make a network namespace";
  EXPECT_EQ(seen, static_cast<int>(Life::gone));
}

TEST_F(LivenessProofTest, ALifelineThatGivesNoAnswerProvesNothing) {
  for (const char* uuid : {"", "x", "00000000-0000-4000-8000-00000000000A"}) {
    EXPECT_EQ(look_from(self_, record_, uuid, kLocal), Life::gone) << uuid;
  }
  const int seen = run_in_child([&] {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &none);
    return static_cast<int>(look(record_));
  });
  EXPECT_EQ(seen, static_cast<int>(Life::gone)) << "no descriptor to ask with";
}

TEST_F(LivenessProofTest, OnAShareAWitnessIsNeeded) {
  EXPECT_EQ(look(record_, kShare), Life::gone);
  identity_.leave_witness(uuid_);
  EXPECT_EQ(look(record_, kShare), Life::dead);
  Holder nobody = record_;
  nobody.uid.reset();
  EXPECT_EQ(look(nobody, kShare), Life::gone);
  identity_.remove_witness(uuid_);
  EXPECT_EQ(look(record_, kShare), Life::gone);
}

// A share that is this host's own disk, mounted on this host: what it takes it for decides.
TEST_F(LivenessProofTest, WhereTheHolderWasOnAShareAWitnessIsNeeded) {
  for (const std::optional<std::string>& mount :
       {std::optional<std::string>{kShareMount}, {"Local"}, {""}, {}}) {
    record_.mount = mount;
    EXPECT_EQ(look(record_), Life::gone) << mount.value_or("none");
  }
  identity_.leave_witness(uuid_);
  EXPECT_EQ(look(record_), Life::dead);
  EXPECT_EQ(look(record_, kShare), Life::dead);
}

TEST_F(LivenessProofTest, OnAShareTheHoldersOwnWitnessIsNeeded) {
  *record_.uid += 1;
  create_witness_file(*record_.uid, uuid_);  // it is ours, whatever its name says
  EXPECT_EQ(look(record_, kShare), Life::gone);
  ::unlink(("/dev/shm/ufl-" + std::to_string(*record_.uid) + '-' + uuid_).c_str());
  *record_.uid = self_.uid.value() + (std::uint64_t{1} << 32U);  // no uid is that long
  create_witness_file(*record_.uid, uuid_);
  EXPECT_EQ(look(record_, kShare), Life::gone);
  ::unlink(("/dev/shm/ufl-" + std::to_string(*record_.uid) + '-' + uuid_).c_str());
}

TEST_F(LivenessProofTest, AChildThatLivesIsALivingHolder) {
  Process child{tell_and_stay};
  record_.child = child.id();
  EXPECT_EQ(look(record_), Life::alive);
  EXPECT_EQ(look(record_, kShare), Life::alive);
  Holder unpromised = record_;
  unpromised.lifeline.reset();
  EXPECT_EQ(look(unpromised), Life::alive);
  child.end();
  EXPECT_EQ(look(record_), Life::dead) << "a zombie";
  EXPECT_EQ(look(unpromised), Life::gone);
  child.reap();
  EXPECT_EQ(look(record_), Life::dead);
}

TEST_F(LivenessProofTest, AChildWhoseNumberIsUsedAgainIsGone) {
  const Process other{tell_and_stay};
  record_.child = other.id();
  *record_.child->start += 1;
  EXPECT_EQ(look(record_), Life::dead);
}

TEST_F(LivenessProofTest, AChildWithoutAStartTimeIsGoneWithItsNumber) {
  Process child{tell_and_stay};
  record_.child = ProcessId{child.id().pid, std::nullopt};
  EXPECT_EQ(look(record_), Life::gone) << "cannot tell";
  child.reap();
  EXPECT_EQ(look(record_), Life::dead);
}

TEST_F(LivenessProofTest, AChildThatCannotBeJudgedMayLive) {
  record_.child = ended_process();
  for (auto field : {&Holder::pidns, &Holder::timens}) {
    Holder other = record_;
    *(other.*field) += 1;
    EXPECT_EQ(look(other), Life::other_container);
    (other.*field).reset();
    EXPECT_EQ(look(other), Life::unknown);
    other.child.reset();
    EXPECT_EQ(look(other), Life::dead) << "there is none: the lifeline alone proves it";
  }
  for (const std::int64_t pid : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40U,
                                 std::numeric_limits<std::int64_t>::min()}) {
    record_.child->pid = pid;
    EXPECT_EQ(look(record_), Life::gone) << pid;
  }
}

// Something keeps /proc/self/ns from both: who knows in which namespace the other was.
TEST_F(LivenessProofTest, AChildInAnUnknownPidNamespaceMayLive) {
  Holder here = self_;
  here.pidns.reset();
  record_.pidns.reset();
  EXPECT_EQ(look_from(here, record_, uuid_, kLocal), Life::dead);
  record_.child = ended_process();
  EXPECT_EQ(look_from(here, record_, uuid_, kLocal), Life::gone);
  Holder detached = record_;
  detached.detached = true;
  EXPECT_EQ(look_from(here, detached, uuid_, kLocal), Life::gone);
}

// proc(5), hidepid: no file in /proc, and kill(2) says EPERM.
TEST_F(LivenessProofTest, AChildThatIsHiddenMayLive) {
  const Process child{tell_and_stay};
  record_.child = child.id();
  const int seen = run_in_child([&] {
    constexpr uid_t kNobody = 65534;
    // Group 0 sees everything.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/proc", "proc", 0, "hidepid=2") != 0 || ::setgroups(0, nullptr) != 0 ||
        ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) {
      return kNotPermitted;
    }
    if (process_stat(static_cast<pid_t>(record_.child->pid))) return 98;
    return static_cast<int>(look(record_));
  });
  if (seen == kNotPermitted) GTEST_SKIP() << "not permitted to mount /proc";
  EXPECT_EQ(seen, static_cast<int>(Life::gone));
}

// ssh, sudo and Python's subprocess do that.
TEST_F(LivenessProofTest, ACommandThatClosesItsDescriptorsOutlivesItsHolder) {
  Process holder{[&] {
    const auto lifeline = Lifeline::bind(uuid_, Lifeline::OnExec::keep);
    if (::fork() != 0) stay();
    ::close_range(3, ~0U, 0);
    tell_and_stay();
  }};
  Process command{holder.told()};
  Holder record = named(record_, holder.id());
  record.child = command.id();
  EXPECT_EQ(look(record), Life::alive);
  EXPECT_EQ(probe_lifeline(uuid_), LifelineState::up);
  holder.end();
  EXPECT_EQ(probe_lifeline(uuid_), LifelineState::down);
  EXPECT_EQ(look(record), Life::alive);
  command.end();
  EXPECT_EQ(look(record), Life::dead);
}

// Also before the record names it.
TEST_F(LivenessProofTest, ACommandThatKeepsItsDescriptorsOutlivesItsHolder) {
  Process holder{[&] {
    const auto lifeline = Lifeline::bind(uuid_, Lifeline::OnExec::keep);
    if (::fork() != 0) stay();
    tell_and_stay();
  }};
  Process command{holder.told()};
  const Holder record = named(record_, holder.id());
  holder.reap();
  EXPECT_EQ(look(record), Life::alive);
  command.end();
  EXPECT_EQ(look(record), Life::dead);
}

TEST_F(LivenessProofTest, AnAcquiredLockWithoutAProcessIsHeld) {
  record_.detached = true;
  record_.pid.reset();
  record_.start.reset();
  EXPECT_EQ(look(record_), Life::unknown);
  identity_.leave_witness(uuid_);
  EXPECT_EQ(look(record_, kShare), Life::unknown);
}

TEST_F(LivenessProofTest, AnAcquiredLockDiesWithItsProcess) {
  Process script{tell_and_stay};
  Holder acquired = named(self_, script.id());
  acquired.detached = true;
  acquired.mount = kLocalMount;
  EXPECT_EQ(look(acquired), Life::alive);
  Holder elsewhere = acquired;
  *elsewhere.pidns += 1;
  Holder timeless = acquired;  // hidepid has kept that from who wrote the record
  timeless.start.reset();
  EXPECT_EQ(look(timeless), Life::unknown);
  script.end();
  EXPECT_EQ(look(acquired), Life::dead) << "a zombie";
  EXPECT_EQ(look(timeless), Life::unknown) << "or another one of this number";
  script.reap();
  EXPECT_EQ(look(acquired), Life::dead);
  EXPECT_EQ(look(timeless), Life::dead);
  EXPECT_EQ(look(elsewhere), Life::other_container);
  EXPECT_EQ(look(acquired, kShare), Life::gone);
  identity_.leave_witness(uuid_);
  EXPECT_EQ(look(acquired, kShare), Life::dead);
  EXPECT_EQ(look(elsewhere, kShare), Life::other_container);
}

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

// After unshare --pid without --mount-proc, which shows our number with somebody else's start time.
TEST(ProcessInfo, TheNumbersOfAnotherPidNamespaceAreNotTakenForOurs) {
  const int seen = run_in_child([] {
    if (::unshare(CLONE_NEWPID) != 0) return kNotPermitted;
    return run_in_child([] {
      if (::getpid() != 1) return 1;
      if (process_stat(1)) return 2;
      if (!process_command(1).empty()) return 3;
      return HostIdentity{}.self().start ? 4 : 0;
    });
  });
  if (seen == kNotPermitted) GTEST_SKIP() << "not permitted to make a PID namespace";
  EXPECT_EQ(seen, 0);
}

}  // namespace
}  // namespace ufl
