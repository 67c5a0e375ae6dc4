// SPDX-License-Identifier: MIT
//
// Lengths of time on the command line. By hand, because strtod(3), and with it CLI11's numbers with
// a unit, also take blanks, signs, "0x10", "1e9", "inf" and the decimal point of the locale.

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
