// SPDX-License-Identifier: MIT
//
// Draws the setup of a history: chance that is its seed's, apart from that of the history itself.

#pragma once

#include <cstdint>
#include <initializer_list>

#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// The chance that one setup is drawn with.
class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : world_{~seed, false} {}

  /// So many ticks, from `least` to `most`.
  Duration ticks(std::uint64_t least, std::uint64_t most) {
    return kTick * static_cast<int>(least + world_.below(most - least + 1));
  }
  template <typename T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + world_.below(choices.size()));
  }
  bool half() { return world_.chance(500); }
  /// `per_mille` in half of the histories, and never in the others.
  unsigned sometimes(unsigned per_mille) { return half() ? per_mille : 0; }
  World& world() { return world_; }

 private:
  World world_;
};

/// The delay that is enough where only ufl itself bounds the time from a look to a write.
[[nodiscard]] Duration delay_despite_stalls(const ShareKnobs& share);

/// What goes wrong on a share, or nothing.
void draw_errors(Drawing& draw, ShareKnobs& share);

}  // namespace ufl::sim
