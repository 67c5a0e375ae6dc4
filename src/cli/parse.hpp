// SPDX-License-Identifier: MIT
//
// Command line and environment -> Options. The only file that knows CLI11 is parse.cpp.

#pragma once

#include <functional>
#include <span>
#include <string>

#include "cli/options.hpp"
#include "cli/split.hpp"

namespace ufl {

/// Looks an environment variable up: its value, or null. std::getenv is one.
using Environment = std::function<const char*(const char*)>;

/// What `words` (the command line without the program's name) and UFL_* ask for. An option beats
/// its variable, which beats the default; an empty variable counts as unset. Throws UsageError.
[[nodiscard]] Options parse_options(std::span<const std::string> words,
                                    const Environment& environment);

/// The text of --help.
[[nodiscard]] std::string help_text();

}  // namespace ufl
