// SPDX-License-Identifier: MIT

#include "sim/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "sim/mutants.hpp"

namespace ufl::sim {

namespace {

/// Play `count` histories from `first` on, on all cores; `on_result` is called under a lock. Once
/// `stop()` says so no further seed is begun; all seeds below the last one begun are played.
template <typename OnResult, typename Stop>
void play_all(const SetupOf& setup_of, std::uint64_t first, std::uint64_t count, OnResult on_result,
              Stop stop) {
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  const auto worker = [&] {
    for (;;) {
      const std::uint64_t index = next.fetch_add(1);
      if (index >= count || stop()) return;
      const Setup setup = setup_of(first + index);
      const Result result = play(setup, false);
      const std::scoped_lock lock{mutex};
      on_result(setup, result);
    }
  };
  std::vector<std::jthread> workers;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  workers.reserve(cores);
  for (unsigned i = 0; i < cores; ++i) workers.emplace_back(worker);
}

/// Summed up, so that the order in which the cores come to their ends does not count.
std::uint64_t digest_of(std::uint64_t seed, const Result& result) {
  Digest digest;
  digest.add(seed);
  digest.add(result.digest);
  digest.add(result.entries);
  digest.add(result.end.count());
  digest.add(result.violation ? static_cast<int>(result.violation->kind) : -1);
  return digest.value();
}

}  // namespace

Setup Campaign::operator()(std::uint64_t seed) const {
  if (mutant == nullptr) return draw_setup(seed, family);
  return unbroken ? mutant->unbroken(seed) : mutant->setup(seed);
}

Tally run(const SetupOf& setup_of, std::uint64_t first, std::uint64_t last) {
  const auto began = std::chrono::steady_clock::now();
  Tally tally;
  play_all(
      setup_of, first, last - first + 1,
      [&tally](const Setup& setup, const Result& result) {
        ++tally.histories;
        tally.entries += static_cast<std::uint64_t>(result.entries);
        tally.entries_of[setup.family] += static_cast<std::uint64_t>(result.entries);
        tally.digest_of[setup.family] += digest_of(setup.seed, result);
        if (!result.violation) return;
        ++tally.violations;
        tally.first_bad_seed = std::min(tally.first_bad_seed.value_or(setup.seed), setup.seed);
        tally.bad_seeds.emplace(setup.seed, *result.violation);
      },
      [] { return false; });
  tally.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return tally;
}

std::optional<std::uint64_t> find_violation(const SetupOf& setup_of, std::uint64_t last) {
  std::atomic<bool> found{false};
  std::optional<std::uint64_t> smallest;
  play_all(
      setup_of, 0, last + 1,
      [&](const Setup& setup, const Result& result) {
        if (!result.violation) return;
        found = true;
        smallest = std::min(smallest.value_or(setup.seed), setup.seed);
      },
      [&found] { return found.load(); });
  return smallest;
}

std::string text_of(const Tally& tally) {
  std::string text = fmt::format("{} histories, {} entries, {} violations, {:.1f} s",
                                 tally.histories, tally.entries, tally.violations, tally.seconds);
  for (const auto& [family, entries] : tally.entries_of) {
    text += fmt::format("\n  {:15} {} entries", name_of(family), entries);
  }
  return text;
}

std::string bad_seeds_text(const Campaign& campaign, const Tally& tally) {
  std::string text;
  for (const auto& [seed, violation] : tally.bad_seeds) {
    text += fmt::format("{} {} {}: {}\n", seed, name_of(campaign(seed).family),
                        text_of(violation.at), violation.text);
  }
  return text;
}

std::string digest_text(const Tally& tally, std::uint64_t first, std::uint64_t last) {
  std::string text;
  for (const auto& [family, digest] : tally.digest_of) {
    text += fmt::format("{} {}..{} {:016x}\n", name_of(family), first, last, digest);
  }
  return text;
}

std::string replay_command(const Campaign& campaign, std::uint64_t seed) {
  std::string command = fmt::format("ufl_sim --seed {} --trace", seed);
  if (campaign.family) command += fmt::format(" --family {}", name_of(*campaign.family));
  if (campaign.mutant != nullptr) command += fmt::format(" --mutant {}", campaign.mutant->name());
  if (campaign.unbroken) command += " --unbroken";
  return command;
}

std::optional<Family> find_family(std::string_view name) {
  const auto found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                  [name](Family family) { return name_of(family) == name; });
  return found == kFamilies.end() ? std::nullopt : std::optional{*found};
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(std::string_view text) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) return {};
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return {};
    return value;
  };
  const auto first = number(text.substr(0, dots));
  const auto last = number(text.substr(dots + 2));
  if (!first || !last || *first > *last) return {};
  return std::pair{*first, *last};
}

}  // namespace ufl::sim
