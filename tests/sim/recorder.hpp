// SPDX-License-Identifier: MIT

#pragma once

#include "protocol/claim.hpp"
#include "protocol/keep.hpp"
#include "protocol/refresh.hpp"
#include "protocol/release.hpp"
#include "protocol/step.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// Add a step of a machine of `who` to the digest of the history.
void record(World& world, int who, const Step& step);
/// And a wait that it has asked for, and that has begun.
void record(World& world, int who, Mono wait);

/// Stands between a machine and its driver, and adds each step to the digest of the history.
class Recorder final : public Machine {
 public:
  /// `who`: the contender whose machine it is.
  Recorder(Machine& inner, World& world, int who) : inner_{inner}, world_{world}, who_{who} {}

  Step start() override { return recorded(inner_.start()); }
  Step on_reply(const FileReply& reply) override { return recorded(inner_.on_reply(reply)); }
  Step resume() override { return recorded(inner_.resume()); }
  Step cancel() override { return recorded(inner_.cancel()); }
  bool on_wait() override {
    record(world_, who_, wait_);
    return inner_.on_wait();
  }

 private:
  Step recorded(Step step) {
    record(world_, who_, step);
    if (const auto* wait = std::get_if<WaitUntil>(&step)) wait_ = wait->at;
    return step;
  }

  Machine& inner_;
  World& world_;
  int who_;
  Mono wait_{};
};

/// Add how a machine of `who` ended to the digest of the history.
void record(World& world, int who, const ClaimResult& result);
void record(World& world, int who, const KeepResult& result);
void record(World& world, int who, const RefreshResult& result);
void record(World& world, int who, const ReleaseResult& result);

}  // namespace ufl::sim
