// SPDX-License-Identifier: MIT

#pragma once

#include "protocol/claim.hpp"
#include "protocol/keep.hpp"
#include "protocol/refresh.hpp"
#include "protocol/release.hpp"
#include "protocol/step.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// Stands between a machine and its driver, and adds each step to the digest of the history.
class Recorder final : public Machine {
 public:
  /// `who`: the contender whose machine it is.
  Recorder(Machine& inner, World& world, int who) : inner_{inner}, world_{world}, who_{who} {}

  Step start() override { return recorded(inner_.start()); }
  Step on_reply(const FileReply& reply) override { return recorded(inner_.on_reply(reply)); }
  Step resume() override { return recorded(inner_.resume()); }
  Step cancel() override { return recorded(inner_.cancel()); }

 private:
  Step recorded(Step step);

  Machine& inner_;
  World& world_;
  int who_;
};

/// Add how a machine of `who` ended to the digest of the history.
void record(World& world, int who, const ClaimResult& result);
void record(World& world, int who, const KeepResult& result);
void record(World& world, int who, const RefreshResult& result);
void record(World& world, int who, const ReleaseResult& result);

}  // namespace ufl::sim
