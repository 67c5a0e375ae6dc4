// SPDX-License-Identifier: MIT
//
// A person who knows that the holder of a lock is gone, and breaks it: the shipped claim, which
// takes the lock over, and the shipped release after it. Or the shipped release alone, with the
// token of the one who is gone.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sim/contender.hpp"

namespace ufl::sim {

class Double;

/// Breaks locks one after another, with a process for each, all on one host.
class Breaker final : public UflProcess {
 public:
  Breaker(const Surroundings& around, int who, Duration uptime);
  ~Breaker() override;

  /// Break the lock of `token` in a moment, if no break is under way.
  void notice(const std::string& token);

  [[nodiscard]] bool done() const override { return dead() || !busy_; }

 private:
  void round() override;
  [[nodiscard]] ClaimOptions takeover_options() const;
  void acquired();
  void session_ended();
  void release_of_another();
  void released(const ReleaseResult& result, const std::string& own_token);
  void end();

  std::string token_;  // of the lock to break
  bool busy_ = false;
  int breaks_ = 0;
  // A release alone.
  std::unique_ptr<Release> release_;
  std::unique_ptr<Double> double_;
  std::optional<Recorder> recorder_;
  std::unique_ptr<Driver> driver_;
};

}  // namespace ufl::sim
