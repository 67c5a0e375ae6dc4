// SPDX-License-Identifier: MIT

#pragma once

#include <string_view>

namespace ufl {

/// Write `text` to stderr, with one write(2), if it takes some without blocking now or within
/// `milliseconds`. A terminal does not after Ctrl-S, nor a pipe that is full: then returns false.
/// Not stopped by SIGTTOU, as a job in the background after `stty tostop`.
bool write_to_stderr(std::string_view text, int milliseconds);

/// Write "ufl: `line`\n" to stderr with one write(2), so that the lines of several contenders do
/// not mix. stdout belongs to the command. A stderr that cannot be written to, or that takes
/// nothing for a second, is nobody's failure: better no line than no lock, or one that is never
/// released.
void say(std::string_view line);

/// The same, for when there is no time to wait: false if stderr takes nothing now.
[[nodiscard]] bool say_at_once(std::string_view line);

}  // namespace ufl
