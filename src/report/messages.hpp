// SPDX-License-Identifier: MIT
//
// The sentences that ufl says on stderr about a lock and the command under it. Each is one line,
// names the path and, when something is wrong, the next step. `path` is LOCKFILE as the user typed
// it. recovery_messages.hpp has those about locks that are lost, or taken over.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/failure.hpp"
#include "protocol/life.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/hindrance.hpp"

namespace ufl {

/// A length of time as a person writes it: 4ms, 0.3s, 42s, 2m43s, 5h7m, 3d4h.
[[nodiscard]] std::string duration_text(Duration time);

/// Seconds and parts of them, as lock files have them.
using Seconds = std::chrono::duration<double>;

/// A length of time that somebody has chosen: 0.25s, 30s, 3600s. Takes any number.
[[nodiscard]] std::string seconds_text(Seconds time);

/// An age, in whole seconds: 42s, 2m43s, 5h7m, 3d4h.
[[nodiscard]] std::string age_text(std::chrono::seconds time);

/// The lock was not acquired: because the timeout passed, or (none) with the one attempt asked for.
/// `life`, `local` as for next_step_text().
[[nodiscard]] std::string not_acquired_text(const std::string& path,
                                            std::optional<Duration> timeout, const Sighting& seen,
                                            Life life, bool local, Wall now);

/// ufl failed at the lock file: what, where, why, and what to do about it.
[[nodiscard]] std::string failure_text(const std::string& path, const Failure& failure);

/// The lock file is a mount point of its own.
[[nodiscard]] std::string mounted_alone_text(const std::string& path);

/// ufl waits for what is no lock, as `seen` shows: nobody will release it.
[[nodiscard]] std::string waits_for_no_lock_text(const std::string& path, const Sighting& seen);

/// A claim was given up and its file could not, or must not, be taken back.
[[nodiscard]] std::string left_behind_text(const std::string& path);

/// A claim came late and counts only after `wait`.
[[nodiscard]] std::string late_claim_text(const std::string& path, Duration wait);

/// "a directory", "a FIFO": what stands where a lock file is looked for.
[[nodiscard]] std::string_view kind_text(FileKind kind);

/// The lock could not be released; `token` is what stands in its file if it is still ours.
[[nodiscard]] std::string release_failure_text(const std::string& path, const std::string& token,
                                               const Failure& failure);

/// --release, --check: the lock is not held with `token`, but as `seen`.
[[nodiscard]] std::string not_held_text(const std::string& path, const std::string& token,
                                        const Sighting& seen, Wall now);

/// --release, --check: it cannot be told, or the file cannot be removed.
[[nodiscard]] std::string cannot_check_text(const std::string& path, const Failure& failure);

/// Why --break does not break a lock.
enum class BreakRefusal {
  none,
  emptied,        ///< somebody is seen to hold it, and its file was emptied or cut short
  no_lock,        ///< its first line does not end in a UUID
  alive,          ///< its holder's process runs here
  newer,          ///< a newer ufl has written it: whether its holder lives cannot be told
  another_token,  ///< it is not held with the token that was named
};
[[nodiscard]] std::string break_refusal_text(const std::string& path, BreakRefusal refusal,
                                             const std::string& token, const Sighting& seen,
                                             Wall now);

/// What --break has broken: for stdout.
[[nodiscard]] std::string broken_text(const std::string& path, const Sighting& broken, Wall now);

/// --break: the lock is free.
[[nodiscard]] std::string nothing_to_break_text(const std::string& path);

/// --break: somebody holds flock(2) on the lock file.
[[nodiscard]] std::string break_flocked_text(const std::string& path, const Hindrance& hindrance);

/// The holder is gone, but the lock was not acquired: `hindrance` prevents the takeover, or a
/// flock(2) on the file that is over by now or not shown.
[[nodiscard]] std::string not_taken_over_text(const std::string& path, const Sighting& seen,
                                              const Hindrance& hindrance, Wall now);

/// The holder is gone, but ufl waits, because only others may take the lock over.
[[nodiscard]] std::string may_not_replace_text(const std::string& path, const Sighting& seen,
                                               Wall now);

/// The share has denied the creation of the lock file for long, as `reply` says, although there is
/// none to be seen.
[[nodiscard]] std::string denied_for_long_text(const std::string& path, const FileReply& reply);

/// --break: broken, but somebody else has taken it before it could be released.
[[nodiscard]] std::string break_taken_text(const std::string& path, const Sighting& seen, Wall now);

/// --break: broken, but a signal came before its own lock, `token`, could be released.
[[nodiscard]] std::string break_interrupted_text(const std::string& path, const std::string& token);

/// --break: somebody else has taken, replaced or released it meanwhile.
[[nodiscard]] std::string break_race_text(const std::string& path, const Sighting& seen, Wall now);

/// stdout does not take `what`; `error` is the errno value.
[[nodiscard]] std::string print_failure_text(const std::string& path, std::string_view what,
                                             int error);

/// --acquire --pid: there is no such process.
[[nodiscard]] std::string no_process_text(const std::string& path, std::int64_t pid);

/// --acquire --pid: the process has ended while ufl waited for the lock.
[[nodiscard]] std::string process_ended_text(const std::string& path, std::int64_t pid);

/// The --report would take the place of the lock file.
[[nodiscard]] std::string report_is_lock_text(const std::string& file);

/// The --report would take the place of another lock.
[[nodiscard]] std::string report_replaces_lock_text(const std::string& file);

/// The --report of --acquire would mix with the token.
[[nodiscard]] std::string report_on_stdout_text(const std::string& file);

/// The --report cannot be written.
[[nodiscard]] std::string report_failure_text(const std::string& file, int error);

/// The lock is held by a ufl that this one runs under.
[[nodiscard]] std::string already_held_text(const std::string& path);

/// ufl could not get what it needs of the system before it looked at the lock.
[[nodiscard]] std::string resource_failure_text(const std::string& path, const std::string& what,
                                                int error);

/// stdout does not take what --help or --version print; `error` is the errno value.
[[nodiscard]] std::string stdout_failure_text(int error);

/// Something was thrown that nobody expects.
[[nodiscard]] std::string internal_error_text(const std::string& what);

/// The lock is no longer ours at release.
[[nodiscard]] std::string lost_text(const std::string& path, const Sighting& seen, Wall now);

/// The command could not be executed; `error` is the errno value. `found`: its file is there, so
/// that ENOENT means the interpreter that its "#!" line names. `is_shell`: it is $SHELL, for -c.
[[nodiscard]] std::string exec_failure_text(const std::string& path, const std::string& command,
                                            int error, bool found, bool is_shell);

/// No process could be started for the command; `error` is the errno value.
[[nodiscard]] std::string spawn_failure_text(const std::string& path, int error);

}  // namespace ufl
