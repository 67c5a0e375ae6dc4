// SPDX-License-Identifier: MIT

#include "sys/observation_files.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "sys/host_identity.hpp"
#include "unit/processes.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

using std::chrono::seconds;

constexpr int kNotPermitted = 99;

/// This host, or the same one after a reboot.
class OtherBoot final : public Identity {
 public:
  [[nodiscard]] std::string new_uuid() override { return host_.new_uuid(); }
  [[nodiscard]] Holder self() override {
    Holder holder = host_.self();
    holder.boot = boot;
    return holder;
  }
  [[nodiscard]] bool hold_lifeline(const std::string& /*uuid*/) override { return false; }
  void leave_witness(const std::string& /*uuid*/) override {}
  void remove_witness(const std::string& /*uuid*/) override {}
  [[nodiscard]] std::uint64_t random() override { return 0; }

  std::optional<std::string> boot = "00000000-0000-4000-8000-000000000001";

 private:
  HostIdentity host_{};
};

/// Gives this process a /dev/shm and a /run of its own: other tests, beside this one, keep what
/// they have seen in those of this machine. Returns false if that is not permitted.
bool has_memory_of_its_own() {
  static const bool done = ::unshare(CLONE_NEWNS) == 0 &&
                           ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                           ::mount("x", "/dev/shm", "tmpfs", 0, nullptr) == 0 &&
                           ::mount("x", "/run", "tmpfs", 0, nullptr) == 0;
  return done;
}

class ObservationFilesTest : public ::testing::Test {
 protected:
  ObservationFilesTest() { has_memory_of_its_own(); }
  ~ObservationFilesTest() override {
    here_.boot = OtherBoot{}.boot;
    for (const char* suffix : {"", "x"}) files_.forget(key_ + suffix);
  }

  static std::set<std::filesystem::path> all() {
    std::set<std::filesystem::path> paths;
    const std::string uid = std::to_string(::geteuid());
    for (const std::string& directory :
         std::vector<std::string>{"/run/user/" + uid + "/ufl", "/dev/shm/ufl-" + uid}) {
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator{directory, error}) {
        paths.insert(entry.path());
      }
    }
    return paths;
  }

  OtherBoot here_;
  ObservationFiles files_{here_};
  // Of this process and test alone.
  std::string key_ = "/nowhere/" + std::to_string(::getpid()) + "\xff\n";
  Observation seen_{"ci-token", "0000000007", seconds{30}, Mono{seconds{1234}}};
};

TEST_F(ObservationFilesTest, AnotherProcessRecallsWhatWasKept) {
  EXPECT_FALSE(files_.recall(key_));
  files_.keep(key_, seen_);
  ObservationFiles next{here_};
  const auto found = next.recall(key_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->token, seen_.token);
  EXPECT_EQ(found->heartbeat, seen_.heartbeat);
  EXPECT_EQ(found->staleness_limit, seen_.staleness_limit);
  EXPECT_EQ(found->since, seen_.since);
  EXPECT_FALSE(next.recall(key_ + "x"));
}

TEST_F(ObservationFilesTest, TheLastOneCounts) {
  files_.keep(key_, seen_);
  seen_.heartbeat = "0000000008";
  seen_.since += seconds{5};
  files_.keep(key_, seen_);
  EXPECT_EQ(files_.recall(key_)->heartbeat, "0000000008");
}

// Times are counted from boot: after another one they mean something else.
TEST_F(ObservationFilesTest, NothingIsRecalledAfterAReboot) {
  files_.keep(key_, seen_);
  here_.boot = "00000000-0000-4000-8000-000000000002";
  EXPECT_FALSE(files_.recall(key_));
  here_.boot.reset();
  EXPECT_FALSE(files_.recall(key_)) << "which boot is it?";
  files_.keep(key_, seen_);
  EXPECT_FALSE(files_.recall(key_));
}

