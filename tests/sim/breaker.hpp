// SPDX-License-Identifier: MIT
//
// A person who knows that the holder of a lock is gone, and breaks it: the shipped claim, which
// takes the lock over, and the shipped release after it. Or the shipped release alone, with the
// token of the one who is gone.

#pragma once

#include <string>

#include "sim/contender.hpp"

namespace ufl::sim {

/// Breaks locks one after another, with a process for each, all on one host.
class Breaker final : public UflProcess {
 public:
  Breaker(const Surroundings& around, int who, Duration uptime);

  /// Break the lock of `token` in a moment, if no break is under way.
  void notice(const std::string& token);

  [[nodiscard]] bool done() const override { return dead() || !busy_; }

 private:
  void round() override;
  [[nodiscard]] ClaimOptions takeover_options() const;
  void claim_ended();
  void release(const std::string& token, Duration delay);
  void release_ended();
  void end();

  std::string token_;  // of the lock to break
  bool busy_ = false;
  int breaks_ = 0;
};

}  // namespace ufl::sim
