// SPDX-License-Identifier: MIT
//
// KeptRecord: our record while the command runs: which one is written next, and for how long the
// lease holds that it gives. The first write names the command's process; with a lease each one
// has the next heartbeat.
//
// A lease is counted from the START of the last success, because others count theirs from when they
// could first see its heartbeat. It is never revived: the deadline (lease.hpp) is tested before
// and after each operation, or
//   1 A is stopped (SIGSTOP, suspend) for longer than its lease  2 B has seen no heartbeat, looks a
//   last time  3 A goes on, writes a heartbeat, believes in a new lease  4 B renames its record
//   over A's, runs
// would leave both running. A heartbeat is written into the file that was opened, so at 3 it can
// only land in what B replaces.

#pragma once

#include <optional>
#include <string>

#include "protocol/heartbeat.hpp"
#include "protocol/keep_options.hpp"
#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// The record of one lock that is kept. The machine that owns this asks for the writes.
class KeptRecord {
 public:
  explicit KeptRecord(const KeepOptions& options);

  /// Write the next record; `now`: when that is asked for. None: the record has no room for it.
  [[nodiscard]] std::optional<FileOperation> write(Mono now);

  /// The answer to it, at `now`.
  [[nodiscard]] Heartbeat::Answer on_reply(const FileReply& reply, Mono now);

  /// After Heartbeat::Answer::another: whose record stands there.
  [[nodiscard]] const Sighting& seen() const { return heartbeat_.seen(); }

  /// Is `content` what somebody has left of our record, the last one or the one that was on its
  /// way?
  [[nodiscard]] bool is_rest(const std::string& content) const;

  /// The record of which `rest` is left.
  [[nodiscard]] const std::string& whole_of(const std::string& rest) const;

  /// The record says who the command is, or cannot.
  [[nodiscard]] bool is_recorded() const { return is_recorded_; }

  /// Is there more to write: the command, or with a lease the next heartbeat?
  [[nodiscard]] bool wants_writes() const { return !is_recorded_ || lease_; }

  /// When the lease ends, if there is no success before.
  [[nodiscard]] const std::optional<KeptLease>& lease() const { return lease_; }

  /// Is the lease over, as far as the command goes (KeptLease::stop_at())?
  [[nodiscard]] bool is_over(Mono now) const { return lease_ && now >= lease_->stop_at(); }

 private:
  [[nodiscard]] std::optional<std::string> next() const;

  std::optional<ProcessId> child_;
  Duration usual_;  // that an operation takes here
  std::optional<KeptLease> lease_;
  Heartbeat heartbeat_;
  bool is_recorded_;
};

}  // namespace ufl
