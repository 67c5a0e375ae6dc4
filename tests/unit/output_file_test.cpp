// SPDX-License-Identifier: MIT

#include "sys/output_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public ::testing::Test {
 protected:
  static std::string read(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  [[nodiscard]] long entries() const {
    return std::distance(fs::directory_iterator{directory_.path()}, fs::directory_iterator{});
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.path("report");
};

TEST_F(OutputFileTest, TakesAnEarlierFileAwayAndWritesANewOne) {
  std::ofstream{path_} << "old";
  const OutputFile file{path_};
  EXPECT_EQ(file.prepare(), 0);
  EXPECT_EQ(entries(), 0);
  EXPECT_EQ(file.write("new\n"), 0);
  EXPECT_EQ(read(path_), "new\n");
  EXPECT_EQ(entries(), 1);
}

TEST_F(OutputFileTest, SaysWhatCannotBeWritten) {
  EXPECT_EQ(OutputFile{directory_.path("none/report")}.prepare(), ENOENT);
  EXPECT_EQ(OutputFile{directory_.path()}.prepare(), EISDIR);
  EXPECT_EQ(OutputFile{"/dev/full"}.prepare(), 0);
  EXPECT_EQ(OutputFile{"/dev/full"}.write("x"), ENOSPC);
}

TEST_F(OutputFileTest, FollowsALinkToAFile) {
  std::ofstream{directory_.path("target")} << "old";
  fs::create_symlink("target", path_);
  const OutputFile file{path_};
  EXPECT_EQ(file.prepare(), 0);
  EXPECT_EQ(file.write("new"), 0);
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_EQ(read(directory_.path("target")), "new");
}

constexpr uid_t kSomebodyElse = 65534;

// The rule of fs.protected_symlinks, whatever that is set to: in /tmp the links of others lead
// where they like.
TEST_F(OutputFileTest, FollowsNoLinkOfOthersWhereEverybodyCanPutOne) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a link of somebody else";
  const std::string target = directory_.path("target");
  const std::string open = directory_.path("open");
  const std::string link = open + "/report";
  fs::create_directory(open);
  fs::create_symlink(link, path_);
  struct Case {
    mode_t mode;
    uid_t directory;
    uid_t link;
    int error;
  };
  for (const auto& [mode, of_directory, of_link, error] :
       {Case{01777, 0, kSomebodyElse, EACCES}, Case{01777, 0, 0, 0},
        Case{0755, 0, kSomebodyElse, 0}, Case{01777, kSomebodyElse, kSomebodyElse, 0},
        Case{0777, 0, kSomebodyElse, 0}}) {
    std::ofstream{target} << "old";
    fs::remove(link);
    fs::create_symlink(target, link);
    ASSERT_EQ(::lchown(link.c_str(), of_link, of_link), 0);
    ASSERT_EQ(::chown(open.c_str(), of_directory, of_directory), 0);
    ASSERT_EQ(::chmod(open.c_str(), mode), 0);
    for (const std::string& path : {link, path_}) {  // at once, and by way of a link of ours
      const OutputFile file{path};
      EXPECT_EQ(file.content(9), error == 0 ? read(target) : "");
      EXPECT_EQ(file.prepare(), error);
      EXPECT_EQ(file.write("new"), error);
      EXPECT_EQ(read(target), error == 0 ? "new" : "old");
      EXPECT_TRUE(fs::is_symlink(link));
    }
  }
}

// What is looked at and what is read are one link, however fast somebody changes it.
TEST_F(OutputFileTest, ALinkThatComesBetweenTwoLooksIsNotFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a link of somebody else";
  std::ofstream{directory_.path("secret")} << "secret";
  std::ofstream{path_} << "ours";
  const std::string link = directory_.path("link");
  fs::create_symlink(directory_.path("secret"), link);
  ASSERT_EQ(::lchown(link.c_str(), kSomebodyElse, kSomebodyElse), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  std::atomic<bool> is_done = false;
  std::atomic<int> changes = 0;
  std::thread other{[&] {
    for (; !is_done; ++changes) {
      ::renameat2(AT_FDCWD, link.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE);
    }
  }};
  constexpr int kEnough = 5000;
  for (int i = 0; i < kEnough || changes < kEnough; ++i) {
    if (OutputFile{path_}.content(9) != "secret") continue;
    ADD_FAILURE() << "followed";
    break;
  }
  is_done = true;
  other.join();
}

TEST_F(OutputFileTest, TheUmaskHolds) {
  const mode_t before = ::umask(027);
  EXPECT_EQ(OutputFile{path_}.write("x"), 0);
  ::umask(before);
  struct stat info = {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
}

// A rename over /dev/fd/N would take a device file away from the whole machine.
TEST_F(OutputFileTest, ADescriptorIsWrittenToAsItIs) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const OutputFile file{"/dev/fd/" + std::to_string(pipe[1])};
  EXPECT_EQ(file.prepare(), 0);
  EXPECT_EQ(file.write("x"), 0);
  char byte = 0;
  EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace ufl
