// SPDX-License-Identifier: MIT

#include "cli/parse.hpp"

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/option_table.hpp"
#include "cli/time.hpp"
#include "protocol/lease.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

constexpr std::size_t kPrefixLimit = 200;

/// The values in force: from the command line or, where it is silent, from the environment; `from`
/// names the source in messages.
struct Value {
  std::string text;
  std::string from;
};
using Values = std::map<OptionId, Value>;

[[noreturn]] void refuse(const Value& value, const std::string& why) {
  throw UsageError{value.from + ": '" + printable(value.text) + "' " + why + "; see ufl --help"};
}

// -v and -q contradict each other: the last one wins.
void drop_overruled(std::vector<GivenOption>& options) {
  const auto loudness = [](const GivenOption& given) {
    return given.option->id == OptionId::verbose || given.option->id == OptionId::quiet;
  };
  const auto last = std::find_if(options.rbegin(), options.rend(), loudness);
  if (last == options.rend()) return;
  const OptionId keep = last->option->id;
  std::erase_if(options, [&](const GivenOption& given) {
    return loudness(given) && given.option->id != keep;
  });
}

// CLI11 gets canonical words only, each option by its first long name, its value as a word of its
// own, because version 2.1 misreads other forms (cli/split.hpp). It decides which value of an
// option counts that was given twice. It is told of no option that is not given: to make them all
// takes longer than to take a free lock.
Values parse_words(const std::vector<GivenOption>& given) {
  if (given.empty()) return {};
  CLI::App app;
  app.set_help_flag();
  struct Known {
    std::string text;
    std::string name;  // for messages: "-w/--wait"
  };
  std::map<OptionId, Known> known;
  std::vector<std::string> reversed;  // CLI11 takes the words from the end
  for (const auto& [spec, value] : given) {
    const std::string name = "--" + std::string{spec->longs[0]};
    reversed.push_back(name);
    if (!spec->value.empty()) reversed.push_back(value);
    const auto [at, is_new] = known.try_emplace(spec->id);
    if (!is_new) continue;
    Known& it = at->second;
    it.name = spec->shorts.empty() ? name : std::string{'-', spec->shorts[0], '/'} + name;
    auto* option = spec->value.empty() ? app.add_flag(name) : app.add_option(name, it.text);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(reversed);
  } catch (const CLI::Error& error) {  // CLI11's exit codes end here
    throw UsageError{std::string{error.what()} + "; see ufl --help"};
  }
  Values values;
  for (const auto& [id, it] : known) values[id] = {it.text, it.name};
  return values;
}

// A verb that `option` means something to.
std::string needed_verb(const OptionSpec& option) {
  for (const OptionSpec& verb : option_table()) {
    const auto action = verb_of(verb.id);
    if (action && option.actions.contains(*action)) return name_of(*action);
  }
  return {};
}

// An option that the verb would not look at is a misunderstanding; a variable is there for others.
void refuse_strangers(const SplitWords& split) {
  for (const GivenOption& given : split.options) {
    const OptionSpec& option = *given.option;
    if (option.actions.contains(split.action)) continue;
    std::string why = "--" + std::string{option.longs[0]};
    if (split.action == Action::run) {
      why.append(" needs a verb beside it, such as ").append(needed_verb(option));
    } else {
      why.append(" means nothing with ").append(name_of(split.action));
    }
    throw UsageError{why + "; see ufl --help"};
  }
}

void add_environment(Values& values, const Environment& environment, Action action) {
  for (const OptionSpec& spec : option_table()) {
    if (spec.environment.empty() || values.contains(spec.id)) continue;
    if (!spec.actions.contains(action)) continue;
    const std::string name{spec.environment};
    const char* text = environment(name.c_str());
    if (text != nullptr && *text != '\0') values[spec.id] = {text, name};
  }
}

const Value* find(const Values& values, OptionId id) {
  const auto found = values.find(id);
  return found == values.end() ? nullptr : &found->second;
}

Duration time_of(const Value& value, std::string_view text) {
  const auto time = parse_time(text);
  if (!time) refuse(value, "is not a TIME (12, 0.5, 500ms, 2m, 1h, at most 10000d)");
  return *time;
}

