// SPDX-License-Identifier: MIT
//
// The simulated world: true time, the queue of what happens next, and the one source of chance. A
// seed is a history: the same seed gives the same history on every machine (std::mt19937_64 is
// defined by the standard; no standard distribution is used).

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "seams/clock.hpp"
#include "sim/digest.hpp"

namespace ufl::sim {

/// True time since the beginning of the history; no contender sees it.
using Moment = Duration;

/// All lags, delays and waits are multiples of this, so that contenders often meet at the very
/// edge of a bound, which a draw from a continuum would never hit.
inline constexpr Duration kTick = std::chrono::milliseconds{10};

/// One line of a history that is told.
struct TraceLine {
  Moment at{};
  int who = 0;  ///< the contender's number
  std::string text;
};

/// Time, events, chance.
class World {
 public:
  using Action = std::function<void()>;

  /// With `tell`, tell() keeps what it is told.
  World(std::uint64_t seed, bool tell) : engine_{seed}, tell_{tell} {}

  [[nodiscard]] Moment now() const { return now_; }

  /// Let `action` happen at `when`, or now if that has passed. What happens at the same moment
  /// happens in an order by chance.
  void at(Moment when, Action action) { push(when, draw() | kLast, std::move(action)); }

  /// The same, before everything that at() lets happen at that moment: what lands at the server has
  /// landed when its reply comes.
  void at_first(Moment when, Action action) { push(when, draw() & ~kLast, std::move(action)); }

  /// Let the next thing happen. False: nothing is left.
  bool step();

  /// 64 bits of chance.
  std::uint64_t draw() { return engine_(); }

  /// A number below `count`, which is not 0.
  std::uint64_t below(std::uint64_t count) { return engine_() % count; }

  /// True in `per_mille` of 1000 draws.
  bool chance(unsigned per_mille) { return per_mille != 0 && below(1000) < per_mille; }

  /// A multiple of kTick from 0 to `most`, often an extreme.
  Duration some_of(Duration most);

  [[nodiscard]] bool tells() const { return tell_; }

  /// Keep a line of the history. Ask tells() first where making the text costs.
  void tell(int who, std::string text);

  [[nodiscard]] const std::vector<TraceLine>& trace() const { return trace_; }

  /// Over what the machines of the history have done so far.
  [[nodiscard]] Digest& digest() { return digest_; }

 private:
  static constexpr std::uint64_t kLast = std::uint64_t{1} << 63U;

  void push(Moment when, std::uint64_t order, Action action);

  struct Event {
    Moment when{};
    std::uint64_t order = 0;
    Action action;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };

  std::mt19937_64 engine_;
  bool tell_;
  Moment now_{};
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  std::vector<TraceLine> trace_;
  Digest digest_;
};

/// "1.230 s", for people.
[[nodiscard]] std::string text_of(Duration time);

}  // namespace ufl::sim
