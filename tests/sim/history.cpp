// SPDX-License-Identifier: MIT

#include "sim/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "sim/breaker.hpp"
#include "sim/identity.hpp"
#include "sim/recovery.hpp"

namespace ufl::sim {

namespace {

using std::chrono::seconds;

// A history that is not over by then never will be; far beyond every bound on progress.
constexpr Moment kHorizon = std::chrono::hours{24};
constexpr Duration kDay = std::chrono::hours{24};
// How often somebody looks whether there is something to clear away.
constexpr Duration kClearing = seconds{5};
// The same beside breakers, who notice it sooner.
constexpr Duration kClearingAfterBreakers = seconds{30};
constexpr Duration kNoticing = seconds{1};

class Players {
 public:
  Players(const Setup& setup, World& world)
      : share_{world, setup.share.v},
        monitor_{world, share_, setup.promises},
        around_{world, share_, monitor_, setup.share, setup.contenders} {
    for (int i = 0; i < setup.ufl; ++i) add_ufl(kDay * static_cast<int>(world.below(1000)));
    for (int i = 0; i < setup.five_steps; ++i) add(std::make_unique<FiveSteps>(around_, next()));
    for (int i = 0; i < setup.breakers; ++i) add_breaker(kDay);
    clear_away_in(setup.breakers > 0 ? kClearingAfterBreakers : kClearing);
    if (setup.breakers > 0) notice();
  }

  Monitor& monitor() { return monitor_; }

 private:
  [[nodiscard]] bool done() const {
    const auto is_done = [](const auto& contender) { return contender->done(); };
    return std::all_of(contenders_.begin(), contenders_.end(), is_done) &&
           std::all_of(breakers_.begin(), breakers_.end(), is_done);
  }

  [[nodiscard]] int next() const { return static_cast<int>(contenders_.size() + breakers_.size()); }
  void add(std::unique_ptr<Contender> contender) {
    contenders_.push_back(std::move(contender));
    contenders_.back()->start();
  }
  void add_ufl(Duration uptime) { add(std::make_unique<UflContender>(around_, next(), uptime)); }

  void add_breaker(Duration uptime) {
    breakers_.push_back(std::make_unique<Breaker>(around_, next(), uptime));
  }

  /// Those who break locks notice one whose holder is gone.
  void notice() {
    World& world = around_.world;
    const auto token = monitor_.orphan();
    for (std::size_t i = 0; token && i < breakers_.size(); ++i) {
      if (world.chance(700)) breakers_[i]->notice(*token);
    }
    world.at(world.now() + kNoticing, [this] {
      if (!done()) notice();
    });
  }

  /// Hosts that have died come back, with a clock that begins anew and nothing that they remember.
  void reboot() {
    seen_dead_.resize(contenders_.size());
    for (std::size_t i = 0; i < seen_dead_.size(); ++i) {
      if (!contenders_[i]->dead() || seen_dead_[i]) continue;
      seen_dead_[i] = true;
      if (around_.world.chance(around_.knobs.reboot)) add_ufl(Duration::zero());
    }
  }

  void clear_away_in(Duration time) {
    World& world = around_.world;
    world.at(world.now() + time, [this] {
      monitor_.clear_away();
      reboot();
      if (!done()) clear_away_in(breakers_.empty() ? kClearing : kClearingAfterBreakers);
    });
  }

  Share share_;
  Monitor monitor_;
  Surroundings around_;
  std::vector<std::unique_ptr<Contender>> contenders_;
  std::vector<std::unique_ptr<Breaker>> breakers_;
  std::vector<bool> seen_dead_;
};

}  // namespace

std::string_view name_of(Family family) {
  switch (family) {
    case Family::theorem:
      return "theorem";
    case Family::theorem_atomic:
      return "theorem_atomic";
    case Family::any_delay:
      return "any_delay";
    case Family::stalls:
      return "stalls";
    case Family::late_claims:
      return "late_claims";
    case Family::slow_share:
      return "slow_share";
    case Family::local:
      return "local";
    case Family::recovery_local:
      return "recovery_local";
    case Family::recovery_share:
      return "recovery_share";
    case Family::late_noticed:
      return "late_noticed";
    case Family::leases_kept:
      return "leases_kept";
  }
  return "?";
}

namespace {

template <typename Players>
Result play_with(const Setup& setup, bool tell) {
  World world{setup.seed, tell};
  Players players{setup, world};
  Monitor& monitor = players.monitor();
  while (!monitor.violation() && world.now() < kHorizon && world.step()) monitor.check_progress();
  if (!monitor.violation()) monitor.check_end(world.now() < kHorizon);
  return {monitor.violation(), monitor.entries(), world.now(), world.trace(),
          world.digest().value()};
}

}  // namespace

Result play(const Setup& setup, bool tell) {
  return is_recovery(setup.family) ? play_with<Recovery>(setup, tell)
                                   : play_with<Players>(setup, tell);
}

std::string text_of(const Setup& setup) {
  const ShareKnobs& share = setup.share;
  const double part = bound(share).count() == 0
                          ? 0
                          : static_cast<double>(setup.contenders.delay.count()) /
                                static_cast<double>(bound(share).count());
  return fmt::format(
      "seed {} · {} · {} ufl, {} five-step · V {}, B {}, W {}, D {} = {:.3f} (2V + B + W) · {}{}",
      setup.seed, name_of(setup.family), setup.ufl, setup.five_steps, text_of(share.v),
      text_of(share.b), text_of(share.w), text_of(setup.contenders.delay), part,
      share.atomic_create ? "exclusive create is atomic" : "exclusive create is not atomic",
      setup.breakers == 0 ? "" : fmt::format(" · {} who break locks", setup.breakers));
}

std::string interleaving(const Result& result) {
  if (!result.violation) return {};
  const auto concerns = [&](const TraceLine& line) {
    return line.who == result.violation->culprit || line.who == result.violation->victim;
  };
  // From the last line on before which neither had anything on the share that still matters: each
  // one's last look that said "absent", or the beginning of its break.
  std::size_t begin = result.trace.size();
  for (const int who : {result.violation->culprit, result.violation->victim}) {
    for (std::size_t i = result.trace.size(); i-- > 0;) {
      const TraceLine& line = result.trace[i];
      if (line.who == who && (line.text == "reads: absent" || line.text == "breaks the lock")) {
        begin = std::min(begin, i);
        break;
      }
    }
  }
  std::string text;
  int number = 0;
  std::map<int, std::string> last_of;  // what somebody sees again and again is told once
  for (std::size_t i = begin; i < result.trace.size(); ++i) {
    const TraceLine& line = result.trace[i];
    if (!concerns(line) || std::exchange(last_of[line.who], line.text) == line.text) continue;
    text += fmt::format("{:4}  {:>10}  {} {}\n", ++number, text_of(line.at), name_of(line.who),
                        line.text);
  }
  return text;
}

}  // namespace ufl::sim
