// SPDX-License-Identifier: MIT

#include "sim/identity.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ufl::sim {

namespace {
constexpr std::string_view kMiddle = "-0000-4000-8000-";
constexpr std::size_t kUuidLength = 36;
}  // namespace

std::string token_of(int who, int claim) {
  return fmt::format("{:08x}{}{:012x}", who, kMiddle, claim);
}

std::string name_of(int who) {
  std::string name(1, static_cast<char>('A' + who % 26));
  return who < 26 ? name : name + std::to_string(who / 26);
}

std::string name_of(std::string_view content) {
  if (content.size() < kUuidLength || content.substr(8, kMiddle.size()) != kMiddle) return "?";
  int who = 0;
  int claim = 0;
  std::from_chars(content.data(), content.data() + 8, who, 16);
  std::from_chars(content.data() + 8 + kMiddle.size(), content.data() + kUuidLength, claim, 16);
  return name_of(who) + std::to_string(claim);
}

Holder SimIdentity::self() {
  Holder holder;
  holder.host = name_of(who_);
  return holder;
}

// Backoff turns this into a wait: by eighths of the interval, so that waits stay multiples of
// ticks.
std::uint64_t SimIdentity::random() { return world_.below(5) * 250; }

}  // namespace ufl::sim
