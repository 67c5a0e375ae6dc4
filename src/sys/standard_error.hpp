// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ufl {

/// Write `text` to stderr, with one write(2) if that takes it, for `milliseconds` at most, or for
/// 10 once stderr takes some. A terminal takes nothing after Ctrl-S, nor does a full pipe; and a
/// pipe takes less than a long text. Returns how much was written. SIGTTOU does not stop it, as it
/// would stop a background job after `stty tostop`.
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
