// SPDX-License-Identifier: MIT
//
// Holding: a lock that is held for a command. Its file is kept (keep.hpp) until the critical
// section (critical_section.hpp) is over: the command has ended, or was stopped because the lock
// was lost.
//
// The command starts once the lock file names its process. When it has run for a while, the kernel
// is asked to tell of changes of the file, on a local file system.

#pragma once

#include <functional>
#include <optional>

#include "protocol/critical_section.hpp"
#include "protocol/keep.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/command_control.hpp"
#include "seams/notifier.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// What a lock is held with, besides files.
struct HoldingWorld {
  const Clock& clock;
  CommandControl& command;
  Timer& deadline;               ///< the holding's alone
  Timer& settling;               ///< the holding's alone
  Notifier* notifier = nullptr;  ///< the holding's alone; null: nothing is told
};

/// What the owner is told.
struct HoldingEvents {
  /// Resume it, if it waits.
  std::function<void()> on_wake;
  /// It is over while a file operation is under way; its answer, if it ever comes, finishes the
  /// machine.
  std::function<void()> on_over;
  /// The lock is lost; for the command that means: `fate`.
  std::function<void(CommandFate fate)> on_lost;
  /// Our record was written back into a file that a program has emptied. Once.
  std::function<void()> on_restored;
};

/// One lock that is held. Drive it as step.hpp says; nothing cancels it.
class Holding final : public Machine {
 public:
  /// `kills`: stop the command when the lock is lost; `kill_after`: from telling it to killing it.
  Holding(KeepOptions keep, bool kills, Duration kill_after, const HoldingWorld& world,
          HoldingEvents events);

  /// Call it first. False: the lease cannot be watched over here, and the command will not run.
  [[nodiscard]] bool begin();

  [[nodiscard]] Step start() override { return follow(keep_.start()); }
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;
  [[nodiscard]] bool on_wait() override;

  /// The command has ended; or was stopped (CommandControl::stop()).
  void command_ended() { section_.command_ended(); }
  void command_stopped() { section_.command_stopped(); }
  /// Call it before anything else whenever something has happened.
  void wake() { section_.wake(); }

  [[nodiscard]] const CriticalSection& section() const { return section_; }
  /// What has become of the file, so far.
  [[nodiscard]] const KeepResult& kept() const { return keep_.result(); }
  /// And that will not change any more.
  [[nodiscard]] bool keep_has_ended() const { return keep_ended_; }
  /// The lease as it is kept.
  [[nodiscard]] const std::optional<KeptLease>& lease() const { return keep_.lease(); }

 private:
  Step follow(Step step);
  Step after_section() const;
  void section_changed();
  void watch_file();
  void look_soon();

  HoldingWorld world_;
  HoldingEvents events_;
  bool is_local_;
  Keep keep_;
  CriticalSection section_;
  bool keep_ended_ = false;
  bool waits_for_reply_ = false;
  bool told_restored_ = false;
};

}  // namespace ufl
