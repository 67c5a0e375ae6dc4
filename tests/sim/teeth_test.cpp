// SPDX-License-Identifier: MIT
//
// Every mutant is found within its budget of seeds; and with the shipped protocol the same seeds
// show nothing.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/campaign.hpp"
#include "sim/mutants.hpp"

namespace ufl::sim {

namespace {

class Teeth : public ::testing::TestWithParam<std::string> {};

TEST_P(Teeth, Find) {
  const Mutant* mutant = find_mutant(GetParam());
  ASSERT_NE(mutant, nullptr);
  const auto found = find_violation(Campaign{mutant->family(), mutant}, mutant->budget() - 1);
  ASSERT_TRUE(found) << "not within " << mutant->budget() << " seeds";
  RecordProperty("seed", static_cast<int>(*found));
  EXPECT_FALSE(play(mutant->unbroken(*found), false).violation)
      << "the seed finds something in the shipped protocol, too";
}

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const auto& mutant : mutants()) list.emplace_back(mutant->name());
  return list;
}

INSTANTIATE_TEST_SUITE_P(Mutants, Teeth, ::testing::ValuesIn(names()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace ufl::sim
