// SPDX-License-Identifier: MIT

#include "protocol/token.hpp"

#include <cstddef>

#include "seams/uuid.hpp"

namespace ufl {

namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

// The last `length` characters of `text`, which has so many.
std::string_view last(std::string_view text, std::size_t length) {
  return text.substr(text.size() - length);
}

}  // namespace

std::string_view strip(std::string_view text) {
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::string make_token(std::string_view prefix, std::string_view uuid) {
  std::string token{prefix};
  token += uuid;
  return std::string{strip(token)};
}

bool ends_in_uuid(std::string_view token) {
  return token.size() >= kUuidLength && is_uuid(uuid_of(token), HexDigits::any_case);
}

bool ends_in_torn_uuid(std::string_view token) {
  for (std::size_t length = kUuidFirstDash + 1; length < kUuidLength; ++length) {
    if (token.size() < length) return false;
    if (begins_uuid(last(token, length), HexDigits::any_case)) return true;
  }
  return false;
}

std::string_view uuid_of(std::string_view token) { return last(token, kUuidLength); }

}  // namespace ufl
