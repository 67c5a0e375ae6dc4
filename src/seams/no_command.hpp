// SPDX-License-Identifier: MIT

#pragma once

#include "seams/command_control.hpp"

namespace ufl {

/// Of a lock that is not held for a command.
class NoCommand final : public CommandControl {
 public:
  bool begin_term(Mono /*stop_at*/, Mono /*kill_at*/) override { return true; }
  bool raise_term(Mono /*stop_at*/, Mono /*kill_at*/) override { return true; }
  bool conclude_term() override { return true; }
  void dismiss_term() override {}
  bool start() override { return true; }
  void abandon() override {}
  void stop(Mono /*kill_at*/) override {}
  bool has_ended() override { return false; }
};

}  // namespace ufl
