// SPDX-License-Identifier: MIT
//
// The one event loop of a ufl process: timers that count suspend, the signals, descriptors that are
// watched, and whatever child.hpp adds. Single-threaded; every handler runs inside run().

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

/// A descriptor that the loop watches, as long as this lives. The loop must outlive it.
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  virtual ~Watch() = default;
};

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

  /// Call `on_readable`, in run(), as long as something can be read from `fd`, its end included: it
  /// must read, or give the Watch up (it may do so itself). Works for what epoll(7) knows: inotify,
  /// pipes, sockets. The loop watches a duplicate, so `fd` stays the caller's, to read from and to
  /// close at any time; it becomes non-blocking (O_NONBLOCK), wherever it is open. Throws
  /// std::system_error.
  [[nodiscard]] std::unique_ptr<Watch> watch(int fd, std::function<void()> on_readable);

  /// Call `on_change`, in run(), when a child of ours has ended, or perhaps has: SIGCHLD, which is
  /// blocked from now on. Throws std::system_error.
  [[nodiscard]] std::unique_ptr<Watch> watch_children(std::function<void()> on_change);

  /// Call `handler` for each signal that is read from now on.
  void on_signal(SignalHandler handler);

  /// Call `look` before each event is handled from now on: after a suspend the time must be looked
  /// at first.
  void before_each(std::function<void()> look);

  /// Read the signals that are pending now, without waiting.
  void poll_signals();

  /// For the other files of this room.
  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ufl
