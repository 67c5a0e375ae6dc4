// SPDX-License-Identifier: MIT
//
// What the verbs say: --acquire, --release, --check, --break, and --report.

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "protocol/no_lock.hpp"
#include "protocol/token.hpp"
#include "report/holder_text.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

constexpr std::string_view kFlocked =
    "somebody holds flock(2) on it; see who uses the same file with flock(1)";

// Who keeps the file by flock(2), and how to find out more.
std::string flocked_by(const Hindrance& hindrance) {
  if (hindrance.flocked_by.empty()) return std::string{kFlocked};
  Hindrance flocked = hindrance;
  flocked.may_not_replace = false;
  return fmt::format("{}: end it, or see what it does: ps -fp {}", hindrance_text(flocked),
                     hindrance.flocked_by.front().pid);
}

// "now held by ...", or that there is nothing.
std::string now_there(const Sighting& seen, Wall now) {
  return seen.kind == Sighting::Kind::none ? "nobody holds it" : "it is " + holder_text(seen, now);
}

}  // namespace

std::string not_held_text(const std::string& path, const std::string& token, const Sighting& seen,
                          Wall now) {
  const std::string_view so = seen.kind == Sighting::Kind::none
                                  ? "it was released already, or taken away meanwhile"
                                  : "what ran under the token may not have been alone";
  return fmt::format("{}: not held with the token {}: {}; {}", printable(path), shown(token),
                     now_there(seen, now), so);
}

std::string cannot_check_text(const std::string& path, const Failure& failure) {
  const bool is_answer = failure.reason == FailureReason::answer;
  if (is_answer && is_flocked(failure.reply)) {
    return fmt::format("{}: cannot remove it: {}", printable(path), kFlocked);
  }
  return failure_text(path, failure);
}

std::string break_refusal_text(const std::string& path, BreakRefusal refusal,
                               const std::string& token, const Sighting& seen, Wall now) {
  const std::string name = printable(path);
  switch (refusal) {
    case BreakRefusal::alive:
      return fmt::format(
          "{}: not broken: {}, and its process runs on this host, or what it has started; end it, "
          "or insist with: ufl --break --token {} {}",
          name, holder_text(seen, now), shell_quote({seen.token}), shell_word(path));
    case BreakRefusal::newer:
      return fmt::format(
          "{}: not broken: {}, so it cannot tell whether the holder lives; use the newer ufl, or "
          "insist with: ufl --break --token {} {}",
          name, holder_text(seen, now), shell_quote({seen.token}), shell_word(path));
    case BreakRefusal::emptied:
      return fmt::format(
          "{}: not broken: {}; end that process, or wait for it: ufl -w 10m {} "
          "COMMAND",
          name, holder_text(seen, now), shell_word(path));
    case BreakRefusal::another_token:
      return fmt::format(
          "{}: not broken: it is not held with the token {}: {}; see ufl --status {}", name,
          shown(token), now_there(seen, now), shell_word(path));
    case BreakRefusal::no_lock:
    case BreakRefusal::none:
      break;
  }
  if (ends_in_uuid(seen.token)) {
    return fmt::format("{}: not broken: it is longer than any lock file; name a lock file", name);
  }
  const bool is_blank_file = seen.kind == Sighting::Kind::garbled && is_blank(seen.token);
  const std::string next = seen.kind == Sighting::Kind::empty || is_blank_file
                               ? "if you know that nobody uses it: " + removal_text(path)
                               : "name a lock file, or its whole first line with --token";
  return fmt::format("{}: not broken: it is no lock: its first line does not end in a UUID; {}",
                     name, next);
}

std::string broken_text(const std::string& path, const Sighting& broken, Wall now) {
  return fmt::format("{}: broken; it was {}, token {}", printable(path), holder_text(broken, now),
                     shown(broken.token));
}

std::string nothing_to_break_text(const std::string& path) {
  return fmt::format("{}: is free, there is nothing to break", printable(path));
}

std::string break_flocked_text(const std::string& path, const Hindrance& hindrance) {
  return fmt::format("{}: not broken: {}", printable(path), flocked_by(hindrance));
}

std::string not_taken_over_text(const std::string& path, const Sighting& seen,
                                const Hindrance& hindrance, Wall now) {
  const std::string why = hindrance.may_not_replace
                              ? hindrance_text(hindrance) + "; " + whose_text(path)
                              : flocked_by(hindrance);
  return fmt::format("{}: not acquired: {}; it could be taken over, but {}", printable(path),
                     holder_text(seen, now), why);
}

std::string may_not_replace_text(const std::string& path, const Sighting& seen, Wall now) {
  return fmt::format(
      "{}: {}; it could be taken over, but only its owner, or root, may do that in this directory: "
      "waiting for one of them; {}",
      printable(path), holder_text(seen, now), whose_text(path));
}

std::string denied_for_long_text(const std::string& path, const FileReply& reply) {
  return fmt::format(
      "{}: still waiting: the share denies it ({}) though none is to be seen, and takes other "
      "files "
      "in {}: somebody holds it, or the server keeps this name; look at it from another host",
      printable(path), error_text(reply.error), directory_text(path));
}

std::string break_taken_text(const std::string& path, const Sighting& seen, Wall now) {
  return fmt::format(
      "{}: somebody else was there before it could be released: {}; see ufl --status {}",
      printable(path), now_there(seen, now), shell_word(path));
}

std::string break_interrupted_text(const std::string& path, const std::string& token) {
  return fmt::format(
      "{}: interrupted before it was released; it is held by nobody: ufl --release --token {} {}",
      printable(path), shell_quote({token}), shell_word(path));
}

std::string break_race_text(const std::string& path, const Sighting& seen, Wall now) {
  return fmt::format("{}: not broken: it has just changed: {}; see ufl --status {}",
                     printable(path), now_there(seen, now), shell_word(path));
}

std::string print_failure_text(const std::string& path, std::string_view what, int error) {
  return fmt::format("{}: cannot write {}: {}; see where stdout goes", printable(path), what,
                     error_text(error));
}

std::string stdout_failure_text(int error) {
  return fmt::format("cannot write to stdout: {}; see where it goes", error_text(error));
}

std::string internal_error_text(const std::string& what) {
  return fmt::format("internal error: {}; please report it", what);
}

std::string no_process_text(const std::string& path, std::int64_t pid) {
  return fmt::format(
      "{}: there is no process {} for the lock to live with; name one that runs, such as --pid $$",
      printable(path), pid);
}

std::string process_ended_text(const std::string& path, std::int64_t pid) {
  return fmt::format(
      "{}: process {}, for which the lock was taken, has ended, so it is released; nothing is left "
      "to do",
      printable(path), pid);
}

std::string report_is_lock_text(const std::string& file) {
  return fmt::format(
      "{}: is both LOCKFILE and the file of --report; name another one for the report",
      printable(file));
}

std::string report_replaces_lock_text(const std::string& file) {
  return fmt::format("{}: holds a lock, which a report would replace; name another file for it",
                     printable(file));
}

std::string report_on_stdout_text(const std::string& file) {
  return fmt::format(
      "{}: is where stdout goes, which is for the token of --acquire alone; name another file for "
      "the report",
      printable(file));
}

std::string report_failure_text(const std::string& file, int error) {
  const std::string advice = error == EACCES
                                 ? "ufl must be able to make files in " + directory_text(file)
                                 : "see where --report points to";
  return fmt::format("{}: cannot write the report: {}; {}", printable(file), error_text(error),
                     advice);
}

}  // namespace ufl
