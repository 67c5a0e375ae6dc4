// SPDX-License-Identifier: MIT
//
// What a protocol machine wants next. A machine is driven like this:
//
//     Step step = machine.start();
//     loop:  FileOperation  perform it, then step = machine.on_reply(reply)
//            WaitUntil      wait, then step = machine.resume()
//            LooksFree      step = machine.resume(), or machine.cancel() to leave it
//            Acquired       step = what the caller answers (protocol/session.hpp)
//            Finished       machine.result() holds the outcome
//
// A machine asks for one file operation at a time, so that a simulator can put any other contender
// between any two. cancel() may come while a WaitUntil or LooksFree is pending; while an operation
// is in flight the driver waits for its reply first.

#pragma once

#include <variant>

#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// Nothing to do before `at`; Mono::max(): before something is told.
struct WaitUntil {
  Mono at;
};

/// The lock looks free and the claim is about to be written: the last moment to find out that there
/// is nothing to run under it.
struct LooksFree {};

/// The lock is held: the caller says what for, by a method of the machine that returns the next
/// step.
struct Acquired {};

/// The machine is done.
struct Finished {};

/// What a machine wants next.
using Step = std::variant<FileOperation, WaitUntil, LooksFree, Acquired, Finished>;

/// A protocol machine, as the driver and the simulator see it.
class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  /// Call once, first.
  [[nodiscard]] virtual Step start() = 0;
  /// The outcome of the operation that was asked for.
  [[nodiscard]] virtual Step on_reply(const FileReply& reply) = 0;
  /// The wait is over; or, after LooksFree, go ahead. Too early is harmless: it waits on.
  [[nodiscard]] virtual Step resume() = 0;
  /// The driver has begun to wait, as it was asked to. True: something has come up meanwhile, and
  /// the machine is to be resumed at once.
  [[nodiscard]] virtual bool on_wait() { return false; }
  /// Give up: take back what was written. Call it while a WaitUntil or LooksFree is pending. A
  /// machine that must not stop half-way goes on as if nothing had been said.
  [[nodiscard]] virtual Step cancel() { return resume(); }
};

}  // namespace ufl
