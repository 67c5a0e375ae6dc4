// SPDX-License-Identifier: MIT
//
// The fixture of the tests of proofs that a holder is dead: the judge, on this very host, is asked
// of a record of a ufl that was killed.

#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "sys/host_identity.hpp"
#include "sys/lifeline.hpp"
#include "sys/witness_file.hpp"
#include "unit/host_judge.hpp"
#include "unit/processes.hpp"

namespace ufl::test {

// Where the lock file lies, as this host sees it.
constexpr bool kLocal = true;
constexpr bool kShare = false;
/// What a process of its own ends with if it may not do what the test needs.
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

/// What `here` makes of `holder`, whose token has this UUID.
inline Life look_from(Holder here, const Holder& holder, const std::string& uuid, bool local) {
  KnownHost host{std::move(here)};
  return HostJudge{host}.look(holder, uuid, local);
}

/// What `holder` says of itself, with `process` in place of this one.
inline Holder named(Holder holder, const ProcessId& process) {
  holder.pid = process.pid;
  holder.start = process.start;
  return holder;
}

/// A process that has ended and was waited for.
inline ProcessId ended_process() {
  Process process{tell_and_stay};
  const ProcessId id = process.id();
  process.reap();
  return id;
}

/// One record at a time; its witness is removed in the end.
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
    return HostJudge{identity_}.look(holder, uuid_, local);
  }

  HostIdentity identity_;
  const std::string uuid_ = identity_.new_uuid();
  const Holder self_ = identity_.self();
  Holder record_ = named(self_, ended_process());  // of a ufl that was killed
};

}  // namespace ufl::test
