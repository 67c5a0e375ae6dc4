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
  // The first one sets the time: a stream of signals must not put the decision off for ever.
  if (undecided_.empty()) loop_.at(clock_.now() + kPatience, [this] { decide(); });
  undecided_.push_back(event);
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
  // What is pending there would hide the next signal of its kind. Known race, of some microseconds:
  //   1 saw(): TERM  2 somebody signals the group again  3 the new bystander has seen nothing
  //   4 ufl reads the second TERM and passes it on: the command gets it twice.
  // The same between the fork of the command and start(). Twice is better than never.
  if (any_seen) witness_.start();
}

}  // namespace ufl
