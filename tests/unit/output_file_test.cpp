// SPDX-License-Identifier: MIT

#include "sys/output_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

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
