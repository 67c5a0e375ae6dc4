// SPDX-License-Identifier: MIT
//
// Drives the session of a verb over the real world: tells the user what it waits for, passes
// signals on to it, says why it did not work.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/options.hpp"
#include "protocol/driver.hpp"
#include "protocol/session.hpp"
#include "report/run_report.hpp"
#include "verbs/kernel_notifier.hpp"
#include "verbs/verb_loop.hpp"
#include "verbs/waiting_line.hpp"
#include "verbs/waiting_log.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// One session of a verb.
class LockSession {
 public:
  struct Events {
    /// The lock looks free; false: do not take it.
    std::function<bool()> on_looks_free = [] { return true; };
    /// The lock is held: what for? See Session.
    std::function<Step()> on_acquired;
    /// on_looks_free said no, and nothing was taken.
    std::function<void()> on_refused = [] {};
    /// Somebody else holds it. Without a handler that is said, and on_not_taken called.
    std::function<void()> on_not_acquired = nullptr;
    /// The lock was not acquired, and all that has to be said about it has been.
    std::function<void(Ending)> on_not_taken;
    /// The lock was acquired, and is about to be released or left to others.
    std::function<void()> on_letting_go = [] {};
    /// The session has ended, after it had acquired the lock: released, left or handed over.
    std::function<void()> on_ended;
    /// The lock of the command is lost.
    std::function<void(CommandFate fate)> on_lost = [](CommandFate) {};
  };

  /// Notes in `report` what became of it. `command`: for a session that keeps the lock for one.
  /// Throws std::system_error when the kernel gives no timer.
  LockSession(const Options& options, const World& world, VerbLoop& loop, SessionOptions session,
              CommandControl& command, RunReport& report, Events events);

  void start();

  /// ufl got a signal: if it ends a wait, give up, unless the lock is ours already.
  void got_signal(int signal_number);

  /// The signal that is to end ufl, or 0.
  [[nodiscard]] int fatal_signal() const { return fatal_signal_; }

  [[nodiscard]] const Claim& claim() const { return session_.claim(); }
  [[nodiscard]] const ClaimResult& claimed() const { return claim().result(); }
  /// It was released: say so with -v.
  void say_released() { log_.released(); }

  [[nodiscard]] Session& session() { return session_; }
  [[nodiscard]] const Session& session() const { return session_; }

 private:
  [[nodiscard]] WaitProgress now_waiting() const;
  void make_room();
  void say_what_keeps_it();
  [[nodiscard]] bool is_no_lock() const;
  void waits();
  [[nodiscard]] std::optional<Step> acquired();
  void session_ended();
  void claim_ended();
  void letting_go();
  void not_taken();
  void say_taken_over() const;
  void not_acquired();
  [[nodiscard]] bool says_busy() const;

  const Options& options_;
  const World& world_;
  VerbLoop& loop_;
  RunReport& report_;
  Events events_;
  std::unique_ptr<Timer> deadline_;
  std::unique_ptr<Timer> settling_;
  KernelNotifier notifier_;
  Session session_;
  Driver driver_;
  WaitingLog log_;
  std::unique_ptr<Timer> line_timer_;
  std::optional<WaitingLine> line_;  // if somebody is there to see it
  int fatal_signal_ = 0;
  bool told_may_not_ = false;
  bool told_denied_ = false;
  bool told_no_lock_ = false;
  bool told_late_ = false;
  bool is_over_ = false;
  Mono started_;
};

}  // namespace ufl
