// SPDX-License-Identifier: MIT
//
// The rules that several machines go by, one by one: what a contender knows of its own claim, the
// writer of heartbeats, the loss by absence, the removal, the deadlines of a lease.

#include <gtest/gtest.h>

#include <string>

#include "protocol/absence.hpp"
#include "protocol/finding.hpp"
#include "protocol/guard.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/lease.hpp"
#include "protocol/own_claim.hpp"
#include "protocol/removal.hpp"
#include "unit/fake_observations.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {
namespace {

constexpr Mono kStart{seconds{1000}};

TEST(ClaimDelay, ATakeoverRaisesOurOwnAlone) {
  ClaimDelay delay{seconds{1}};
  delay.raise_for_takeover(seconds{3});
  EXPECT_EQ(delay.in_force(), seconds{3});
  EXPECT_EQ(delay.of_others(), seconds{1}) << "lateness is judged by it";
  delay.raise_for_all(seconds{2});
  EXPECT_EQ(delay.in_force(), seconds{3});
  EXPECT_EQ(delay.of_others(), seconds{2});
  delay.end_takeover();
  EXPECT_EQ(delay.in_force(), seconds{2});
}

TEST(OwnClaim, AWriteThatWasNotDoneLeavesWhatStoodBefore) {
  OwnClaim own{seconds{1}};
  own.begin(kMine, "record");
  EXPECT_FALSE(own.may_stand());
  own.write_begins(false);
  EXPECT_TRUE(own.may_stand());
  own.was_not_written();
  EXPECT_FALSE(own.may_stand());
  own.write_begins(false);
  own.may_have_overwritten();
  own.write_begins(false);
  EXPECT_TRUE(own.is_late()) << "its first write may be what stands there";
  own.was_not_written();
  EXPECT_TRUE(own.is_late());
  own.late_hold_is_over();
  EXPECT_FALSE(own.is_late());
  EXPECT_TRUE(own.may_stand());
}

TEST(OwnClaim, WhatIsDisownedIsRememberedWhereItCanShowUpAgain) {
  OwnClaim own{seconds{1}};
  own.begin(kMine, "record");
  own.disown(false);
  EXPECT_FALSE(own.has_disowned()) << "it was never written";
  own.write_begins(true);
  own.may_have_overwritten();
  EXPECT_TRUE(own.is_by_rename());
  own.disown(true);
  EXPECT_FALSE(own.has_disowned()) << "on a local file system it cannot";
  own.begin(kMine, "record");
  EXPECT_FALSE(own.is_by_rename());
  own.write_begins(false);
  own.may_have_overwritten();
  own.disown(false);
  EXPECT_TRUE(own.was_disowned(kMine));
  EXPECT_FALSE(own.was_disowned(kOther));
  EXPECT_TRUE(own.has_disowned_late());
  EXPECT_FALSE(own.may_stand());
}

std::string heartbeat_record(int number) {
  return format_record(kMine, leased(30, "000000000" + std::to_string(number)));
}

TEST(Heartbeat, IsWrittenOverExactlyWhatIsKnownToStandThere) {
  Heartbeat heartbeat{"lock", heartbeat_record(0), false, false};
  const auto update = expect_operation<UpdateFile>(heartbeat.write(heartbeat_record(1), kStart));
  EXPECT_EQ(update.expected, heartbeat_record(0));
  EXPECT_EQ(update.content, heartbeat_record(1));
  EXPECT_TRUE(update.sync);
  EXPECT_EQ(heartbeat.on_reply(ok(), kStart + seconds{2}), Heartbeat::Answer::written);
  EXPECT_EQ(heartbeat.record(), heartbeat_record(1));
  EXPECT_EQ(heartbeat.took(), seconds{2});
}

TEST(Heartbeat, SaysWhatElseStandsThere) {
  const auto answer = [](const FileReply& reply) {
    Heartbeat heartbeat{"lock", heartbeat_record(0), true, true};
    (void)heartbeat.write(heartbeat_record(1), kStart);
    return heartbeat.on_reply(reply, kStart);
  };
  EXPECT_EQ(answer(changed(heartbeat_record(2))), Heartbeat::Answer::ours);
  EXPECT_EQ(answer(changed(kOther)), Heartbeat::Answer::another);
  EXPECT_EQ(answer(changed("")), Heartbeat::Answer::unclear);
  EXPECT_EQ(answer(changed(kMine)), Heartbeat::Answer::unclear) << "ours, and damaged";
  EXPECT_EQ(answer(absent()), Heartbeat::Answer::absent);
  EXPECT_EQ(answer(flocked()), Heartbeat::Answer::busy);
  EXPECT_EQ(answer(failed()), Heartbeat::Answer::failed);
}

TEST(Absence, TakesTwoLooksASecondApartWithNothingBetween) {
  Absence absence;
  EXPECT_FALSE(absence.confirm(kStart, kStart + seconds{3}));
  EXPECT_EQ(absence.second_look_at(), kStart + seconds{4}) << "from the answer on";
  EXPECT_FALSE(absence.confirm(kStart + seconds{3}, kStart + seconds{4}));
  absence.end();
  EXPECT_FALSE(absence.confirm(kStart + seconds{4}, kStart + seconds{4}));
  EXPECT_TRUE(absence.confirm(kStart + seconds{5}, kStart + seconds{5}));
}

TEST(Absence, CountsOnlyOnTheDeviceOfTheLock) {
  const Place place{1, 2};
  EXPECT_TRUE(Absence::is_loss(directory_on(2), place));
  EXPECT_FALSE(Absence::is_loss(directory_on(3), place)) << "it was unmounted";
  EXPECT_FALSE(Absence::is_loss(failed(), place));
}

TEST(Finding, TellsTheHolderWhatALookShows) {
  const auto kind = [](const FileReply& reply) { return find(reply, kMine, {7, 0}).kind; };
  EXPECT_EQ(kind(ok(kMine + "\n{\"v\":99}\n")), Finding::Kind::ours);
  EXPECT_EQ(kind(on_device(8, kMine)), Finding::Kind::ours);
  EXPECT_EQ(kind(ok(kOther)), Finding::Kind::another);
  EXPECT_EQ(kind(on_device(8, kOther)), Finding::Kind::elsewhere);
  EXPECT_EQ(kind(ok("#!/bin/sh\n")), Finding::Kind::no_lock);
  EXPECT_EQ(kind(ok("")), Finding::Kind::unclear);
  EXPECT_EQ(kind(absent()), Finding::Kind::absent);
  EXPECT_EQ(kind(denied()), Finding::Kind::unreadable);
  EXPECT_EQ(kind(refused(FileStatus::not_regular, 0)), Finding::Kind::impossible);
}

TEST(Removal, RestsOnAFreshLook) {
  Removal removal{"lock", false, true};
  EXPECT_EQ(removal.on_look(milliseconds{300}, seconds{1}), Removal::Next::remove);
  EXPECT_EQ(removal.on_look(milliseconds{400}, seconds{1}), Removal::Next::look);
  EXPECT_FALSE(expect_operation<RemoveFile>(removal.operation("content")).only_if);
  Removal local{"lock", true, true};
  EXPECT_EQ(expect_operation<RemoveFile>(local.operation("content")).only_if, "content");
}

TEST(Removal, IsTriedAgainForSoLong) {
  Removal removal{"lock", true, true};
  EXPECT_EQ(removal.on_reply(changed()), Removal::Next::look);
  for (int i = 2; i < kMaxBusyLooks; ++i) {
    ASSERT_EQ(removal.on_reply(flocked()), Removal::Next::pause);
  }
  EXPECT_EQ(removal.on_reply(flocked()), Removal::Next::failed);
  EXPECT_EQ(removal.refusals(), kMaxBusyLooks);
  EXPECT_EQ(removal.on_reply(absent()), Removal::Next::done);
  EXPECT_EQ(removal.on_reply(denied()), Removal::Next::failed);
}

TEST(KeptLease, HasItsDeadlinesInOrder) {
  const KeptLease lease{seconds{30}, seconds{5}, kStart, seconds{1}};
  EXPECT_LT(lease.refreshed, lease.refresh_at());
  EXPECT_LT(lease.refresh_at(), lease.stop_at());
  EXPECT_LE(lease.stop_at(), lease.reliable_until());
  EXPECT_LT(lease.stop_at() + seconds{5}, lease.kill_at() + Duration{1});
  EXPECT_LT(lease.kill_at(), lease.last_at());
  EXPECT_LT(lease.last_at(), kStart + seconds{30});
}

TEST(UsableLease, IsOneThatOthersCanSeeRunOut) {
  EXPECT_EQ(usable_lease(leased(30, "0")), seconds{30});
  EXPECT_FALSE(usable_lease(leased(30, std::nullopt))) << "without a heartbeat";
  EXPECT_FALSE(usable_lease(leased(std::nullopt, "0")));
  EXPECT_FALSE(usable_lease(leased(0, "0")));
}

}  // namespace
}  // namespace ufl::test
