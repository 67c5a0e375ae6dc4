// SPDX-License-Identifier: MIT

#pragma once

#include <string_view>

namespace ufl {

/// Write "ufl: `line`\n" to stderr with one write(2), so that the lines of several contenders do
/// not mix. stdout belongs to the command. A stderr that cannot be written to is nobody's failure.
void say(std::string_view line);

}  // namespace ufl
