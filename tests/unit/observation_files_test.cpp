// SPDX-License-Identifier: MIT

#include "sys/observation_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "sys/host_identity.hpp"

namespace ufl {
namespace {

using std::chrono::seconds;

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
  void remove_witness(const std::string& /*uuid*/, std::optional<std::uint64_t> /*uid*/) override {}
  [[nodiscard]] std::uint64_t random() override { return 0; }

  std::optional<std::string> boot = "00000000-0000-4000-8000-000000000001";

 private:
  HostIdentity host_{};
};

class ObservationFilesTest : public ::testing::Test {
 protected:
  ObservationFilesTest() : before_{all()} {}
  ~ObservationFilesTest() override {
    for (const auto& path : all()) {
      if (!before_.contains(path)) std::filesystem::remove(path);
    }
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

 private:
  std::set<std::filesystem::path> before_;
};

TEST_F(ObservationFilesTest, AnotherProcessRecallsWhatWasKept) {
  EXPECT_FALSE(files_.recall(key_));
  files_.keep(key_, seen_);
  ObservationFiles next{here_};
  const auto found = next.recall(key_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->token, seen_.token);
  EXPECT_EQ(found->beat, seen_.beat);
  EXPECT_EQ(found->patience, seen_.patience);
  EXPECT_EQ(found->since, seen_.since);
  EXPECT_FALSE(next.recall(key_ + "x"));
}

TEST_F(ObservationFilesTest, TheLastOneCounts) {
  files_.keep(key_, seen_);
  seen_.beat = "0000000008";
  seen_.since += seconds{5};
  files_.keep(key_, seen_);
  EXPECT_EQ(files_.recall(key_)->beat, "0000000008");
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

TEST_F(ObservationFilesTest, ALineBreakFromALockFileMakesNoOtherObservation) {
  seen_.beat = "1\n0\n0\n";
  files_.keep(key_, seen_);
  EXPECT_FALSE(files_.recall(key_));
}

TEST_F(ObservationFilesTest, WhatOthersCanReadOrWriteIsNotBelieved) {
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
