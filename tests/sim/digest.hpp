// SPDX-License-Identifier: MIT
//
// A digest of a history: one number over every step of every machine in it, in order. Two builds
// whose digests of the same seeds are equal behave alike in these histories.

#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ufl::sim {

/// Hashes words and texts, in order. Not for use against anybody: it finds accidents.
class Digest {
 public:
  void add(std::uint64_t word) {
    value_ = (value_ ^ word) * kOdd;
    value_ ^= value_ >> 29U;
  }
  template <std::integral Number>
  void add(Number number) {
    add(static_cast<std::uint64_t>(number));
  }
  void add(std::string_view text) {
    add(text.size());
    while (!text.empty()) {
      std::uint64_t word = 0;
      const auto part = text.substr(0, sizeof word);
      std::memcpy(&word, part.data(), part.size());
      add(word);
      text.remove_prefix(part.size());
    }
  }

  /// Add another digest, in whatever order that is done.
  void add_apart(const Digest& other) { apart_ += other.value(); }

  [[nodiscard]] std::uint64_t value() const { return value_ ^ (apart_ * kOdd); }

 private:
  static constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  std::uint64_t value_ = kOdd;
  std::uint64_t apart_ = 0;
};

}  // namespace ufl::sim
