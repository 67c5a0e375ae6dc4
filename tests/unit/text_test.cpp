// SPDX-License-Identifier: MIT

#include "report/text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace ufl {
namespace {

TEST(Printable, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("grüße, 世界 🔒"), "grüße, 世界 🔒");
  EXPECT_EQ(printable("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "C1: CSI";
  const std::string right_to_left_override = std::string{"\xe2\x80"} + "\xae";
  EXPECT_EQ(printable(right_to_left_override), "\\xe2\\x80\\xae");
  EXPECT_EQ(printable(std::string{"\0", 1}), "\\x00");
}

TEST(Shorten, CutsBetweenCharacters) {
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(shorten("abcdefgh", 6), "abc...");
  EXPECT_EQ(shorten("abüdefgh", 6), "ab...") << "not inside ü";
}

TEST(ShellQuote, QuotesWhereItMatters) {
  EXPECT_EQ(shell_quote({"rsync", "-a", "host:/x", "--n=1"}), "rsync -a host:/x --n=1");
  EXPECT_EQ(shell_quote({"echo", "a b", "$x", ""}), "echo 'a b' '$x' ''");
  EXPECT_EQ(shell_quote({"it's"}), "'it'\\''s'");
  EXPECT_EQ(shell_quote({"a\nb\xff'\\"}), "$'a\\x0ab\\xff\\'\\\\'");
}

// What bash makes of it is what was quoted.
TEST(ShellQuote, SurvivesAShell) {
  const std::vector<std::string> words{"plain", "a b", "it's",    "\n\t\x01", "\xff\xfe",
                                       "$(x)",  "*",   "back\\s", "",         "gr\xc3\xbc\xc3\x9f",
                                       "~",     "#"};
  for (const std::string& word : words) {
    const std::string command = "bash -c " + shell_quote({"printf %s " + shell_quote({word})});
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command.c_str(), "r"), ::pclose};
    ASSERT_NE(pipe, nullptr);
    std::array<char, 100> buffer{};
    const std::size_t length = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
    EXPECT_EQ(std::string(buffer.data(), length), word);
  }
}

TEST(Fit, CutsBetweenCharactersAndCountsWideOnesTwice) {
  EXPECT_EQ(most_columns("abc"), 3U);
  EXPECT_EQ(most_columns("a漢"), 3U);
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdefg", 6), "abc...");
  EXPECT_EQ(fit("漢漢漢漢", 7), "漢漢...");
  EXPECT_EQ(fit("漢漢漢漢", 6), "漢...");
  EXPECT_EQ(fit("abcdefg", 3), "");
}

}  // namespace
}  // namespace ufl
