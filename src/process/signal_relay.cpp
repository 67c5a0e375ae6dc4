// SPDX-License-Identifier: MIT

#include "process/signal_relay.hpp"

#include <chrono>
#include <utility>

namespace ufl {

namespace {

// A process manager signals one process after the other; the bystander's turn may come after ours.
constexpr Duration kPatience = std::chrono::milliseconds{20};

}  // namespace

SignalRelay::SignalRelay(EventLoop& loop, Child& child, const Clock& clock)
    : loop_{loop}, child_{child}, clock_{clock} {}

void SignalRelay::start() { witness_.start(); }

void SignalRelay::stop() {
  undecided_.clear();
  loop_.cancel_timer();
  witness_.stop();
}

void SignalRelay::relay(const SignalEvent& event) {
  if (!child_.in_our_group()) return child_.signal(event.number);
  undecided_.push_back(event);
  loop_.at(clock_.now() + kPatience, [this] { decide(); });
}

void SignalRelay::decide() {
  bool any_seen = false;
  for (const SignalEvent& event : std::exchange(undecided_, {})) {
    if (witness_.saw(event.number)) {
      any_seen = true;
    } else if (!sent_by_terminal(event)) {
      child_.signal(event.number);
    }
  }
  // What is pending there would hide the next signal of its kind.
  if (any_seen) witness_.start();
}

}  // namespace ufl
