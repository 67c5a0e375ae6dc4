// SPDX-License-Identifier: MIT
//
// One seed, one history: which share, which contenders, what is promised there, and what came of
// it.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/contender.hpp"
#include "sim/monitor.hpp"
#include "sim/recovery_knobs.hpp"
#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// Kinds of histories; a seed belongs to the one that seed % kFamilies.size() says.
enum class Family {
  theorem,         ///< create is not atomic, D > 2V + B + W; ufl and five-step contenders
  theorem_atomic,  ///< the same where create is atomic: what D has to cover then
  any_delay,       ///< create is atomic, ufl alone: any D, and nothing is bounded
  stalls,          ///< not atomic, ufl alone: pauses beyond every bound between look and write
  late_claims,     ///< not atomic, ufl alone: writes land later than B allows; a holder has left by
                   ///< the time that a late claim is kept for
  slow_share,      ///< atomic: every create takes longer than D
  local,           ///< one kernel, no caches, D = 0
  recovery_local,  ///< the same with holders who are gone: killed, stopped, started anew
  recovery_share,  ///< and on a share, D > 2V + B + W, with several hosts, leases, suspend
  late_noticed,    ///< not atomic: writes land late; holders look, and stop when they have lost
  leases_kept,  ///< leases as short as the share allows, and nobody is gone; files that are taken
                ///< away from their holders
};
inline constexpr std::array kFamilies{
    Family::theorem,        Family::theorem_atomic, Family::any_delay,  Family::stalls,
    Family::late_claims,    Family::slow_share,     Family::local,      Family::recovery_local,
    Family::recovery_share, Family::late_noticed,   Family::leases_kept};

[[nodiscard]] std::string_view name_of(Family family);

/// Everything that a history is made of, besides chance.
struct Setup {
  std::uint64_t seed = 0;
  Family family{};
  ShareKnobs share;
  ContenderKnobs contenders;
  RecoveryKnobs recovery;
  Promises promises;
  int ufl = 3;
  int five_steps = 0;
  int breakers = 0;
};

/// What makes a delay exceed a bound, and no more than that.
inline constexpr Duration kJustMore = std::chrono::nanoseconds{1};

/// 2V + B + W.
[[nodiscard]] Duration bound(const ShareKnobs& share);

/// The setup of `seed`; of a given family, or of the one that the seed says.
[[nodiscard]] Setup draw_setup(std::uint64_t seed, std::optional<Family> family = {});

/// Say what is promised in `setup`, after it was changed.
void settle(Setup& setup);

/// What came of a history.
struct Result {
  std::optional<Violation> violation;
  int entries = 0;
  Moment end{};
  std::vector<TraceLine> trace;  ///< when it was told
  std::uint64_t digest = 0;      ///< of every step of every machine
};

/// Play the history of `setup`; up to its end, or to the first violation.
[[nodiscard]] Result play(const Setup& setup, bool tell);

/// The setup, for people: "seed 7 · theorem · V 0.400 s …".
[[nodiscard]] std::string text_of(const Setup& setup);

/// The steps of the two contenders of a violation, numbered, from the looks on that led to it.
[[nodiscard]] std::string interleaving(const Result& result);

}  // namespace ufl::sim
