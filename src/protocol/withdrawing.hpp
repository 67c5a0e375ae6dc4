// SPDX-License-Identifier: MIT
//
// Withdrawing: a contender takes its claim back. Every outcome but `acquired` goes through it once
// something of ours may stand on the share: read; ours -> remove it, unless it may have overwritten
// a winner (own_claim.hpp, c).
//
// Verdict: withdrawn.

#pragma once

#include <optional>
#include <string>

#include "protocol/contest.hpp"
#include "protocol/removal.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// Drive it as step.hpp says, once; it cannot be cancelled.
class Withdrawing final : public ClaimPart {
 public:
  using Outcome = ClaimResult::Outcome;

  explicit Withdrawing(Contest& contest);

  /// Why the claim is taken back: ClaimResult::outcome afterwards. `if_seen`: the outcome instead,
  /// should a look show that somebody is there after all.
  void begin(Outcome outcome, std::optional<Outcome> if_seen);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

 private:
  enum class State { look, pause, remove };
  /// What it means when two looks cannot tell whose file it is.
  enum class Unclear { may_be_ours, is_not_ours };

  Step on_look(const FileReply& reply);
  Step on_another(Sighting sighting);
  Step nothing_of_ours();
  Step unclear(Unclear verdict);
  Step remove_own(const FileReply& reply);
  Step follow(Removal::Next next);
  Step leave_behind();
  Step wait(Mono until);

  State state_ = State::look;
  std::optional<Outcome> if_seen_;
  Removal removal_;
  std::string content_;        // what is to be removed
  bool unclear_once_ = false;  // a look could not tell whose file it saw
  bool another_stood_ = false;
  Mono wait_until_{};
};

}  // namespace ufl
