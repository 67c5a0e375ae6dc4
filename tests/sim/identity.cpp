// SPDX-License-Identifier: MIT

#include "sim/identity.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>

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
  const auto number = [](std::string_view hex) {
    int value = 0;
    std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    return value;
  };
  const std::string_view uuid = content.substr(0, kUuidLength);
  return name_of(number(uuid.substr(0, 8))) +
         std::to_string(number(uuid.substr(8 + kMiddle.size())));
}

Holder SimIdentity::self() {
  Holder holder;
  holder.host = name_of(who_);
  return holder;
}

std::uint64_t random_wait(World& world) { return world.below(5) * 250; }

std::uint64_t SimIdentity::random() { return random_wait(world_); }

}  // namespace ufl::sim
