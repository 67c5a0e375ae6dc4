// SPDX-License-Identifier: MIT
//
// Session: one use of a lock, from "I want it" to "I have let go".
//
//     claim     claim.hpp.
//     decide    acquired: the caller is asked what for (Acquired): for a command, keep(); to leave
//               it to its user, hand_over(); for nothing, let_go().
//     record    the lock file names the command's process, which waits; only then it may start.
//     keep      keep.hpp, while the command runs (critical_section.hpp).
//     stop      the lock is lost: the command is stopped, or its user warned.
//     release   release.hpp; unless the lease is over: then the file is left to whoever takes the
//               lock over.
//
// The rules about a lease, about the witness of a holder, about how often a holder looks, are here.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/claim.hpp"
#include "protocol/critical_section.hpp"
#include "protocol/keep.hpp"
#include "protocol/release.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/command_control.hpp"
#include "seams/identity.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// What a session is to do.
struct SessionOptions {
  ClaimOptions claim;
  /// Stop the command when the lock is lost; from telling it to killing it.
  bool kills = false;
  Duration kill_after{};
};

/// What a session asks of the world besides files.
struct SessionWorld {
  const Clock& clock;
  Identity& identity;
  CommandControl& command;
  Timer& deadline;               ///< the session's alone
  Timer& settling;               ///< the same
  Notifier* notifier = nullptr;  ///< the same; null: nothing is told
};

/// What the caller is told.
struct SessionEvents {
  /// Call Driver::wake(): the session can go on.
  std::function<void()> on_wake = [] {};
  /// The session has ended while a file operation is under way: it will not be Finished.
  std::function<void()> on_over = [] {};
  /// The lock of a command is lost.
  std::function<void(CommandFate fate)> on_lost = [](CommandFate) {};
  /// Our record was written back into a file that a program has emptied. Once.
  std::function<void()> on_restored = [] {};
  /// The lock is about to be released, or left to others.
  std::function<void()> on_letting_go = [] {};
};

/// One session. Drive it as step.hpp says.
class Session final : public Machine {
 public:
  enum class Stage { claiming, deciding, keeping, releasing, over };

  Session(SessionOptions options, const SessionWorld& world, SessionEvents events);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;
  [[nodiscard]] bool on_wait() override;
  /// Gives the claim up; does nothing later.
  [[nodiscard]] Step cancel() override;

  /// The answers to Acquired. keep(): `command` is its process, which waits. A lease that
  /// cannot be watched over here is not begun: the lock is let go, and is_unwatched().
  [[nodiscard]] Step keep(const ProcessId& command);
  [[nodiscard]] Step hand_over();
  [[nodiscard]] Step let_go();

  /// The command has ended; or was stopped (CommandControl::stop()).
  void command_ended();
  void command_stopped();
  /// Call it before anything else whenever something has happened.
  void wake();

  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] const Claim& claim() const { return claim_; }
  [[nodiscard]] Claim& claim() { return claim_; }
  /// keep() was called.
  [[nodiscard]] const std::optional<Keep>& kept() const { return keep_; }
  [[nodiscard]] bool keep_has_ended() const { return keep_ended_; }
  [[nodiscard]] const CriticalSection& section() const { return section_; }
  /// The release, if there was one.
  [[nodiscard]] const std::optional<Release>& release() const { return release_; }
  /// keep() was called, and its lease cannot be watched over here.
  [[nodiscard]] bool is_unwatched() const { return is_unwatched_; }
  /// The lock was acquired and let go: the claim has found the share too slow for the lease.
  [[nodiscard]] bool is_too_slow() const { return is_too_slow_; }

 private:
  Step follow(Step step);
  Step after_claim(Step step);
  Step after_keep(Step step);
  Step after_section();
  Step after_release(Step step);
  Step begin_release();
  Step noted(Step step);
  Step leave();
  void section_changed();
  void watch_file();
  void look_soon();

  SessionOptions options_;
  SessionWorld world_;
  SessionEvents events_;
  Claim claim_;
  CriticalSection section_;
  std::optional<Keep> keep_;
  std::optional<Release> release_;
  Stage stage_ = Stage::claiming;
  bool waits_for_reply_ = false;
  bool keep_ended_ = false;
  bool told_restored_ = false;
  bool is_unwatched_ = false;
  bool is_too_slow_ = false;
};

}  // namespace ufl
