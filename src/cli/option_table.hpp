// SPDX-License-Identifier: MIT
//
// Every option, once. The word splitter, CLI11, --help and the environment all go by this table;
// man page and completions are held against it by tests/lint.

#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/options.hpp"

namespace ufl {

/// Which option: its name in code.
enum class OptionId {
  acquire,
  release,
  check,
  refresh,
  status,
  break_lock,
  token,
  pid,
  json,
  report,
  prefix,
  delay,
  retry,
  timeout,
  nonblock,
  conflict_exit_code,
  command,
  close,
  lease,
  on_lost,
  kill_after,
  exclusive,
  no_command,
  verbose,
  quiet,
  help,
  version,
};

/// A set of actions.
class Actions {
 public:
  constexpr Actions(std::initializer_list<Action> actions) {
    for (const Action action : actions) bits_ |= bit(action);
  }
  [[nodiscard]] constexpr bool contains(Action action) const { return (bits_ & bit(action)) != 0; }

 private:
  static constexpr unsigned bit(Action action) { return 1U << static_cast<unsigned>(action); }
  unsigned bits_ = 0;
};

/// One option. `longs[0]` is the name that messages use.
struct OptionSpec {
  OptionId id;
  std::string_view shorts;                ///< one letter each
  std::array<std::string_view, 3> longs;  ///< without dashes; unused ones empty
  std::string_view value;                 ///< what --help calls its value; empty: a flag
  std::string_view environment;           ///< the variable that stands in for it, if any
  std::string_view help;
  Actions actions;  ///< what it means something to; a verb: itself
};

/// All options, in the order of --help.
[[nodiscard]] std::span<const OptionSpec> option_table();

/// The option with this short letter, or null.
[[nodiscard]] const OptionSpec* find_short(char letter);

/// The option with this long name (no dashes), or null. Abbreviations are not found.
[[nodiscard]] const OptionSpec* find_long(std::string_view name);

/// The verb that an option stands for, if it is one: --acquire, --status, ...
[[nodiscard]] std::optional<Action> verb_of(OptionId id);

/// The verb as it is typed: "--acquire"; for Action::run "COMMAND".
[[nodiscard]] std::string name_of(Action action);

/// An option of flock(1) that cannot mean anything here: why, and what to do instead; empty for any
/// other word. `word` is "-s", "--shared", ...
[[nodiscard]] std::string_view impossible_option(std::string_view word);

/// The long option that the user probably meant by `name`, or empty.
[[nodiscard]] std::string_view suggest_long(std::string_view name);

}  // namespace ufl
