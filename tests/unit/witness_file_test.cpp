// SPDX-License-Identifier: MIT

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "sys/host_identity.hpp"
#include "sys/unique_fd.hpp"
#include "sys/witness_file.hpp"
#include "unit/processes.hpp"

namespace ufl {
namespace {

class WitnessFileTest : public ::testing::Test {
 protected:
  ~WitnessFileTest() override {
    ::unlink(path_.c_str());
    ::rmdir(path_.c_str());
  }
  [[nodiscard]] bool witnessed() const { return is_witnessed(uid_, uuid_); }

  const std::string uuid_ = HostIdentity{}.new_uuid();
  const uid_t uid_ = ::getuid();
  const std::string path_ = "/dev/shm/ufl-" + std::to_string(uid_) + '-' + uuid_;
};

TEST_F(WitnessFileTest, IsThereUntilItIsRemoved) {
  EXPECT_FALSE(witnessed());
  create_witness_file(uid_, uuid_);
  EXPECT_TRUE(witnessed());
  struct stat info = {};
  ASSERT_EQ(::lstat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFREG | S_IRUSR | S_IWUSR));
  EXPECT_EQ(info.st_size, 0);
  EXPECT_FALSE(is_witnessed(uid_, HostIdentity{}.new_uuid()));
  EXPECT_FALSE(is_witnessed(uid_ + 1, uuid_));
  remove_witness_file(uid_, uuid_);
  EXPECT_FALSE(witnessed());
  EXPECT_NE(::lstat(path_.c_str(), &info), 0);
  remove_witness_file(uid_, uuid_);
}

// Anybody may put a file of that name into /dev/shm.
TEST_F(WitnessFileTest, OfSomebodyElseProvesNothing) {
  if (uid_ != 0) GTEST_SKIP() << "only root can give a file away";
  create_witness_file(uid_, uuid_);
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(witnessed());
  remove_witness_file(uid_, uuid_);
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0) << "not ours to remove";
}

TEST_F(WitnessFileTest, IsARegularFile) {
  ASSERT_EQ(::mkdir(path_.c_str(), S_IRWXU), 0);
  EXPECT_FALSE(witnessed());
  ASSERT_EQ(::rmdir(path_.c_str()), 0);
  // To a regular file of ours.
  ASSERT_EQ(::symlink("/proc/self/environ", path_.c_str()), 0);
  EXPECT_FALSE(witnessed());
  create_witness_file(uid_, uuid_);
  struct stat info = {};
  ASSERT_EQ(::lstat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode)) << "never written through";
  EXPECT_EQ(witnessed(), uid_ == 0) << "in /run, then";
  remove_witness_file(uid_, uuid_);
  EXPECT_EQ(::lstat(path_.c_str(), &info), 0) << "not left by us";
  ::unlink(path_.c_str());
  remove_witness_file(uid_, uuid_);
  EXPECT_FALSE(witnessed());
}

// They come from a lock file.
TEST_F(WitnessFileTest, TakesCanonicalUuidsOnly) {
  const std::string name = "/dev/shm/ufl-" + std::to_string(uid_) + "-x";
  const std::string text = "x";
  create_witness_file(uid_, text);
  EXPECT_NE(::access(name.c_str(), F_OK), 0);
  const UniqueFd file{::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, S_IRUSR)};
  EXPECT_FALSE(is_witnessed(uid_, text));
  EXPECT_FALSE(is_witnessed(uid_, "/../ufl-" + std::to_string(uid_) + "-x"));
  EXPECT_FALSE(is_witnessed(uid_, {}));
  remove_witness_file(uid_, text);
  EXPECT_EQ(::access(name.c_str(), F_OK), 0);
  ::unlink(name.c_str());
}

// In a mount namespace of its own: /dev/shm cannot be written, and /run is empty.
TEST_F(WitnessFileTest, IsInRunWhereDevShmCannotBeWritten) {
  constexpr int kNotPermitted = 99;
  const int done = test::run_in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/dev/shm", "tmpfs", MS_RDONLY, nullptr) != 0 ||
        ::mount("none", "/run", "tmpfs", 0, nullptr) != 0) {
      return kNotPermitted;
    }
    create_witness_file(uid_, uuid_);
    if (!witnessed()) return 1;
    remove_witness_file(uid_, uuid_);
    if (witnessed()) return 2;
    ::mount("none", "/run", "tmpfs", MS_RDONLY, nullptr);
    create_witness_file(uid_, uuid_);
    return witnessed() ? 3 : 0;
  });
  if (done == kNotPermitted) GTEST_SKIP() << "not permitted to mount";
  EXPECT_EQ(done, 0);
}

// Root takes over from everybody, and a record may name any user.
TEST_F(WitnessFileTest, OfAnotherUserIsHisToRemove) {
  const std::uint64_t alice = uid_ + 1;
  const std::string path = "/dev/shm/ufl-" + std::to_string(alice) + '-' + uuid_;
  create_witness_file(alice, uuid_);
  if (::lchown(path.c_str(), static_cast<uid_t>(alice), static_cast<gid_t>(-1)) != 0) {
    ::unlink(path.c_str());
    GTEST_SKIP() << "not permitted to give files away";
  }
  HostIdentity{}.remove_witness(uuid_);
  EXPECT_TRUE(is_witnessed(alice, uuid_));
  ::unlink(path.c_str());
}

TEST_F(WitnessFileTest, OfAnIdentityIsOneAtATimeAndStaysBehind) {
  std::optional<HostIdentity> identity{std::in_place};
  const std::string other = identity->new_uuid();
  identity->leave_witness(other);
  identity->leave_witness(uuid_);
  EXPECT_FALSE(is_witnessed(uid_, other)) << "that claim was given up";
  EXPECT_TRUE(witnessed());
  identity->leave_witness(uuid_);
  EXPECT_TRUE(witnessed()) << "asked for once more";
  identity.reset();
  EXPECT_TRUE(witnessed()) << "--acquire --pid leaves it";
  HostIdentity{}.remove_witness(uuid_);
  EXPECT_FALSE(witnessed()) << "--release removes it";
}

}  // namespace
}  // namespace ufl
