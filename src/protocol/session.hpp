// SPDX-License-Identifier: MIT
//
// Session: one use of a lock, from "I want it" to "I have let go".
//
//     claim     claim.hpp.
//     decide    acquired: the caller is asked what for (Acquired): for a command, keep(); to leave
//               it to its user, hand_over(); for nothing, let_go().
//     hold      holding.hpp: while the command runs; until it is stopped, when the lock is lost.
//     release   release.hpp; unless the lease is over: then the file is left to the next taker.
//
// Also here: a lease that the claim has found too short for the share is not begun; the witness of
// a holder is removed; how often a holder looks.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/claim.hpp"
#include "protocol/holding.hpp"
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
  Timer& settling;               ///< the session's alone
  Notifier* notifier = nullptr;  ///< the session's alone; null: nothing is told
};

/// What the caller is told.
struct SessionEvents {
  /// Call Driver::wake(): the session can go on.
  std::function<void()> on_wake = [] {};
  /// The session has ended while a file operation is under way; its answer, if it ever comes,
  /// finishes the machine.
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
  /// cannot be watched over here is not begun: the lock is let go, and there is no holding().
  [[nodiscard]] Step keep(const ProcessId& command);
  [[nodiscard]] Step hand_over();
  [[nodiscard]] Step let_go();

  /// Call it before anything else whenever something has happened.
  void wake();

  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] const Claim& claim() const { return claim_; }
  /// After keep(): what holds the lock for the command, also when that is over.
  [[nodiscard]] const std::optional<Holding>& holding() const { return holding_; }
  [[nodiscard]] std::optional<Holding>& holding() { return holding_; }
  /// Why the lock of a command was lost.
  [[nodiscard]] CriticalSection::Loss loss() const;
  /// The release, if there was one.
  [[nodiscard]] const std::optional<Release>& release() const { return release_; }
  /// The lock was acquired and let go: the claim has found the share too slow for the lease.
  [[nodiscard]] bool is_too_slow() const { return is_too_slow_; }

 private:
  [[nodiscard]] Machine* at_work();
  Step follow(const Step& step);
  Step after_claim();
  Step begin_release();
  Step leave();
  void over(ReleaseResult::Outcome outcome);

  SessionOptions options_;
  SessionWorld world_;
  SessionEvents events_;
  Claim claim_;
  std::optional<Holding> holding_;
  std::optional<Release> release_;
  Stage stage_ = Stage::claiming;
  bool is_too_slow_ = false;
};

}  // namespace ufl
