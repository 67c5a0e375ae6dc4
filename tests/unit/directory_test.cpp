// SPDX-License-Identifier: MIT
//
// What is told of the directory that a lock file lies in: changes of its name, and stale
// temporaries.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sys/name_watch.hpp"
#include "sys/stale_temporaries.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

class DirectoryTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  void write(const std::string& name) const { std::ofstream{path(name)} << name; }

  test::TemporaryDirectory directory_;
};

TEST_F(DirectoryTest, TellsWhateverPutsSomethingElseAtTheName) {
  write("lock");
  auto watch = NameWatch::on(path("lock"), NameEvents::any);
  ASSERT_TRUE(watch);
  EXPECT_FALSE(watch->drain());
  write("other");
  std::filesystem::remove(path("other"));
  EXPECT_FALSE(watch->drain()) << "another name";
  write("lock");
  EXPECT_TRUE(watch->drain()) << "written over";
  EXPECT_FALSE(watch->drain());
  std::filesystem::remove(path("lock"));
  EXPECT_TRUE(watch->drain()) << "removed";
  write("new");
  std::filesystem::rename(path("new"), path("lock"));
  EXPECT_TRUE(watch->drain()) << "renamed over";
  std::filesystem::rename(path("lock"), path("old"));
  EXPECT_TRUE(watch->drain()) << "renamed away";
  std::filesystem::remove_all(directory_.path());
  EXPECT_TRUE(watch->drain()) << "with its directory";
}

TEST_F(DirectoryTest, TellsWhenTheNameIsFreeAndNoMore) {
  write("lock");
  auto watch = NameWatch::on(path("lock"), NameEvents::removal);
  ASSERT_TRUE(watch);
  write("lock");
  EXPECT_FALSE(watch->drain()) << "written over";
  write("new");
  std::filesystem::rename(path("new"), path("lock"));
  EXPECT_FALSE(watch->drain()) << "renamed over";
  std::filesystem::remove(path("lock"));
  EXPECT_TRUE(watch->drain()) << "removed";
  write("lock");
  EXPECT_FALSE(watch->drain()) << "created";
  EXPECT_FALSE(watch->is_over());
  std::filesystem::rename(path("lock"), path("old"));
  EXPECT_TRUE(watch->drain()) << "renamed away";
  std::filesystem::remove_all(directory_.path());
  EXPECT_TRUE(watch->drain()) << "with its directory";
  EXPECT_TRUE(watch->is_over());
}

//   One read(2) does not take them all.
TEST_F(DirectoryTest, FindsTheNameAmongManyOthers) {
  write("lock");
  auto watch = NameWatch::on(path("lock"), NameEvents::removal);
  ASSERT_TRUE(watch);
  const auto remove_others = [this] {
    for (int i = 0; i < 300; ++i) {
      const std::string name = std::string(200, 'x') + std::to_string(i);
      write(name);
      std::filesystem::remove(path(name));
    }
  };
  remove_others();
  EXPECT_FALSE(watch->drain());
  remove_others();
  std::filesystem::remove(path("lock"));
  remove_others();
  EXPECT_TRUE(watch->drain());
  EXPECT_FALSE(watch->drain());
}

TEST_F(DirectoryTest, TellsNothingAfterItsEnd) {
  write("lock");
  auto watch = NameWatch::on(path("lock"), NameEvents::removal);
  ASSERT_TRUE(watch);
  watch->end();
  (void)watch->drain();  // that it has ended
  std::filesystem::remove(path("lock"));
  EXPECT_FALSE(watch->drain());
}

TEST_F(DirectoryTest, WatchesADirectoryOnly) {
  EXPECT_FALSE(NameWatch::on(path("none/lock"), NameEvents::any));
  write("file");
  EXPECT_FALSE(NameWatch::on(path("file/lock"), NameEvents::any));
}

TEST_F(DirectoryTest, LitterIsOldAndOurs) {
  const auto make_old = [this](const std::string& name) {
    const timespec times[] = {{0, UTIME_OMIT}, {1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, 0), 0);
  };
  const auto of_ufl = [](char digit) {
    return ".ufl-" + std::string(8, digit) + "-1111-4111-8111-111111111111";
  };
  const std::vector<std::string> ours{of_ufl('1'), of_ufl('2')};
  const std::vector<std::string> others{
      "lock", ".uflx", ".ufl-notes", of_ufl('1') + ".bak", of_ufl('A'), "x" + of_ufl('1')};
  for (const auto& names : {ours, others}) {
    for (const std::string& name : names) {
      write(name);
      make_old(name);
    }
  }
  write(of_ufl('3'));
  std::filesystem::create_directory(path(of_ufl('4')));
  make_old(of_ufl('4'));
  StaleTemporaries temporaries;
  EXPECT_EQ(temporaries.beside(path("lock")), ours);
  EXPECT_TRUE(temporaries.beside(path("none/lock")).empty());
  // A thousand locks in one directory are no thousand readings of it.
  for (const std::string& name : ours) std::filesystem::remove(path(name));
  EXPECT_EQ(temporaries.beside(path("another")), ours);
}

}  // namespace
}  // namespace ufl
