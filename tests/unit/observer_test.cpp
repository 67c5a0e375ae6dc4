// SPDX-License-Identifier: MIT

#include "protocol/observer.hpp"

#include <optional>
#include <string>
#include <vector>

#include "protocol/lease.hpp"
#include "unit/fake_observations.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

const std::string kToken = "11111111-1111-4111-8111-111111111111";
const std::string kOther = "22222222-2222-4222-8222-222222222222";
const std::string kKey = "share:/lock";
constexpr Duration kLease = seconds{30};
constexpr Duration kTick{1};

/// The look at a file with this content.
Sighting file(const std::string& content, std::uint64_t inode = 7) {
  Sighting seen = parse_record(content);
  seen.identity = inode;
  return seen;
}

/// The look at a record with this beat.
Sighting record(const std::string& beat, double lease = 30, const std::string& token = kToken) {
  return file(format_record(token, leased(lease, beat)));
}

Sighting empty(std::uint64_t inode) { return file("", inode); }

Sighting unreadable() {
  Sighting seen;
  seen.kind = Sighting::Kind::unreadable;
  return seen;
}

class ObserverTest : public ::testing::Test {
 protected:
  /// A look that takes no time.
  static void look(Observer& observer, const Sighting& seen, Duration at) {
    observer.saw(seen, Mono{at}, Mono{at});
  }
  Observer make(std::optional<Duration> empty_limit = seconds{10}) {
    return {empty_limit, &memory_, kKey};
  }
  void remember(const std::string& beat, Duration since, Duration limit = kLease,
                const std::string& token = kToken) {
    memory_.kept[kKey] = {token, beat, limit, Mono{since}};
  }

  FakeObservations memory_;
};

TEST_F(ObserverTest, ALeaseIsOverAfterTwoLooksThatAreFurtherApart) {
  Observer observer = make();
  look(observer, record("1"), seconds{100});
  EXPECT_FALSE(observer.is_abandoned()) << "one look shows no time";
  look(observer, record("1"), seconds{130});
  EXPECT_FALSE(observer.is_abandoned()) << "longer than the lease";
  look(observer, record("1"), seconds{130} + kTick);
  EXPECT_TRUE(observer.is_abandoned());
}

//   1 The first look is asked for at 100, and answered at 105 with what stood there at 104.
//   2 The last one is asked for at 132, and answered at 140 with what stood there at 133.
TEST_F(ObserverTest, CountsFromTheAnswerOfTheFirstLookToTheQuestionOfTheLast) {
  Observer observer = make();
  observer.saw(record("1"), Mono{seconds{100}}, Mono{seconds{105}});
  observer.saw(record("1"), Mono{seconds{135}}, Mono{seconds{200}});
  EXPECT_FALSE(observer.is_abandoned());
  observer.saw(record("1"), Mono{seconds{135} + kTick}, Mono{seconds{200}});
  EXPECT_TRUE(observer.is_abandoned());
}

TEST_F(ObserverTest, AnotherBeatOrTokenBeginsAnew) {
  for (const Sighting& next : {record("2"), record("1", 30, kOther)}) {
    Observer observer = make();
    look(observer, record("1"), seconds{100});
    look(observer, next, seconds{129});
    look(observer, next, seconds{159});
    EXPECT_FALSE(observer.is_abandoned());
    look(observer, next, seconds{159} + kTick);
    EXPECT_TRUE(observer.is_abandoned());
  }
}

TEST_F(ObserverTest, WhatIsAbandonedIsNotAnyMoreWhenItChanges) {
  for (const Sighting& next : {record("2"), file(kToken.substr(0, 20)), empty(1)}) {
    Observer observer = make();
    look(observer, record("1"), seconds{100});
    look(observer, record("1"), seconds{200});
    ASSERT_TRUE(observer.is_abandoned());
    look(observer, next, seconds{201});
    EXPECT_FALSE(observer.is_abandoned());
  }
}

