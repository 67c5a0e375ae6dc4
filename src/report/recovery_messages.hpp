// SPDX-License-Identifier: MIT
//
// The sentences that ufl says on stderr about locks whose holder is gone, and about its own lock
// when it may be lost. As in messages.hpp: one line, the path, and the next step.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_fate.hpp"
#include "protocol/failure.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// Why a lock could be taken over.
enum class WhyGone {
  dead,       ///< its holder has died, which was seen on this host
  abandoned,  ///< nothing of it has changed for longer than its lease, or an empty file may last
};

/// The lock was taken over from `seen`.
[[nodiscard]] std::string taken_over_text(const std::string& path, const Sighting& seen,
                                          WhyGone why, Wall now);

/// The lease could not be refreshed in time; `failure`: what was said to the last attempt, if it
/// failed.
[[nodiscard]] std::string lease_over_text(const std::string& path, Duration lease,
                                          const std::optional<Failure>& failure, CommandFate fate);

/// The lock is not ours any more; `seen` stands there instead.
[[nodiscard]] std::string lost_while_running_text(const std::string& path, const Sighting& seen,
                                                  CommandFate fate, Wall now);

/// The file was emptied or cut short while the lock was held, and the record could not be written
/// back: `failure` says why.
[[nodiscard]] std::string not_restored_text(const std::string& path, const Failure& failure,
                                            CommandFate fate);

/// The same, but the record was written back.
[[nodiscard]] std::string restored_text(const std::string& path);

/// These processes of the command were told to stop, then killed, and are there still.
[[nodiscard]] std::string survivors_text(const std::string& path,
                                         const std::vector<std::int64_t>& pids);

/// The command has ended, but too late to remove the lock file: others may have it.
[[nodiscard]] std::string left_to_lease_text(const std::string& path, Duration lease);

/// --acquire: its lease may be over before its token was printed.
[[nodiscard]] std::string acquired_too_late_text(const std::string& path, Duration lease);

/// The file system is too slow for this lease, and needs one of `needed`.
[[nodiscard]] std::string lease_too_short_text(const std::string& path, Duration lease,
                                               Duration needed);

/// No lease can be kept on this kind of mount; empty: not known.
[[nodiscard]] std::string lease_refused_text(const std::string& path, std::string_view mount_type);

/// The command's process cannot be written into the lock file, so the command is not run.
[[nodiscard]] std::string cannot_record_text(const std::string& path, const Failure& failure);

/// --refresh: the lock has no lease.
[[nodiscard]] std::string no_lease_text(const std::string& path);

/// --refresh: a newer ufl has written the lock file.
[[nodiscard]] std::string not_refreshable_text(const std::string& path);

/// --refresh: refreshed, but so late that somebody may be taking it over; known after `wait`.
[[nodiscard]] std::string late_refresh_text(const std::string& path, Duration wait);

}  // namespace ufl