std::optional<Duration> timeout_of(const Value& value) {
  if (!value.text.starts_with('-')) return time_of(value, value.text);
  (void)time_of(value, std::string_view{value.text}.substr(1));
  return std::nullopt;  // negative: never
}

template <typename Number>
Number number_of(const Value& value, Number least, Number most, const char* complaint) {
  Number number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto result = std::from_chars(value.text.data(), end, number);
  const bool whole = result.ec == std::errc{} && result.ptr == end;
  if (!whole || number < least || number > most) refuse(value, complaint);
  return number;
}

int exit_code_of(const Value& value) {
  return number_of(value, 0, 255, "is not an exit status (0 to 255)");
}

std::int64_t pid_of(const Value& value) {
  constexpr std::int64_t kMost = std::numeric_limits<pid_t>::max();
  return number_of(value, std::int64_t{1}, kMost, "is not a process ID");
}

// Empty: a script did not look whether ufl --acquire succeeded.
std::string token_of(const Value& value) {
  if (value.text.find_first_not_of(" \t\n\v\f\r") == std::string::npos) {
    throw UsageError{value.from +
                     " is empty: it is what ufl --acquire prints when the lock was acquired; see "
                     "ufl --help"};
  }
  return value.text;
}

bool yes_or_no(const Value& value) {
  std::string text = value.text;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text == "1" || text == "yes" || text == "true") return true;
  if (text == "0" || text == "no" || text == "false") return false;
  refuse(value, "is neither 1, yes, true nor 0, no, false");
}

std::string prefix_of(const Value& value) {
  if (value.text.size() > kPrefixLimit) {
    throw UsageError{value.from + ": the prefix is longer than 200 bytes; see ufl --help"};
  }
  if (!is_printable(value.text)) refuse(value, "is not one line of printable UTF-8");
  return value.text;
}

void take_values(Options& options, const Values& values) {
  if (const auto* prefix = find(values, OptionId::prefix)) options.prefix = prefix_of(*prefix);
  if (const auto* delay = find(values, OptionId::delay)) {
    if (delay->text != "auto") options.delay = time_of(*delay, delay->text);
  }
  if (const auto* retry = find(values, OptionId::retry)) {
    options.retry = time_of(*retry, retry->text);
  }
  if (const auto* timeout = find(values, OptionId::timeout)) options.timeout = timeout_of(*timeout);
  if (find(values, OptionId::nonblock) != nullptr) options.timeout = Duration::zero();
  if (const auto* code = find(values, OptionId::conflict_exit_code)) {
    options.conflict_exit_code = exit_code_of(*code);
  }
  if (const auto* no_command = find(values, OptionId::no_command)) {
    // The flag has no text; the variable says yes or no.
    options.record_command = !(no_command->text.empty() || yes_or_no(*no_command));
  }
  if (find(values, OptionId::verbose) != nullptr) options.verbosity = Verbosity::verbose;
  if (find(values, OptionId::quiet) != nullptr) options.verbosity = Verbosity::quiet;
  if (const auto* string = find(values, OptionId::command)) options.shell_string = string->text;
  if (const auto* token = find(values, OptionId::token)) options.token = token_of(*token);
  if (const auto* pid = find(values, OptionId::pid)) options.pid = pid_of(*pid);
  options.json = find(values, OptionId::json) != nullptr;
  if (const auto* report = find(values, OptionId::report)) {
    if (report->text.empty()) throw UsageError{report->from + ": FILE is empty; see ufl --help"};
    options.report = report->text;
  }
}

// 0 undoes UFL_LEASE.
std::optional<Duration> lease_of(const Value& value) {
  const Duration lease = time_of(value, value.text);
  if (lease == Duration::zero()) return std::nullopt;
  if (lease < kShortestLease) {
    refuse(value, "is too short for a lease; give " + seconds_text(kShortestLease) +
                      " or more, or 0 for none");
  }
  return lease;
}