TEST_F(ObservationFilesTest, WhatIsForgottenLeavesNothing) {
  if (!has_memory_of_its_own()) GTEST_SKIP() << "not permitted to mount";
  const std::size_t before = all().size();
  files_.keep(key_, seen_);
  files_.keep(key_ + "x", seen_);
  EXPECT_EQ(all().size(), before + 2);
  files_.forget(key_);
  EXPECT_EQ(all().size(), before + 1);
  EXPECT_FALSE(files_.recall(key_));
  EXPECT_TRUE(files_.recall(key_ + "x"));
  files_.forget(key_);  // nothing happens
}

// In a process of its own, in which neither /run nor /dev/shm can be written to.
TEST_F(ObservationFilesTest, WhatOtherBootsHaveLeftInTheHomeDirectoryGoesInAMonth) {
  namespace fs = std::filesystem;
  const test::TemporaryDirectory directory;
  const fs::path state = directory.path("ufl");
  const std::string key = "-1-00000000-0000-5000-8000-000000000000";
  const std::string other_boot = "00000000-0000-4000-8000-00000000000f" + key;
  const std::string young = "00000000-0000-4000-8000-00000000000e" + key;
  const std::string same_boot = *here_.boot + key;
  const std::string of_somebody_else = other_boot + ".bak";
  const int done = test::run_in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0) return kNotPermitted;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNotPermitted;
    for (const char* memory : {"/dev/shm", "/run"}) {
      if (::mount("x", memory, "tmpfs", MS_RDONLY, nullptr) != 0) return kNotPermitted;
    }
    ::setenv("XDG_STATE_HOME", directory.path().c_str(), 1);
    files_.keep(key_, seen_);
    if (!files_.recall(key_)) return 1;
    for (const std::string& name : {other_boot, young, same_boot, of_somebody_else}) {
      std::ofstream{state / name} << "x";
      constexpr auto kOld = std::chrono::hours{24 * 31};
      const auto now = fs::file_time_type::clock::now();
      if (name != young) fs::last_write_time(state / name, now - kOld);
    }
    files_.keep(key_ + "x", seen_);
    return files_.recall(key_) ? 0 : 2;
  });
  std::set<std::string> left;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{state, error}) {
    left.insert(entry.path().filename().string());
  }
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  ASSERT_EQ(done, 0);
  EXPECT_FALSE(left.contains(other_boot));
  for (const std::string& name : {young, same_boot, of_somebody_else}) {
    EXPECT_TRUE(left.contains(name)) << name;
  }
}

// In a process of its own; `make_memory` mounts /run and /dev/shm.
class HomeTest : public ObservationFilesTest {
 protected:
  template <typename MakeMemory, typename Body>
  int without_memory(MakeMemory make_memory, Body body) {
    return test::run_in_child([&] {
      if (::unshare(CLONE_NEWNS) != 0) return kNotPermitted;
      if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNotPermitted;
      if (::mount("x", "/run", "tmpfs", MS_RDONLY, nullptr) != 0) return kNotPermitted;
      if (!make_memory()) return kNotPermitted;
      ::setenv("XDG_STATE_HOME", home_.path().c_str(), 1);
      return body();
    });
  }
  [[nodiscard]] bool home_was_touched() const { return std::filesystem::exists(home_.path("ufl")); }

  test::TemporaryDirectory home_;
};

TEST_F(HomeTest, IsUsedWhenMemoryIsReadOnly) {
  const auto read_only = [] { return ::mount("x", "/dev/shm", "tmpfs", MS_RDONLY, nullptr) == 0; };
  const int done = without_memory(read_only, [&] {
    files_.keep(key_, seen_);
    if (!files_.recall(key_)) return 1;
    files_.forget(key_);
    return files_.recall(key_) ? 2 : 0;
  });
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  EXPECT_EQ(done, 0);
  EXPECT_TRUE(home_was_touched());
}

