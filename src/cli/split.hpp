// SPDX-License-Identifier: MIT
//
// The word splitter: where do ufl's own words end and where does the command begin? It stands
// before CLI11, which by itself (2.1) takes `ufl -n5 L cmd`, `ufl --command= L echo`, `ufl -w 1 -w
// 2 L cmd` and `ufl -- L -- cmd` for something else and runs the wrong command.
//
// The first word that is neither an option nor an option's value, or the one after a `--`, is
// LOCKFILE. Options may still follow it. The next such word, or the one after a `--`, begins
// COMMAND, and from there on nothing is ufl's. After a verb (--acquire, --status, ...) there is no
// COMMAND, and options may stand anywhere before a `--`.

#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/option_table.hpp"

namespace ufl {

/// The command line or the environment is wrong. what() is one line without "ufl: ".
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option as it was given.
struct GivenOption {
  const OptionSpec* option = nullptr;
  std::string value;  ///< empty for a flag
};

/// A command line, split.
struct SplitWords {
  std::vector<GivenOption> options;
  std::optional<std::string> lock_file;
  std::vector<std::string> command;  ///< after a verb: words that follow LOCKFILE
  Action action = Action::run;
};

/// Split `words`, the command line without the program's name. After --help or --version nothing
/// more is looked at. Throws UsageError.
[[nodiscard]] SplitWords split_words(std::span<const std::string> words);

}  // namespace ufl
