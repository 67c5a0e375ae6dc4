// SPDX-License-Identifier: MIT

#include "process/command.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "sys/executable.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("PATH");
    path_ = path != nullptr ? path : "";
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }
  std::string file(const std::string& name, mode_t mode) {
    std::string path = directory_.path(name);
    std::ofstream{path} << "#!/bin/sh\n";
    ::chmod(path.c_str(), mode);
    return path;
  }

  test::TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(CommandTest, ANameWithASlashIsAPath) {
  const std::string tool = file("tool", 0755);
  EXPECT_EQ(find_executable(tool).path, tool);
  EXPECT_EQ(find_executable(tool).error, 0);
  EXPECT_EQ(find_executable(directory_.path("absent")).error, ENOENT);
  EXPECT_EQ(find_executable(file("plain", 0644)).error, EACCES);
  EXPECT_EQ(find_executable(directory_.path("")).error, EACCES);
  EXPECT_EQ(find_executable(tool + "/x").error, ENOTDIR);
}

TEST_F(CommandTest, OtherNamesAreLookedForInPath) {
  const std::string tool = file("ufl-test-tool", 0755);
  ::setenv("PATH", ("/nonexistent:" + directory_.path()).c_str(), 1);
  EXPECT_EQ(find_executable("ufl-test-tool").path, tool);
  EXPECT_EQ(find_executable("ufl-test-absent").error, ENOENT);
}

TEST_F(CommandTest, AFileThatCannotBeRunIsPassedOverButRemembered) {
  std::filesystem::create_directory(directory_.path("first"));
  std::filesystem::create_directory(directory_.path("second"));
  file("first/tool", 0644);
  ::setenv("PATH", (directory_.path("first") + ':' + directory_.path("second")).c_str(), 1);
  EXPECT_EQ(find_executable("tool").error, EACCES);
  const std::string good = file("second/tool", 0755);
  EXPECT_EQ(find_executable("tool").path, good);
}

TEST_F(CommandTest, AnEmptyPathElementIsTheWorkingDirectory) {
  file("tool", 0755);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  for (const char* path : {"", ":/nonexistent", "/nonexistent:", "/nonexistent::/bin"}) {
    ::setenv("PATH", path, 1);
    EXPECT_EQ(find_executable("tool").path, "./tool") << path;
  }
  std::filesystem::current_path(before);
}

TEST_F(CommandTest, WithoutPathTheSystemsDefaultIsSearched) {
  ::unsetenv("PATH");
  EXPECT_EQ(find_executable("sh").error, 0);
}

TEST_F(CommandTest, AnEmptyNameIsNotFound) { EXPECT_EQ(find_executable("").error, ENOENT); }

TEST(StatusOfExecError, IsTheShells) {
  EXPECT_EQ(status_of_exec_error(ENOENT), 127);
  EXPECT_EQ(status_of_exec_error(ENOTDIR), 127);
  EXPECT_EQ(status_of_exec_error(EACCES), 126);
  EXPECT_EQ(status_of_exec_error(ENOEXEC), 126);
}

}  // namespace
}  // namespace ufl
