// SPDX-License-Identifier: MIT
//
// Files that were named as a lock by mistake, or were damaged. All of them are held; this is about
// what to tell, and when there is nothing to wait for.

#pragma once

#include <string_view>

namespace ufl {

/// Can `content`, read from a lock file, be no state of a lock, not even one that is being written
/// or was cut short? Its first line is whole, or holds what no line of text does, and does not end
/// in a UUID.
[[nodiscard]] bool is_no_lock(std::string_view content);

/// Is `first_line` that of a program, execve(2)?
[[nodiscard]] bool is_program(std::string_view first_line);

/// Is there nothing in `first_line` but NUL bytes and white space?
[[nodiscard]] bool is_blank(std::string_view first_line);

}  // namespace ufl
