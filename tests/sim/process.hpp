// SPDX-License-Identifier: MIT
//
// A simulated process: it may be dead, or stopped for a while (SIGSTOP, suspend). Time goes on for
// whoever is stopped; what it was to do then, it does when it goes on.

#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "sim/world.hpp"

namespace ufl::sim {

/// What others see of it.
struct Process {
  bool alive = true;
  /// It alone was killed, and its host lives on; then.
  std::optional<Moment> killed;
  Moment stopped_until{};
  Moment asleep_until{};  ///< its host is, and sends nothing

  [[nodiscard]] bool stopped(Moment now) const { return alive && now < stopped_until; }
};

/// Let `action` happen at `when`, or as soon after it as `process` runs; never, if it is dead.
inline void when_running(World& world, Moment when, std::shared_ptr<const Process> process,
                         World::Action action) {
  world.at(when, [&world, process = std::move(process), action = std::move(action)] {
    if (process->stopped(world.now())) {
      return when_running(world, process->stopped_until, process, action);
    }
    if (process->alive) action();
  });
}

}  // namespace ufl::sim
