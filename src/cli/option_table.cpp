// SPDX-License-Identifier: MIT

#include "cli/option_table.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace ufl {

namespace {

using enum Action;

constexpr Actions kAny{run, acquire, release, check, refresh, status, break_lock, help, version};
constexpr Actions kOnToken{release, check, refresh, break_lock};
constexpr Actions kTaking{run, acquire};

constexpr std::array kOptions{
    OptionSpec{OptionId::acquire,
               "",
               {"acquire"},
               "",
               "",
               "take the lock, print its token, leave it held",
               {acquire}},
    OptionSpec{OptionId::release,
               "",
               {"release"},
               "",
               "",
               "release the lock that --token names",
               {release}},
    OptionSpec{OptionId::check, "", {"check"}, "", "", "is it held with --token?", {check}},
    OptionSpec{OptionId::refresh,
               "",
               {"refresh"},
               "",
               "",
               "refresh the lease of the lock that --token names",
               {refresh}},
    OptionSpec{OptionId::status, "", {"status"}, "", "", "who holds it, and since when", {status}},
    OptionSpec{
        OptionId::break_lock, "", {"break"}, "", "", "take a lock away by hand", {break_lock}},
    OptionSpec{OptionId::token, "", {"token"}, "TOKEN", "", "the token of the lock", kOnToken},
    OptionSpec{OptionId::pid,
               "",
               {"pid"},
               "PID",
               "",
               "--acquire: the lock lives as long as process PID",
               {acquire}},
    OptionSpec{OptionId::json, "", {"json"}, "", "", "--status: for programs", {status}},
    OptionSpec{OptionId::prefix,
               "p",
               {"prefix"},
               "STR",
               "UFL_PREFIX",
               "put STR before the UUID, to tell holders apart",
               kTaking},
    OptionSpec{OptionId::delay,
               "d",
               {"delay"},
               "TIME|auto",
               "UFL_DELAY",
               "time from writing to reading back (auto)",
               {run, acquire, release, check, refresh, break_lock}},
    OptionSpec{OptionId::retry,
               "r",
               {"retry"},
               "TIME",
               "UFL_RETRY",
               "time between looks while it is held (0.1 to 3)",
               kTaking},
    OptionSpec{OptionId::timeout,
               "w",
               {"wait", "timeout"},
               "TIME",
               "UFL_TIMEOUT",
               "give up after TIME; negative: never (-1)",
               kTaking},
    OptionSpec{OptionId::nonblock,
               "n",
               {"nonblock", "nb"},
               "",
               "",
               "one attempt: give up at once if it is held",
               kTaking},
    OptionSpec{OptionId::conflict_exit_code,
               "E",
               {"conflict-exit-code"},
               "N",
               "",
               "exit status when not acquired, 0 to 255 (75)",
               kTaking},
    OptionSpec{
        OptionId::command, "c", {"command"}, "STRING", "", "run STRING with $SHELL -c", {run}},
    OptionSpec{OptionId::close,
               "o",
               {"close"},
               "",
               "",
               "what COMMAND leaves behind does not keep the lock",
               {run}},
    OptionSpec{OptionId::lease,
               "l",
               {"lease"},
               "TIME",
               "UFL_LEASE",
               "others may take it when not refreshed so long",
               kTaking},
    OptionSpec{OptionId::on_lost,
               "",
               {"on-lost"},
               "kill|warn",
               "UFL_ON_LOST",
               "what if the lock is lost (with -l kill, else warn)",
               {run}},
    OptionSpec{OptionId::kill_after,
               "",
               {"kill-after"},
               "TIME",
               "UFL_KILL_AFTER",
               "from SIGTERM to SIGKILL of a COMMAND to stop (5)",
               {run}},
    OptionSpec{OptionId::exclusive,
               "xe",
               {"exclusive"},
               "",
               "",
               "accepted, the only mode (flock compatibility)",
               kTaking},
    OptionSpec{OptionId::no_command,
               "",
               {"no-command"},
               "",
               "UFL_NO_COMMAND",
               "leave the command line out of the lock file",
               kTaking},
    OptionSpec{OptionId::report,
               "",
               {"report"},
               "FILE",
               "",
               "write a JSON object about the outcome to FILE",
               kTaking},
    OptionSpec{OptionId::verbose,
               "v",
               {"verbose"},
               "",
               "",
               "say what is waited for, and how long it took",
               kAny},
    OptionSpec{
        OptionId::quiet, "q", {"quiet"}, "", "", "say nothing when the lock is not acquired", kAny},
    OptionSpec{OptionId::help, "h", {"help"}, "", "", "show this help", {help}},
    OptionSpec{OptionId::version, "V", {"version"}, "", "", "show the version", {version}},
};

struct Impossible {
  std::string_view words;
  std::string_view why;
};

constexpr std::array kImpossible{
    Impossible{"-s --shared",
               "a UUID lock has one holder, so there are no shared locks; leave it out"},
    Impossible{
        "-u --unlock",
        "the lock is released when COMMAND ends; to unlock what --acquire has taken, write ufl "
        "--release --token TOKEN LOCKFILE"},
    Impossible{"-F --no-fork",
               "ufl must stay while COMMAND runs, to release the lock; leave it out"},
    Impossible{"--fcntl", "ufl uses no kernel locks; leave it out"},
    Impossible{"--fd", "ufl locks a path, not an open descriptor; name a LOCKFILE"},
    Impossible{"--start --length", "ufl locks a whole path, not a range; leave it out"},
};

// Levenshtein distance: insertions, deletions and substitutions from `a` to `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const OptionSpec> option_table() { return kOptions; }

const OptionSpec* find_short(char letter) {
  for (const OptionSpec& option : kOptions) {
    if (option.shorts.find(letter) != std::string_view::npos) return &option;
  }
  return nullptr;
}

const OptionSpec* find_long(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const OptionSpec& option : kOptions) {
    if (std::find(option.longs.begin(), option.longs.end(), name) != option.longs.end()) {
      return &option;
    }
  }
  return nullptr;
}

