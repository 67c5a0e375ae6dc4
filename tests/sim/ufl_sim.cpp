// SPDX-License-Identifier: MIT
//
// ufl_sim: plays histories of the protocol.
//
//     ufl_sim --seed N [--trace]     one history
//     ufl_sim --seeds A..B           many, on all cores
//     --family NAME, --mutant NAME   of that family; with the protocol broken in that way
//     --unbroken                     with --mutant: its histories with the shipped protocol
//     --list                         with --seeds: print every seed that breaks a promise
//     --digest                       with --seeds: print only one number for all steps of a family
//     --mutant-digests               the same for each mutant, over as many seeds as it is given
//
// Exit status: 0 no violation, 1 a violation, 64 usage.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "sim/campaign.hpp"
#include "sim/history.hpp"
#include "sim/mutants.hpp"

namespace {

using namespace ufl::sim;  // NOLINT(google-build-using-namespace): this is its program

constexpr int kUsage = 64;

struct Arguments {
  std::uint64_t seed = 0;
  std::string seeds;
  bool trace = false;
  std::string family;
  std::string mutant;
  bool unbroken = false;
  bool list = false;
  bool digest = false;
  bool mutant_digests = false;
};

int usage(const std::string& problem, const std::vector<std::string_view>& there_are = {}) {
  fmt::print(stderr, "ufl_sim: {}", problem);
  if (!there_are.empty()) fmt::print(stderr, "; there are: {}", fmt::join(there_are, " "));
  fmt::print(stderr, "\n");
  return kUsage;
}

void print_history(const Setup& setup, const Result& result, bool whole) {
  fmt::print("{}\n", text_of(setup));
  if (whole) {
    for (const TraceLine& line : result.trace) {
      fmt::print("{:>12}  {} {}\n", text_of(line.at), name_of(line.who), line.text);
    }
  }
  if (!result.violation) {
    fmt::print("{} times somebody got the lock; no violation; ends at {}\n", result.entries,
               text_of(result.end));
    return;
  }
  fmt::print("VIOLATION at {}: {}\n", text_of(result.violation->at), result.violation->text);
  fmt::print("the interleaving:\n{}", interleaving(result));
}

int run_one(const Campaign& campaign, std::uint64_t seed, bool trace) {
  const Setup setup = campaign(seed);
  const Result result = play(setup, true);
  print_history(setup, result, trace);
  return result.violation ? 1 : 0;
}

int print_digests(const Campaign& campaign, std::uint64_t first, std::uint64_t last) {
  fmt::print("{}", digest_text(run(campaign, first, last), first, last));
  return 0;
}

int print_mutant_digests() {
  for (const auto& mutant : mutants()) {
    Campaign campaign;
    campaign.mutant = mutant.get();
    fmt::print("{} ", mutant->name());
    (void)print_digests(campaign, 0, mutant->budget() - 1);
  }
  return 0;
}

int run_many(const Campaign& campaign, std::uint64_t first, std::uint64_t last, bool list) {
  const Tally tally = run(campaign, first, last);
  if (list) fmt::print("{}", bad_seeds_text(campaign, tally));
  fmt::print("{}\n", text_of(tally));
  if (!tally.first_bad_seed) return 0;
  fmt::print("{}\n", replay_command(campaign, *tally.first_bad_seed));
  (void)run_one(campaign, *tally.first_bad_seed, false);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Plays histories of the ufl protocol on simulated shares"};
  auto* seed = app.add_option("--seed", arguments.seed, "play this history");
  app.add_option("--seeds", arguments.seeds, "A..B: play these, on all cores")->excludes(seed);
  app.add_flag("--trace", arguments.trace, "print every event, with --seed");
  app.add_option("--family", arguments.family, "of this family");
  auto* broken = app.add_option("--mutant", arguments.mutant, "break the protocol in this way");
  app.add_flag("--unbroken", arguments.unbroken, "play what --mutant plays, unbroken")
      ->needs(broken);
  app.add_flag("--list", arguments.list, "print every seed that breaks a promise, with --seeds");
  app.add_flag("--digest", arguments.digest,
               "print what tells whether anything was done otherwise");
  app.add_flag("--mutant-digests", arguments.mutant_digests,
               "the same of the histories of mutants");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : kUsage;
  }
  Campaign campaign;
  if (!arguments.family.empty()) {
    campaign.family = find_family(arguments.family);
    if (!campaign.family) {
      std::vector<std::string_view> names;
      names.reserve(kFamilies.size());
      for (const Family family : kFamilies) names.push_back(name_of(family));
      return usage("no such family: " + arguments.family, names);
    }
  }
  if (!arguments.mutant.empty()) {
    campaign.mutant = find_mutant(arguments.mutant);
    if (campaign.mutant == nullptr) {
      std::vector<std::string_view> names;
      names.reserve(mutants().size());
      for (const auto& mutant : mutants()) names.push_back(mutant->name());
      return usage("no such mutant: " + arguments.mutant, names);
    }
  }
  campaign.unbroken = arguments.unbroken;
  if (arguments.mutant_digests) return print_mutant_digests();
  if (arguments.seeds.empty()) return run_one(campaign, arguments.seed, arguments.trace);
  const auto range = parse_range(arguments.seeds);
  if (!range) return usage("--seeds wants A..B, not '" + arguments.seeds + "'");
  return arguments.digest ? print_digests(campaign, range->first, range->second)
                          : run_many(campaign, range->first, range->second, arguments.list);
}
