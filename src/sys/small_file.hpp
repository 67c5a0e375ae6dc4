// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

namespace ufl {

/// The whole content of a file of the kernel's (procfs), or nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> read_small_file(const char* path);

}  // namespace ufl
