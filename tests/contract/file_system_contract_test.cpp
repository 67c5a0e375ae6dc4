// SPDX-License-Identifier: MIT
//
// What the protocol relies on in a FileSystem: the same cases for real files and for the simulated
// share, which is worth something only as long as it keeps this contract.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "protocol/record.hpp"
#include "seams/file_system.hpp"
#include "sim/client.hpp"
#include "sim/share.hpp"
#include "sim/world.hpp"
#include "sys/posix_file_system.hpp"

namespace ufl {
namespace {

/// Files of a directory on this machine.
class PosixSubject {
 public:
  PosixSubject() {
    std::string pattern = ::testing::TempDir() + "ufl-files-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) directory_ = pattern;
  }
  PosixSubject(const PosixSubject&) = delete;
  PosixSubject& operator=(const PosixSubject&) = delete;
  ~PosixSubject() { std::filesystem::remove_all(directory_); }

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string lock() const { return directory_ + "/lock"; }
  void start(const FileOperation& operation, FileSystem::Done done) {
    files_.start(operation, std::move(done));
  }
  /// The descriptor of the file that is kept, or -1.
  [[nodiscard]] int kept() const { return files_.kept().fd(); }
  [[nodiscard]] std::uint64_t inode() const {
    struct stat info = {};
    EXPECT_EQ(::stat(lock().c_str(), &info), 0);
    return info.st_ino;
  }
  /// flock(2) on the lock file, for as long as the result lives.
  [[nodiscard]] std::shared_ptr<const int> flock() const {
    const int file = ::open(lock().c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(::flock(file, LOCK_EX | LOCK_NB), 0);
    return {new int{file}, [](const int* descriptor) {
              ::close(*descriptor);
              delete descriptor;
            }};
  }

 private:
  PosixFileSystem files_;
  std::string directory_;
};

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

template <typename Subject>
FileReply perform_on(Subject& subject, const FileOperation& operation) {
  FileReply result;
  int replies = 0;
  subject.start(operation, [&](FileReply reply) {
    result = std::move(reply);
    ++replies;
  });
  EXPECT_EQ(replies, 1);
  return result;
}

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

/// What holds of real directories.
class PosixFiles : public ::testing::Test {
 protected:
  FileReply perform(const FileOperation& operation) { return perform_on(subject_, operation); }
  FileReply read(std::size_t limit = 4096) { return perform(ReadFile{lock_, limit}); }

  PosixSubject subject_;
  std::string directory_ = subject_.directory();
  std::string lock_ = subject_.lock();
};

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
}  // namespace ufl
