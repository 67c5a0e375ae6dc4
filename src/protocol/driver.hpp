// SPDX-License-Identifier: MIT
//
// Drives one protocol machine to its end: performs its file operations through the seam, waits on
// the timer, hands replies back. Everything runs on the thread that runs the timer; where the
// file system answers inline and nothing has to be waited for, start() runs the machine to its end
// without it.

#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "protocol/step.hpp"
#include "seams/file_system.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// What the owner of a driver is told.
struct DriverEvents {
  /// The lock looks free; false: do not take it, cancel.
  std::function<bool()> on_looks_free = [] { return true; };
  /// The lock is held: the next step of the machine; none: go_on() will be called with it.
  std::function<std::optional<Step>()> on_acquired = [] { return std::optional<Step>{}; };
  /// The machine waits.
  std::function<void()> on_wait = [] {};
  /// The machine has finished. The driver is not touched afterwards.
  std::function<void()> on_finished;
};

/// Runs `machine` once.
class Driver {
 public:
  Driver(Machine& machine, FileSystem& files, Timer& timer, DriverEvents events);
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver() = default;

  void start();

  /// Cancel the machine, now or when the operation in flight has been answered.
  void cancel();

  /// Go on with this step, which the machine has taken after DriverEvents::on_acquired gave none.
  void go_on(Step step) { pump(std::move(step)); }

  /// Resume the machine now, if it waits: something has happened that it waits for.
  void wake();

 private:
  void pump(Step step);
  std::optional<FileReply> perform(const FileOperation& operation);

  Machine& machine_;
  FileSystem& files_;
  Timer& timer_;
  DriverEvents events_;
  bool cancel_wanted_ = false;
  bool waiting_ = false;
  bool starting_operation_ = false;
  std::optional<FileReply> inline_reply_;
};

}  // namespace ufl
