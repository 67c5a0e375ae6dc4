// SPDX-License-Identifier: MIT
//
// What happens to the lock while the command runs under it: its file is kept (protocol/keep.hpp),
// and when it is lost the command is stopped, if that is wanted, or its user warned.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/options.hpp"
#include "process/event_loop.hpp"
#include "process/process_tree.hpp"
#include "process/warden.hpp"
#include "protocol/claim.hpp"
#include "protocol/driver.hpp"
#include "protocol/keep.hpp"
#include "sys/mount_table.hpp"
#include "verbs/command_stopper.hpp"
#include "verbs/name_alarm.hpp"
#include "verbs/session.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Keeps the lock of one command.
class Keeping {
 public:
  struct Events {
    /// The command's process is written into the lock file: it may start.
    std::function<void()> on_recorded;
    /// It cannot be written, or the lock was lost before: the command must not start. That has been
    /// said. Nothing else is called afterwards.
    std::function<void()> on_refused;
    /// Nothing of the command is left that can be stopped, and the lock file is let alone from now
    /// on: once, after command_ended() or when something survives.
    std::function<void()> on_done;
    /// The command has been running for a second.
    std::function<void()> on_settled = [] {};
  };

  /// Throws std::system_error when the kernel gives no timer: make it before the lock is taken.
  Keeping(const Options& options, const World& world, Session& session, MountTraits mount,
          Events events);

  /// `claim` has been acquired, and `child` is the command's process, which waits. `tree`: that of
  /// the command, if it is to be stopped when the lock is lost, or null. With a tree and a lease
  /// `warden` is there from now on, and dismissed before on_done. Returns 0, or the errno value if
  /// it cannot be made: then nothing is begun.
  [[nodiscard]] int start(const Claim& claim, const ProcessId& child, ProcessTree* tree,
                          Warden& warden);

  /// start() was called.
  [[nodiscard]] bool is_started() const { return keep_.has_value(); }

  /// The command has ended.
  void command_ended();

  /// The lock was not ours to the end.
  [[nodiscard]] bool is_lost() const { return lost_; }
  /// And that because its lease could not be refreshed in time.
  [[nodiscard]] bool is_lease_over() const { return lost_ && !is_taken_away(); }
  /// And who has it now: Sighting::Kind::none: nobody, or that is not known.
  [[nodiscard]] const Sighting& lost_to() const { return keep_->result().seen; }
  /// And the command was stopped for it.
  [[nodiscard]] bool has_stopped_command() const { return stopper_ && stopper_->is_begun(); }
  /// The lease as it was kept; none: there is none, or start() was not called.
  [[nodiscard]] std::optional<KeptLease> lease() const {
    return keep_ ? keep_->lease() : std::nullopt;
  }

 private:
  [[nodiscard]] bool is_taken_away() const {
    return keep_ended_ && keep_->result().outcome == KeepResult::Outcome::lost;
  }
  void waits();
  void await_deadline();
  void wakes();
  void watch();
  void stop_watching();
  void look();
  void reap();
  void ended();
  void refuse();
  [[nodiscard]] bool is_overdue() const;
  void lose();
  void stop_command();
  [[nodiscard]] std::string loss() const;
  void stopped();
  void done();

  const Options& options_;
  const World& world_;
  Session& session_;
  MountTraits mount_;
  ProcessTree* tree_ = nullptr;
  Warden* warden_ = nullptr;
  Events events_;

  std::unique_ptr<Timer> timer_;     // of the machine
  std::unique_ptr<Timer> deadline_;  // of the lease, which runs out whatever the machine does
  std::unique_ptr<Timer> settled_;   // the command has been running for a while
  std::unique_ptr<Timer> reaper_;    // with a tree
  std::optional<Keep> keep_;
  std::optional<Driver> driver_;
  NameAlarm alarm_;
  std::optional<CommandStopper> stopper_;
  bool keep_ended_ = false;
  bool recorded_ = false;
  bool command_ended_ = false;
  bool lost_ = false;
  bool told_restored_ = false;  // that the file was emptied, and written anew
  std::string unsaid_;          // what stderr did not take at once
};

}  // namespace ufl
