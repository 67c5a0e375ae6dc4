// SPDX-License-Identifier: MIT

#pragma once

#include <string_view>

namespace ufl {

/// Is `text` a UUID as ufl and the kernel write it: 36 characters, its digits in lower case (RFC
/// 9562, section 4)? What was read from a lock file becomes part of a name only if it is.
[[nodiscard]] bool is_uuid(std::string_view text);

}  // namespace ufl