std::optional<Action> verb_of(OptionId id) {
  switch (id) {
    case OptionId::acquire:
      return acquire;
    case OptionId::release:
      return release;
    case OptionId::check:
      return check;
    case OptionId::refresh:
      return refresh;
    case OptionId::status:
      return status;
    case OptionId::break_lock:
      return break_lock;
    case OptionId::help:
      return help;
    case OptionId::version:
      return version;
    default:
      return std::nullopt;
  }
}

std::string name_of(Action action) {
  for (const OptionSpec& option : kOptions) {
    if (verb_of(option.id) == action) return "--" + std::string{option.longs[0]};
  }
  return "COMMAND";
}

std::string_view impossible_option(std::string_view word) {
  for (const Impossible& option : kImpossible) {
    std::string_view words = option.words;
    while (!words.empty()) {
      const auto end = words.find(' ');
      if (words.substr(0, end) == word) return option.why;
      if (end == std::string_view::npos) break;
      words.remove_prefix(end + 1);
    }
  }
  return {};
}

std::string_view suggest_long(std::string_view name) {
  constexpr std::size_t kShortestAbbreviation = 2;
  constexpr std::size_t kMostTypos = 2;
  std::string_view best;
  std::size_t best_distance = kMostTypos + 1;
  for (const OptionSpec& option : kOptions) {
    for (const std::string_view candidate : option.longs) {
      if (candidate.empty()) continue;
      if (name.size() >= kShortestAbbreviation && candidate.starts_with(name)) return candidate;
      const std::size_t distance = edit_distance(name, candidate);
      if (distance < best_distance && distance < candidate.size()) {
        best = candidate;
        best_distance = distance;
      }
    }
  }
  return best;
}

}  // namespace ufl