TEST_F(HomeTest, IsUsedWhenMemoryIsFull) {
  const auto small = [] { return ::mount("x", "/dev/shm", "tmpfs", 0, "size=64k") == 0; };
  const int done = without_memory(small, [&] {
    files_.keep(key_, seen_);
    if (home_was_touched()) return 1;
    const std::string filler = "/dev/shm/filler";
    std::ofstream{filler} << std::string(1U << 20U, 'x');
    seen_.since += seconds{5};
    files_.keep(key_, seen_);  // in the room of the earlier one
    if (home_was_touched() || files_.recall(key_)->since != seen_.since) return 2;
    files_.keep(key_ + "x", seen_);
    if (!files_.recall(key_ + "x")) return 3;
    std::filesystem::remove(filler);
    return files_.recall(key_) ? 0 : 4;
  });
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  EXPECT_EQ(done, 0);
  EXPECT_TRUE(home_was_touched());
}

// An earlier run, under another umask, may have made the folder.
TEST_F(HomeTest, IsUsedWhenTheFolderInMemoryMayNotBeWrittenTo) {
  constexpr uid_t kNobody = 65534;
  const auto memory = [] { return ::mount("x", "/dev/shm", "tmpfs", 0, nullptr) == 0; };
  const int done = without_memory(memory, [&] {
    if (::chown(home_.path().c_str(), kNobody, kNobody) != 0) return kNotPermitted;
    if (::setresuid(kNobody, kNobody, kNobody) != 0) return kNotPermitted;
    if (::mkdir("/dev/shm/ufl-65534", S_IRUSR | S_IXUSR) != 0) return 1;
    files_.keep(key_, seen_);
    if (!files_.recall(key_)) return 2;
    files_.forget(key_);
    return files_.recall(key_) ? 3 : 0;
  });
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  EXPECT_EQ(done, 0);
  EXPECT_TRUE(home_was_touched());
}

// It may hang.
TEST_F(HomeTest, IsNotTouchedWhileMemoryWorks) {
  const auto memory = [] { return ::mount("x", "/dev/shm", "tmpfs", 0, nullptr) == 0; };
  const int done = without_memory(memory, [&] {
    std::filesystem::create_directories(home_.path("ufl"));
    std::filesystem::permissions(home_.path("ufl"), std::filesystem::perms::owner_all);
    files_.keep(key_, seen_);
    // What is there would be found, were it looked for.
    std::filesystem::directory_iterator entry{"/dev/shm/ufl-" + std::to_string(::geteuid())};
    const std::filesystem::path other = home_.path("ufl") / entry->path().filename();
    std::filesystem::copy(entry->path(), other);
    std::filesystem::remove(entry->path());
    if (files_.recall(key_)) return 1;
    files_.forget(key_);
    return std::filesystem::exists(other) ? 0 : 2;
  });
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  EXPECT_EQ(done, 0);
}

TEST_F(HomeTest, AThousandLocksLeaveNoThousandFiles) {
  const auto memory = [] { return ::mount("x", "/dev/shm", "tmpfs", 0, nullptr) == 0; };
  const int done = without_memory(memory, [&] {
    for (int i = 0; i < 1000; ++i) files_.keep(key_ + std::to_string(i), seen_);
    return files_.recall(key_ + "999") && all().size() <= 500 ? 0 : 1;
  });
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  EXPECT_EQ(done, 0);
}

TEST_F(ObservationFilesTest, ALineBreakFromALockFileMakesNoOtherObservation) {
  seen_.heartbeat = "1\n0\n0\n";
  files_.keep(key_, seen_);
  EXPECT_FALSE(files_.recall(key_));
}

TEST_F(ObservationFilesTest, WhatOthersCanReadOrWriteIsNotBelieved) {
  if (!has_memory_of_its_own()) GTEST_SKIP() << "not permitted to mount";
  files_.keep(key_, seen_);
  ASSERT_TRUE(files_.recall(key_));
  std::filesystem::path directory;
  for (const auto& path : all()) directory = path.parent_path();
  using std::filesystem::perms;
  std::filesystem::permissions(directory, perms::owner_all | perms::group_read);
  EXPECT_FALSE(files_.recall(key_));
  std::filesystem::permissions(directory, perms::owner_all);
  EXPECT_TRUE(files_.recall(key_));
}

}  // namespace
}  // namespace ufl
