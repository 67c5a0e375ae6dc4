// SPDX-License-Identifier: MIT

#include "cli/time.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace ufl {
namespace {

using namespace std::chrono_literals;

TEST(ParseTime, TakesNumbersWithOneUnitOrNone) {
  EXPECT_EQ(parse_time("12"), 12s);
  EXPECT_EQ(parse_time("0"), 0s);
  EXPECT_EQ(parse_time("0.5"), 500ms);
  EXPECT_EQ(parse_time(".5"), 500ms);
  EXPECT_EQ(parse_time("12."), 12s);
  EXPECT_EQ(parse_time("007"), 7s);
  EXPECT_EQ(parse_time("250ms"), 250ms);
  EXPECT_EQ(parse_time("1.5s"), 1500ms);
  EXPECT_EQ(parse_time("2m"), 2min);
  EXPECT_EQ(parse_time("1.5h"), 90min);
  EXPECT_EQ(parse_time(".5d"), 12h);
  EXPECT_EQ(parse_time("0.000000001"), 1ns);
  EXPECT_EQ(parse_time("0.1"), 100ms);
  EXPECT_EQ(parse_time("0.30000000000000000000000000001"), 300ms);
}

TEST(ParseTime, StopsAtTenThousandDays) {
  EXPECT_EQ(parse_time("10000d"), 240000h);
  EXPECT_EQ(parse_time("864000000"), 240000h);
  EXPECT_EQ(parse_time("10000.1d"), std::nullopt);
  EXPECT_EQ(parse_time("10001d"), std::nullopt);
  EXPECT_EQ(parse_time("864000001"), std::nullopt);
  EXPECT_EQ(parse_time("99999999999999999999999999"), std::nullopt);
}

TEST(ParseTime, RefusesEverythingElse) {
  for (const char* text :
       {"",   ".",     "s",     "ms",  "+1",  "-1",  "1e3",  "0x10", "1,5", " 1",  "1 ",      "1 s",
        "1S", "1h30m", "1.2.3", "inf", "nan", "1us", "1min", "1sec", "..5", "1\n", "\xd9\xa1"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << "'" << text << "'";
  }
}

}  // namespace
}  // namespace ufl
