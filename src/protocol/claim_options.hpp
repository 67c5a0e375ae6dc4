// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "protocol/guard.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/identity.hpp"
#include "seams/observations.hpp"

namespace ufl {

/// For so long a share may go on saying EPERM or EACCES to the creation of a file that nobody sees
/// (Publishing::is_denied_for_long()); and after so long a takeover that was denied is tried again.
inline constexpr Duration kLongDenial = std::chrono::seconds{30};

/// What the record is to say of the holder.
struct HolderOptions {
  std::string prefix;  ///< of the token
  /// The holder's command line, if it is to be told.
  std::optional<std::string> command;
  /// The lock outlives this process: the record names `lives_with` in its place, or nobody.
  bool detached = false;
  std::optional<ProcessId> lives_with;
};

/// When somebody else's lock is looked at again.
struct RetryOptions {
  Duration interval{};
  /// In place of it, while the kernel tells of a release and of the holder's end (Notifier).
  Duration interval_when_told{};
  /// Let the interval grow during a long wait.
  bool grows = false;
  /// Nobody is told who holds the lock while it is waited for: a waiter that is told of a release
  /// need not find out who came next (looking.hpp).
  bool glances = true;
};

/// When somebody else's lock may be taken over.
struct TakeoverOptions {
  /// Asked of every whole look that shows somebody else, and of a file of 0 bytes that is
  /// abandoned. `is_abandoned`: its lease, or the staleness limit of an empty file, has run out on
  /// the clock of this host. Must give the same answer until something changes: a "no" after a
  /// "yes" is obeyed up to the second look only.
  std::function<bool(const Sighting& seen, bool is_abandoned)> may_take_over =
      [](const Sighting& /*seen*/, bool /*is_abandoned*/) { return false; };
  /// Does this host prove that nothing is left of that holder? Asked when its lock has been taken
  /// over.
  std::function<bool(const Sighting& seen)> is_dead = [](const Sighting& /*seen*/) {
    return false;
  };
  /// The shortest verification delay of a claim that takes a lock over.
  Duration delay{};
  /// So many may be lost to somebody else's touch of the record, before it counts as held
  /// (guard.hpp).
  int most_lost_races = kMaxBusyLooks;
  /// What earlier processes have seen of this lock, and the name under which that is kept.
  Observations* observations = nullptr;
  std::string observed_as;
};

/// What a claim is to do. Durations are not negative.
struct ClaimOptions {
  std::string path;
  HolderOptions holder;
  /// The token of the ufl that this process runs under, if any (UFL_TOKEN).
  std::string enclosing_token;
  Duration delay{};
  bool delay_is_auto = false;
  RetryOptions retry;
  /// No new claim starts this long after the start; none: never give up; 0: one attempt.
  std::optional<Duration> timeout;
  /// The file system is local here. Whether it is for a holder, too, the holder's record tells.
  bool local = false;
  /// Exclusive create is atomic for all clients of the share.
  bool atomic_create = false;
  /// A file can be written to in place here: the record may grow a child and heartbeats.
  bool writes_in_place = true;
  /// How long a claim that may have overwritten a winner is kept before its delay begins: the time
  /// that a holder is given to notice that its lock is lost (30 s), and to stop its command (5 s).
  Duration late_hold = std::chrono::seconds{35};
  TakeoverOptions takeovers;
  /// The holder gives a lease: others may take the lock over when it is not refreshed for so long.
  std::optional<Duration> lease;
  /// With a lease: from telling the command to stop to killing it.
  Duration kill_after{};
  /// With a lease: so many claims may be lost because an answer took longer than the lease, before
  /// the share counts as too slow for it.
  int most_outlived_claims = 5;
};

}  // namespace ufl
