// SPDX-License-Identifier: MIT

#include "sys/hindrances.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "sys/unique_fd.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

constexpr std::string_view kLocks =
    "1: POSIX  ADVISORY  WRITE 11 08:01:77 0 EOF\n"
    "2: FLOCK  ADVISORY  READ  12 08:01:77 0 EOF\n"
    "2: -> FLOCK  ADVISORY  WRITE 13 08:01:77 0 EOF\n"
    "3: FLOCK  ADVISORY  WRITE 14 08:02:77 0 EOF\n"
    "4: OFDLCK ADVISORY  READ  -1 08:01:77 0 EOF\n"
    "5: FLOCK  ADVISORY  READ  15 08:01:77 0 EOF\n"
    "6: FLOCK  ADVISORY  READ  15 08:01:77 0 EOF\n"
    "7: FLOCK  ADVISORY  READ  16 fd:1a:770 0 EOF\n"
    "garbage\n";

TEST(HindrancesTest, NamesWhoHoldsFlockOnAFile) {
  EXPECT_EQ(flock_holders(kLocks, {8, 1, 77}), (std::vector<std::int64_t>{12, 15}));
  EXPECT_EQ(flock_holders(kLocks, {0xfd, 0x1a, 770}), (std::vector<std::int64_t>{16}));
  EXPECT_TRUE(flock_holders(kLocks, {8, 1, 7}).empty());
  EXPECT_TRUE(flock_holders("", {8, 1, 77}).empty());
}

TEST(HindrancesTest, FindsItselfAtAFile) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("lock");
  EXPECT_FALSE(hindrance_at(path).is_there()) << "nothing is there";
  std::ofstream{path} << "x";
  EXPECT_FALSE(hindrance_at(path).is_there());
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  ASSERT_EQ(::flock(file.get(), LOCK_SH), 0);
  const Hindrance hindrance = hindrance_at(path);
  ASSERT_EQ(hindrance.flocked_by.size(), 1U);
  EXPECT_EQ(hindrance.flocked_by[0].pid, ::getpid());
  EXPECT_FALSE(hindrance.flocked_by[0].command.empty());
  EXPECT_FALSE(hindrance.may_not_replace);
}

}  // namespace
}  // namespace ufl
