// SPDX-License-Identifier: MIT
//
// Real files that a process keeps, and what another process sees of that.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "contract/posix_subject.hpp"
#include "protocol/record.hpp"
#include "seams/file_system.hpp"
#include "sys/posix_file_system.hpp"

namespace ufl::test {
namespace {

/// The same, with a second process that looks at them: who keeps a file there is somebody.
class KeptFiles : public PosixFiles {
 protected:
  FileReply read_it() { return perform(ReadFile{lock_, 4096, true}); }
  static FileReply perform_by(FileSystem& other, const FileOperation& operation) {
    return perform_on(other, operation);
  }
  Keeper keeper_for(FileSystem& other) {
    return perform_by(other, ReadFile{lock_, 4096, true}).keeper;
  }
  void empty() const { std::filesystem::resize_file(lock_, 0); }

  PosixFileSystem other_;
};

TEST_F(KeptFiles, ShowTheirKeeperWhenTheyMayHaveBeenCut) {
  ASSERT_EQ(perform(CreateExclusive{lock_, "token\n{}\n", false, true}).keeper, Keeper::us);
  EXPECT_EQ(keeper_for(other_), Keeper::unknown) << "a whole record is not asked about";
  for (const std::uintmax_t length : {8U, 6U, 3U, 0U}) {
    std::filesystem::resize_file(lock_, length);
    EXPECT_EQ(keeper_for(other_), Keeper::somebody) << length;
    EXPECT_EQ(read_it().keeper, Keeper::us) << length;
    EXPECT_EQ(perform(ReadFile{lock_, 4096}).keeper, Keeper::unknown) << "not asked";
  }
}

TEST_F(KeptFiles, AreNotThoseOfWhoeverDoesNotKeepThem) {
  EXPECT_EQ(perform(CreateExclusive{lock_, "", false, false}).keeper, Keeper::unknown);
  EXPECT_EQ(keeper_for(other_), Keeper::nobody);
  std::filesystem::remove(lock_);
  EXPECT_EQ(perform(CreateExclusive{lock_, "", true, true}).keeper, Keeper::unknown) << "a share";
  EXPECT_EQ(keeper_for(other_), Keeper::nobody);
}

TEST_F(KeptFiles, AreKeptUnderTheirNextNameToo) {
  const std::string temporary = directory_ + "/temporary";
  std::ofstream{lock_} << "gone\n";
  ASSERT_EQ(perform(CreateExclusive{temporary, "token\n", false, true}).keeper, Keeper::us);
  ASSERT_EQ(perform(ReplaceFile{lock_, temporary, "gone\n"}).status, FileStatus::ok);
  empty();
  EXPECT_EQ(keeper_for(other_), Keeper::somebody);
}

//   1 A program empties our claim.  2 We make another file to take its place.  3 That fails.
TEST_F(KeptFiles, AreKeptUntilAnotherHasTakenTheirPlace) {
  const std::string temporary = directory_ + "/temporary";
  ASSERT_EQ(perform(CreateExclusive{lock_, "token\n", false, true}).keeper, Keeper::us);
  empty();
  for (int tries = 0; tries < 2; ++tries) {
    ASSERT_EQ(perform(CreateExclusive{temporary, "token\n", false, true}).keeper, Keeper::us);
    EXPECT_EQ(read_it().keeper, Keeper::us);
    ASSERT_EQ(perform(RemoveFile{temporary, {}}).status, FileStatus::ok);
    EXPECT_EQ(read_it().keeper, Keeper::us);
    EXPECT_EQ(keeper_for(other_), Keeper::somebody);
  }
  ASSERT_EQ(perform(CreateExclusive{temporary, "token\n", false, true}).status, FileStatus::ok);
  ASSERT_EQ(perform(ReplaceFile{lock_, temporary, ""}).status, FileStatus::ok);
  empty();
  EXPECT_EQ(read_it().keeper, Keeper::us);
  EXPECT_EQ(keeper_for(other_), Keeper::somebody);
  ASSERT_EQ(perform(RemoveFile{lock_, {}}).status, FileStatus::ok);
  EXPECT_LT(subject_.kept(), 0);
}

TEST_F(KeptFiles, AreLetGoOfWithTheirName) {
  ASSERT_EQ(perform(CreateExclusive{lock_, "token\n", false, true}).status, FileStatus::ok);
  ASSERT_EQ(::link(lock_.c_str(), (directory_ + "/second").c_str()), 0);
  ASSERT_EQ(perform(RemoveFile{lock_, "token\n"}).status, FileStatus::ok);
  std::filesystem::rename(directory_ + "/second", lock_);
  EXPECT_EQ(keeper_for(other_), Keeper::somebody) << "it has a name still";
  ASSERT_EQ(perform(RemoveFile{lock_, "token\n"}).status, FileStatus::ok);
  EXPECT_LT(subject_.kept(), 0);
}

TEST_F(KeptFiles, AreNeitherRemovedNorReplacedWhenTheyAreEmpty) {
  const std::string temporary = directory_ + "/temporary";
  ASSERT_EQ(perform(CreateExclusive{lock_, "token\n", false, true}).status, FileStatus::ok);
  empty();
  std::ofstream{temporary} << "mine";
  const auto by_other = [&](const FileOperation& operation) {
    return perform_by(other_, operation).status;
  };
  EXPECT_EQ(by_other(ReplaceFile{lock_, temporary, ""}), FileStatus::changed);
  EXPECT_EQ(by_other(RemoveFile{lock_, ""}), FileStatus::changed);
  EXPECT_EQ(perform(RemoveFile{lock_, ""}).status, FileStatus::ok) << "its own keeper may";
}

TEST_F(KeptFiles, GetTheirRecordBack) {
  const UpdateFile restore{lock_, "tok", "token\n", false, true, true};
  ASSERT_EQ(perform(CreateExclusive{lock_, "token\n", false, true}).status, FileStatus::ok);
  EXPECT_EQ(perform(restore).status, FileStatus::changed) << "nothing is missing";
  std::filesystem::resize_file(lock_, 3);
  EXPECT_EQ(perform_by(other_, restore).status, FileStatus::changed) << "not its file";
  {
    const auto held = subject_.flock();
    EXPECT_EQ(perform(restore).status, FileStatus::busy);
  }
  EXPECT_EQ(perform(restore).status, FileStatus::ok);
  EXPECT_EQ(read().content, "token\n");
  EXPECT_NE(subject_.flock(), nullptr) << "flock(2) is free again";
}

TEST_F(KeptFiles, AreOnHighDescriptorsWhichCommandsMayInherit) {
  for (const OnExec on_exec : {OnExec::keep, OnExec::close}) {
    PosixFileSystem files{on_exec};
    ASSERT_EQ(perform_by(files, CreateExclusive{lock_, "x", false, true}).status, FileStatus::ok);
    EXPECT_GE(files.kept().fd(), 100);
    const int flags = ::fcntl(files.kept().fd(), F_GETFD);
    EXPECT_EQ((flags & FD_CLOEXEC) == 0, on_exec == OnExec::keep);
    std::filesystem::remove(lock_);
  }
}

TEST_F(KeptFiles, AreNotFeignedByAReader) {
  std::ofstream{lock_} << "";
  const int reader = ::open(lock_.c_str(), O_RDONLY | O_CLOEXEC);
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  ASSERT_EQ(::fcntl(reader, F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(keeper_for(other_), Keeper::nobody);
  ::close(reader);
}

}  // namespace
}  // namespace ufl::test
