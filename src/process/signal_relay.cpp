// SPDX-License-Identifier: MIT

#include "process/signal_relay.hpp"

#include <chrono>

namespace ufl {

namespace {

// A process manager signals one process after the other; the bystander's turn may come after ours.
constexpr Duration kPatience = std::chrono::milliseconds{20};

}  // namespace

SignalRelay::SignalRelay(Timer& timer, Child& child, const ProcessTitle& title, const Clock& clock)
    : timer_{timer}, child_{child}, clock_{clock}, bystander_{title} {}

void SignalRelay::start(int kept_file) {
  if (kept_file >= 0) bystander_.keep(kept_file, static_cast<pid_t>(child_.id().pid));
  bystander_.start();
}

void SignalRelay::stop() {
  undecided_.clear();
  timer_.cancel_timer();
  bystander_.stop();
}

void SignalRelay::relay(const SignalEvent& event) {
  if (!child_.in_our_group()) return child_.signal(event.number);
  undecided_.push_back({event, clock_.now() + kPatience});
  if (undecided_.size() == 1) await_next();
}

void SignalRelay::await_next() {
  if (!undecided_.empty()) timer_.at(undecided_.front().due, [this] { decide(); });
}

void SignalRelay::decide() {
  bool any_seen = false;
  while (!undecided_.empty() && undecided_.front().due <= clock_.now()) {
    const SignalEvent event = undecided_.front().event;
    undecided_.pop_front();
    if (bystander_.saw(event.number)) {
      any_seen = true;
    } else if (!sent_by_terminal(event)) {
      child_.signal(event.number);
    }
  }
  // What is pending there would hide the next signal of its kind. Known race, of some microseconds:
  //   1 saw(): TERM  2 somebody signals the group again  3 the new bystander has seen nothing
  //   4 ufl reads the second TERM and passes it on: the command gets it twice.
  // Twice is better than never.
  if (any_seen) bystander_.start();
  await_next();
}

}  // namespace ufl
