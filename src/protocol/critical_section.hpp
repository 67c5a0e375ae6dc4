// SPDX-License-Identifier: MIT
//
// The critical section: the command, from the moment at which its process waits for the lock file
// to name it until nothing of it runs. When the lock is lost the command is stopped, if that is
// wanted, or its user warned.
//
// A lease runs out whatever the share does: its deadline is a timer of its own, which ends the
// section also while a file operation is under way. In ufl, operations block, also the timer: until
// they are answered the warden alone keeps the deadline (begin_term()).

#pragma once

#include <functional>
#include <optional>

#include "protocol/command_fate.hpp"
#include "protocol/keep.hpp"
#include "protocol/lease.hpp"
#include "seams/clock.hpp"
#include "seams/command_control.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// One command under one lock.
class CriticalSection {
 public:
  enum class Loss {
    none,
    lease_over,  ///< the lease could not be refreshed in time: others may have the lock by now
    taken_away,  ///< something else stands in the place of our record
  };
  struct Events {
    /// The command has been started.
    std::function<void()> on_start;
    /// The lock is lost; for the command that means: `fate`. It is being stopped already, then.
    std::function<void(CommandFate fate)> on_lost;
    /// is_over() may have become true, or wants_keep_to_end().
    std::function<void()> on_change;
  };

  /// `kills`: stop the command when the lock is lost; `kill_after`: from telling it to killing it.
  CriticalSection(bool kills, Duration kill_after, const Clock& clock, CommandControl& command,
                  Timer& deadline, Events events);

  /// The command's process waits. False: its lease cannot be watched over here.
  [[nodiscard]] bool begin(const std::optional<KeptLease>& lease);

  /// The lock is kept so far; `is_recorded`: and its file names the command.
  void kept(const std::optional<KeptLease>& lease, bool is_recorded);
  /// It is not kept any more, for this reason.
  void keep_ended(KeepResult::Outcome outcome);

  void command_ended();
  void command_stopped();
  /// Call it before anything else whenever something has happened: if ufl, or the machine, stood
  /// still for too long, the command is killed first.
  void wake();

  /// Keep is to end: the command has ended, or must.
  [[nodiscard]] bool wants_keep_to_end() const { return state_ == State::ended || term_is_over_; }
  /// Nothing of the command runs that could be stopped: the lock may be let go.
  [[nodiscard]] bool is_over() const { return state_ == State::over; }
  /// The command runs, and nothing is wrong.
  [[nodiscard]] bool is_running() const { return state_ == State::running && loss_ == Loss::none; }
  /// The command runs, or has run.
  [[nodiscard]] bool has_started() const { return has_started_; }
  /// The command was stopped, because the lock was lost.
  [[nodiscard]] bool has_stopped_command() const { return has_stopped_command_; }
  [[nodiscard]] Loss loss() const { return loss_; }

 private:
  enum class State {
    waiting,   // for the lock file to name the command's process
    running,   // the command
    ended,     // it has, and keep is to end
    stopping,  // it is
    over,
  };

  void await_deadline();
  void lease_ended();
  void lose(Loss loss);
  void stop();
  void end();
  [[nodiscard]] bool is_overdue() const;

  bool kills_;
  Duration kill_after_;
  const Clock& clock_;
  CommandControl& command_;
  Timer& deadline_;
  Events events_;
  std::optional<KeptLease> lease_;
  State state_ = State::waiting;
  Loss loss_ = Loss::none;
  bool keep_ended_ = false;
  bool term_is_over_ = false;
  bool has_started_ = false;
  bool has_stopped_command_ = false;
};

}  // namespace ufl
