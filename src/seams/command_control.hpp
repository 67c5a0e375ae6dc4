// SPDX-License-Identifier: MIT
//
// Seam: the command that a lock is held for, as the protocol controls it. It waits until it is
// started; under a lease something beside ufl watches over it, which stops it in time also while
// ufl stands still.

#pragma once

#include "seams/clock.hpp"

namespace ufl {

/// Controls one command.
class CommandControl {
 public:
  CommandControl() = default;
  CommandControl(const CommandControl&) = delete;
  CommandControl& operator=(const CommandControl&) = delete;
  virtual ~CommandControl() = default;

  /// Begin a term: whatever ufl does, the command is told to stop at `stop_at`, and is dead soon
  /// after `kill_at`. False: that is not possible here.
  [[nodiscard]] virtual bool begin_term(Mono stop_at, Mono kill_at) = 0;

  /// The lease was refreshed: the term ends later. False: it was over before.
  [[nodiscard]] virtual bool raise_term(Mono stop_at, Mono kill_at) = 0;

  /// The command has ended: nothing is to be stopped any more. False: the term was over before.
  [[nodiscard]] virtual bool conclude_term() = 0;

  /// The term is of no use any more.
  virtual void dismiss_term() = 0;

  /// Let the command run: the lock file names its process. False: it must not run, for a reason
  /// that has come up meanwhile, and has ended.
  [[nodiscard]] virtual bool start() = 0;

  /// The command must not run: end its process, which waits.
  virtual void abandon() = 0;

  /// Tell the command to stop, with all that it has started, and kill what runs at `kill_at`.
  /// Holding::command_stopped() follows.
  virtual void stop(Mono kill_at) = 0;

  /// Has the command ended, although that was not told yet (Holding::command_ended())?
  [[nodiscard]] virtual bool has_ended() = 0;
};

}  // namespace ufl
