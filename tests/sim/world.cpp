// SPDX-License-Identifier: MIT

#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ufl::sim {

void World::push(Moment when, std::uint64_t order, Action action) {
  events_.push({std::max(when, now_), order, std::move(action)});
}

bool World::step() {
  if (events_.empty()) return false;
  Event next = events_.top();
  events_.pop();
  now_ = next.when;
  next.action();
  return true;
}

Duration World::some_of(Duration most) {
  switch (below(4)) {
    case 0:
    case 1:
      return most;
    case 2:
      return Duration::zero();
    default:
      return kTick * static_cast<int>(below(static_cast<std::uint64_t>(most / kTick) + 1));
  }
}

void World::tell(int who, std::string text) {
  if (tell_) trace_.push_back({now_, who, std::move(text)});
}

std::string text_of(Duration time) {
  const auto count = time.count();
  std::string text = fmt::format("{}.{:09d}", count / 1'000'000'000, count % 1'000'000'000);
  while (text.ends_with('0') && text.find('.') + 4 < text.size()) text.pop_back();
  return text + " s";
}

}  // namespace ufl::sim
