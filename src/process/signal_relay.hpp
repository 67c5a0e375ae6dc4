// SPDX-License-Identifier: MIT
//
// Passes the signals that ufl gets while the command runs on to the command: each exactly once.

#pragma once

#include <deque>

#include "process/child.hpp"
#include "process/process_title.hpp"
#include "process/signal_bystander.hpp"
#include "process/signal_policy.hpp"
#include "seams/clock.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// The relay to one running command.
class SignalRelay {
 public:
  SignalRelay(Timer& timer, Child& child, const ProcessTitle& title, const Clock& clock);

  /// The command has just been let go: making the bystander takes a while, in which it begins.
  /// `kept_file`: what the bystander keeps open as long as the command runs, whatever becomes of
  /// ufl; -1: nothing.
  /// Known race, of some hundred microseconds, as the one in decide(); most commands are not even
  /// loaded by then, and die of the first:
  ///   1 go()  2 somebody signals the group  3 start(): the bystander has seen nothing  4 ufl reads
  ///   the signal and passes it on: the command gets it twice.
  void start(int kept_file);

  /// The command has ended.
  void stop();

  /// The number of the bystander (signal_bystander.hpp), or -1: there is none.
  [[nodiscard]] pid_t bystander() const { return bystander_.pid(); }

  /// ufl got `event`: pass it on, unless it reached the command without us.
  void relay(const SignalEvent& event);

 private:
  struct Undecided {
    SignalEvent event;
    Mono due;
  };

  void decide();
  void await_next();

  Timer& timer_;
  Child& child_;
  const Clock& clock_;
  SignalBystander bystander_;
  std::deque<Undecided> undecided_;  // in the order of `due`
};

}  // namespace ufl
