// SPDX-License-Identifier: MIT
//
// Refresh: one heartbeat for a lock that `ufl --acquire --lease` has taken.
//
//     look     still ours? (protocol/release.hpp)
//     write    the next heartbeat.
//     wait, look again: unless this host knows that the last refresh is younger than two thirds of
//              the lease. With more heartbeats meanwhile, where that takes a third of the lease.
//
// Why it waits: a taker that saw no heartbeat for the length of the lease may be between its last
// look and its rename.
//   1 A's lease is over.  2 B looks: no heartbeat.  3 A writes one, and would say "held".
//   4 B renames, verifies, runs.
// After the delay of a takeover B's record is to be seen, or B has seen the heartbeat. On a local
// file system B may be stopped for any time before it renames, but holds flock(2) on the file from
// its last look on; so the heartbeat is written under flock(2), too.

#pragma once

#include <optional>
#include <string>

#include "protocol/failure.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/release.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// What is to be refreshed.
struct RefreshOptions {
  ReleaseOptions look;        ///< the lock; `only_look` is set
  std::optional<Mono> last;   ///< start of the last refresh, or of the claim; none: not known
  Duration takeover_delay{};  ///< for how long a takeover waits before it verifies
};

/// How a refresh ended.
struct RefreshResult {
  enum class Outcome {
    held,      ///< the lock is ours, and others leave it alone for the length of its lease
    lost,      ///< it is not ours any more; see `seen`
    no_lease,  ///< it is ours and has no lease, or one that the ufl which holds it refreshes
    failed,    ///< cannot tell, or cannot write; see `failure`
  };
  Outcome outcome = Outcome::failed;
  Sighting seen;
  /// Outcome::failed: the look that failed, or the write, and why.
  Failure failure;
  Mono refreshed{};  ///< Outcome::held: the start of the refresh
};

/// One refresh. Drive it as step.hpp says; it never asks LooksFree and cannot be cancelled.
class Refresh final : public Machine {
 public:
  Refresh(RefreshOptions options, const Clock& clock);

  [[nodiscard]] Step start() override { return look(); }
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  /// Valid after Finished.
  [[nodiscard]] const RefreshResult& result() const { return result_; }

  /// It waits, to look again.
  [[nodiscard]] bool doubts() const { return state_ == State::pause && settled_at_; }

 private:
  using Outcome = RefreshResult::Outcome;
  enum class State { look, write, pause, finished };

  Step look();
  Step looked(Step step);
  Step write(const std::string& content);
  Step on_written(const FileReply& reply);
  Step cannot_write(FailureReason reason, const FileReply& reply);
  Step pause(Duration time);
  Step finish(Outcome outcome);

  RefreshOptions options_;
  const Clock& clock_;

  State state_ = State::look;
  std::optional<Release> look_;
  RefreshResult result_;
  KeptLease lease_;
  std::optional<Heartbeat> heartbeat_;
  std::optional<Mono> settled_at_;  // written too late, perhaps: held if it is ours still by then
  bool is_late_ = false;            // the heartbeat that is written now
  int rounds_ = 0;
  FailureReason setback_ = FailureReason::too_late;  // what began the last round
  int busy_looks_ = 0;  // writes that somebody else's flock kept from happening
  Mono wait_until_{};
};

}  // namespace ufl
