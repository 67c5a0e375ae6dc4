// SPDX-License-Identifier: MIT
//
// Keep: what happens to the lock file while the command runs.
//
//     record   write the command's pid into the record; only then may the command start.
//     refresh  with a lease: write the next beat, at a third of the lease or earlier.
//     look     without one, at an interval: is it still ours? In either case when somebody is told
//              that the file has changed (look_soon()).
//
// The lock is lost when another token stands there, or when it is absent in two fresh looks at
// least a second apart, with nothing between them that showed it there, while its directory is
// well; both on the same device. What cannot be read says nothing: a share that was unmounted, or
// fails, has not given the lock to anybody.
//
// A program may empty the file, or cut it short, while it is ours (`: > LOCKFILE`; the `exec
// 9>LOCKFILE` of a script for flock(1)). On a local file system the record is written back then,
// under flock(2), into the file that this process keeps (CreateExclusive), or the lock is lost:
//   1 A program empties A's file.  2 A, which was stopped, does not see that.  3 B looks, for as
//   long as an empty file is given: left over. B locks it, finds it empty once more.
// B goes on only if nobody is seen to keep the file, so only where the kernel does not show that A
// does. Then, whatever comes first,
//   4 B renames its record over the file.  5 A: the name stands for another file; lost to B
// or
//   4 A: EWOULDBLOCK, tries again.  5 as above
// or, before 3, A has the lock: B finds a record. And a script that holds flock(2) on the file
// believes that it holds the lock: A's write-back is refused for longer than anybody who keeps to
// the protocol holds it, and A says that it has lost. Known gap: if the script asks for flock(2)
// only after A has written its record back, neither sees the other.
// An emptied file that is not the one which this process keeps stands in its place: as if absent.
// Any other content than the beginning of our record is somebody else's to explain: it is left
// alone, and held by whoever it may be.
//
// A lease is counted from the START of the last success, because others count theirs from when they
// could first see its beat. It is never revived: the deadline (lease.hpp) is tested before
// and after each operation, or
//   1 A is stopped (SIGSTOP, suspend) for longer than its lease  2 B has seen no beat, looks a last
//   time  3 A goes on, writes a beat, believes in a new lease  4 B renames its record over A's,
//   runs
// would leave both running. A beat is written into the file that was opened, so at 3 it can only
// land in what B replaces.

#pragma once

#include <optional>
#include <string>

#include "protocol/absence.hpp"
#include "protocol/failure.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/lease.hpp"
#include "protocol/place.hpp"
#include "protocol/record.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// What is to be kept.
struct KeepOptions {
  std::string path;
  std::string token;
  std::string record;  ///< as it was written
  /// The command, to be written into the record; none: nothing is written, or can be.
  std::optional<ProcessId> child;
  /// The lease that the record gives; none: it is only looked at.
  std::optional<Duration> lease;
  /// With a lease: from telling the command to stop to killing it.
  Duration kill_after{};
  /// With a lease: how long an operation takes here, as measured.
  Duration takes{};
  /// With a lease: nothing of the record was to be seen before.
  Mono begun{};
  /// Without a lease: from one look to the next; none: look_soon() alone says when.
  std::optional<Duration> look_interval;
  bool local = false;  ///< only this kernel sees the file system
  bool kept = false;   ///< others see that this process keeps the file (CreateExclusive)
  Place place;         ///< where the lock file was when it was taken
};

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
  [[nodiscard]] bool is_recorded() const { return recorded_; }

  /// Somebody says that the file has changed: look at the next resume(), or after the operation
  /// under way. With a lease that is a look and no beat, which would change the file.
  void look_soon() { look_wanted_ = true; }

  /// How often the record was written back into an emptied file.
  [[nodiscard]] int restored() const { return restored_; }

  /// The lease as it is kept: when it ends, if there is no success before.
  [[nodiscard]] const std::optional<KeptLease>& lease() const { return lease_; }

 private:
  using Outcome = KeepResult::Outcome;
  enum class State { idle, write, look, restore, probe_directory, wait, finished };

  Step next();
  Step look();
  Step on_written(const FileReply& reply);
  Step on_other_content(const FileReply& reply, Heartbeat::Answer answer);
  Step on_look(const FileReply& reply);
  Step restore(const FileReply& reply);
  Step on_restored(const FileReply& reply);
  Step absent(const FileReply& reply);
  Step cannot_tell(const FileReply& reply, FailureReason reason = FailureReason::answer);
  void note_failure(const FileReply& reply, FailureReason reason = FailureReason::answer);
  Step lost_to(const Sighting& seen);
  Step all_is_well();
  Step wait_until(Mono when);
  Step request(State state, FileOperation operation);
  Step finish(Outcome outcome);

  [[nodiscard]] std::optional<std::string> next_record() const;
  [[nodiscard]] bool is_rest(const std::string& content) const;
  [[nodiscard]] Duration retry() const;
  [[nodiscard]] bool is_over() const { return lease_ && clock_.now() >= lease_->stop_at(); }

  KeepOptions options_;
  const Clock& clock_;
  std::optional<KeptLease> lease_;
  Heartbeat heartbeat_;
  Absence absence_;

  State state_ = State::idle;
  KeepResult result_;
  Mono asked_{};  // when the operation under way was asked for
  Mono wait_until_{};
  bool recorded_ = false;
  bool look_wanted_ = false;
  int failures_ = 0;        // of writes, in a row
  bool restoring_ = false;  // the file was seen to be emptied, and holds no record yet
  int refusals_ = 0;        // of the write-back, in a row
  int restored_ = 0;
};

}  // namespace ufl
