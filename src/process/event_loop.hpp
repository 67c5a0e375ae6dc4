// SPDX-License-Identifier: MIT
//
// The one event loop of a ufl process: timers that count suspend, the signals, and whatever
// child.hpp adds. Single-threaded; every handler runs inside run().

#pragma once

#include <functional>
#include <memory>

#include "process/signal_policy.hpp"
#include "process/signals.hpp"
#include "seams/clock.hpp"
#include "seams/timer.hpp"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Boost's name
}

namespace ufl {

/// The event loop. Construction throws std::system_error when the kernel refuses a descriptor.
class EventLoop {
 public:
  using SignalHandler = std::function<void(const SignalEvent&)>;

  explicit EventLoop(const Signals& signals);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Handle events until stop().
  void run();

  /// Let run() return.
  void stop();

  /// A timer that fires in run(). The loop must outlive it. Throws std::system_error.
  [[nodiscard]] std::unique_ptr<Timer> make_timer();

  /// Call `handler` for each signal that is read from now on.
  void on_signal(SignalHandler handler);

  /// Read the signals that are pending now, without waiting.
  void poll_signals();

  /// For the other files of this room.
  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ufl
