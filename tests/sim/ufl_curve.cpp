// SPDX-License-Identifier: MIT
//
// ufl_curve: how often is exclusion broken when the delay is too short? Prints a line of
// comma-separated values for each delay and each kind of contender; plot_curve.py draws them.
//
// One share: V = 0.4 s, B = 0.2 s, W = 0.1 s, so that 2V + B + W = 1.1 s; four contenders of one
// kind, and an adversary who holds back every second operation and shows an old state in every
// second read. What is counted is two holders at once, with holds of twice the bound; a history
// ends with the first. Milder shares err more rarely, never at other delays.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/campaign.hpp"
#include "sim/history.hpp"

namespace {

using namespace ufl::sim;  // NOLINT(google-build-using-namespace): this is its program
using std::chrono::milliseconds;
using ufl::Duration;

constexpr int kUsage = 64;
constexpr int kContenders = 4;

enum class Kind { five_steps, ufl_overwriting, ufl_exclusive };

struct KindName {
  Kind kind;
  std::string_view name;
};
constexpr std::array kKinds{KindName{Kind::five_steps, "five-step programs"},
                            KindName{Kind::ufl_overwriting, "ufl where create may overwrite"},
                            KindName{Kind::ufl_exclusive, "ufl where create is exclusive"}};

Setup setup_of(Kind kind, Duration delay, std::uint64_t seed) {
  Setup setup;
  setup.seed = seed;
  setup.share.v = milliseconds{400};
  setup.share.b = milliseconds{200};
  setup.share.w = milliseconds{100};
  setup.share.atomic_create = kind == Kind::ufl_exclusive;
  setup.share.held_back = 500;
  setup.share.old_view = 500;
  setup.contenders.delay = delay;
  setup.contenders.retry = milliseconds{160};
  setup.contenders.rounds = 2;
  setup.contenders.shortest_hold = 2 * bound(setup.share);
  setup.contenders.longest_pause = milliseconds{500};
  setup.promises.late_writes = true;  // two holders are counted, not what led to them
  setup.promises.progress = std::chrono::hours{1};
  (kind == Kind::five_steps ? setup.five_steps : setup.ufl) = kContenders;
  if (kind == Kind::five_steps) setup.ufl = 0;
  return setup;
}

std::vector<Duration> delays(const Duration bound) {
  std::vector<Duration> list;
  for (Duration delay = milliseconds{50}; delay < bound; delay += milliseconds{50}) {
    list.push_back(delay);
  }
  list.push_back(bound - kTick);
  list.push_back(bound);
  list.push_back(bound + kJustMore);
  for (int more = 1; more <= 4; ++more) list.push_back(bound + milliseconds{50} * more);
  return list;
}

void print_point(const KindName& kind, Duration delay, std::uint64_t histories) {
  const auto setup = [&](std::uint64_t seed) { return setup_of(kind.kind, delay, seed); };
  const Tally tally = run(setup, 0, histories - 1);
  const double seconds = std::chrono::duration<double>(delay).count();
  const double bound_seconds = std::chrono::duration<double>(bound(setup(0).share)).count();
  fmt::print("{},{:.9f},{:.4f},{},{},{},{:.2f}\n", kind.name, seconds, seconds / bound_seconds,
             tally.histories, tally.entries, tally.violations,
             1e6 * static_cast<double>(tally.violations) /
                 static_cast<double>(std::max<std::uint64_t>(tally.entries, 1)));
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t histories = 5'000;
  CLI::App app{"Prints how often exclusion is broken, against the delay"};
  app.add_option("--histories", histories, "for each delay and kind")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  fmt::print("contenders,delay,part of the bound,histories,entries,violations,per million\n");
  for (const KindName& kind : kKinds) {
    for (const Duration delay : delays(bound(setup_of(kind.kind, {}, 0).share))) {
      print_point(kind, delay, histories);
    }
  }
  return 0;
}
