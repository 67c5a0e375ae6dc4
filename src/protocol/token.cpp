// SPDX-License-Identifier: MIT

#include "protocol/token.hpp"

#include <cstddef>

namespace ufl {

namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
constexpr std::size_t kUuidLength = 36;
constexpr std::size_t kFirstDash = 8;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Could `text` be the beginning of a UUID?
bool begins_uuid(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == kFirstDash || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
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
  return token.size() >= kUuidLength && begins_uuid(token.substr(token.size() - kUuidLength));
}

bool ends_in_torn_uuid(std::string_view token) {
  for (std::size_t length = kFirstDash + 1; length < kUuidLength; ++length) {
    if (token.size() < length) return false;
    if (begins_uuid(token.substr(token.size() - length))) return true;
  }
  return false;
}

std::string_view uuid_of(std::string_view token) {
  return token.substr(token.size() - kUuidLength);
}

}  // namespace ufl
