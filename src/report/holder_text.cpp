// SPDX-License-Identifier: MIT

#include "report/holder_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <optional>

#include "protocol/lease.hpp"
#include "protocol/no_lock.hpp"
#include "protocol/token.hpp"
#include "protocol/utc.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

constexpr std::size_t kShownCommand = 60;

// --break names the token, so that it does not break a later holder; but nobody pastes a page.
std::string token_option(const std::string& token) {
  constexpr std::size_t kMostQuoted = 400;
  const std::string option = " --token " + shell_quote({token});
  return option.size() <= kMostQuoted ? option : std::string{};
}

// Only for what may be the rest of a token: a person must not be told to break a file of data.
std::string break_torn_text(const std::string& path, const std::string& first_line) {
  const std::string option = ends_in_torn_uuid(first_line) ? token_option(first_line) : "";
  if (option.empty()) return {};
  return fmt::format("; if it is one that nobody uses any more: ufl --break{} {}", option,
                     shell_word(path));
}

std::string record_text(const HolderParts& parts) {
  std::string what = parts.pid;
  if (!parts.command.empty()) what += (what.empty() ? "" : ", ") + parts.command;
  if (!what.empty()) what = " (" + what + ')';
  return "held by " + parts.who + what + (parts.age.empty() ? "" : " since " + parts.age);
}

// After so long without a refresh every waiter may take the lock over. Without a heartbeat no
// waiter sees a refresh.
std::optional<Seconds> lease_of(const Holder& holder) {
  return usable_lease(holder) ? std::optional{Seconds{*holder.lease}} : std::nullopt;
}

// A holder that may live or not, as far as this host sees.
std::string doubt_text(const Sighting& seen, Life life, bool has_lease) {
  const auto unseen = [&](const std::string& who) {
    return who + (has_lease ? " and cannot be checked from here"
                            : ", cannot be checked from here and gave no lease");
  };
  const auto without = [&](const std::string& text) {
    return text + (has_lease ? "" : "; there is no lease");
  };
  switch (life) {
    case Life::gone:
      return without("its process is gone from this host, but what it started may still run");
    case Life::other_host:
      return unseen("the holder is on " + (seen.holder.host ? "host " + shown(*seen.holder.host)
                                                            : std::string{"another host"}));
    case Life::other_boot:
      return unseen(
          seen.holder.machine
              ? "the holder ran before this host was started, or on another one of the same name "
                "or machine ID"
              : "the holder ran before this host was started, or on another one of its name, which "
                "ufl 0.1 and hosts without /etc/machine-id do not tell");
    case Life::other_container:
      return unseen("the holder is in another container of this host");
    case Life::hidden:
      return without("this host does not show the holder's process to you");
    case Life::alive:
    case Life::dead:
    case Life::unknown:
      break;
  }
  return without(seen.holder.detached.value_or(false)
                     ? "taken with --acquire, without a process to check"
                     : "the file does not say which process holds it");
}

}  // namespace

std::optional<std::chrono::seconds> held_for(const Holder& holder, Wall now) {
  const auto since = holder.since ? parse_utc(*holder.since) : std::nullopt;
  if (!since || *since > now) return std::nullopt;
  return now - *since;
}

HolderParts holder_parts(const Sighting& seen, Wall now) {
  HolderParts parts;
  if (seen.kind != Sighting::Kind::record) {
    parts.who = "unknown holder";
    return parts;
  }
  const Holder& holder = seen.holder;
  if (holder.user) {
    parts.who = shown(*holder.user);
  } else if (holder.uid) {
    parts.who = fmt::format("uid {}", *holder.uid);
  }
  if (parts.who.empty()) parts.who = "somebody";
  if (holder.host) parts.who += '@' + shown(*holder.host);
  if (holder.pid) parts.pid = fmt::format("pid {}", *holder.pid);
  if (holder.command) parts.command = shown(*holder.command, kShownCommand);
  if (const auto age = held_for(holder, now)) parts.age = age_text(*age);
  return parts;
}

