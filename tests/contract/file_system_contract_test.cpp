// SPDX-License-Identifier: MIT
//
// What the protocol relies on in a FileSystem: the same cases for real files and for the simulated
// share, which is worth something only as long as it keeps this contract.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "contract/posix_subject.hpp"
#include "protocol/record.hpp"
#include "seams/file_system.hpp"
#include "sim/client.hpp"
#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::test {
namespace {

/// A simulated share without lags.
class SimSubject {
 public:
  [[nodiscard]] std::string lock() const { return "lock"; }
  void start(const FileOperation& operation, FileSystem::Done done) {
    client_.start(operation, std::move(done));
    while (world_.step()) {
    }
  }
  [[nodiscard]] std::uint64_t inode() const { return share_.current().inode; }
  [[nodiscard]] std::shared_ptr<const sim::Process> flock() {
    auto process = std::make_shared<sim::Process>();
    EXPECT_TRUE(share_.lock(process));
    return {process.get(), [process](const sim::Process*) { process->alive = false; }};
  }

 private:
  sim::World world_{1, false};
  sim::Share share_{world_, Duration::zero()};
  sim::Client client_{world_, share_, {}, 0, std::make_shared<sim::Process>()};
};

/// What holds of every file system.
template <typename Subject>
class FileSystemContract : public ::testing::Test {
 protected:
  FileReply perform(const FileOperation& operation) { return perform_on(subject_, operation); }
  FileReply read(std::size_t limit = 4096) { return perform(ReadFile{lock_, limit}); }

  Subject subject_;
  std::string lock_ = subject_.lock();
};
using Subjects = ::testing::Types<PosixSubject, SimSubject>;
TYPED_TEST_SUITE(FileSystemContract, Subjects, );

TYPED_TEST(FileSystemContract, AbsentIsNotFound) {
  EXPECT_EQ(this->read().status, FileStatus::not_found);
  EXPECT_EQ(this->perform(RemoveFile{this->lock_}).status, FileStatus::not_found);
}

// Which may be two, as on an overlay; so neither is told in place of the other.
TYPED_TEST(FileSystemContract, TellsTheDevicesOfTheFileAndOfItsDirectory) {
  (void)this->perform(CreateExclusive{this->lock_, "one\n", false});
  const FileReply file =
      this->perform(ReadFile{.path = this->lock_, .limit = kRecordLimit, .with_directory = true});
  const FileReply directory = this->perform(ProbeDirectory{this->lock_});
  EXPECT_NE(file.device, 0U);
  EXPECT_NE(file.directory_device, 0U);
  EXPECT_EQ(directory.device, 0U);
  EXPECT_EQ(directory.directory_device, file.directory_device);
}

TYPED_TEST(FileSystemContract, CreatesReadsRemoves) {
  for (const bool sync : {false, true}) {
    EXPECT_EQ(this->perform(CreateExclusive{this->lock_, "one\n", sync}).status, FileStatus::ok);
    EXPECT_EQ(this->read().content, "one\n");
    EXPECT_NE(this->read().device, 0U);
    EXPECT_EQ(this->perform(RemoveFile{this->lock_}).status, FileStatus::ok);
    EXPECT_EQ(this->read().status, FileStatus::not_found);
  }
}

TYPED_TEST(FileSystemContract, CreatesOnlyWhatIsAbsent) {
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  const FileReply reply = this->perform(CreateExclusive{this->lock_, "two", false});
  EXPECT_EQ(reply.status, FileStatus::exists);
  EXPECT_FALSE(reply.created);
  EXPECT_EQ(this->read().content, "one");
}

TYPED_TEST(FileSystemContract, ReadsNoMoreThanTheLimit) {
  const std::string hundred(100, 'x');
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, hundred, false}).status, FileStatus::ok);
  EXPECT_EQ(this->read(10).content, std::string(10, 'x'));
}

TYPED_TEST(FileSystemContract, ProbesTheDirectoryOfAPath) {
  EXPECT_EQ(this->perform(ProbeDirectory{this->lock_}).status, FileStatus::ok);
}

TYPED_TEST(FileSystemContract, ReplacesAFileByAnother) {
  const std::string other = this->lock_ + "-temporary";
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other}).status, FileStatus::not_found);
  EXPECT_EQ(this->read().content, "one");
  ASSERT_EQ(this->perform(CreateExclusive{other, "two", false}).status, FileStatus::ok);
  EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other}).status, FileStatus::ok);
  EXPECT_EQ(this->read().content, "two");
  EXPECT_EQ(this->perform(RemoveFile{other}).status, FileStatus::not_found);
}