TEST_F(ObserverTest, WhatIsTornForeignOrGarbledBeginsAnew) {
  const std::string whole = format_record(kToken, leased(30, "1"));
  for (const std::string& content :
       {whole.substr(0, 20), whole.substr(0, whole.size() / 2), kToken, std::string{"data"}}) {
    Observer observer = make();
    look(observer, record("1"), seconds{100});
    look(observer, file(content), seconds{120});
    look(observer, record("1"), seconds{125});
    look(observer, record("1"), seconds{155});
    EXPECT_FALSE(observer.is_abandoned()) << content;
    look(observer, record("1"), seconds{155} + kTick);
    EXPECT_TRUE(observer.is_abandoned()) << content;
  }
}

TEST_F(ObserverTest, WhatCannotBeReadSaysNothing) {
  Observer observer = make();
  look(observer, record("1"), seconds{100});
  look(observer, unreadable(), seconds{120});
  EXPECT_FALSE(observer.is_abandoned());
  look(observer, unreadable(), seconds{131});
  EXPECT_FALSE(observer.is_abandoned()) << "it was not seen at 131";
  look(observer, record("1"), seconds{130} + kTick);
  EXPECT_TRUE(observer.is_abandoned());
}

TEST_F(ObserverTest, TheLeaseThatWasSeenFirstCounts) {
  for (const double later : {2.0, 3600.0}) {
    Observer observer = make();
    look(observer, record("1", 30), seconds{100});
    look(observer, record("1", later), seconds{130});
    EXPECT_FALSE(observer.is_abandoned()) << later;
    look(observer, record("1", later), seconds{130} + kTick);
    EXPECT_TRUE(observer.is_abandoned()) << later;
  }
}

TEST_F(ObserverTest, ALeaseIsClampedToSaneBounds) {
  const Duration longest = std::chrono::days{10000};
  for (const auto& [lease, limit] : std::vector<std::pair<double, Duration>>{
           {1e-9, seconds{2}}, {1.99, seconds{2}}, {2.5, milliseconds{2500}}, {1e300, longest}}) {
    Observer observer = make();
    look(observer, record("1", lease), seconds{100});
    look(observer, record("1", lease), seconds{100} + limit);
    EXPECT_FALSE(observer.is_abandoned()) << lease;
    look(observer, record("1", lease), seconds{100} + limit + kTick);
    EXPECT_TRUE(observer.is_abandoned()) << lease;
  }
}

TEST_F(ObserverTest, WithoutALeaseOrABeatItIsNeverAbandoned) {
  const std::vector<Holder> holders{leased({}, "1"), leased(30, {}), leased(0, "1"),
                                    leased(-30, "1")};
  for (const Holder& holder : holders) {
    const Sighting seen = file(format_record(kToken, holder));
    Observer observer = make();
    look(observer, seen, seconds{100});
    look(observer, seen, std::chrono::days{1000});
    EXPECT_FALSE(observer.is_abandoned());
    observer.keep();
    EXPECT_TRUE(memory_.kept.empty());
  }
}

TEST_F(ObserverTest, AnEmptyFileIsAbandonedWhileItIsTheSameInode) {
  Observer observer = make();
  look(observer, empty(7), seconds{100});
  look(observer, empty(7), seconds{110});
  EXPECT_FALSE(observer.is_abandoned());
  look(observer, empty(7), seconds{110} + kTick);
  EXPECT_TRUE(observer.is_abandoned());
  look(observer, empty(8), seconds{120});
  EXPECT_FALSE(observer.is_abandoned());
  look(observer, empty(8), seconds{130} + kTick);
  EXPECT_TRUE(observer.is_abandoned());
}

TEST_F(ObserverTest, AnEmptyFileIsNotWhereThereIsNoPatienceOrNoInode) {
  for (const bool has_inode : {false, true}) {
    Observer observer = make(has_inode ? std::nullopt : std::optional<Duration>{seconds{10}});
    look(observer, empty(has_inode ? 7 : 0), seconds{100});
    look(observer, empty(has_inode ? 7 : 0), seconds{1000});
    EXPECT_FALSE(observer.is_abandoned());
  }
}