bool kills_of(const Value& value) {
  if (value.text == "kill") return true;
  if (value.text == "warn") return false;
  refuse(value, "is neither kill nor warn");
}

void take_lease(Options& options, const Values& values) {
  const Value* lease = find(values, OptionId::lease);
  if (lease != nullptr) options.lease = lease_of(*lease);
  if (options.action != Action::run) return;
  options.close_lifeline = find(values, OptionId::close) != nullptr;
  const Value* on_lost = find(values, OptionId::on_lost);
  options.kill_on_loss = on_lost != nullptr ? kills_of(*on_lost) : options.lease.has_value();
  if (const auto* kill_after = find(values, OptionId::kill_after)) {
    options.kill_after = time_of(*kill_after, kill_after->text);
  }
  // With --on-lost warn the command runs on, and needs no time to be stopped in.
  if (!options.lease || !options.kill_on_loss) return;
  if (lease_has_room(*options.lease, options.kill_after)) return;
  refuse(*lease, "is too short for a lease with a --kill-after of " +
                     seconds_text(options.kill_after) +
                     ": the command must be dead before it is over; give " +
                     seconds_text(shortest_lease(kShortestLease, options.kill_after)) +
                     " or more, or a shorter --kill-after");
}

void check_lock_file(const std::string& name) {
  if (name.empty()) throw UsageError{"LOCKFILE is empty; see ufl --help"};
  if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    throw UsageError{
        "LOCKFILE '" + printable(name) +
        "': ufl locks a path, not an open descriptor; for a file of that name write ./" + name};
  }
}

void take_operands_of_verb(Options& options, SplitWords& split) {
  const std::string verb = name_of(options.action);
  const bool needs_token = options.action == Action::release || options.action == Action::check ||
                           options.action == Action::refresh;
  if (needs_token && options.token.empty()) {
    throw UsageError{verb +
                     " needs --token TOKEN, which ufl --acquire has printed; see ufl --help"};
  }
  options.lock_files = {options.lock_file};
  for (std::string& word : split.command) {
    if (options.action != Action::status) {
      throw UsageError{verb + " takes one LOCKFILE and no COMMAND, but got '" + printable(word) +
                       "', too; see ufl --help"};
    }
    check_lock_file(word);
    options.lock_files.push_back(std::move(word));
  }
  if (options.action == Action::acquire && options.conflict_exit_code == exit_status::kOk) {
    throw UsageError{
        "-E 0 with --acquire: a script could not tell a lock that it has from one that it has not; "
        "see ufl --help"};
  }
}

void take_operands(Options& options, SplitWords& split) {
  if (!split.lock_file) {
    throw UsageError{
        options.action == Action::run
            ? "no LOCKFILE given: ufl [OPTIONS] LOCKFILE [--] COMMAND...; see ufl --help"
            : name_of(options.action) + " needs a LOCKFILE; see ufl --help"};
  }
  options.lock_file = std::move(*split.lock_file);
  check_lock_file(options.lock_file);
  if (options.action != Action::run) return take_operands_of_verb(options, split);
  options.command = std::move(split.command);
  const std::string shown = "'" + printable(options.lock_file) + "'";
  if (options.shell_string && !options.command.empty()) {
    throw UsageError{"both -c and a COMMAND ('" + printable(options.command.front()) +
                     "') given; leave one out; see ufl --help"};
  }
  if (!options.shell_string && options.command.empty()) {
    throw UsageError{"no COMMAND to run under LOCKFILE " + shown + "; see ufl --help"};
  }
}

}  // namespace

Options parse_options(std::span<const std::string> words, const Environment& environment) {
  SplitWords split = split_words(words);
  Options options;
  options.action = split.action;
  if (options.action == Action::help) options.text = help_text();
  if (options.action == Action::version) options.text = "ufl " UFL_VERSION "\n";
  if (!options.text.empty()) return options;  // whatever else is asked for

  refuse_strangers(split);
  drop_overruled(split.options);
  Values values = parse_words(split.options);
  add_environment(values, environment, options.action);
  take_values(options, values);
  take_lease(options, values);
  take_operands(options, split);
  return options;
}

}  // namespace ufl
