// SPDX-License-Identifier: MIT

#include "cli/split.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace ufl {
namespace {

using Words = std::vector<std::string>;

std::string text(const SplitWords& split) {
  std::string result;
  for (const GivenOption& given : split.options) {
    result += std::string{given.option->longs[0]};
    if (!given.option->value.empty()) result += "=" + given.value;
    result += ' ';
  }
  result += "| " + split.lock_file.value_or("(none)") + " |";
  for (const std::string& word : split.command) result += ' ' + word;
  return result;
}

struct Case {
  Words words;
  std::string expected;  ///< "options | LOCKFILE | COMMAND", or "error: fragment"
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << "ufl";
  for (const std::string& word : c.words) out << " '" << word << "'";
  return out;
}

class SplitTest : public ::testing::TestWithParam<Case> {};

TEST_P(SplitTest, Splits) {
  const auto& [words, expected] = GetParam();
  if (!expected.starts_with("error: ")) {
    EXPECT_EQ(text(split_words(words)), expected);
    return;
  }
  try {
    const SplitWords split = split_words(words);
    ADD_FAILURE() << "no error, but " << text(split);
  } catch (const UsageError& error) {
    EXPECT_NE(std::string{error.what()}.find(expected.substr(7)), std::string::npos)
        << error.what();
    EXPECT_EQ(std::string{error.what()}.find('\n'), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Words, SplitTest,
    ::testing::Values(
        Case{{"L", "cmd"}, "| L | cmd"}, Case{{"-n", "L", "cmd"}, "nonblock | L | cmd"},
        Case{{"L", "-n", "cmd"}, "nonblock | L | cmd"},
        Case{{"L", "cmd", "-n", "--", "x"}, "| L | cmd -n -- x"},
        Case{{"L", "--", "cmd", "-n"}, "| L | cmd -n"}, Case{{"L", "--", "-c", "x"}, "| L | -c x"},
        Case{{"L", "--", "--", "x"}, "| L | -- x"}, Case{{"--", "L", "--", "cmd"}, "| L | cmd"},
        Case{{"--", "L", "cmd"}, "| L | cmd"}, Case{{"--", "-L", "cmd"}, "| -L | cmd"},
        Case{{"--", "L", "-n", "cmd"}, "nonblock | L | cmd"},
        Case{{"-n", "--", "L", "-v", "--", "-x"}, "nonblock verbose | L | -x"},
        Case{{"L", "-n", "--", "cmd"}, "nonblock | L | cmd"},
        Case{{"--", "--", "cmd"}, "| -- | cmd"}, Case{{"-", "cmd"}, "| - | cmd"},
        Case{{"L", "-"}, "| L | -"}, Case{{}, "| (none) |"}, Case{{"L"}, "| L |"},
        Case{{"L", "--"}, "| L |"}, Case{{"--"}, "| (none) |"}, Case{{"", "cmd"}, "|  | cmd"},
        Case{{"L", ""}, "| L | "}));

INSTANTIATE_TEST_SUITE_P(
    Values, SplitTest,
    ::testing::Values(Case{{"-w", "5", "L", "cmd"}, "wait=5 | L | cmd"},
                      Case{{"-w5", "L", "cmd"}, "wait=5 | L | cmd"},
                      Case{{"--wait=5", "L", "cmd"}, "wait=5 | L | cmd"},
                      Case{{"--wait", "5", "L", "cmd"}, "wait=5 | L | cmd"},
                      Case{{"--timeout", "5", "L", "cmd"}, "wait=5 | L | cmd"},
                      Case{{"-w", "-1", "L", "cmd"}, "wait=-1 | L | cmd"},
                      Case{{"-w", "--", "L", "cmd"}, "wait=-- | L | cmd"},
                      Case{{"-w-1", "L", "cmd"}, "wait=-1 | L | cmd"},
                      Case{{"-w", "1", "-w", "2", "L", "cmd"}, "wait=1 wait=2 | L | cmd"},
                      Case{{"-nvw5", "L", "cmd"}, "nonblock verbose wait=5 | L | cmd"},
                      Case{{"-nw", "5", "L", "cmd"}, "nonblock wait=5 | L | cmd"},
                      Case{{"--command=", "L", "echo", "hi"}, "command= | L | echo hi"},
                      Case{{"--prefix=", "L", "cmd"}, "prefix= | L | cmd"},
                      Case{{"-p", "", "L", "cmd"}, "prefix= | L | cmd"},
                      Case{{"-p", "-n", "L", "cmd"}, "prefix=-n | L | cmd"},
                      Case{{"-c", "x y", "L"}, "command=x y | L |"},
                      Case{{"L", "-c", "x"}, "command=x | L |"},
                      Case{{"L", "-c", "x", "-n"}, "command=x nonblock | L |"},
                      Case{{"-cx", "L", "cmd"}, "command=x | L | cmd"},
                      Case{{"-xe", "L", "cmd"}, "exclusive exclusive | L | cmd"}));

INSTANTIATE_TEST_SUITE_P(HelpAndVersion, SplitTest,
                         ::testing::Values(Case{{"-h", "--bogus"}, "help | (none) |"},
                                           Case{{"L", "--version", "cmd"}, "version | L |"},
                                           Case{{"-nhq", "-z"}, "nonblock help | (none) |"},
                                           Case{{"L", "cmd", "--help"}, "| L | cmd --help"}));

INSTANTIATE_TEST_SUITE_P(
    Errors, SplitTest,
    ::testing::Values(Case{{"-n5", "L", "cmd"}, "error: -n takes no value"},
                      Case{{"-n=0", "L", "cmd"}, "error: -n takes no value"},
                      Case{{"--nb=false", "L", "cmd"}, "error: --nb takes no value"},
                      Case{{"--nonblock=", "L", "cmd"}, "error: takes no value"},
                      Case{{"-w=5", "L", "cmd"}, "error: --wait=5"},
                      Case{{"--vebose", "L", "cmd"}, "error: did you mean '--verbose'?"},
                      Case{{"--nonb", "L", "cmd"}, "error: did you mean '--nonblock'?"},
                      Case{{"--xyzzy", "L", "cmd"}, "error: unknown option '--xyzzy'"},
                      Case{{"-z", "L", "cmd"}, "error: unknown option '-z'"},
                      Case{{"L", "-z", "cmd"}, "error: unknown option '-z'"},
                      Case{{"-1", "L", "cmd"}, "error: unknown option '-1'"},
                      Case{{"-w"}, "error: -w needs a value"},
                      Case{{"L", "--wait"}, "error: --wait needs a value"},
                      Case{{"-s", "L", "cmd"}, "error: no shared locks"},
                      Case{{"--shared", "L", "cmd"}, "error: no shared locks"},
                      Case{{"-F", "L", "cmd"}, "error: must stay"},
                      Case{{"-u", "L"}, "error: --release --token"},
                      Case{{"--fcntl", "L", "cmd"}, "error: no kernel locks"},
                      Case{{"--fd", "9"}, "error: not an open descriptor"},
                      Case{{"--fd=9"}, "error: not an open descriptor"},
                      Case{{"--\x1b[2J", "L"}, "error: '--\\x1b[2J'"}));

}  // namespace
}  // namespace ufl
