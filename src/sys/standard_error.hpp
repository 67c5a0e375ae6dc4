// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ufl {

/// Write `text` to stderr, with one write(2) if that takes it, as far as stderr takes it within
/// `milliseconds`, or 10 of them at least once it takes some. A terminal takes nothing after
/// Ctrl-S, nor a pipe that is full, and one takes less than a long text. Returns how much was
/// written. Not stopped by SIGTTOU, as a job in the background after `stty tostop`.
std::size_t write_to_stderr(std::string_view text, int milliseconds);

/// Write "ufl: `line`\n" to stderr with one write(2), so that the lines of several contenders do
/// not mix. stdout belongs to the command. A stderr that cannot be written to, or that takes
/// nothing for a second, is nobody's failure: better no line than no lock, or one that is never
/// released.
void say(std::string_view line);

/// The same, for when there is no time to wait: returns what stderr does not take now, for
/// say_rest().
[[nodiscard]] std::string say_at_once(std::string_view line);

/// Write the rest of a line, as say() does.
void say_rest(std::string_view text);

}  // namespace ufl
