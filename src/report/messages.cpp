// SPDX-License-Identifier: MIT

#include "report/messages.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>
#include <variant>

#include "report/holder_text.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

constexpr const char* kFlocked =
    "somebody holds flock(2) on it, perhaps a flock(1) that uses the same file";

constexpr const char* kChanged = "somebody else has written into it";

std::string_view verb_of(const Failure& failure) {
  const FileOperation& operation = failure.operation;
  if (std::holds_alternative<ReadFile>(operation)) return "read";
  if (std::holds_alternative<RemoveFile>(operation)) return "remove";
  if (std::holds_alternative<ReplaceFile>(operation)) return "replace";
  if (std::holds_alternative<UpdateFile>(operation)) return "write into";
  if (std::holds_alternative<ProbeDirectory>(operation)) return "look into the directory of";
  return failure.reply.created ? "write" : "create";
}

std::string advice(const std::string& path, const FileOperation& operation,
                   const FileReply& reply) {
  const std::string directory = directory_text(path);
  const std::string_view not_taken =
      std::holds_alternative<UpdateFile>(operation) ? "" : "; no lock was taken";
  switch (reply.error) {
    case ENOENT:
      if (path.ends_with('/')) return "a LOCKFILE is a file, and cannot end in /";
      if (std::holds_alternative<ProbeDirectory>(operation)) {
        return fmt::format("there is no directory {}: is the share mounted?", directory);
      }
      if (directory == ".") return "the working directory is gone, change to another one";
      return fmt::format("there is no directory {}, make it first", directory);
    case EACCES:
    case EPERM:
      if (std::holds_alternative<CreateExclusive>(operation)) {
        return fmt::format("ufl must be able to make files in {}", directory);
      }
      // Made with a umask like 077, or in a directory that cannot be searched.
      if (std::holds_alternative<ReadFile>(operation)) return whose_text(path);
      if (std::holds_alternative<UpdateFile>(operation)) return whose_text(path);
      if (std::holds_alternative<ProbeDirectory>(operation)) {
        return fmt::format("check the permissions of {}", directory);
      }
      // EPERM: a directory like /tmp, with the sticky bit.
      if (reply.error == EPERM) return "its owner, or root, can do it";
      return fmt::format("ufl must be able to remove files in {}", directory);
    case EROFS:
      return "name a LOCKFILE on a file system that can be written to";
    case ENOSPC:
    case EDQUOT:
      return fmt::format("make room in {} and try again{}", directory, not_taken);
    case EMFILE:
      return "see ulimit -n, and try again";
    case EFBIG:
      return fmt::format("raise the file size limit (ulimit -f){}", not_taken);
    case ENOTDIR:
      return "a part of the path is not a directory, check its spelling";
    case ENAMETOOLONG:
      return "choose a shorter name";
    case ELOOP:
      return "its symbolic links lead in a circle";
    default:
      return fmt::format("check the file system of {} and try again", directory);
  }
}

// What the share has answered.
std::string answer_text(const std::string& path, const Failure& failure) {
  const std::string name = printable(path);
  const FileReply& reply = failure.reply;
  if (reply.status == FileStatus::not_regular) {
    return fmt::format("{}: is {}; name a file that ufl may create and remove", name,
                       kind_text(reply.kind));
  }
  if (is_flocked(reply)) {
    return fmt::format("{}: cannot {} it: {}; let that one use another file, and try again", name,
                       verb_of(failure), kFlocked);
  }
  if (reply.status == FileStatus::changed) {
    return fmt::format("{}: cannot {} it: {}; see ufl --status {}", name, verb_of(failure),
                       kChanged, shell_word(path));
  }
  return fmt::format("{}: cannot {} it: {}; {}", name, verb_of(failure), error_text(reply.error),
                     advice(path, failure.operation, reply));
}

std::string too_slow_text(const std::string& path, const FileOperation& operation) {
  if (std::holds_alternative<RemoveFile>(operation)) {
    return fmt::format(
        "{}: cannot remove it: this share is so slow that it may be somebody else's by then; try "
        "again, or give a longer --delay",
        printable(path));
  }
  return fmt::format(
      "{}: this share is too slow for its --delay: a look takes more than a third of it; give a "
      "longer one",
      printable(path));
}