TEST_F(ObserverTest, GoesOnFromWhatAnEarlierProcessHasSeen) {
  remember("1", seconds{100});
  Observer observer = make();
  look(observer, record("1"), seconds{130});
  EXPECT_FALSE(observer.is_abandoned());
  look(observer, record("1"), seconds{130} + kTick);
  EXPECT_TRUE(observer.is_abandoned());

  Observer another = make();
  look(another, record("1"), seconds{131});
  EXPECT_TRUE(another.is_abandoned()) << "at its first look";
  another.keep();
  EXPECT_EQ(memory_.writes, 0);
}

TEST_F(ObserverTest, TheLeaseThatAnEarlierProcessHasSeenFirstCounts) {
  for (const Duration limit : {Duration{seconds{20}}, Duration{seconds{40}}}) {
    remember("1", seconds{100}, limit);
    Observer observer = make();
    look(observer, record("1", 30), seconds{100} + limit);
    EXPECT_FALSE(observer.is_abandoned());
    look(observer, record("1", 30), seconds{100} + limit + kTick);
    EXPECT_TRUE(observer.is_abandoned());
  }
}

TEST_F(ObserverTest, AnEarlierProcessThatHasSeenAnythingElseDoesNotCount) {
  for (const bool is_other_token : {false, true}) {
    remember(is_other_token ? "1" : "2", seconds{1}, kLease, is_other_token ? kOther : kToken);
    Observer observer = make();
    look(observer, record("1"), seconds{100});
    look(observer, record("1"), seconds{130});
    EXPECT_FALSE(observer.is_abandoned());
  }
}

TEST_F(ObserverTest, NobodyHasSeenAnythingInTheFutureOrBeforeTheBoot) {
  for (const Duration since :
       {Duration{seconds{105} + kTick}, Duration::max(), -kTick, Duration::min()}) {
    remember("1", since);
    Observer observer = make();
    observer.saw(record("1"), Mono{seconds{100}}, Mono{seconds{105}});
    observer.saw(record("1"), Mono{seconds{135}}, Mono{seconds{135}});
    EXPECT_FALSE(observer.is_abandoned());
    observer.saw(record("1"), Mono{seconds{135} + kTick}, Mono{seconds{136}});
    EXPECT_TRUE(observer.is_abandoned()) << "counted from 105";
  }
}

//   1 A gives a lease of 30 s, and its first beat is seen and kept at 50.  2 A beats at 95.  3 On
//   the share an old view shows the first beat once more: A has not been silent since 50.
TEST_F(ObserverTest, WhatWasSeenToChangeIsNotRecalled) {
  for (const Sighting& change : {record("2"), file(kToken.substr(0, 20))}) {
    for (const bool was_seen : {false, true}) {
      remember("1", seconds{50});
      Observer observer = make();
      if (was_seen) look(observer, record("1"), seconds{60});
      look(observer, change, seconds{95});
      look(observer, record("1"), seconds{96});
      look(observer, record("1"), seconds{126});
      EXPECT_FALSE(observer.is_abandoned());
      look(observer, record("1"), seconds{126} + kTick);
      EXPECT_TRUE(observer.is_abandoned());
    }
  }
}

TEST_F(ObserverTest, WhatBeginsAnewDoesSoForTheNextProcessToo) {
  remember("1", seconds{50});
  Observer observer = make();
  look(observer, file(kToken.substr(0, 20)), seconds{60});
  EXPECT_FALSE(memory_.kept.empty());
  observer.keep();
  observer.keep();
  EXPECT_TRUE(memory_.kept.empty()) << "no file for what says nothing";
  Observer next = make();
  look(next, record("1"), seconds{81});
  EXPECT_FALSE(next.is_abandoned());

  Observer foreign = make();
  look(foreign, file(kOther), seconds{90});
  foreign.keep();
  EXPECT_EQ(memory_.writes, 0) << "nothing is kept there that could mislead";
}

