// SPDX-License-Identifier: MIT
//
// What proves that nothing is left of a holder, and that whatever is missing from it proves
// nothing.

#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "sys/host_identity.hpp"
#include "sys/lifeline.hpp"
#include "sys/process_info.hpp"
#include "sys/witness_file.hpp"
#include "unit/liveness_fixture.hpp"
#include "unit/processes.hpp"

namespace ufl::test {
namespace {

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
    return static_cast<int>(HostJudge{identity}.look(record_, uuid_, kLocal));
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
}  // namespace ufl::test
