// SPDX-License-Identifier: MIT

#include "report/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "unit/temporary_directory.hpp"

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

std::string utf8(std::uint32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  std::string text;
  const unsigned int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr unsigned int kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kFirst[more] | code >> 6U * more);
  for (unsigned int i = more; i-- > 0;) text += static_cast<char>(0x80U | (code >> 6U * i & 0x3fU));
  return text;
}

// How many there are, and the sum of them, as Perl has them of Unicode 14.0 (5.36) and 15.0 (5.40):
// perl -e 'for (0..0x10ffff) {if (chr =~ /\p{Default_Ignorable_Code_Point}/) {$n++; $s += $_}}
//          print "$n $s"'
TEST(Printable, EscapesAllThatUnicodeIgnoresByDefault) {
  int count = 0;
  std::uint64_t sum = 0;
  for (std::uint32_t code = 0xa0; code <= 0x10ffff; ++code) {
    const bool is_separator = code == 0x2028 || code == 0x2029;
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    if (is_separator || is_surrogate || is_printable(utf8(code))) continue;
    ++count;
    sum += code;
  }
  EXPECT_EQ(count, 4174);
  EXPECT_EQ(sum, 3769934431U);
  EXPECT_EQ(printable("a\u00adb"), "a\\xc2\\xadb") << "soft hyphen";
  EXPECT_EQ(printable("a\u2060b"), "a\\xe2\\x81\\xa0b") << "word joiner";
  EXPECT_EQ(printable("a\u3164b"), "a\\xe3\\x85\\xa4b") << "Hangul filler";
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
  EXPECT_EQ(shell_quote({"a\nb\xff'\\", "-\n1"}),
            R"x("$(printf 'a\012b\377\047\134')" "$(printf '\055\0121')")x");
  EXPECT_EQ(shell_quote({"=ls", "a==ls", "a:=ls", "-%s", "%s"}), "'=ls' 'a==ls' 'a:=ls' -%s %s")
      << "zsh: the path of ls";
  EXPECT_TRUE(can_be_quoted("a\nb"));
  EXPECT_FALSE(can_be_quoted("a\n"));
}

class AShell : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static std::string command() {
    return GetParam() == std::string{"busybox"} ? "busybox ash" : GetParam();
  }
  /// What the shell makes of `script`.
  static std::string output_of(const std::string& script) {
    const test::TemporaryDirectory directory;
    std::ofstream{directory.path("script")} << script;
    const std::string run = command() + ' ' + directory.path("script") + " 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(run.c_str(), "r"), ::pclose};
    std::string output;
    for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
      output += static_cast<char>(c);
    }
    return output;
  }
  void SetUp() override {
    const std::string found = "command -v " + std::string{GetParam()} + " >/dev/null";
    if (std::system(found.c_str()) != 0) GTEST_SKIP() << "there is no " << GetParam();
  }
};

/// Words of what means something to one shell or another.
std::vector<std::string> odd_words(std::size_t count) {
  const std::vector<std::string> pieces{
      "'",         "\"",   "\\",   "`",    "$",    "$'", "$(",    ")",      "${",   "}",
      "\n",        "\t",   "\r",   "\x01", "\x1b", "!",  "!!",    "#",      ";",    "; echo x; ",
      "&",         "|",    "*",    "?",    "[",    "]",  "~",     "=",      "==",   ":",
      "-",         "--",   "-n",   "%",    "%s",   "%n", "{a,b}", "\\n",    "\\0",  "\\x41",
      "\\101",     "0",    "1",    "7",    "8",    "a",  "Z",     " ",      "\xff", "\xc3",
      "\xc3\xbc",  "\x81", "\x88", "\x9b", "<",    ">",  "^",     "\u200d", "\x7f", "\\'",
      "'; id; #'", "echo", "done", "+",    ",",    "@",  "\\c"};
  std::mt19937 random{20261130};
  std::vector<std::string> words{
      "", "'", "\\", "-n", "-", "--", "=ls", "%", "!", "~", "x\x01\\'; id; #"};
  while (words.size() < count) {
    std::string word;
    for (auto left = random() % 8; left > 0; --left) word += pieces[random() % pieces.size()];
    if (can_be_quoted(word)) words.push_back(std::move(word));
  }
  return words;
}

TEST_P(AShell, ReadsWhatWasQuoted) {
  constexpr std::size_t kWords = 600;
  const std::vector<std::string> words = odd_words(kWords);
  std::string script;
  std::string wanted;
  for (const std::string& word : words) {
    const std::string quoted = shell_quote({word});
    ASSERT_TRUE(is_printable(quoted)) << quoted;
    ASSERT_EQ(quoted.find("$'"), quoted.starts_with("'") ? quoted.find("$'") : std::string::npos);
    script += "printf '%s\\n.\\n' " + quoted + '\n';
    wanted += word + "\n.\n";
  }
  const std::string output = output_of(script);
  ASSERT_EQ(output.size(), wanted.size()) << output.substr(0, 2000);
  const auto differs = std::mismatch(output.begin(), output.end(), wanted.begin()).first;
  ASSERT_EQ(output, wanted) << "at " << differs - output.begin();
}

// As arguments of one command: nothing is parted, joined or lost.
TEST_P(AShell, ReadsAsManyWords) {
  constexpr std::size_t kWords = 150;
  const std::vector<std::string> words = odd_words(kWords);
  std::string wanted;
  for (const std::string& word : words) wanted += word + "\n.\n";
  EXPECT_EQ(output_of("printf '%s\\n.\\n' " + shell_quote(words)), wanted);
}

INSTANTIATE_TEST_SUITE_P(ShellQuote, AShell,
                         ::testing::Values("dash", "bash", "zsh", "mksh", "busybox"),
                         [](const auto& shell) { return std::string{shell.param}; });

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