TYPED_TEST(FileSystemContract, RemovesAndReplacesOnlyIfItHoldsThat) {
  const std::string other = this->lock_ + "-temporary";
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  ASSERT_EQ(this->perform(CreateExclusive{other, "two", false}).status, FileStatus::ok);
  for (const char* wrong : {"", "on", "one\n", "two"}) {
    EXPECT_EQ(this->perform(RemoveFile{this->lock_, wrong}).status, FileStatus::changed) << wrong;
    EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other, wrong}).status, FileStatus::changed);
  }
  EXPECT_EQ(this->read().content, "one");
  EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other, "one"}).status, FileStatus::ok);
  EXPECT_EQ(this->read().content, "two");
  EXPECT_EQ(this->perform(RemoveFile{this->lock_, "two"}).status, FileStatus::ok);
  EXPECT_EQ(this->read().status, FileStatus::not_found);
}

TYPED_TEST(FileSystemContract, WhatIsAbsentHoldsNothing) {
  const std::string other = this->lock_ + "-temporary";
  ASSERT_EQ(this->perform(CreateExclusive{other, "two", false}).status, FileStatus::ok);
  EXPECT_EQ(this->perform(RemoveFile{this->lock_, ""}).status, FileStatus::not_found);
  EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other, ""}).status, FileStatus::not_found);
  EXPECT_EQ(this->perform(RemoveFile{other}).status, FileStatus::ok) << "it is there still";
}

TYPED_TEST(FileSystemContract, LeavesAloneWhatSomebodyElseHasLocked) {
  const std::string other = this->lock_ + "-temporary";
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  ASSERT_EQ(this->perform(CreateExclusive{other, "two", false}).status, FileStatus::ok);
  {
    const auto held = this->subject_.flock();
    EXPECT_EQ(this->perform(RemoveFile{this->lock_, "one"}).status, FileStatus::busy);
    EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other, "one"}).status, FileStatus::busy);
    EXPECT_EQ(this->read().content, "one") << "reading takes no lock";
  }
  EXPECT_EQ(this->perform(ReplaceFile{this->lock_, other, "one"}).status, FileStatus::ok);
  const auto held = this->subject_.flock();
  EXPECT_EQ(this->perform(RemoveFile{this->lock_}).status, FileStatus::ok) << "not guarded";
}

TYPED_TEST(FileSystemContract, ReadsSayWhichFileItIs) {
  const std::string other = this->lock_ + "-temporary";
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  const std::uint64_t identity = this->read().identity;
  EXPECT_NE(identity, 0U);
  EXPECT_EQ(this->read().identity, identity);
  ASSERT_EQ(this->perform(CreateExclusive{other, "one", false}).status, FileStatus::ok);
  ASSERT_EQ(this->perform(ReplaceFile{this->lock_, other}).status, FileStatus::ok);
  EXPECT_NE(this->read().identity, identity) << "the same content in another file";
}

TYPED_TEST(FileSystemContract, WritesOverWhatItExpects) {
  for (const bool sync : {false, true}) {
    ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
    const std::uint64_t inode = this->subject_.inode();
    EXPECT_EQ(this->perform(UpdateFile{this->lock_, "one", "two", sync}).status, FileStatus::ok);
    EXPECT_EQ(this->read().content, "two");
    EXPECT_EQ(this->subject_.inode(), inode) << "in place";
    EXPECT_EQ(this->perform(UpdateFile{this->lock_, "two", "tri", sync}).status, FileStatus::ok);
    EXPECT_EQ(this->read().content, "tri");
    EXPECT_EQ(this->perform(RemoveFile{this->lock_, "tri"}).status, FileStatus::ok);
  }
}

TYPED_TEST(FileSystemContract, WritesOverNothingElse) {
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  for (const char* wrong : {"", "on", "two", "one\n"}) {
    const FileReply reply = this->perform(UpdateFile{this->lock_, wrong, "new", false});
    EXPECT_EQ(reply.status, FileStatus::changed) << wrong;
    EXPECT_EQ(reply.content, "one") << "what stands there instead";
  }
  EXPECT_EQ(this->read().content, "one");
}

TYPED_TEST(FileSystemContract, WritingOverMakesNoFile) {
  EXPECT_EQ(this->perform(UpdateFile{this->lock_, "", "new", false}).status, FileStatus::not_found);
  EXPECT_EQ(this->perform(UpdateFile{this->lock_, "one", "two", false}).status,
            FileStatus::not_found);
  EXPECT_EQ(this->read().status, FileStatus::not_found);
}

// What a lease rests on: a beat that comes too late lands in what was replaced.
TYPED_TEST(FileSystemContract, WritesIntoTheFileThatItHasCompared) {
  const std::string other = this->lock_ + "-temporary";
  ASSERT_EQ(this->perform(CreateExclusive{this->lock_, "one", false}).status, FileStatus::ok);
  ASSERT_EQ(this->perform(CreateExclusive{other, "two", false}).status, FileStatus::ok);
  ASSERT_EQ(this->perform(ReplaceFile{this->lock_, other}).status, FileStatus::ok);
  const FileReply reply = this->perform(UpdateFile{this->lock_, "one", "new", false});
  EXPECT_EQ(reply.status, FileStatus::changed);
  EXPECT_EQ(reply.content, "two");
  EXPECT_EQ(this->read().content, "two");
}

}  // namespace
}  // namespace ufl::test
