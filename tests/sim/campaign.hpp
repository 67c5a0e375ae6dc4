// SPDX-License-Identifier: MIT
//
// Many histories, on all cores.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sim/history.hpp"

namespace ufl::sim {

class Mutant;

/// Which histories.
struct Campaign {
  std::optional<Family> family;  ///< none: the seed says
  const Mutant* mutant = nullptr;
  bool unbroken = false;  ///< the setups of `mutant` with the shipped protocol

  [[nodiscard]] Setup operator()(std::uint64_t seed) const;
};

/// What came of them.
struct Tally {
  std::uint64_t histories = 0;
  std::uint64_t entries = 0;
  std::uint64_t violations = 0;
  std::map<Family, std::uint64_t> entries_of;
  std::map<Family, std::uint64_t> digest_of;    ///< over all histories of a family
  std::optional<std::uint64_t> first_bad_seed;  ///< the smallest
  std::map<std::uint64_t, Violation> bad_seeds;
  double seconds = 0;
};

/// The setup of a seed. Called on several threads.
using SetupOf = std::function<Setup(std::uint64_t seed)>;

/// Play the histories `first` to `last`, both included.
[[nodiscard]] Tally run(const SetupOf& setup_of, std::uint64_t first, std::uint64_t last);

/// The smallest seed from 0 to `last` whose history violates a promise, if there is one.
[[nodiscard]] std::optional<std::uint64_t> find_violation(const SetupOf& setup_of,
                                                          std::uint64_t last);

[[nodiscard]] std::string text_of(const Tally& tally);

/// A line for each seed that broke a promise: its family, and which promise.
[[nodiscard]] std::string bad_seeds_text(const Campaign& campaign, const Tally& tally);

/// A line for each family: the digest of its histories among the seeds `first` to `last`.
[[nodiscard]] std::string digest_text(const Tally& tally, std::uint64_t first, std::uint64_t last);

/// The command that plays the history of `seed` and tells it, ready to paste.
[[nodiscard]] std::string replay_command(const Campaign& campaign, std::uint64_t seed);

[[nodiscard]] std::optional<Family> find_family(std::string_view name);

/// "A..B", A <= B.
[[nodiscard]] std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(
    std::string_view text);

}  // namespace ufl::sim
