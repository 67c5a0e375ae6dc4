// SPDX-License-Identifier: MIT
//
// Release: from "I hold the lock" to "I have let go".
//
// It removes the lock file only if it still holds this token: read; mine -> unlink. What is
// not ours is left alone and reported as lost. Absence counts as a loss only when two fresh reads
// at least a second apart agree and the directory itself is well: a share that flickers (failover,
// silly rename) or was unmounted is "cannot tell", not "lost".
//
// On a local file system the unlink is guarded (guard.hpp). A file that somebody else has emptied,
// or cut short in line 1, is ours all the same while this process keeps it: nobody can have taken
// it over. But a flock(1) that holds it meanwhile uses it for a lock of its own.
//
// Known race, bounded by late.hpp and by nothing else on a share: between our read and our unlink
// somebody may break the lock by hand and somebody else take it.
//   1 A reads: mine.  2 a person removes the file.  3 B publishes.  4 A's unlink removes B's file.
// B notices when it reads the file again.

#pragma once

#include <optional>
#include <string>

#include "protocol/absence.hpp"
#include "protocol/failure.hpp"
#include "protocol/place.hpp"
#include "protocol/record.hpp"
#include "protocol/removal.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// Which lock is to be released.
struct ReleaseOptions {
  std::string path;
  std::string token;
  Duration delay{};             ///< the verification delay that it was taken with
  bool local = false;           ///< only this kernel sees the file system
  bool atomic_create = false;   ///< exclusive create is atomic for all clients of the share
  Place place{};                ///< where the lock file was when it was taken
  bool only_look = false;       ///< find out whether it is still ours, and leave it
  std::optional<Mono> until{};  ///< with a lease: not ours to remove later (protocol/lease.hpp)
};

/// How a release ended.
struct ReleaseResult {
  enum class Outcome {
    released,  ///< the file is gone, and it was ours
    held,      ///< only_look: it is ours still
    lost,      ///< the file is not ours any more; see `seen`
    too_late,  ///< the lease is over: the file is left to the next taker
    failed,    ///< cannot tell, or cannot remove: the file may still be there; see `failure`
  };
  Outcome outcome = Outcome::failed;
  /// Outcome::held: what is there. Outcome::lost: what stands there instead;
  /// Sighting::Kind::none: nothing.
  Sighting seen;
  /// What was read last, when it was ours.
  std::string content;
  /// Outcome::failed: the look that failed, or the removal, and why.
  Failure failure;
};

/// One release. Drive it as step.hpp says; it never asks LooksFree and cannot be cancelled.
class Release final : public Machine {
 public:
  Release(ReleaseOptions options, const Clock& clock);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  /// Valid after Finished.
  [[nodiscard]] const ReleaseResult& result() const { return result_; }

 private:
  using Outcome = ReleaseResult::Outcome;
  enum class State { idle, look, pause, probe_directory, remove, finished };

  Step look();
  Step on_look(const FileReply& reply);
  Step is_ours(const FileReply& reply);
  Step on_removed(const FileReply& reply);
  Step follow(Removal::Next next);
  Step gone(bool is_replaced);
  Step doubt();
  Step pause(Duration time);
  Step request(State state, FileOperation operation);
  Step fail(FailureReason reason);
  Step finish(Outcome outcome);

  ReleaseOptions options_;
  const Clock& clock_;

  State state_ = State::idle;
  ReleaseResult result_;
  Mono looked_at_{};
  Mono wait_until_{};
  Removal removal_;
  Absence absence_;
  int doubtful_looks_ = 0;  // that did not show our token, whatever they showed
  int unreadable_looks_ = 0;
  std::optional<std::string> unclear_content_;
  bool is_rest_ = false;  // what is removed is our file, without its content
};

}  // namespace ufl
