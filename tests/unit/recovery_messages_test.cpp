// SPDX-License-Identifier: MIT

#include "report/recovery_messages.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "unit/records.hpp"

namespace ufl {
namespace {

using namespace std::chrono_literals;

using test::kNow;

Failure refused(FileStatus status, int error) {
  Failure failure;
  failure.reply.status = status;
  failure.reply.error = error;
  return failure;
}

std::string over_for(FailureReason reason) {
  return lease_over_text("lock", 2s, Failure{reason, {}, {}}, CommandFate::stopped);
}

TEST(TakenOverText, SaysFromWhomAndWhy) {
  Sighting seen = test::alices_record();
  EXPECT_EQ(taken_over_text("deploy.lock", seen, WhyGone::dead, kNow),
            "deploy.lock: taken over: it was held by alice@build-3 (pid 4242, rsync -a x y) since "
            "2m43s; its holder is dead");
  seen.holder.lease = 30;
  EXPECT_EQ(taken_over_text("deploy.lock", seen, WhyGone::abandoned, kNow),
            "deploy.lock: taken over: it was held by alice@build-3 (pid 4242, rsync -a x y) since "
            "2m43s; its lease of 30s was not refreshed");
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  EXPECT_EQ(taken_over_text("a\n", empty, WhyGone::abandoned, kNow),
            "a\\x0a: taken over: it was a left-over empty file");
}

TEST(LeaseOverText, SaysWhyAndWhatBecomesOfTheCommand) {
  EXPECT_EQ(lease_over_text("m/lock", 30s, refused(FileStatus::failed, EIO), CommandFate::stopped),
            "m/lock: its lease of 30s could not be refreshed in time: Input/output error; the "
            "command is stopped; check the file system of m/");
  EXPECT_EQ(lease_over_text("lock", 2500ms, std::nullopt, CommandFate::runs_on),
            "lock: its lease of 2.5s could not be refreshed in time: ufl, or the share, stood "
            "still for too long; the command runs on, and may not be alone; give a longer --lease");
  EXPECT_NE(lease_over_text("lock", 2s, refused(FileStatus::changed, 0), CommandFate::stopped)
                .find("somebody else has written into it"),
            std::string::npos);
  EXPECT_NE(
      lease_over_text("lock", 2s, refused(FileStatus::not_found, ENOENT), CommandFate::stopped)
          .find("in time: its file is gone, and perhaps its file system; the command is"),
      std::string::npos);
  EXPECT_NE(over_for(FailureReason::elsewhere)
                .find("another file system is mounted there now, or none; the command is stopped"),
            std::string::npos);
  EXPECT_NE(over_for(FailureReason::changed).find("in time: somebody else has written into it; "),
            std::string::npos);
  Failure fifo = refused(FileStatus::not_regular, 0);
  fifo.reply.kind = FileKind::fifo;
  EXPECT_NE(lease_over_text("lock", 2s, fifo, CommandFate::stopped)
                .find("in time: there is a FIFO in its place; the command is stopped"),
            std::string::npos);
}

TEST(LostWhileRunningText, SaysWhoHasItNow) {
  EXPECT_EQ(lost_while_running_text("-l", test::alices_record(), CommandFate::stopped, kNow),
            "-l: the lock was lost: it is held by alice@build-3 (pid 4242, rsync -a x y) since "
            "2m43s; the command is stopped; see ufl --status ./-l");
  EXPECT_EQ(lost_while_running_text("l", Sighting{}, CommandFate::runs_on, kNow),
            "l: the lock was lost: its file is gone; the command runs on, and may not be alone; "
            "see ufl --status l");
  const auto says = [](CommandFate fate, const std::string& what) {
    return lost_while_running_text("l", Sighting{}, fate, kNow).find("; " + what + ';') !=
           std::string::npos;
  };
  EXPECT_TRUE(says(CommandFate::not_run, "the command was not run"));
  EXPECT_TRUE(says(CommandFate::ended, "the command has ended, and may not have been alone"));
}

TEST(SurvivorsText, NamesThem) {
  EXPECT_EQ(survivors_text("l", {42}),
            "l: 1 process could not be stopped and may not be alone, so the lock file is left; see "
            "ps -o pid,stat,wchan,args -p 42");
  EXPECT_NE(survivors_text("l", {7, 8}).find("2 processes could"), std::string::npos);
  EXPECT_TRUE(survivors_text("l", {7, 8}).ends_with(" -p 7,8"));
  std::vector<std::int64_t> many(22);
  std::iota(many.begin(), many.end(), 100);
  const std::string text = survivors_text("l", many);
  EXPECT_NE(text.find("22 processes"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(",119 and 2 more")) << text;
}

TEST(LeaseTexts, NameTheNumbersAndTheKindOfMount) {
  EXPECT_EQ(lease_too_short_text("l", 5s, 9100ms),
            "l: a --lease of 5s is too short here, because the file system is slow; give 10s or "
            "more");
  EXPECT_NE(lease_refused_text("l", "fuse.rclone").find("no --lease on fuse.rclone: "),
            std::string::npos);
  EXPECT_NE(lease_refused_text("l", "").find("no --lease on this file system: "),
            std::string::npos);
  EXPECT_NE(acquired_too_late_text("l", 2s).find("l: taken too slowly for its lease of 2s"),
            std::string::npos);
  EXPECT_NE(left_to_lease_text("l", 30s).find("l: not released: its lease of 30s"),
            std::string::npos);
  EXPECT_NE(no_lease_text("l").find("ufl --acquire --lease 60"), std::string::npos);
  EXPECT_NE(late_refresh_text("l", 1500ms).find("waiting for 1.5s"), std::string::npos);
}

}  // namespace
}  // namespace ufl
