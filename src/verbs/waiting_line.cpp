// SPDX-License-Identifier: MIT

#include "verbs/waiting_line.hpp"

#include <chrono>
#include <utility>

namespace ufl {

namespace {

// Shorter waits are none; and a stopwatch moves each second.
constexpr Duration kTick = std::chrono::seconds{1};

}  // namespace

WaitingLine::WaitingLine(std::string path, const Clock& clock, Timer& timer,
                         std::function<WaitProgress()> now_waiting)
    : path_{std::move(path)}, clock_{clock}, timer_{timer}, now_waiting_{std::move(now_waiting)} {}

void WaitingLine::start() {
  started_ = clock_.now();
  next_ = started_ + kTick;
  timer_.at(next_, [this] { tick(); });
}

void WaitingLine::tick() {
  const Mono now = clock_.now();
  WaitProgress waiting = now_waiting_();
  waiting.since = now - started_;
  // The second that taking a lock on a share takes by itself is no wait.
  if (waiting.for_other || waiting.since >= 2 * kTick) {
    line_.draw(waiting_text(path_, waiting, clock_.wall(), RewrittenLine::columns()));
  }
  next_ += kTick;
  if (next_ <= now) next_ = now + kTick;  // stopped, or suspended
  timer_.at(next_, [this] { tick(); });
}

void WaitingLine::stop() {
  timer_.cancel_timer();
  line_.clear();
}

}  // namespace ufl
