// SPDX-License-Identifier: MIT

#include "report/holder_text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "report/text.hpp"
#include "report/waiting_text.hpp"
#include "unit/records.hpp"

namespace ufl {
namespace {

using namespace std::chrono_literals;

using test::kNow;

Sighting record() { return test::alices_record(); }

TEST(HolderText, NamesTheHolder) {
  EXPECT_EQ(holder_text(record(), kNow),
            "held by alice@build-3 (pid 4242, rsync -a x y) since 2m43s");
}

TEST(HolderText, AgesAreWholeSeconds) {
  Sighting seen = record();
  seen.holder.since = "2026-11-23T13:59:57Z";
  EXPECT_TRUE(holder_text(seen, kNow).ends_with(" since 3s"));
}

TEST(HolderText, DoesWithWhatThereIs) {
  Sighting seen = record();
  seen.holder = {};
  EXPECT_EQ(holder_text(seen, kNow), "held by somebody");
  seen.holder.uid = 7;
  seen.holder.since = "2026-11-23T14:00:01Z";  // that host's clock is ahead
  EXPECT_EQ(holder_text(seen, kNow), "held by uid 7");
}

TEST(HolderText, TrustsNothing) {
  Sighting seen = record();
  seen.holder.user = "\x1b[2Jroot\n";
  seen.holder.host = std::string(5000, 'h');
  seen.holder.command = std::string(5000, 'c');
  const std::string text = holder_text(seen, kNow);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_LT(text.size(), 300U);
}

// As a holder writes it that can be taken over after 30 s.
Sighting leased() {
  Sighting seen = record();
  seen.holder.lease = 30;
  seen.holder.heartbeat = "0000000007";
  return seen;
}

TEST(LifeText, NamesTheHostThatCannotBeChecked) {
  EXPECT_EQ(life_text(record(), Life::other_host),
            "the holder is on host build-3, cannot be checked from here and gave no lease");
  EXPECT_EQ(life_text(leased(), Life::other_host),
            "the holder is on host build-3 and cannot be checked from here; its lock is taken over "
            "by itself when it is not refreshed for 30s");
  Sighting detached = record();
  detached.holder.detached = true;
  EXPECT_EQ(life_text(detached, Life::unknown),
            "taken with --acquire, without a process to check; there is no lease");
  Sighting foreign;
  foreign.kind = Sighting::Kind::foreign;
  EXPECT_EQ(life_text(foreign, Life::unknown), "the file names nobody to check");
}

TEST(LifeText, ALeaseSaysNothingOfWhoIsSeen) {
  for (const Sighting& seen : {record(), leased()}) {
    EXPECT_EQ(life_text(seen, Life::dead),
              "the holder is dead: free for the next ufl on this host");
    EXPECT_EQ(life_text(seen, Life::alive),
              "its process runs on this host, or what it has started");
  }
}

TEST(LifeText, EveryDoubtIsToldWithItsLease) {
  for (const Life life : {Life::gone, Life::other_host, Life::other_boot, Life::other_container,
                          Life::hidden, Life::unknown}) {
    EXPECT_NE(life_text(record(), life).find("no lease"), std::string::npos);
    const std::string text = life_text(leased(), life);
    EXPECT_EQ(text.find("no lease"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("taken over by itself when it is not refreshed for 30s")) << text;
  }
}

TEST(LifeText, ALeaseThatNobodyCanSeeRunOutIsNone) {
  Sighting without_beat = leased();
  without_beat.holder.heartbeat.reset();
  Sighting zero = leased();
  zero.holder.lease = 0;
  for (const Sighting& seen : {without_beat, zero}) {
    EXPECT_NE(life_text(seen, Life::other_host).find("gave no lease"), std::string::npos);
    EXPECT_FALSE(next_time_text(seen, Life::other_host).empty());
  }
}

TEST(NextStepText, QuotesTheTokenForAShell) {
  Sighting seen = record();
  seen.token = "my $job 1";
  EXPECT_EQ(next_step_text("a b", seen, Life::gone, true),
            "if you know that the holder is gone: ufl --break --token 'my $job 1' 'a b'");
  EXPECT_EQ(next_step_text("-L", seen, Life::alive, true), "wait for it: ufl -w 10m ./-L COMMAND");
}

TEST(NextStepText, BreaksNothingThatComesFreeByItself) {
  EXPECT_EQ(next_step_text("-L", record(), Life::dead, true), "take it: ufl ./-L COMMAND");
  EXPECT_EQ(next_step_text("l", leased(), Life::other_host, false),
            "if you know that the holder is gone, and cannot wait: ufl --break --token ci-1 l");
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  EXPECT_EQ(next_step_text("a b", empty, Life::unknown, true),
            "it is taken over by itself when it has stayed so for 10s and nobody holds flock(2) on "
            "it: ufl -w 10m 'a b' COMMAND");
  EXPECT_EQ(next_step_text("a b", empty, Life::unknown, false),
            "if you know that nobody uses it any more: rm 'a b'");
}

TEST(NextTimeText, AdvisesALeaseWhereItWouldHaveHelped) {
  EXPECT_EQ(next_time_text(record(), Life::other_host), " (start it with --lease 60 next time)");
  Sighting detached = record();
  detached.holder.detached = true;
  EXPECT_EQ(next_time_text(detached, Life::other_host), " (start it with --lease 60 next time)");
  detached.holder.pid.reset();
  EXPECT_EQ(next_time_text(detached, Life::unknown),
            " (take it with --pid $$ or --lease 60 next time)");
  EXPECT_EQ(next_time_text(record(), Life::alive), "");
  EXPECT_EQ(next_time_text(record(), Life::dead), "");
  EXPECT_EQ(next_time_text(leased(), Life::other_host), "");
  EXPECT_EQ(next_time_text(Sighting{}, Life::unknown), "");
}

WaitProgress waiting() {
  WaitProgress result;
  result.seen = record();
  result.since = 7s;
  return result;
}

TEST(WaitingText, SaysWhoWhatAndHowLong) {
  EXPECT_EQ(waiting_text("deploy.lock", waiting(), kNow, 120),
            "ufl: waiting for deploy.lock · alice@build-3 pid 4242 · rsync -a x y · held 2m43s · "
            "0:07");
}

TEST(WaitingText, LeavesOutTheLeastImportantFirst) {
  EXPECT_EQ(waiting_text("deploy.lock", waiting(), kNow, 78),
            "ufl: waiting for deploy.lock · alice@build-3 pid 4242 · held 2m43s · 0:07");
  EXPECT_EQ(waiting_text("deploy.lock", waiting(), kNow, 65),
            "ufl: waiting for deploy.lock · alice@build-3 pid 4242 · 0:07");
  EXPECT_EQ(waiting_text("deploy.lock", waiting(), kNow, 39),
            "ufl: waiting for deploy.lock · 0:07");
  EXPECT_EQ(waiting_text("/mnt/share/of/many/deploy.lock", waiting(), kNow, 65),
            "ufl: waiting for ...deploy.lock · alice@build-3 pid 4242 · 0:07");
}

TEST(WaitingText, FitsWhateverTheWidth) {
  WaitProgress wide = waiting();
  wide.seen.holder.user = "漢字漢字";
  wide.seen.holder.command = "e\u0301 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";
  for (const std::string path : {"l", "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字/漢字.lock"}) {
    for (std::size_t columns = 0; columns < 150; ++columns) {
      for (const bool for_other : {true, false}) {
        wide.for_other = for_other;
        const std::string text = waiting_text(path, wide, kNow, columns);
        EXPECT_LE(most_columns(text), columns) << text;
        EXPECT_TRUE(is_printable(text)) << columns;
      }
    }
  }
}

TEST(WaitingText, CountsMinutesAndHours) {
  WaitProgress late = waiting();
  late.since = 12min + 34s;
  EXPECT_TRUE(waiting_text("l", late, kNow, 120).ends_with(" 12:34"));
  late.since = 1h + 2min + 3s;
  EXPECT_TRUE(waiting_text("l", late, kNow, 120).ends_with(" 1:02:03"));
}

TEST(WaitingText, SaysThatOurOwnDelayPasses) {
  WaitProgress own = waiting();
  own.for_other = false;
  own.delay = 20s;
  EXPECT_EQ(waiting_text("l", own, kNow, 80), "ufl: taking l · reading it back after 20s · 0:07");
}

}  // namespace
}  // namespace ufl
