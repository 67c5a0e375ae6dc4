// SPDX-License-Identifier: MIT

#include "report/recovery_messages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "report/holder_text.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

std::string why_gone(const Sighting& seen, WhyGone why) {
  if (why == WhyGone::dead) return "its holder is dead";
  return "its lease of " + seconds_text(Seconds{seen.holder.lease.value_or(0)}) +
         " was not refreshed";
}

std::string why_refused(const FileReply& reply) {
  switch (reply.status) {
    case FileStatus::not_found:
      return "its file is gone, and perhaps its file system";
    case FileStatus::changed:
      return "somebody else has written into it";
    case FileStatus::busy:
      return is_flocked(reply) ? "somebody holds flock(2) on it" : error_text(reply.error);
    case FileStatus::not_regular:
      return fmt::format("there is {} in its place", kind_text(reply.kind));
    default:
      return error_text(reply.error);
  }
}

std::string why_failed(const Failure& failure) {
  switch (failure.reason) {
    case FailureReason::answer:
      break;
    case FailureReason::too_slow:
    case FailureReason::too_late:
      return "the share is too slow";
    case FailureReason::elsewhere:
      return "another file system is mounted there now, or none";
    case FailureReason::answers_differ:
      return "it holds something else at each look";
    case FailureReason::changed:
      return "somebody else has written into it";
    case FailureReason::no_room:
      return "the record in it has no room for that";
  }
  return why_refused(failure.reply);
}

std::string_view text_of(CommandFate fate) {
  switch (fate) {
    case CommandFate::stopped:
      return "the command is stopped";
    case CommandFate::not_run:
      return "the command was not run";
    case CommandFate::ended:
      return "the command has ended, and may not have been alone";
    case CommandFate::runs_on:
      break;
  }
  return "the command runs on, and may not be alone";
}

}  // namespace

std::string taken_over_text(const std::string& path, const Sighting& seen, WhyGone why, Wall now) {
  if (seen.kind == Sighting::Kind::empty) {
    return fmt::format("{}: taken over: it was a left-over empty file", printable(path));
  }
  return fmt::format("{}: taken over: it was {}; {}", printable(path), holder_text(seen, now),
                     why_gone(seen, why));
}

std::string lease_over_text(const std::string& path, Duration lease,
                            const std::optional<Failure>& failure, CommandFate fate) {
  const std::string why =
      failure ? why_failed(*failure) : "ufl, or the share, stood still for too long";
  const std::string next =
      failure ? "check the file system of " + directory_text(path) : "give a longer --lease";
  return fmt::format("{}: its lease of {} could not be refreshed in time: {}; {}; {}",
                     printable(path), seconds_text(lease), why, text_of(fate), next);
}

std::string lost_while_running_text(const std::string& path, const Sighting& seen, CommandFate fate,
                                    Wall now) {
  const std::string what =
      seen.kind == Sighting::Kind::none ? "its file is gone" : "it is " + holder_text(seen, now);
  return fmt::format("{}: the lock was lost: {}; {}; see ufl --status {}", printable(path), what,
                     text_of(fate), shell_word(path));
}

std::string not_restored_text(const std::string& path, const Failure& failure, CommandFate fate) {
  return fmt::format(
      "{}: the lock was lost: another program has emptied its file or cut it short, and it cannot "
      "be written anew: {}; {}; see what else uses {}",
      printable(path), why_failed(failure), text_of(fate), shell_word(path));
}

std::string restored_text(const std::string& path) {
  return fmt::format(
      "{}: another program has emptied the lock file or cut it short; it was written anew, and the "
      "lock is still held; see what else uses that file, and give that program another one",
      printable(path));
}

std::string survivors_text(const std::string& path, const std::vector<std::int64_t>& pids) {
  constexpr std::size_t kMostNamed = 20;
  const std::vector<std::int64_t> named{
      pids.begin(), pids.begin() + static_cast<std::ptrdiff_t>(std::min(pids.size(), kMostNamed))};
  const std::size_t more = pids.size() - named.size();
  return fmt::format(
      "{}: {} {} could not be stopped and may not be alone, so the lock file is left; see ps -o "
      "pid,stat,wchan,args -p {}{}",
      printable(path), pids.size(), pids.size() == 1 ? "process" : "processes",
      fmt::join(named, ","), more == 0 ? std::string{} : fmt::format(" and {} more", more));
}

std::string left_to_lease_text(const std::string& path, Duration lease) {
  return fmt::format(
      "{}: not released: its lease of {} was not refreshed for so long that somebody else may have "
      "it; else it is taken over by itself",
      printable(path), seconds_text(lease));
}

std::string acquired_too_late_text(const std::string& path, Duration lease) {
  return fmt::format(
      "{}: taken too slowly for its lease of {}: ufl, or who reads its stdout, stood still, and "
      "somebody else may have it by now; do not rely on it, and give a longer --lease",
      printable(path), seconds_text(lease));
}

std::string lease_too_short_text(const std::string& path, Duration lease, Duration needed) {
  return fmt::format(
      "{}: a --lease of {} is too short here, because the file system is slow; give {} or more",
      printable(path), seconds_text(lease),
      seconds_text(std::chrono::ceil<std::chrono::seconds>(needed)));
}

std::string lease_refused_text(const std::string& path, std::string_view mount_type) {
  return fmt::format(
      "{}: no --lease on {}: it writes to a name rather than to a file, so that a refresh could "
      "overwrite somebody else's lock; leave it out, or give --lease 0",
      printable(path), mount_type.empty() ? "this file system" : printable(mount_type));
}

std::string cannot_record_text(const std::string& path, const Failure& failure) {
  if (failure.reason == FailureReason::answer && failure.reply.error != 0) {
    return failure_text(path, {FailureReason::answer, UpdateFile{}, failure.reply}) +
           "; the command was not run";
  }
  return fmt::format(
      "{}: cannot write the command's process into it, so the command is not run: {}; check the "
      "file system of {} and try again",
      printable(path), why_failed(failure), directory_text(path));
}

std::string no_lease_text(const std::string& path) {
  return fmt::format(
      "{}: cannot refresh it: it was taken without a lease; take it with ufl --acquire --lease 60",
      printable(path));
}

std::string not_refreshable_text(const std::string& path) {
  return fmt::format(
      "{}: not refreshed: a newer ufl has written it, in a format that this one does not know; "
      "refresh it with the ufl that has taken it",
      printable(path));
}

std::string late_refresh_text(const std::string& path, Duration wait) {
  return fmt::format(
      "{}: the last refresh was long ago, or is not known: waiting for {} to see that nobody has "
      "taken it over; refresh it at each third of its lease",
      printable(path), duration_text(wait));
}

}  // namespace ufl
