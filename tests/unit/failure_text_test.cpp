// SPDX-License-Identifier: MIT

#include "protocol/failure.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "report/messages.hpp"
#include "report/recovery_messages.hpp"

namespace ufl {
namespace {

Failure answer(const FileOperation& operation, FileStatus status, int error) {
  Failure failure{FailureReason::answer, operation, {}};
  failure.reply.status = status;
  failure.reply.error = error;
  return failure;
}

Failure failure(FailureReason reason, const FileOperation& operation) {
  return {reason, operation, {}};
}

TEST(FailureText, NamesPathCauseAndNextStep) {
  EXPECT_EQ(failure_text("no/where", answer(CreateExclusive{}, FileStatus::not_found, ENOENT)),
            "no/where: cannot create it: No such file or directory; there is no directory no/, "
            "make it first");
  EXPECT_EQ(failure_text("lock", answer(CreateExclusive{}, FileStatus::denied, EACCES)),
            "lock: cannot create it: Permission denied; ufl must be able to make files in .");
  Failure full = answer(CreateExclusive{}, FileStatus::failed, ENOSPC);
  full.reply.created = true;
  EXPECT_NE(failure_text("/d/l", full).find("cannot write it: No space left"), std::string::npos);
  Failure directory = answer(ReadFile{}, FileStatus::not_regular, 0);
  directory.reply.kind = FileKind::directory;
  EXPECT_EQ(failure_text("/tmp", directory),
            "/tmp: is a directory; name a file that ufl may create and remove");
}

TEST(FailureText, OfAWriteIntoTheLockFile) {
  EXPECT_EQ(failure_text("lock", answer(UpdateFile{}, FileStatus::denied, EACCES)),
            "lock: cannot write into it: Permission denied; see whose it is: ls -l lock");
  EXPECT_EQ(failure_text("lock", answer(UpdateFile{}, FileStatus::failed, ENOSPC)),
            "lock: cannot write into it: No space left on device; make room in . and try again");
}

// Neither has an errno value.
TEST(FailureText, OfAFileThatSomebodyElseUses) {
  EXPECT_EQ(
      failure_text("l", answer(UpdateFile{}, FileStatus::busy, 0)),
      "l: cannot write into it: somebody holds flock(2) on it, perhaps a flock(1) that uses the "
      "same file; let that one use another file, and try again");
  EXPECT_NE(failure_text("l", answer(UpdateFile{}, FileStatus::busy, EWOULDBLOCK))
                .find("somebody holds flock(2)"),
            std::string::npos);
  EXPECT_EQ(failure_text("-l", answer(UpdateFile{}, FileStatus::changed, 0)),
            "-l: cannot write into it: somebody else has written into it; see ufl --status ./-l");
}

TEST(FailureText, AWorkingDirectoryThatIsGone) {
  EXPECT_NE(failure_text("lock", answer(CreateExclusive{}, FileStatus::not_found, ENOENT))
                .find("change to another one"),
            std::string::npos);
}

TEST(FailureText, OfEachReasonThatIsNoAnswer) {
  EXPECT_EQ(failure_text("l", failure(FailureReason::too_slow, ReadFile{})),
            "l: this share is too slow for its --delay: a look takes more than a third of it; "
            "give a longer one");
  EXPECT_EQ(failure_text("l", failure(FailureReason::too_slow, RemoveFile{})),
            "l: cannot remove it: this share is so slow that it may be somebody else's by then; "
            "try again, or give a longer --delay");
  EXPECT_EQ(failure_text("-l", failure(FailureReason::too_late, UpdateFile{})),
            "-l: cannot refresh it: each refresh took so much of its lease that somebody else may "
            "have it by now; see ufl --status ./-l, and take it with a longer --lease");
  EXPECT_EQ(failure_text("m/l", failure(FailureReason::elsewhere, ReadFile{})),
            "m/l: cannot read it: another file system is mounted there now, or none; see findmnt "
            "-T m/");
  EXPECT_EQ(failure_text("-l", failure(FailureReason::answers_differ, ReadFile{})),
            "-l: holds something else at each look, and no whole lock: see what writes into it: "
            "ls -l ./-l");
  EXPECT_EQ(failure_text("-l", failure(FailureReason::changed, RemoveFile{})),
            "-l: cannot remove it: somebody else has written into it; see ufl --status ./-l");
  EXPECT_EQ(failure_text("-l", failure(FailureReason::no_room, UpdateFile{})),
            "-l: cannot write into it: the record in it has no room for the command's process; "
            "see what else writes into it: ls -l ./-l");
}

TEST(CannotCheckText, IsThatOfTheFailure) {
  EXPECT_EQ(cannot_check_text("l", answer(RemoveFile{}, FileStatus::denied, EPERM)),
            "l: cannot remove it: Operation not permitted; its owner, or root, can do it");
  EXPECT_EQ(cannot_check_text("l", answer(RemoveFile{}, FileStatus::busy, 0)),
            "l: cannot remove it: somebody holds flock(2) on it; see who uses the same file with "
            "flock(1)");
  const Failure slow = failure(FailureReason::too_slow, RemoveFile{});
  EXPECT_EQ(cannot_check_text("l", slow), failure_text("l", slow));
}

std::string not_released(const Failure& failure) {
  const std::string text = release_failure_text("lock", "ci-1", failure);
  const std::string begin = "lock: cannot release it: ";
  const std::string end = "; if the file still begins with ci-1, remove it";
  EXPECT_TRUE(text.starts_with(begin) && text.ends_with(end)) << text;
  return text.substr(begin.size(), text.size() - begin.size() - end.size());
}

TEST(ReleaseFailureText, SaysWhyAndWhatToDo) {
  EXPECT_EQ(not_released(answer(ReadFile{}, FileStatus::failed, EIO)), "Input/output error");
  EXPECT_EQ(not_released(answer(RemoveFile{}, FileStatus::busy, 0)),
            "somebody holds flock(2) on it, perhaps a flock(1) that uses the same file");
  EXPECT_EQ(not_released(failure(FailureReason::elsewhere, ReadFile{})),
            "it lies on another device now");
  EXPECT_EQ(not_released(failure(FailureReason::answers_differ, ReadFile{})),
            "it holds something else at each look, and no whole lock");
  EXPECT_EQ(not_released(failure(FailureReason::too_slow, RemoveFile{})),
            "this share is so slow that it may be somebody else's by then");
  EXPECT_EQ(not_released(failure(FailureReason::changed, RemoveFile{})),
            "somebody else has written into it");
}

TEST(ReleaseFailureText, OfSomethingThatIsNoFile) {
  Failure fifo = answer(ReadFile{}, FileStatus::not_regular, 0);
  fifo.reply.kind = FileKind::fifo;
  EXPECT_EQ(release_failure_text("lock", "ci-1", fifo),
            "lock: cannot release it: there is a FIFO in its place; remove that");
}

TEST(CannotRecordText, SaysThatTheCommandIsNotRun) {
  EXPECT_EQ(
      cannot_record_text("d/l", answer(ReadFile{}, FileStatus::failed, ENOSPC)),
      "d/l: cannot write into it: No space left on device; make room in d/ and try again; the "
      "command was not run");
  EXPECT_NE(cannot_record_text("d/l", answer(UpdateFile{}, FileStatus::changed, 0))
                .find("somebody else has written into it"),
            std::string::npos);
  EXPECT_EQ(cannot_record_text("d/l", failure(FailureReason::no_room, UpdateFile{})),
            "d/l: cannot write the command's process into it, so the command is not run: the "
            "record in it has no room for that; check the file system of d/ and try again");
}

}  // namespace
}  // namespace ufl
