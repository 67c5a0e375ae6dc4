// SPDX-License-Identifier: MIT
//
// What a UUID looks like (RFC 9562, section 4): 36 characters, hexadecimal digits and four dashes.
// Identity makes UUIDs up, the kernel does for a boot id; here is what tells them from other text.

#pragma once

#include <cstddef>
#include <string_view>

namespace ufl {

/// Which digits above 9 are accepted.
enum class HexDigits {
  lower_case,  ///< as ufl and the kernel write them
  any_case,    ///< as others may write them
};

inline constexpr std::size_t kUuidLength = 36;
inline constexpr std::size_t kUuidFirstDash = 8;

/// Could `text` be the beginning of a UUID, or all of one? Nothing at all could.
[[nodiscard]] constexpr bool begins_uuid(std::string_view text, HexDigits digits) {
  constexpr std::string_view kLowerCase = "0123456789abcdef";
  constexpr std::string_view kAnyCase = "0123456789abcdefABCDEF";
  const std::string_view accepted = digits == HexDigits::any_case ? kAnyCase : kLowerCase;
  if (text.size() > kUuidLength) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == kUuidFirstDash || i == 13 || i == 18 || i == 23;
    const bool is_digit = accepted.find(text[i]) != std::string_view::npos;
    if (is_dash ? text[i] != '-' : !is_digit) return false;
  }
  return true;
}

/// Is `text` a UUID? What was read from a lock file becomes part of a name only if it is one in
/// lower case.
[[nodiscard]] constexpr bool is_uuid(std::string_view text,
                                     HexDigits digits = HexDigits::lower_case) {
  return text.size() == kUuidLength && begins_uuid(text, digits);
}

}  // namespace ufl
