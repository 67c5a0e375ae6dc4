// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string_view>

#include "seams/clock.hpp"

namespace ufl {

/// A TIME as ufl(1) has it: digits with an optional fraction, then nothing (seconds) or one of the
/// units ms s m h d; no sign, exponent, blank or comma; at most 10000 d. Nothing for any other
/// text.
[[nodiscard]] std::optional<Duration> parse_time(std::string_view text);

}  // namespace ufl
