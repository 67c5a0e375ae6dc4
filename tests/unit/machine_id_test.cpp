// SPDX-License-Identifier: MIT

#include "sys/machine_id.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ufl {
namespace {

const std::string kId = "3d1219c7c4c5404aaa1f6d2a48adfda4";

// The digits were computed with another implementation of RFC 9562, Python's uuid.uuid5().
TEST(MachineId, IsDerivedAndAlwaysTheSame) {
  EXPECT_EQ(derived_machine_id(kId), "3a8b8cea8d37537381d56916948ae29b");
  EXPECT_EQ(derived_machine_id(kId + '\n'), derived_machine_id(kId));
  EXPECT_NE(derived_machine_id("3d1219c7c4c5404aaa1f6d2a48adfda5"), derived_machine_id(kId));
}

// Containers, images that are not a machine yet, and what nobody knows.
TEST(MachineId, WhatNamesNoMachineGivesNone) {
  for (const std::string& text :
       {std::string{}, std::string{"\n"}, std::string{"uninitialized\n"}, kId.substr(1), kId + '0',
        kId + "\n\n", ' ' + kId, kId + "\r\n", std::string(32, '0'),
        std::string{"3D1219C7C4C5404AAA1F6D2A48ADFDA4"}, std::string(32, 'g'),
        std::string{"3d1219c7-c4c5-404a-aa1f-6d2a48adfda4"}, std::string(32, '\0')}) {
    EXPECT_FALSE(derived_machine_id(text)) << text;
  }
}

}  // namespace
}  // namespace ufl
