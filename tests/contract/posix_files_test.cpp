// SPDX-License-Identifier: MIT
//
// What real files have beyond the contract: links, devices, paths that no file can be at.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "contract/posix_subject.hpp"
#include "seams/file_system.hpp"

namespace ufl::test {
namespace {

TEST_F(PosixFiles, ADanglingLinkIsNotCreatedThrough) {
  const std::string target = directory_ + "/target";
  ASSERT_EQ(::symlink(target.c_str(), lock_.c_str()), 0);
  EXPECT_NE(perform(CreateExclusive{lock_, "one", false}).status, FileStatus::ok);
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(PosixFiles, AGuardedOperationDoesNotFollowALink) {
  const std::string target = directory_ + "/target";
  std::ofstream{target} << "one";
  ASSERT_EQ(::symlink(target.c_str(), lock_.c_str()), 0);
  EXPECT_EQ(perform(RemoveFile{lock_, "one"}).status, FileStatus::not_regular);
  EXPECT_TRUE(std::filesystem::is_symlink(lock_));
}

TEST_F(PosixFiles, WritingOverFollowsNoLink) {
  const std::string target = directory_ + "/target";
  std::ofstream{target} << "one";
  ASSERT_EQ(::symlink(target.c_str(), lock_.c_str()), 0);
  const FileReply reply = perform(UpdateFile{lock_, "one", "two", false});
  EXPECT_EQ(reply.status, FileStatus::not_regular);
  EXPECT_EQ(reply.kind, FileKind::symlink);
  EXPECT_EQ(perform(ReadFile{target, 10}).content, "one");
}

TEST_F(PosixFiles, AGuardedOperationDoesNotReadWithoutEnd) {
  std::ofstream{lock_} << "one";
  std::filesystem::resize_file(lock_, std::uintmax_t{1} << 40U);
  EXPECT_EQ(perform(RemoveFile{lock_, "one"}).status, FileStatus::changed);
}

TEST_F(PosixFiles, AnUpdateTellsOnWhichDeviceItFoundSomethingElse) {
  std::ofstream{lock_} << "one";
  const FileReply reply = perform(UpdateFile{lock_, "two", "six", false});
  EXPECT_EQ(reply.status, FileStatus::changed);
  EXPECT_EQ(reply.device, read().device);
  EXPECT_NE(reply.device, 0U);
}

TEST_F(PosixFiles, ReadsLittleOfAHugeFile) {
  std::ofstream{lock_} << std::string(100, 'x');
  std::filesystem::resize_file(lock_, std::uintmax_t{1} << 30U);
  EXPECT_EQ(read(10).content, std::string(10, 'x'));
}

TEST_F(PosixFiles, ReadsOnlyRegularFiles) {
  const auto kind_at_lock = [&] {
    const FileReply reply = read();
    EXPECT_EQ(reply.status, FileStatus::not_regular);
    std::filesystem::remove(lock_);
    return reply.kind;
  };
  std::filesystem::create_directory(lock_);
  EXPECT_EQ(kind_at_lock(), FileKind::directory);
  ASSERT_EQ(::mkfifo(lock_.c_str(), 0600), 0);
  EXPECT_EQ(kind_at_lock(), FileKind::fifo);
  ASSERT_EQ(::symlink("/etc/passwd", lock_.c_str()), 0);
  EXPECT_EQ(kind_at_lock(), FileKind::symlink);
  EXPECT_EQ(perform(ReadFile{"/dev/null", 10}).kind, FileKind::device);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (lock_.size() < sizeof address.sun_path) {
    lock_.copy(address.sun_path, lock_.size());
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(kind_at_lock(), FileKind::socket);
    ::close(socket);
  }
}

TEST_F(PosixFiles, ATrailingSlashNamesADirectory) {
  EXPECT_EQ(perform(CreateExclusive{directory_ + "/", "x", false}).kind, FileKind::directory);
  EXPECT_EQ(perform(CreateExclusive{directory_ + "/new/", "x", false}).status,
            FileStatus::not_found);
}

TEST_F(PosixFiles, ImpossiblePathsAreToldApart) {
  const std::ofstream file{directory_ + "/file"};
  EXPECT_EQ(perform(ReadFile{directory_ + "/file/lock", 10}).status, FileStatus::bad_path);
  EXPECT_EQ(perform(ReadFile{directory_ + "/" + std::string(300, 'x'), 10}).status,
            FileStatus::bad_path);
  ASSERT_EQ(::symlink("loop", (directory_ + "/loop").c_str()), 0);
  EXPECT_EQ(perform(ReadFile{directory_ + "/loop/lock", 10}).status, FileStatus::bad_path);
  EXPECT_EQ(perform(CreateExclusive{directory_ + "/no/lock", "x", false}).status,
            FileStatus::not_found);
}

TEST_F(PosixFiles, ProbesDirectoriesByRelativePathAndWhereNoneIs) {
  EXPECT_EQ(perform(ProbeDirectory{"lock"}).status, FileStatus::ok);
  EXPECT_EQ(perform(ProbeDirectory{directory_ + "/no/lock"}).status, FileStatus::not_found);
}

TEST_F(PosixFiles, TellsWhatIsDenied) {
  if (::geteuid() == 0 && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot become nobody";
  // The directory is root's by now; nobody may look into it, or write, as its mode says.
  const auto as_root = [](auto action) {
    const uid_t nobody = ::geteuid();
    [[maybe_unused]] int changed = ::seteuid(::getuid());
    action();
    changed = ::seteuid(nobody);
  };
  as_root([&] { ::chmod(directory_.c_str(), 0555); });
  EXPECT_EQ(perform(CreateExclusive{lock_, "x", false}).status, FileStatus::denied);
  EXPECT_EQ(perform(ProbeDirectory{lock_}).status, FileStatus::ok);
  as_root([&] { ::chmod(directory_.c_str(), 0111); });
  EXPECT_EQ(perform(ProbeDirectory{lock_}).status, FileStatus::ok) << "search is enough";
  as_root([&] { ::chmod(directory_.c_str(), 0444); });
  EXPECT_EQ(perform(ProbeDirectory{lock_}).status, FileStatus::denied);
  EXPECT_EQ(read().status, FileStatus::denied);
  as_root([&] { ::chmod(directory_.c_str(), 0755); });
  [[maybe_unused]] const int changed = ::seteuid(::getuid());
}

}  // namespace
}  // namespace ufl::test