std::string why_unknown_text(const Sighting& seen) {
  if (is_emptied(seen)) {
    return seen.kind == Sighting::Kind::empty
               ? "its process runs on this host, and its file was emptied"
               : "its process runs on this host, and its file was cut short or written over";
  }
  switch (seen.kind) {
    case Sighting::Kind::foreign:
      return "token " + shown(seen.token);
    case Sighting::Kind::unknown_version:
      return "a newer ufl has written the file, in a format that this one does not know";
    case Sighting::Kind::garbled:
      if (is_program(seen.token)) return "the file is a program or a script";
      if (is_blank(seen.token)) return "the file holds no text, as after a power cut";
      return "the file is no whole lock file: another program's, or cut short";
    case Sighting::Kind::empty:
      return "the file has 0 bytes: just being written, or left over";
    case Sighting::Kind::unreadable:
      return "the file cannot be read: " + error_text(seen.error);
    case Sighting::Kind::record:
    case Sighting::Kind::none:
      break;
  }
  return {};
}

std::string holder_text(const Sighting& seen, Wall now) {
  if (seen.kind == Sighting::Kind::record) return record_text(holder_parts(seen, now));
  if (seen.kind == Sighting::Kind::none) return "held by somebody who came first";
  return "held by an unknown holder (" + why_unknown_text(seen) + ')';
}

std::string life_text(const Sighting& seen, Life life) {
  if (is_emptied(seen)) return "its process runs on this host, or what it has started";
  if (seen.kind != Sighting::Kind::record) return "the file names nobody to check";
  if (life == Life::alive) return "its process runs on this host, or what it has started";
  if (life == Life::dead) return "the holder is dead: free for the next ufl on this host";
  const auto lease = lease_of(seen.holder);
  std::string text = doubt_text(seen, life, lease.has_value());
  if (lease) {
    text.append("; its lock is taken over by itself when it is not refreshed for ")
        .append(seconds_text(*lease));
  }
  return text;
}

std::string next_step_text(const std::string& path, const Sighting& seen, Life life, bool local) {
  const std::string name = shell_word(path);
  if (is_emptied(seen)) return fmt::format("wait for it: ufl -w 10m {} COMMAND", name);
  switch (seen.kind) {
    case Sighting::Kind::record:
      if (life == Life::dead) return fmt::format("take it: ufl {} COMMAND", name);
      if (life == Life::alive) break;
      [[fallthrough]];
    case Sighting::Kind::foreign:
    case Sighting::Kind::unknown_version:
      return fmt::format("if you know that the holder is gone{}: ufl --break{} {}",
                         lease_of(seen.holder) ? ", and cannot wait" : "", token_option(seen.token),
                         name);
    case Sighting::Kind::garbled:
      // Neither a token nor anything else that could be named.
      if (is_blank(seen.token)) return "if you know that nobody uses it: " + removal_text(path);
      return "if it is no lock file, name another one" + break_torn_text(path, seen.token);
    case Sighting::Kind::unreadable:
      return whose_text(path);
    case Sighting::Kind::empty:
      if (local) {
        return fmt::format(
            "it is taken over by itself when it has stayed so for 10s and nobody holds flock(2) on "
            "it: ufl -w 10m {} COMMAND",
            name);
      }
      return "if you know that nobody uses it any more: " + removal_text(path);
    case Sighting::Kind::none:
      break;
  }
  return fmt::format("wait for it: ufl -w 10m {} COMMAND", name);
}

std::string hindrance_text(const Hindrance& hindrance) {
  if (hindrance.may_not_replace) {
    return "only its owner, or root, may do that in this directory";
  }
  if (hindrance.flocked_by.empty()) return {};
  const FlockHolder& first = hindrance.flocked_by.front();
  const std::string command = first.command.empty()
                                  ? std::string{}
                                  : " (" + shown(shell_quote(first.command), kShownCommand) + ')';
  const std::size_t more = hindrance.flocked_by.size() - 1;
  return fmt::format("process {}{}{} holds flock(2) on it", first.pid, command,
                     more == 0 ? std::string{} : fmt::format(", and {} more,", more));
}

std::string next_time_text(const Sighting& seen, Life life) {
  const bool helps = seen.kind == Sighting::Kind::record && !lease_of(seen.holder) &&
                     life != Life::alive && life != Life::dead;
  if (!helps) return {};
  return seen.holder.detached.value_or(false) && !seen.holder.pid
             ? " (take it with --pid $$ or --lease 60 next time)"
             : " (start it with --lease 60 next time)";
}

std::string whose_text(const std::string& path) {
  return "see whose it is: ls -l " + shell_word(path);
}

std::string shell_word(const std::string& path) {
  if (!can_be_quoted(path)) return "LOCKFILE";
  return shell_quote({path.starts_with('-') ? "./" + path : path});
}

std::string removal_text(const std::string& path) {
  return can_be_quoted(path) ? "rm " + shell_word(path) : "remove it";
}

}  // namespace ufl
