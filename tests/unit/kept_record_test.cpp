// SPDX-License-Identifier: MIT

#include "protocol/kept_record.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "protocol/heartbeat.hpp"
#include "protocol/record.hpp"
#include "unit/keep_fixture.hpp"

namespace ufl::test {
namespace {

using Answer = Heartbeat::Answer;

class KeptRecordTest : public KeepFixture {
 protected:
  static KeepOptions recorded() {
    KeepOptions options = plain();
    options.child = kChild;
    return options;
  }
  /// What is written next.
  std::string content_of_next(KeptRecord& record) const {
    const auto operation = record.write(clock_.now());
    EXPECT_TRUE(operation);
    return operation ? std::get<UpdateFile>(*operation).content : "";
  }
};

TEST_F(KeptRecordTest, HasNothingToWriteWithoutACommandAndALease) {
  const KeptRecord record{plain()};
  EXPECT_TRUE(record.is_recorded());
  EXPECT_FALSE(record.wants_writes());
  EXPECT_FALSE(record.lease());
  EXPECT_FALSE(record.is_over(Mono::max()));
}

TEST_F(KeptRecordTest, NamesTheCommand) {
  KeptRecord record{recorded()};
  EXPECT_TRUE(record.wants_writes());
  EXPECT_EQ(content_of_next(record), with_child(plain_record(), kChild));
  EXPECT_FALSE(record.is_recorded());
  EXPECT_EQ(record.on_reply(ok(), clock_.now()), Answer::written);
  EXPECT_TRUE(record.is_recorded());
  EXPECT_FALSE(record.wants_writes());
}

TEST_F(KeptRecordTest, IsRecordedByAWriteWhoseReplyWasLost) {
  KeptRecord record{recorded()};
  const std::string written = content_of_next(record);
  EXPECT_EQ(record.on_reply(failed(), clock_.now()), Answer::failed);
  EXPECT_FALSE(record.is_recorded());
  EXPECT_EQ(content_of_next(record), written);
  EXPECT_EQ(record.on_reply(changed(written), clock_.now()), Answer::ours);
  EXPECT_TRUE(record.is_recorded());
}

TEST_F(KeptRecordTest, NeverWritesAHeartbeatTwice) {
  KeptRecord record{leased_from_now()};
  EXPECT_EQ(content_of_next(record), leased_record(1));
  EXPECT_EQ(record.on_reply(failed(), clock_.now()), Answer::failed);
  EXPECT_EQ(content_of_next(record), leased_record(2));
  EXPECT_EQ(record.on_reply(changed(leased_record(1)), clock_.now()), Answer::ours);
  EXPECT_EQ(content_of_next(record), leased_record(3));
}

TEST_F(KeptRecordTest, GoesOnFromALaterHeartbeatOfSomebodyElse) {
  KeptRecord record{leased_from_now()};
  EXPECT_EQ(content_of_next(record), leased_record(1));
  EXPECT_EQ(record.on_reply(changed(leased_record(7)), clock_.now()), Answer::ours);
  EXPECT_EQ(content_of_next(record), leased_record(8));
}

TEST_F(KeptRecordTest, ALeaseIsCountedFromTheStartOfTheLastSuccess) {
  KeptRecord record{leased_from_now()};
  const Mono begun = clock_.now();
  EXPECT_EQ(record.lease()->refreshed, begun);
  clock_.advance(seconds{10});
  (void)content_of_next(record);
  clock_.advance(seconds{2});
  EXPECT_EQ(record.on_reply(failed(), clock_.now()), Answer::failed);
  EXPECT_EQ(record.lease()->refreshed, begun);
  (void)content_of_next(record);
  clock_.advance(seconds{2});
  EXPECT_EQ(record.on_reply(ok(), clock_.now()), Answer::written);
  EXPECT_EQ(record.lease()->refreshed, begun + seconds{12});
  EXPECT_EQ(record.lease()->takes, seconds{2});
  EXPECT_FALSE(record.is_over(record.lease()->stop_at() - Duration{1}));
  EXPECT_TRUE(record.is_over(record.lease()->stop_at()));
}

TEST_F(KeptRecordTest, KnowsWhatIsLeftOfWhichRecord) {
  KeptRecord record{recorded()};
  const std::string before = plain_record();
  const std::string after = content_of_next(record);
  std::string common;
  while (before[common.size()] == after[common.size()]) common += before[common.size()];
  const std::string rest_of_after = after.substr(0, common.size() + 1);
  EXPECT_TRUE(record.is_rest(""));
  EXPECT_TRUE(record.is_rest(common));
  EXPECT_TRUE(record.is_rest(rest_of_after)) << "of the write that is under way";
  EXPECT_FALSE(record.is_rest(before));
  EXPECT_FALSE(record.is_rest(after));
  EXPECT_FALSE(record.is_rest(common + "?"));
  EXPECT_EQ(record.whole_of(common), before);
  EXPECT_EQ(record.whole_of(rest_of_after), after);
}

}  // namespace
}  // namespace ufl::test
