// SPDX-License-Identifier: MIT

#include "protocol/no_lock.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "protocol/record.hpp"

namespace ufl {
namespace {

constexpr const char* kUuid = "8f14e45f-ceea-467f-9b5a-2f1c3e8a7d60";

TEST(NoLockTest, IsNoBeginningOfAnyLock) {
  EXPECT_TRUE(is_no_lock("#!/bin/sh\n"));
  EXPECT_TRUE(is_no_lock("hello\nworld\n"));
  EXPECT_TRUE(is_no_lock(std::string(100, '\0')));
  EXPECT_TRUE(is_no_lock("\n"));
  EXPECT_TRUE(
      is_no_lock("\x7f"
                 "ELF\x02"));
  EXPECT_TRUE(is_no_lock(std::string{kUuid}.substr(1) + "\n{}\n"));
}

TEST(NoLockTest, EveryPartOfALockMayBeOne) {
  Holder holder;
  holder.command = "make";
  const std::string record = format_record(std::string{"ci-"} + kUuid, holder);
  for (std::size_t length = 0; length <= record.size(); ++length) {
    EXPECT_FALSE(is_no_lock(record.substr(0, length))) << length;
  }
  EXPECT_FALSE(is_no_lock(kUuid));
  EXPECT_FALSE(is_no_lock(std::string{kUuid} + "\ngarbage"));
}

TEST(NoLockTest, KnowsProgramsAndBlankFiles) {
  EXPECT_TRUE(is_program("#!/usr/bin/env python3"));
  EXPECT_TRUE(
      is_program("\x7f"
                 "ELF\x02\x01"));
  EXPECT_FALSE(is_program("# a comment"));
  EXPECT_FALSE(is_program(""));
  EXPECT_TRUE(is_blank(std::string(400, '\0')));
  EXPECT_TRUE(is_blank(""));
  EXPECT_FALSE(is_blank(std::string(400, '\0') + "x"));
}

}  // namespace
}  // namespace ufl
