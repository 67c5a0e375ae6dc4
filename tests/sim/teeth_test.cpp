// SPDX-License-Identifier: MIT
//
// Every mutant is found within its budget of seeds; and with the shipped protocol the same seeds
// show nothing.

#include <gtest/gtest.h>

#include <ostream>

#include "sim/campaign.hpp"
#include "sim/mutants.hpp"

namespace ufl::sim {

static void PrintTo(const Mutant* mutant, std::ostream* out) { *out << mutant->name(); }

namespace {

class Teeth : public ::testing::TestWithParam<const Mutant*> {};

TEST_P(Teeth, Find) {
  const Mutant* mutant = GetParam();
  const auto found = find_violation(Campaign{mutant->family(), mutant}, mutant->budget() - 1);
  ASSERT_TRUE(found) << "not within " << mutant->budget() << " seeds";
  RecordProperty("seed", static_cast<int>(*found));
  EXPECT_FALSE(play(draw_setup(*found, mutant->family()), false).violation)
      << "the seed finds something in the shipped protocol, too";
}

std::vector<const Mutant*> all() {
  std::vector<const Mutant*> list;
  for (const auto& mutant : mutants()) list.push_back(mutant.get());
  return list;
}

INSTANTIATE_TEST_SUITE_P(Mutants, Teeth, ::testing::ValuesIn(all()),
                         [](const auto& mutant) { return std::string{mutant.param->name()}; });

}  // namespace
}  // namespace ufl::sim
