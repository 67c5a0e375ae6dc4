// SPDX-License-Identifier: MIT

#include "protocol/assert.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "protocol/contest.hpp"
#include "protocol/publishing.hpp"
#include "unit/release_fixture.hpp"

namespace ufl::test {
namespace {

#ifdef UFL_ASSERTIONS

TEST(AssertDeathTest, SaysWhatWasAssertedAndWhere) {
  const int one = 1;
  EXPECT_DEATH(UFL_ASSERT(one == 2), "assert_test\\.cpp:[0-9]+: not so: one == 2");
  EXPECT_DEATH(UFL_NEVER("come this way"), "assert_test\\.cpp:[0-9]+: not so: come this way");
}

TEST_F(ReleaseTest, AReplyToNothingIsAMistakeDeathTest) {
  Release release = make();
  EXPECT_DEATH((void)release.on_reply(ok()), "release\\.cpp:");
  EXPECT_DEATH((void)release.resume(), "release\\.cpp:");
}

TEST_F(ReleaseTest, ATimeBeforeTheLastOneIsAMistakeDeathTest) {
  Release release = make();
  Step step = release.start();
  for (int look = 0; look < kMaxBusyLooks && !asks<RemoveFile>(step); ++look) {
    step = release.on_reply(ok(kMine));
  }
  clock_.advance(-std::chrono::hours{1});
  EXPECT_DEATH((void)release.on_reply(changed()), "release\\.cpp:.*looked_at_");
}

TEST_F(ReleaseTest, APartThatHasNoVerdictIsAMistakeDeathTest) {
  FakeIdentity identity;
  Contest contest{{}, clock_, identity};
  Publishing publishing{contest};
  EXPECT_DEATH((void)publishing.take_verdict(), "contest\\.hpp:");
}

#endif

TEST(Assert, EvaluatesWhatHoldsOnceOrNotAtAll) {
  int times = 0;
  UFL_ASSERT(++times > 0);
#ifdef UFL_ASSERTIONS
  EXPECT_EQ(times, 1);
#else
  EXPECT_EQ(times, 0);
#endif
}

}  // namespace
}  // namespace ufl::test
