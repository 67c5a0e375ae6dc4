// SPDX-License-Identifier: MIT
//
// Who a simulated contender is: its tokens say whose they are, so that a history can be read.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "seams/identity.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// The token of contender `who`'s claim number `claim`: a UUID that name_of() can read.
[[nodiscard]] std::string token_of(int who, int claim);

/// "B" for contender 1.
[[nodiscard]] std::string name_of(int who);

/// "B3" for content that begins with contender 1's third token; "?" for anything else.
[[nodiscard]] std::string name_of(std::string_view content);

/// 64 bits for the backoff: a wait of eighths of the interval, so that waits stay multiples of
/// ticks.
[[nodiscard]] std::uint64_t random_wait(World& world);

/// The identity seam of a process that says nothing of its host.
class SimIdentity final : public Identity {
 public:
  SimIdentity(World& world, int who) : world_{world}, who_{who} {}

  std::string new_uuid() override { return token_of(who_, ++claims_); }
  Holder self() override;
  bool hold_lifeline(const std::string& /*uuid*/) override { return false; }
  void leave_witness(const std::string& /*uuid*/) override {}
  void remove_witness(const std::string& /*uuid*/) override {}
  std::uint64_t random() override;

 private:
  World& world_;
  int who_;
  int claims_ = 0;
};

}  // namespace ufl::sim
