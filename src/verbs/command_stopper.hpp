// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "process/process_tree.hpp"
#include "seams/clock.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// Stops the command and all that it has started: SIGTERM, and SIGKILL when time is up.
class CommandStopper {
 public:
  /// `timer`: the stopper's alone from begin() on.
  CommandStopper(ProcessTree& tree, Timer& timer, const Clock& clock);

  /// Tell the tree to stop, unless somebody else has (`tells`: is it for us?), and kill it at
  /// `kill_at`. `on_done` is called once, when nothing of it runs and command_ended() was called,
  /// or when some of it cannot be stopped.
  void begin(Mono kill_at, bool tells, std::function<void()> on_done);

  /// The command has ended, and was waited for.
  void command_ended() { command_ended_ = true; }

  /// What could not be stopped.
  [[nodiscard]] const std::vector<Survivor>& survivors() const { return survivors_; }

 private:
  void look();

  ProcessTree& tree_;
  Timer& timer_;
  const Clock& clock_;
  Mono kill_at_{};
  std::optional<Mono> give_up_at_;  // once it was killed
  std::function<void()> on_done_;
  std::vector<Survivor> survivors_;
  bool command_ended_ = false;
};

}  // namespace ufl