TEST_F(ObserverTest, WhatHasServedIsForgotten) {
  remember("1", seconds{50});
  Observer observer = make();
  look(observer, record("1"), seconds{60});
  observer.end();
  EXPECT_TRUE(memory_.kept.empty());
}

TEST_F(ObserverTest, ALookThatSaysNothingLeavesWhatIsKept) {
  remember("1", seconds{50});
  Observer observer = make();
  look(observer, unreadable(), seconds{60});
  observer.keep();
  EXPECT_EQ(memory_.writes, 0);
  look(observer, record("1"), seconds{81});
  EXPECT_TRUE(observer.is_abandoned());
}

TEST_F(ObserverTest, TheLongerPatienceWithAnEmptyFileCounts) {
  for (const Duration earlier : {seconds{10}, seconds{50}}) {
    remember("7", seconds{100}, earlier, "");
    Observer observer = make(Duration{seconds{60}} - earlier);
    look(observer, empty(7), seconds{150});
    EXPECT_FALSE(observer.is_abandoned());
    look(observer, empty(7), seconds{150} + kTick);
    EXPECT_TRUE(observer.is_abandoned());
    observer.keep();
    EXPECT_EQ(memory_.kept.at(kKey).staleness_limit, seconds{50}) << "for the next process, too";
  }
}

TEST_F(ObserverTest, LeavesWhatItSawFirstToTheNextProcess) {
  Observer observer = make();
  observer.saw(record("1"), Mono{seconds{100}}, Mono{seconds{105}});
  observer.saw(record("1"), Mono{seconds{120}}, Mono{seconds{125}});
  EXPECT_EQ(memory_.writes, 0) << "not while it watches";
  observer.keep();
  const Observation& kept = memory_.kept.at(kKey);
  EXPECT_EQ(kept.token, kToken);
  EXPECT_EQ(kept.heartbeat, "1");
  EXPECT_EQ(kept.staleness_limit, kLease);
  EXPECT_EQ(kept.since, Mono{seconds{105}});
  observer.keep();
  EXPECT_EQ(memory_.writes, 1) << "the same once more";
}

TEST_F(ObserverTest, WhatIsRecalledIsNeverMoved) {
  remember("1", seconds{100});
  Observer observer = make();
  look(observer, record("1"), seconds{120});
  observer.keep();
  EXPECT_EQ(memory_.kept.at(kKey).since, Mono{seconds{100}});
  look(observer, record("2"), seconds{121});
  observer.keep();
  EXPECT_EQ(memory_.kept.at(kKey).heartbeat, "2");
  EXPECT_EQ(memory_.kept.at(kKey).since, Mono{seconds{121}});
}

TEST_F(ObserverTest, WhatIsInUseBeginsAnewForTheNextProcessToo) {
  remember("7", seconds{50}, seconds{10}, "");
  Observer observer = make();
  look(observer, empty(7), seconds{100});
  ASSERT_TRUE(observer.is_abandoned());
  observer.restart(Mono{seconds{101}});
  EXPECT_FALSE(observer.is_abandoned());
  EXPECT_EQ(memory_.kept.at(kKey).since, Mono{seconds{101}});
  look(observer, empty(7), seconds{111});
  EXPECT_FALSE(observer.is_abandoned());
  look(observer, empty(7), seconds{111} + kTick);
  EXPECT_TRUE(observer.is_abandoned());
}

TEST_F(ObserverTest, WithoutAMemoryItWatchesAllTheSame) {
  Observer observer{std::nullopt, nullptr, kKey};
  observer.restart(Mono{seconds{1}});
  look(observer, record("1"), seconds{100});
  observer.restart(Mono{seconds{110}});
  observer.keep();
  look(observer, record("1"), seconds{140});
  EXPECT_FALSE(observer.is_abandoned());
  look(observer, record("1"), seconds{140} + kTick);
  EXPECT_TRUE(observer.is_abandoned());
}

}  // namespace
}  // namespace ufl::test