// Why a lock could not be released.
std::string why_not_released(const Failure& failure) {
  switch (failure.reason) {
    case FailureReason::elsewhere:
      return "it lies on another device now";
    case FailureReason::answers_differ:
      return "it holds something else at each look, and no whole lock";
    case FailureReason::too_slow:
    case FailureReason::too_late:
      return "this share is so slow that it may be somebody else's by then";
    case FailureReason::changed:
      return kChanged;
    case FailureReason::answer:
    case FailureReason::no_room:
      break;
  }
  return is_flocked(failure.reply) ? kFlocked : error_text(failure.reply.error);
}

// Of a system call. What a file system refuses is told elsewhere.
std::string_view resource_advice(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
      return "see ulimit -n, and try again";
    case EPERM:
      return "ufl needs this system call and a sandbox forbids it: update the container engine, or "
             "allow it (docker run --security-opt seccomp=PROFILE, SystemCallFilter= of systemd)";
    case ENOSYS:
      return "ufl needs this system call, and either this kernel is too old for it (Linux 5.3 has "
             "all) or a sandbox hides it: update the container engine, or allow it (docker run "
             "--security-opt seccomp=PROFILE, SystemCallFilter= of systemd)";
    default:
      return "try again";
  }
}

}  // namespace

std::string_view kind_text(FileKind kind) {
  switch (kind) {
    case FileKind::directory:
      return "a directory";
    case FileKind::symlink:
      return "a symbolic link, which ufl does not follow";
    case FileKind::fifo:
      return "a FIFO";
    case FileKind::socket:
      return "a socket";
    case FileKind::device:
      return "a device";
    case FileKind::regular:
      break;
  }
  return "something else";
}

std::string age_text(std::chrono::seconds time) {
  using namespace std::chrono;
  const auto in_minutes = floor<minutes>(time);
  const auto in_hours = floor<hours>(time);
  const auto in_days = floor<days>(time);
  if (in_days.count() > 0) {
    return fmt::format("{}d{}h", in_days.count(), (in_hours - in_days).count());
  }
  if (in_hours.count() > 0) {
    return fmt::format("{}h{}m", in_hours.count(), (in_minutes - in_hours).count());
  }
  if (in_minutes.count() > 0) {
    return fmt::format("{}m{}s", in_minutes.count(), (time - in_minutes).count());
  }
  return fmt::format("{}s", time.count());
}

std::string duration_text(Duration time) {
  const auto in_milliseconds = std::chrono::round<std::chrono::milliseconds>(time).count();
  if (in_milliseconds < 100) return fmt::format("{}ms", in_milliseconds);
  using Tenths = std::chrono::duration<std::int64_t, std::deci>;
  const auto tenths = std::chrono::round<Tenths>(time).count();
  if (tenths < 100) return fmt::format("{}.{}s", tenths / 10, tenths % 10);
  return age_text(std::chrono::floor<std::chrono::seconds>(time));
}

std::string seconds_text(Seconds time) { return fmt::format("{:.10g}s", time.count()); }

std::string not_acquired_text(const std::string& path, std::optional<Duration> timeout,
                              const Sighting& seen, Life life, bool local, Wall now) {
  const std::string when = timeout ? " within " + duration_text(*timeout) : std::string{};
  const std::string held =
      fmt::format("{}: not acquired{}: {}", printable(path), when, holder_text(seen, now));
  const std::string next = next_step_text(path, seen, life, local);
  if (seen.kind == Sighting::Kind::garbled) return held + "; " + next;
  const std::string wait = timeout ? "; try again later, or wait longer with -w"
                                   : "; try again later, or wait for it: leave out -n";
  const std::string check = seen.kind == Sighting::Kind::record
                                ? "; " + life_text(seen, life) + next_time_text(seen, life)
                                : std::string{};
  const bool is_told =
      seen.kind == Sighting::Kind::none || life == Life::alive || life == Life::dead;
  return held + wait + check + (is_told ? "" : "; " + next);
}

