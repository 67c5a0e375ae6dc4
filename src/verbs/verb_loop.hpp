// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "process/event_loop.hpp"
#include "process/signals.hpp"
#include "seams/timer.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// The event loop of one verb, from its start to its end. Construction throws std::system_error
/// when the kernel gives no descriptors.
class VerbLoop {
 public:
  explicit VerbLoop(const Signals& signals) : events_{signals}, timer_{events_.make_timer()} {}

  [[nodiscard]] EventLoop& events() { return events_; }

  /// The timer of the driver: one machine waits after the other.
  [[nodiscard]] Timer& timer() { return *timer_; }

  /// Print `text`, until it is all written or `is_fatal` says that a signal which was handled by
  /// then is to end ufl. Returns 0, or the errno value; EINTR: a signal.
  int print(const World& world, const std::string& text, const std::function<bool()>& is_fatal) {
    return world.out.write(text, [&] {
      events_.poll_signals();
      return is_fatal();
    });
  }

  /// Handle events until somebody calls end(), or not at all if that has been done. Returns how ufl
  /// is to end.
  Ending run() {
    if (!ended_) events_.run();
    return ending_;
  }

  void end(Ending ending) {
    ending_ = ending;
    ended_ = true;
    events_.stop();
  }

 private:
  EventLoop events_;
  std::unique_ptr<Timer> timer_;
  Ending ending_;
  bool ended_ = false;
};

}  // namespace ufl
