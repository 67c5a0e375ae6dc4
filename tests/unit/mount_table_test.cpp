// SPDX-License-Identifier: MIT

#include "sys/mount_table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

using std::chrono::seconds;

// A line of mountinfo: mount `id` on `point`, which lies on the mount `parent`.
std::string mount_line(int id, int parent, const std::string& point, const std::string& type) {
  return std::to_string(id) + ' ' + std::to_string(parent) + " 98:0 / " + point +
         " rw,noatime master:1 shared:2 - " + type + " /dev/x rw\n";
}

const std::string kRoot = mount_line(1, 0, "/", "ext4");

TEST(MountTraits, LocalKindsNeedNoDelay) {
  for (const char* type :
       {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "overlay"}) {
    const MountTraits traits = traits_of_type(type);
    EXPECT_TRUE(traits.local) << type;
    EXPECT_TRUE(traits.atomic_create) << type;
    EXPECT_EQ(traits.delay, Duration::zero()) << type;
  }
}

TEST(MountTraits, EverythingElseWaitsASecond) {
  for (const char* type : {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "virtiofs", "ceph",
                           "lustre", "gpfs", "fuse", "fuse.rclone", "autofs", "", "ext5"}) {
    EXPECT_FALSE(traits_of_type(type).local) << type;
    EXPECT_EQ(traits_of_type(type).delay, seconds{1}) << type;
  }
  EXPECT_TRUE(traits_of_type("nfs4").atomic_create);
  EXPECT_FALSE(traits_of_type("fuse.rclone").atomic_create);
  EXPECT_FALSE(traits_of_type("").atomic_create);
}

TEST(MountTraits, TellHowOldAViewOfTheContentMayBe) {
  EXPECT_EQ(traits_of_type("tmpfs").view, Duration::zero());
  EXPECT_EQ(traits_of_type("nfs4").view, std::chrono::milliseconds{100});
  EXPECT_EQ(traits_of_type("cifs").view, std::chrono::milliseconds{1500});
  EXPECT_EQ(traits_of_type("").view, seconds{1});
}

TEST(MountTraits, SomeWriteByPath) {
  for (const char* type : {"davfs", "fuse", "fuse.rclone", "fuse.s3fs"}) {
    EXPECT_TRUE(traits_of_type(type).writes_by_path) << type;
  }
  for (const char* type : {"ext4", "nfs4", "cifs", "fuse.sshfs", "fuse.odd", ""}) {
    EXPECT_FALSE(traits_of_type(type).writes_by_path) << type;
  }
}

TEST(FindMount, TakesTheDeepestMountPoint) {
  const std::string mounts = kRoot + mount_line(2, 1, "/nosuch", "nfs4") +
                             mount_line(3, 2, "/nosuch/deep", "tmpfs") +
                             mount_line(4, 1, "/nosuchother", "cifs");
  EXPECT_EQ(find_mount("/nosuch/lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount("/nosuch/deep/lock", mounts).type, "tmpfs");
  EXPECT_EQ(find_mount("/nosuch/deeper/lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount("/nosuchother/lock", mounts).type, "cifs");
  EXPECT_EQ(find_mount("/elsewhere/lock", mounts).type, "ext4");
  EXPECT_EQ(find_mount("/lock", mounts).type, "ext4");
  EXPECT_EQ(find_mount("//nosuch///lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount("/elsewhere/../nosuch/./lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount("/nosuch/deep/../lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount("/../../nosuch/lock", mounts).type, "nfs4");
}

TEST(FindMount, ALaterMountHidesAnEarlierOne) {
  const std::string mounts =
      kRoot + mount_line(2, 1, "/nosuch", "autofs") + mount_line(3, 2, "/nosuch", "nfs4");
  EXPECT_EQ(find_mount("/nosuch/lock", mounts).type, "nfs4");
}

TEST(FindMount, AMountThatHidesAnotherHidesWhatLiesOnItToo) {
  // 1 tmpfs on /nosuch  2 tmpfs on /nosuch/sub  3 a share over /nosuch
  const std::string mounts = kRoot + mount_line(2, 1, "/nosuch", "tmpfs") +
                             mount_line(3, 2, "/nosuch/sub", "tmpfs") +
                             mount_line(4, 2, "/nosuch", "fuse.rclone");
  EXPECT_EQ(find_mount("/nosuch/sub/lock", mounts).type, "fuse.rclone");
}

TEST(FindMount, InAChrootTheRootIsAskedItself) {
  // No mount point is "/": the kind of this machine's root counts, whatever it is.
  const std::string mounts = mount_line(2, 1, "/nosuch", "nfs4");
  EXPECT_EQ(find_mount("/nosuch-either/lock", mounts).local, find_mount("/lock").local);
  EXPECT_EQ(find_mount("/nosuch/lock", mounts).type, "nfs4");
}

TEST(FindMount, UndoesTheEscapesOfMountinfo) {
  const std::string mounts = kRoot + mount_line(2, 1, "/no\\040such\\134x", "nfs4");
  EXPECT_EQ(find_mount("/no such\\x/lock", mounts).type, "nfs4");
}

TEST(FindMount, DoubtMeansUnknown) {
  for (const std::string& mounts :
       {std::string{}, std::string{"rubbish\n"}, mount_line(1, 0, "/", "unheard-of")}) {
    EXPECT_FALSE(find_mount("/tmp/lock", mounts).local) << mounts;
  }
  EXPECT_FALSE(find_mount("relative/lock", kRoot).local);
}

TEST(FindMount, FollowsLinksThatLeadToAShare) {
  const test::TemporaryDirectory temporary;
  const std::string& directory = temporary.path();
  std::filesystem::create_directory(directory + "/share");
  ASSERT_EQ(::symlink((directory + "/share").c_str(), (directory + "/absolute").c_str()), 0);
  ASSERT_EQ(::symlink("absolute", (directory + "/chain").c_str()), 0);
  ASSERT_EQ(::symlink("./loop", (directory + "/loop").c_str()), 0);
  const std::string mounts = kRoot + mount_line(2, 1, directory + "/share", "nfs4");
  EXPECT_EQ(find_mount(directory + "/absolute/lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount(directory + "/chain/lock", mounts).type, "nfs4");
  EXPECT_EQ(find_mount(directory + "/chain/../lock", mounts).type, "ext4");
  EXPECT_EQ(find_mount(directory + "/chain", mounts).type, "ext4") << "LOCKFILE is never followed";
  EXPECT_EQ(find_mount(directory + "/loop/lock", mounts).type, "");
}

TEST(FindMount, KnowsThisMachine) { EXPECT_FALSE(find_mount("/proc/version").local); }

// docker run -v FILE:FILE.
TEST(MountTableTest, KnowsAFileThatIsMountedAlone) {
  constexpr std::string_view kMounts =
      "1 0 8:1 / / rw - ext4 x rw\n"
      "2 1 8:1 /outside /srv/lock rw - ext4 x rw\n"
      "3 1 0:5 / /mnt rw - nfs4 x rw\n";
  EXPECT_TRUE(find_mount("/srv/lock", kMounts).mounted_alone);
  EXPECT_TRUE(find_mount("/srv/./x/../lock", kMounts).mounted_alone);
  EXPECT_FALSE(find_mount("/srv/other", kMounts).mounted_alone);
  EXPECT_FALSE(find_mount("/srv/lock/other", kMounts).mounted_alone);
  EXPECT_FALSE(find_mount("/mnt/lock", kMounts).mounted_alone);
  EXPECT_FALSE(find_mount("/", kMounts).mounted_alone);
}

}  // namespace
}  // namespace ufl