std::string failure_text(const std::string& path, const Failure& failure) {
  const std::string name = printable(path);
  switch (failure.reason) {
    case FailureReason::answer:
      break;
    case FailureReason::too_slow:
      return too_slow_text(path, failure.operation);
    case FailureReason::too_late:
      return fmt::format(
          "{}: cannot refresh it: each refresh took so much of its lease that somebody else may "
          "have it by now; see ufl --status {}, and take it with a longer --lease",
          name, shell_word(path));
    case FailureReason::elsewhere:
      return fmt::format(
          "{}: cannot {} it: another file system is mounted there now, or none; see findmnt -T {}",
          name, verb_of(failure), shell_word(directory_text(path)));
    case FailureReason::answers_differ:
      return fmt::format(
          "{}: holds something else at each look, and no whole lock: see what writes into it: ls "
          "-l {}",
          name, shell_word(path));
    case FailureReason::changed:
      return fmt::format("{}: cannot {} it: {}; see ufl --status {}", name, verb_of(failure),
                         kChanged, shell_word(path));
    case FailureReason::no_room:
      return fmt::format(
          "{}: cannot write into it: the record in it has no room for the command's process; see "
          "what else writes into it: ls -l {}",
          name, shell_word(path));
  }
  return answer_text(path, failure);
}

std::string mounted_alone_text(const std::string& path) {
  return fmt::format(
      "{}: is a mount point of its own, such as a single file that a container was given, and can "
      "neither be replaced nor removed; mount its directory instead (docker run -v DIR:DIR), and "
      "name a file in that",
      printable(path));
}

std::string waits_for_no_lock_text(const std::string& path, const Sighting& seen) {
  return fmt::format(
      "{}: is no lock of ufl: {}; waiting until somebody removes it; if it is not meant to be the "
      "lock, name another file as LOCKFILE, before COMMAND",
      printable(path), why_unknown_text(seen));
}

std::string left_behind_text(const std::string& path) {
  return fmt::format("{}: what ufl wrote there may be left; see ufl --status {}", printable(path),
                     shell_word(path));
}

std::string late_claim_text(const std::string& path, Duration wait) {
  return fmt::format(
      "{}: writing it took more than a third of the --delay and may have replaced somebody's lock: "
      "waiting for {} to let that one leave; give a longer --delay",
      printable(path), duration_text(wait));
}

std::string release_failure_text(const std::string& path, const std::string& token,
                                 const Failure& failure) {
  if (failure.reply.status == FileStatus::not_regular) {
    return fmt::format("{}: cannot release it: there is {} in its place; remove that",
                       printable(path), kind_text(failure.reply.kind));
  }
  return fmt::format("{}: cannot release it: {}; if the file still begins with {}, remove it",
                     printable(path), why_not_released(failure), shown(token));
}

std::string already_held_text(const std::string& path) {
  return fmt::format(
      "{}: you already hold it: this ufl runs under the ufl that holds it (UFL_TOKEN), so waiting "
      "would never end; leave the inner ufl out",
      printable(path));
}

std::string resource_failure_text(const std::string& path, const std::string& what, int error) {
  return fmt::format("{}: {}; {}", printable(path), what, resource_advice(error));
}

std::string lost_text(const std::string& path, const Sighting& seen, Wall now) {
  const std::string what =
      seen.kind == Sighting::Kind::none ? "its file is gone" : "now " + holder_text(seen, now);
  return fmt::format(
      "{}: the lock was lost while the command ran: {}; the command may not have been alone",
      printable(path), what);
}

std::string exec_failure_text(const std::string& path, const std::string& command, int error,
                              bool found, bool is_shell) {
  const std::string name = printable(path);
  if (error == ENOENT && found) {
    return fmt::format(
        "{}: cannot run '{}': the interpreter that it needs (its #! line) is not there; "
        "install it, or mend the line",
        name, shown(command));
  }
  const std::string why = error == ENOENT ? "no such command" : error_text(error);
  const std::string_view where =
      is_shell ? "the shell that $SHELL names" : "its name and permissions, and $PATH";
  return fmt::format("{}: cannot run '{}': {}; check {}", name, shown(command), why, where);
}

std::string spawn_failure_text(const std::string& path, int error) {
  if (error == EPERM || error == ENOSYS) {
    return fmt::format("{}: cannot start a process (pipe2, fork): {}; {}", printable(path),
                       error_text(error), resource_advice(error));
  }
  return fmt::format("{}: cannot start a process: {}; see ulimit -{}, and try again",
                     printable(path), error_text(error), error == EMFILE ? 'n' : 'u');
}

}  // namespace ufl
