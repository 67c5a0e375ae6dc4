// SPDX-License-Identifier: MIT

#include "report/messages.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "protocol/utc.hpp"

namespace ufl {
namespace {

using namespace std::chrono_literals;

const Wall kNow = *parse_utc("2026-11-23T14:00:00Z");

Sighting record() {
  Sighting seen;
  seen.kind = Sighting::Kind::record;
  seen.holder.user = "alice";
  seen.holder.host = "build-3";
  seen.holder.pid = 4242;
  seen.holder.command = "rsync -a x y";
  seen.holder.since = "2026-11-23T13:57:17Z";
  return seen;
}

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

TEST(NotAcquiredText, SaysWhatWhyAndWhatNext) {
  EXPECT_EQ(not_acquired_text("deploy.lock", 30s, record(), kNow),
            "deploy.lock: not acquired within 30s: held by alice@build-3 (pid 4242, rsync -a x y) "
            "since 2m43s; try again later, or wait longer with -w; if you know that nobody uses it "
            "any more: rm deploy.lock");
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  EXPECT_NE(not_acquired_text("a b", std::nullopt, empty, kNow).find("rm 'a b'"),
            std::string::npos);
}

TEST(NotAcquiredText, GivesACommandThatWorksForAnyName) {
  Sighting empty;
  empty.kind = Sighting::Kind::empty;
  EXPECT_NE(not_acquired_text("-L", std::nullopt, empty, kNow).find("rm ./-L"), std::string::npos);
}

TEST(FailureText, AWorkingDirectoryThatIsGone) {
  FileReply reply;
  reply.status = FileStatus::not_found;
  reply.error = ENOENT;
  EXPECT_NE(failure_text("lock", CreateExclusive{}, reply).find("change to another one"),
            std::string::npos);
}

TEST(LateClaimText, SaysHowLongAndWhatToDo) {
  const std::string text = late_claim_text("a/lock", std::chrono::seconds{36});
  EXPECT_EQ(text.find("a/lock: "), 0U);
  EXPECT_NE(text.find("waiting for 36s"), std::string::npos) << text;
  EXPECT_NE(text.find("give a longer --delay"), std::string::npos);
}

TEST(ReleaseFailureText, SaysWhatToDo) {
  FileReply reply;
  reply.error = EIO;
  EXPECT_EQ(release_failure_text("lock", "ci-1", reply),
            "lock: cannot release it: Input/output error; if the file still begins with ci-1, "
            "remove it");
}

TEST(NotAcquiredText, TellsNobodyToRemoveADataFile) {
  Sighting garbled;
  garbled.kind = Sighting::Kind::garbled;
  const std::string text = not_acquired_text("data.db", std::nullopt, garbled, kNow);
  EXPECT_EQ(text.find("rm "), std::string::npos) << text;
  EXPECT_NE(text.find("name another one"), std::string::npos) << text;
}

TEST(NotAcquiredText, AdvisesByHowLongItWaited) {
  EXPECT_NE(not_acquired_text("l", std::nullopt, record(), kNow).find("leave out -n"),
            std::string::npos);
}

TEST(FailureText, NamesPathCauseAndNextStep) {
  FileReply reply;
  reply.status = FileStatus::not_found;
  reply.error = ENOENT;
  EXPECT_EQ(failure_text("no/where", CreateExclusive{}, reply),
            "no/where: cannot create it: No such file or directory; there is no directory no/, "
            "make it first");
  reply.status = FileStatus::denied;
  reply.error = EACCES;
  EXPECT_EQ(failure_text("lock", CreateExclusive{}, reply),
            "lock: cannot create it: Permission denied; ufl must be able to make files in .");
  reply.status = FileStatus::failed;
  reply.error = ENOSPC;
  reply.created = true;
  EXPECT_NE(failure_text("/d/l", CreateExclusive{}, reply).find("cannot write it: No space left"),
            std::string::npos);
  reply = {};
  reply.status = FileStatus::not_regular;
  reply.kind = FileKind::directory;
  EXPECT_EQ(failure_text("/tmp", ReadFile{}, reply),
            "/tmp: is a directory; name a file that ufl may create and remove");
}

}  // namespace
}  // namespace ufl
