// SPDX-License-Identifier: MIT

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
