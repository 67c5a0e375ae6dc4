// SPDX-License-Identifier: MIT

#include "seams/uuid.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ufl {
namespace {

constexpr std::string_view kLower = "8f14e45f-ceea-467f-a8f9-0123456789ab";
constexpr std::string_view kUpper = "8F14E45F-CEEA-467F-A8F9-0123456789AB";

TEST(Uuid, IsDigitsAndDashesInTheirPlaces) {
  EXPECT_TRUE(is_uuid(kLower));
  EXPECT_FALSE(is_uuid(""));
  EXPECT_FALSE(is_uuid(kLower.substr(1)));
  EXPECT_FALSE(is_uuid(std::string{kLower} + "0"));
  for (std::size_t at = 0; at < kLower.size(); ++at) {
    for (const char wrong : {kLower[at] == '-' ? '0' : '-', 'g', '/', ' ', '\0'}) {
      std::string text{kLower};
      text[at] = wrong;
      EXPECT_FALSE(is_uuid(text)) << text;
      EXPECT_FALSE(is_uuid(text, HexDigits::any_case)) << text;
    }
  }
}

TEST(Uuid, UpperCaseIsAcceptedWhereOthersMayWriteIt) {
  EXPECT_FALSE(is_uuid(kUpper)) << "it becomes part of a file name";
  EXPECT_TRUE(is_uuid(kUpper, HexDigits::any_case));
}

TEST(Uuid, BeginsLikeOne) {
  for (std::size_t length = 0; length <= kLower.size(); ++length) {
    EXPECT_TRUE(begins_uuid(kLower.substr(0, length), HexDigits::lower_case)) << length;
    EXPECT_TRUE(begins_uuid(kUpper.substr(0, length), HexDigits::any_case)) << length;
  }
  EXPECT_FALSE(begins_uuid("8f14e45fc", HexDigits::any_case));
  EXPECT_FALSE(begins_uuid(std::string{kLower} + "0", HexDigits::any_case));
}

}  // namespace
}  // namespace ufl
