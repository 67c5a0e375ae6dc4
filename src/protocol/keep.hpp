// SPDX-License-Identifier: MIT
//
// Keep: what happens to the lock file while the command runs.
//
//     record   write the command's pid into the record; only then may the command start.
//     refresh  with a lease: write the next heartbeat (kept_record.hpp), at a third of the lease or
//              earlier.
//     look     without one, at an interval: is it still ours? In either case when somebody is told
//              that the file has changed (look_soon()).
//
// The lock is lost when another token stands there, or when it is absent in two fresh looks at
// least a second apart, with nothing between them that showed it there, while its directory is
// well; both on the same device. What cannot be read says nothing: a share that was unmounted, or
// fails, has not given the lock to anybody.
//
// A program may empty the file, or cut it short, while it is ours: restoring.hpp. An emptied file
// that is not the one which this process keeps stands in its place: as if absent. Any other content
// than the beginning of our record is somebody else's to explain: it is left alone, and counts as
// held.

#pragma once

#include <optional>

#include "protocol/absence.hpp"
#include "protocol/failure.hpp"
#include "protocol/keep_options.hpp"
#include "protocol/kept_record.hpp"
#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/restoring.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// How it ended.
struct KeepResult {
  enum class Outcome {
    ended,         ///< by cancel(): the command has ended
    lost,          ///< the lock is not ours any more; see `seen`
    lease_over,    ///< it could not be refreshed until stop_at(); see `failure`
    not_recorded,  ///< the command's pid could not be written: it must not run; see `failure`
  };
  Outcome outcome = Outcome::ended;
  /// Outcome::lost: what stands there instead; Sighting::Kind::none: nothing.
  Sighting seen;
  /// Outcome::lost: the file was emptied or cut short, and our record could not be written back;
  /// see `failure`.
  bool not_restored = false;
  /// The last operation that failed, if one has since all was well.
  std::optional<Failure> failure;
};

/// Keeps one lock. Drive it as step.hpp says; it never asks LooksFree. cancel() ends it.
class Keep final : public Machine {
 public:
  Keep(KeepOptions options, const Clock& clock);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;
  [[nodiscard]] Step cancel() override;

  /// Valid after Finished.
  [[nodiscard]] const KeepResult& result() const { return result_; }

  /// The record says who the command is, or cannot: it may start.
  [[nodiscard]] bool is_recorded() const { return record_.is_recorded(); }

  /// Somebody says that the file has changed: look at the next resume(), or after the operation
  /// under way. With a lease that is a look and no heartbeat, which would change the file.
  void look_soon() { look_wanted_ = true; }

  /// How often the record was written back into an emptied file.
  [[nodiscard]] int restored() const { return restoring_.count(); }

  /// The lease as it is kept: when it ends, if there is no success before.
  [[nodiscard]] const std::optional<KeptLease>& lease() const { return record_.lease(); }

 private:
  using Outcome = KeepResult::Outcome;
  enum class State { idle, write, look, restore, probe_directory, wait, finished };

  Step next();
  Step on_written(const FileReply& reply);
  Step on_look(const FileReply& reply);
  Step on_restored(const FileReply& reply);
  Step absent(const FileReply& reply);
  Step cannot_tell(const FileReply& reply, FailureReason reason = FailureReason::answer);
  void note_failure(const FileReply& reply, FailureReason reason = FailureReason::answer);
  Step all_is_well();
  Step wait_until(Mono when);
  [[nodiscard]] bool may_look_sooner() const;
  Step request(State state, FileOperation operation);
  Step finish(Outcome outcome, const Sighting& seen = {});

  KeepOptions options_;
  const Clock& clock_;
  KeptRecord record_;
  Restoring restoring_;
  Absence absence_;

  State state_ = State::idle;
  KeepResult result_;
  Mono asked_{};  // when the operation under way was asked for
  Mono wait_until_{};
  bool look_wanted_ = false;
  int failures_ = 0;  // operations in a row that did not tell
};

}  // namespace ufl
