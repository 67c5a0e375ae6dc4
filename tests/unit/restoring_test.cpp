// SPDX-License-Identifier: MIT

#include "protocol/restoring.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "protocol/guard.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Next = Restoring::Next;

TEST(Restoring, WritesOverWhatIsLeft) {
  Restoring restoring{"lock"};
  EXPECT_FALSE(restoring.is_begun());
  const FileOperation operation = restoring.write("rec", "record");
  const auto& update = std::get<UpdateFile>(operation);
  EXPECT_EQ(update.path, "lock");
  EXPECT_EQ(update.expected, "rec");
  EXPECT_EQ(update.content, "record");
  EXPECT_TRUE(update.locked);
  EXPECT_TRUE(update.restores);
  EXPECT_TRUE(restoring.is_begun());
}

TEST(Restoring, EndsWithTheFirstSuccess) {
  Restoring restoring{"lock"};
  for (int count = 1; count < 4; ++count) {
    (void)restoring.write("", "record");
    EXPECT_EQ(restoring.on_reply(ok()), Next::done);
    EXPECT_FALSE(restoring.is_begun());
    EXPECT_EQ(restoring.count(), count);
  }
}

TEST(Restoring, IsRefusedOnlySoOftenInARow) {
  Restoring restoring{"lock"};
  const auto refused_times = [&](int times) {
    Next next = Next::pause;
    for (int time = 0; time < times; ++time) {
      EXPECT_EQ(next, Next::pause) << time;
      (void)restoring.write("", "record");
      next = restoring.on_reply(time % 2 == 0 ? flocked() : changed());
    }
    return next;
  };
  EXPECT_EQ(refused_times(kMaxBusyLooksAtOnce - 1), Next::pause);
  EXPECT_TRUE(restoring.end()) << "somebody else has written a record";
  EXPECT_EQ(refused_times(kMaxBusyLooksAtOnce - 1), Next::pause);
  (void)restoring.write("", "record");
  EXPECT_EQ(restoring.on_reply(ok()), Next::done);
  EXPECT_EQ(refused_times(kMaxBusyLooksAtOnce), Next::failed);
}

TEST(Restoring, AFileThatIsGoneIsNoFailure) {
  Restoring restoring{"lock"};
  (void)restoring.write("", "record");
  EXPECT_EQ(restoring.on_reply(absent()), Next::absent);
  EXPECT_TRUE(restoring.is_begun());
  EXPECT_EQ(restoring.on_reply(denied()), Next::failed);
  EXPECT_EQ(restoring.count(), 0);
}

}  // namespace
}  // namespace ufl::test
