// SPDX-License-Identifier: MIT
//
// Fixtures of the tests of Keep (protocol/keep.hpp): the records and the options that they share.
//
//     KeepFixture          the records of our lock, and a Keep that has just been made
//     └── KeepLeaseTest    a Keep with a lease, which writes beats

#pragma once

#include <gtest/gtest.h>

#include <string>

#include "protocol/keep.hpp"
#include "protocol/record.hpp"
#include "unit/fake_observations.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {

/// The command that is run under the lock.
inline const ProcessId kChild{4711, 99};
/// The lease of leased_record().
constexpr Duration kKeptLease = seconds{30};

/// Our record, without a lease.
inline std::string plain_record() {
  Holder holder;
  holder.host = "here";
  return format_record(kMine, holder);
}
/// Our record, with kKeptLease, after so many beats.
inline std::string leased_record(int beats = 0) {
  std::string text = format_record(kMine, leased(30, std::string{kFirstHeartbeat}));
  while (beats-- > 0) text = with_next_heartbeat(text).value_or("");
  return text;
}

/// One Keep at a time.
class KeepFixture : public MachineTest {
 protected:
  using Outcome = KeepResult::Outcome;

  /// To be looked at only.
  static KeepOptions plain(Duration look_interval = seconds{30}) {
    KeepOptions options;
    options.path = "lock";
    options.token = kMine;
    options.record = plain_record();
    options.look_interval = look_interval;
    return options;
  }
  /// With a lease that begins now.
  [[nodiscard]] KeepOptions leased_from_now() const {
    KeepOptions options;
    options.path = "lock";
    options.token = kMine;
    options.record = leased_record();
    options.lease = kKeptLease;
    options.begun = clock_.now();
    return options;
  }
};

/// Keeps with a lease.
class KeepLeaseTest : public KeepFixture {
 protected:
  static std::string record(int beats = 0) { return leased_record(beats); }
  [[nodiscard]] KeepOptions options() const { return leased_from_now(); }

  static constexpr Duration kLease = kKeptLease;
  static constexpr Duration kTick{1};
};

}  // namespace ufl::test
