// SPDX-License-Identifier: MIT

#include "report/messages.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "unit/records.hpp"

namespace ufl {
namespace {

using namespace std::chrono_literals;

using test::kNow;

Sighting record() { return test::alices_record(); }

TEST(DurationText, IsShort) {
  EXPECT_EQ(duration_text(0s), "0ms");
  EXPECT_EQ(duration_text(4ms), "4ms");
  EXPECT_EQ(duration_text(99900us), "0.1s");
  EXPECT_EQ(duration_text(340ms), "0.3s");
  EXPECT_EQ(duration_text(9940ms), "9.9s");
  EXPECT_EQ(duration_text(9960ms), "9s");
  EXPECT_EQ(duration_text(42s), "42s");
  EXPECT_EQ(duration_text(163s), "2m43s");
  EXPECT_EQ(duration_text(5h + 7min + 9s), "5h7m");
  EXPECT_EQ(duration_text(76h), "3d4h");
}

TEST(SecondsText, IsATimeThatUflTakes) {
  EXPECT_EQ(seconds_text(30s), "30s");
  EXPECT_EQ(seconds_text(250ms), "0.25s");
  EXPECT_EQ(seconds_text(10000 * 24h), "864000000s");
  EXPECT_EQ(seconds_text(Seconds{1e308}), "1e+308s");
}

TEST(NotAcquiredText, SaysWhatWhyAndWhatNext) {
  EXPECT_EQ(not_acquired_text("deploy.lock", 30s, record(), Life::other_host, false, kNow),
            "deploy.lock: not acquired within 30s: held by alice@build-3 (pid 4242, rsync -a x y) "
            "since 2m43s; try again later, or wait longer with -w; the holder is on host build-3, "
            "cannot be checked from here and gave no lease (start it with --lease 60 next time); "
            "if you know that the holder is gone: ufl --break --token ci-1 deploy.lock");
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  EXPECT_NE(
      not_acquired_text("a b", std::nullopt, empty, Life::unknown, false, kNow).find("rm 'a b'"),
      std::string::npos);
}

TEST(NotAcquiredText, TellsNobodyToBreakTheLockOfALiveHolder) {
  const std::string text = not_acquired_text("l", 30s, record(), Life::alive, false, kNow);
  EXPECT_EQ(text.find("--break"), std::string::npos) << text;
  EXPECT_NE(text.find("its process runs on this host"), std::string::npos) << text;
}

TEST(NotAcquiredText, GivesACommandThatWorksForAnyName) {
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  EXPECT_NE(
      not_acquired_text("-L", std::nullopt, empty, Life::unknown, false, kNow).find("rm ./-L"),
      std::string::npos);
}

TEST(NotAcquiredText, TellsNobodyToBreakTheLockOfADeadHolder) {
  const std::string text = not_acquired_text("l", 30s, record(), Life::dead, true, kNow);
  EXPECT_EQ(text.find("--break"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("; the holder is dead: free for the next ufl on this host")) << text;
}

TEST(NotAcquiredText, TellsWhatBecomesOfAnEmptyFile) {
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  const std::string text = not_acquired_text("l", 1s, empty, Life::unknown, true, kNow);
  EXPECT_EQ(text.find("rm "), std::string::npos) << text;
  EXPECT_NE(text.find("taken over by itself"), std::string::npos) << text;
}

TEST(LateClaimText, SaysHowLongAndWhatToDo) {
  const std::string text = late_claim_text("a/lock", std::chrono::seconds{36});
  EXPECT_EQ(text.find("a/lock: "), 0U);
  EXPECT_NE(text.find("waiting for 36s"), std::string::npos) << text;
  EXPECT_NE(text.find("give a longer --delay"), std::string::npos);
}

TEST(NotAcquiredText, TellsNobodyToRemoveADataFile) {
  Sighting garbled;
  garbled.kind = Sighting::Kind::garbled;
  garbled.token = "SQLite format 3";
  const std::string text =
      not_acquired_text("data.db", std::nullopt, garbled, Life::unknown, false, kNow);
  EXPECT_EQ(text.find("rm "), std::string::npos) << text;
  EXPECT_EQ(text.find("--break"), std::string::npos) << text;
  EXPECT_NE(text.find("name another one"), std::string::npos) << text;
}

TEST(NotAcquiredText, TellsHowToBreakALockThatWasCutShort) {
  Sighting torn;
  torn.kind = Sighting::Kind::garbled;
  torn.token = "1b4e28ba-2fa1";
  const std::string text =
      not_acquired_text("lock", std::nullopt, torn, Life::unknown, false, kNow);
  EXPECT_NE(text.find("ufl --break --token 1b4e28ba-2fa1 lock"), std::string::npos) << text;
}

TEST(NotAcquiredText, AdvisesByHowLongItWaited) {
  EXPECT_NE(
      not_acquired_text("l", std::nullopt, record(), Life::alive, false, kNow).find("leave out -n"),
      std::string::npos);
}

}  // namespace
}  // namespace ufl
