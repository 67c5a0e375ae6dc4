// SPDX-License-Identifier: MIT

#include "cli/time.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ufl {

namespace {

constexpr Duration kLongest = std::chrono::days{10000};

std::optional<Duration> unit_of(std::string_view text) {
  if (text.empty() || text == "s") return std::chrono::seconds{1};
  if (text == "ms") return std::chrono::milliseconds{1};
  if (text == "m") return std::chrono::minutes{1};
  if (text == "h") return std::chrono::hours{1};
  if (text == "d") return std::chrono::days{1};
  return std::nullopt;
}

std::string_view take_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && text[length] >= '0' && text[length] <= '9') ++length;
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

}  // namespace

std::optional<Duration> parse_time(std::string_view text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto unit = unit_of(text);
  if (!unit) return std::nullopt;

  const std::int64_t most = kLongest / *unit;
  std::int64_t count = 0;
  for (const char digit : whole) {
    count = count * 10 + (digit - '0');
    if (count > most) return std::nullopt;
  }
  // Digits below a nanosecond cannot matter: the largest unit has 14 digits of them.
  double part = 0;
  double scale = 1;
  for (const char digit : fraction.substr(0, 15)) {
    scale /= 10;
    part += (digit - '0') * scale;
  }
  const auto part_count = std::llround(part * static_cast<double>(unit->count()));
  const Duration time = count * *unit + Duration{part_count};
  if (time > kLongest) return std::nullopt;
  return time;
}

}  // namespace ufl
