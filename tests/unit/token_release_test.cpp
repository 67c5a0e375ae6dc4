// SPDX-License-Identifier: MIT
//
// A lock that another process has taken is let go by its token (protocol/token_release.hpp).

#include "protocol/token_release.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "protocol/record.hpp"
#include "unit/fake_observations.hpp"
#include "unit/release_fixture.hpp"

namespace ufl::test {
namespace {

using Outcome = ReleaseResult::Outcome;

constexpr Duration kLease = seconds{30};
constexpr Duration kTakeoverDelay = seconds{3};

std::string record(std::optional<bool> detached, const char* mount = kShareMount, int beats = 0) {
  Holder holder = leased(30, "000000000" + std::to_string(beats));
  holder.detached = detached;
  holder.mount = mount;
  return format_record(kMine, holder);
}

class TokenReleaseTest : public OurLockTest {
 protected:
  TokenReleaseTest() { identity_.leave_witness(kMine); }

  /// The lease was refreshed so long ago; none: nobody knows.
  TokenRelease make(std::optional<Duration> age, bool local = false) {
    return {{options(local), ago(age), kTakeoverDelay}, clock_, identity_};
  }

  /// From the second look to the end.
  void expect_removal(TokenRelease& release, const Step& step, const std::string& content) const {
    ASSERT_TRUE(asks<ReadFile>(step));
    ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(content))));
    EXPECT_TRUE(finished(release.on_reply(ok())));
    EXPECT_EQ(release.result().outcome, Outcome::released);
    EXPECT_TRUE(identity_.witness.empty());
  }

  FakeIdentity identity_;
};

TEST_F(TokenReleaseTest, ALeaseThatIsNotOverIsReleasedWithinIt) {
  TokenRelease release = make(seconds{10});
  ASSERT_TRUE(asks<ReadFile>(release.start()));
  expect_removal(release, release.on_reply(ok(record(true))), record(true));

  TokenRelease late = make(seconds{10});
  ASSERT_TRUE(asks<ReadFile>(late.start()));
  ASSERT_TRUE(asks<ReadFile>(late.on_reply(ok(record(true)))));
  clock_.advance(seconds{10});
  EXPECT_TRUE(finished(late.on_reply(ok(record(true)))));
  EXPECT_EQ(late.result().outcome, Outcome::too_late) << "two thirds of the lease are over";
}

TEST_F(TokenReleaseTest, ALeaseThatMayBeOverIsRefreshedFirst) {
  for (const auto age : {std::optional<Duration>{}, std::optional<Duration>{2 * kLease / 3}}) {
    TokenRelease release = make(age);
    ASSERT_TRUE(asks<ReadFile>(release.start()));
    ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(record(true))))) << "the refresh looks itself";
    Step step = release.on_reply(ok(record(true)));
    ASSERT_TRUE(asks<UpdateFile>(step));
    step = release.on_reply(ok());
    EXPECT_EQ(wait(step), kTakeoverDelay) << "a taker may be about to rename";
    EXPECT_TRUE(release.doubts());
    ASSERT_TRUE(asks<ReadFile>(next(release, step)));
    step = release.on_reply(ok(record(true, kShareMount, 1)));
    expect_removal(release, step, record(true, kShareMount, 1));
  }
}

TEST_F(TokenReleaseTest, ATakerThatWasFasterHasTheLock) {
  TokenRelease release = make({});
  ASSERT_TRUE(asks<ReadFile>(release.start()));
  ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(record(true)))));
  ASSERT_TRUE(asks<UpdateFile>(release.on_reply(ok(record(true)))));
  Step step = next(release, release.on_reply(ok()));
  step = release.on_reply(ok(kOther));
  while (waits(step)) {
    ASSERT_TRUE(asks<ReadFile>(next(release, step)));
    step = release.on_reply(ok(kOther));
  }
  ASSERT_TRUE(finished(step));
  ASSERT_TRUE(release.not_refreshed());
  EXPECT_EQ(release.not_refreshed()->outcome, RefreshResult::Outcome::lost);
  EXPECT_TRUE(identity_.witness.empty());
}

