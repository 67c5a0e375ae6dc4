// SPDX-License-Identifier: MIT

#include "verbs/command_stopper.hpp"

#include <chrono>
#include <utility>

namespace ufl {

namespace {

constexpr Duration kInterval = std::chrono::milliseconds{20};

// What runs still so long after SIGKILL waits inside the kernel, or is not ours to kill.
constexpr Duration kPatience = std::chrono::seconds{2};

}  // namespace

CommandStopper::CommandStopper(ProcessTree& tree, Timer& timer, const Clock& clock)
    : tree_{tree}, timer_{timer}, clock_{clock} {}

void CommandStopper::begin(Mono kill_at, bool tells, std::function<void()> on_done) {
  kill_at_ = kill_at;
  on_done_ = std::move(on_done);
  // No grace when time is up already: a process that was stopped, or slept, wakes too late for it.
  if (tells && clock_.now() < kill_at_) tree_.terminate();
  look();
}

void CommandStopper::look() {
  const bool kills = clock_.now() >= kill_at_;
  Remains remains = kills ? tree_.kill_all() : tree_.alive();
  tree_.reap_orphans();
  const Mono now = clock_.now();
  const bool nothing_left = remains.survivors.empty() && remains.error == 0;
  const bool out_of_patience = give_up_at_ && now >= *give_up_at_;
  if ((nothing_left && command_ended_) || out_of_patience) {
    survivors_ = std::move(remains.survivors);
    return on_done_();
  }
  // Not counted from kill_at_: who slept, wakes long after that.
  if (kills && !give_up_at_) give_up_at_ = now + kPatience;
  timer_.at(now + kInterval, [this] { look(); });
}

}  // namespace ufl
