// SPDX-License-Identifier: MIT
//
// Times of day in lock files. By hand, because the chrono formatter and parser of the standard come
// with GCC 13 and 14 (Debian 12 has 12), and strptime(3) takes more than utc_text() writes: blanks,
// numbers that are too short.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "seams/clock.hpp"

namespace ufl {

/// `time` as RFC 3339 writes UTC to the second: 2026-11-23T13:31:20Z.
[[nodiscard]] std::string utc_text(Wall time);

/// What utc_text() writes, read back; nothing for any other text.
[[nodiscard]] std::optional<Wall> parse_utc(std::string_view text);

}  // namespace ufl