TEST_F(TokenReleaseTest, WhereNobodyCanTakeItOverMeanwhileNothingIsRefreshed) {
  struct Case {
    std::string content;
    bool local;
    const char* why;
  };
  Holder unleased;
  unleased.detached = true;
  const Case cases[]{{record(true, kLocalMount), true, "flock(2) parts the two"},
                     {format_record(kMine, unleased), false, "no lease"},
                     {record({}), false, "a ufl that waits for a command refreshes it"},
                     {kMine + "\n", false, "a token alone"}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.why);
    TokenRelease release = make({}, one.local);
    ASSERT_TRUE(asks<ReadFile>(release.start()));
    ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(one.content))));
    ASSERT_TRUE(asks<RemoveFile>(release.on_reply(ok(one.content))));
    EXPECT_TRUE(finished(release.on_reply(ok())));
    EXPECT_EQ(release.result().outcome, Outcome::released);
  }
}

TEST_F(TokenReleaseTest, WhatWasRefreshedIsReleasedWithinThatLease) {
  for (const bool is_late : {false, true}) {
    TokenRelease release = make({});
    ASSERT_TRUE(asks<ReadFile>(release.start()));
    ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(record(true)))));
    const Mono refreshed = clock_.now();
    ASSERT_TRUE(asks<UpdateFile>(release.on_reply(ok(record(true)))));
    const std::string written = record(true, kShareMount, 1);
    ASSERT_TRUE(asks<ReadFile>(next(release, release.on_reply(ok()))));
    ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(written))));
    clock_.set(refreshed + 2 * kLease / 3 - milliseconds{1});
    Step step = release.on_reply(ok(written));
    ASSERT_TRUE(asks<ReadFile>(step)) << "that look took long";
    if (is_late) clock_.advance(milliseconds{1});
    step = release.on_reply(ok(written));
    EXPECT_EQ(asks<RemoveFile>(step), !is_late);
    if (is_late) {
      EXPECT_EQ(release.result().outcome, Outcome::too_late);
    }
  }
}

// Its heartbeat is of no known form: nobody takes it over for want of one.
TEST_F(TokenReleaseTest, ALeaseThatCannotBeRefreshedIsReleasedAllTheSame) {
  Holder holder = leased(30, "soon");
  holder.mount = kShareMount;
  holder.detached = true;
  const std::string content = format_record(kMine, holder);
  TokenRelease release = make({});
  ASSERT_TRUE(asks<ReadFile>(release.start()));
  ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(content))));
  expect_removal(release, release.on_reply(ok(content)), content);
}

TEST_F(TokenReleaseTest, ARefreshThatFailsRemovesNothing) {
  TokenRelease release = make({});
  ASSERT_TRUE(asks<ReadFile>(release.start()));
  ASSERT_TRUE(asks<ReadFile>(release.on_reply(ok(record(true)))));
  ASSERT_TRUE(asks<UpdateFile>(release.on_reply(ok(record(true)))));
  EXPECT_TRUE(finished(release.on_reply(denied())));
  ASSERT_TRUE(release.not_refreshed());
  EXPECT_EQ(release.not_refreshed()->outcome, RefreshResult::Outcome::failed);
  EXPECT_FALSE(identity_.witness.empty()) << "the lock may stand";
}

TEST_F(TokenReleaseTest, WhatCannotBeToldKeepsItsWitness) {
  TokenRelease release = make({});
  Step step = release.start();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(asks<ReadFile>(step));
    step = release.on_reply(failed());
    if (waits(step)) step = next(release, step);
  }
  EXPECT_TRUE(finished(step));
  EXPECT_EQ(release.result().outcome, Outcome::failed);
  EXPECT_FALSE(identity_.witness.empty());
}

}  // namespace
}  // namespace ufl::test
