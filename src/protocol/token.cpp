// SPDX-License-Identifier: MIT

#include "protocol/token.hpp"

#include <cstddef>

namespace ufl {

namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
constexpr std::size_t kUuidLength = 36;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
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
  if (token.size() < kUuidLength) return false;
  const std::string_view uuid = token.substr(token.size() - kUuidLength);
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? uuid[i] != '-' : !is_hex(uuid[i])) return false;
  }
  return true;
}

std::string_view uuid_of(std::string_view token) {
  return token.substr(token.size() - kUuidLength);
}

}  // namespace ufl
