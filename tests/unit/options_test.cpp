// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/parse.hpp"

namespace ufl {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

Options parse(const Words& words, const Variables& variables = {}) {
  return parse_options(words, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string error_of(const Words& words, const Variables& variables = {}) {
  try {
    (void)parse(words, variables);
    return "(no error)";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(ParseOptions, Defaults) {
  const Options options = parse({"L", "cmd", "arg"});
  EXPECT_EQ(options.action, Action::run);
  EXPECT_EQ(options.lock_file, "L");
  EXPECT_EQ(options.command, (Words{"cmd", "arg"}));
  EXPECT_EQ(options.prefix, "");
  EXPECT_EQ(options.delay, std::nullopt);
  EXPECT_EQ(options.retry, std::nullopt);
  EXPECT_EQ(options.timeout, std::nullopt);
  EXPECT_EQ(options.conflict_exit_code, 75);
  EXPECT_TRUE(options.record_command);
  EXPECT_EQ(options.verbosity, Verbosity::normal);
  EXPECT_FALSE(options.close_lifeline);
  EXPECT_EQ(options.lease, std::nullopt);
  EXPECT_FALSE(options.kill_on_loss);
  EXPECT_EQ(options.kill_after, 5s);
}

TEST(ParseOptions, TakesEachOption) {
  const Options options = parse({"-p", "ci-", "-d", "0.2", "-r", "5ms", "-w", "2m", "-E", "0",
                                 "--no-command", "-v", "-x", "-e", "--exclusive", "L", "cmd"});
  EXPECT_EQ(options.prefix, "ci-");
  EXPECT_EQ(options.delay, 200ms);
  EXPECT_EQ(options.retry, 5ms);
  EXPECT_EQ(options.timeout, 2min);
  EXPECT_EQ(options.conflict_exit_code, 0);
  EXPECT_FALSE(options.record_command);
  EXPECT_EQ(options.verbosity, Verbosity::verbose);
  const Options leased = parse({"-o", "-l1m", "--on-lost=kill", "--kill-after", "0.5", "L", "cmd"});
  EXPECT_TRUE(leased.close_lifeline);
  EXPECT_EQ(leased.lease, 1min);
  EXPECT_TRUE(leased.kill_on_loss);
  EXPECT_EQ(leased.kill_after, 500ms);
  EXPECT_TRUE(parse({"--close", "L", "cmd"}).close_lifeline);
}

TEST(ParseOptions, ValuesThatLookLikeOptionsOrListsReachTheirOption) {
  for (const char* value : {"-n", "--", "--wait", "[a,b]", "\"a\"", "a b", "{}", "%"}) {
    EXPECT_EQ(parse({"-p", value, "L", "cmd"}).prefix, value);
    EXPECT_EQ(parse({"-c", value, "L"}).shell_string, value);
  }
  EXPECT_EQ(parse({"--command=", "L"}).shell_string, "");
  EXPECT_EQ(parse({"--prefix=", "L", "cmd"}, {{"UFL_PREFIX", "x"}}).prefix, "");
}

TEST(ParseOptions, TheLastOfARepeatedOptionWins) {
  EXPECT_EQ(parse({"-w", "1", "--timeout=2", "-w3", "L", "cmd"}).timeout, 3s);
  EXPECT_EQ(parse({"-c", "a", "L", "-c", "b"}).shell_string, "b");
  EXPECT_EQ(parse({"-v", "-q", "L", "cmd"}).verbosity, Verbosity::quiet);
  EXPECT_EQ(parse({"-q", "-v", "-n", "L", "cmd"}).verbosity, Verbosity::verbose);
}

TEST(ParseOptions, NonblockBeatsWait) {
  EXPECT_EQ(parse({"-n", "-w", "5", "L", "cmd"}).timeout, 0s);
  EXPECT_EQ(parse({"-w", "5", "--nb", "L", "cmd"}).timeout, 0s);
  EXPECT_EQ(parse({"-n", "L", "cmd"}, {{"UFL_TIMEOUT", "5"}}).timeout, 0s);
}

TEST(ParseOptions, ANegativeTimeoutIsNever) {
  EXPECT_EQ(parse({"-w", "-1", "L", "cmd"}).timeout, std::nullopt);
  EXPECT_EQ(parse({"-w-0.5s", "L", "cmd"}).timeout, std::nullopt);
  EXPECT_EQ(parse({"-w", "-1", "L", "cmd"}, {{"UFL_TIMEOUT", "5"}}).timeout, std::nullopt);
  EXPECT_EQ(parse({"-w", "0", "L", "cmd"}).timeout, 0s);
  EXPECT_NE(error_of({"-w", "-", "L", "cmd"}).find("'-' is not a TIME"), std::string::npos);
  EXPECT_NE(error_of({"-d", "-1", "L", "cmd"}).find("'-1' is not a TIME"), std::string::npos);
}

TEST(ParseOptions, DelayMayBeAuto) {
  EXPECT_EQ(parse({"-d", "auto", "L", "cmd"}, {{"UFL_DELAY", "5"}}).delay, std::nullopt);
  EXPECT_NE(error_of({"-d", "Auto", "L", "cmd"}).find("--delay: 'Auto'"), std::string::npos);
}

TEST(ParseOptions, OptionBeatsEnvironmentBeatsDefault) {
  const Variables variables{{"UFL_PREFIX", "env-"},  {"UFL_DELAY", "3"},
                            {"UFL_RETRY", "4"},      {"UFL_TIMEOUT", "5"},
                            {"UFL_LEASE", "60"},     {"UFL_ON_LOST", "warn"},
                            {"UFL_KILL_AFTER", "7"}, {"UFL_NO_COMMAND", "yes"}};
  const Options from_environment = parse({"L", "cmd"}, variables);
  EXPECT_EQ(from_environment.prefix, "env-");
  EXPECT_EQ(from_environment.delay, 3s);
  EXPECT_EQ(from_environment.retry, 4s);
  EXPECT_EQ(from_environment.timeout, 5s);
  EXPECT_EQ(from_environment.lease, 60s);
  EXPECT_FALSE(from_environment.kill_on_loss);
  EXPECT_EQ(from_environment.kill_after, 7s);
  EXPECT_FALSE(from_environment.record_command);
  EXPECT_EQ(parse({"-d", "1", "L", "cmd"}, variables).delay, 1s);
  EXPECT_TRUE(parse({"--on-lost", "kill", "L", "cmd"}, variables).kill_on_loss);
  EXPECT_EQ(parse({"--kill-after", "8", "L", "cmd"}, variables).kill_after, 8s);
}

TEST(ParseOptions, AnEmptyVariableIsUnset) {
  const Variables variables{{"UFL_DELAY", ""},   {"UFL_TIMEOUT", ""},    {"UFL_LEASE", ""},
                            {"UFL_ON_LOST", ""}, {"UFL_KILL_AFTER", ""}, {"UFL_NO_COMMAND", ""}};
  const Options options = parse({"L", "cmd"}, variables);
  EXPECT_EQ(options.delay, std::nullopt);
  EXPECT_EQ(options.timeout, std::nullopt);
  EXPECT_EQ(options.lease, std::nullopt);
  EXPECT_EQ(options.kill_after, 5s);
  EXPECT_TRUE(options.record_command);
}

TEST(ParseOptions, ABadVariableIsNamed) {
  for (const char* name : {"UFL_DELAY", "UFL_RETRY", "UFL_TIMEOUT", "UFL_LEASE", "UFL_ON_LOST",
                           "UFL_KILL_AFTER", "UFL_NO_COMMAND"}) {
    const std::string error = error_of({"L", "cmd"}, {{name, "maybe"}});
    EXPECT_TRUE(error.starts_with(std::string{name} + ": 'maybe'")) << error;
  }
  EXPECT_EQ(error_of({"-d", "1", "L", "cmd"}, {{"UFL_DELAY", "maybe"}}), "(no error)");
}

TEST(ParseOptions, NoCommandTakesYesAndNo) {
  for (const char* yes : {"1", "yes", "true", "YES", "True"}) {
    EXPECT_FALSE(parse({"L", "cmd"}, {{"UFL_NO_COMMAND", yes}}).record_command) << yes;
  }
  for (const char* no : {"0", "no", "false"}) {
    EXPECT_TRUE(parse({"L", "cmd"}, {{"UFL_NO_COMMAND", no}}).record_command) << no;
  }
}

TEST(ParseOptions, ALeaseOfZeroIsNone) {
  const Variables variables{{"UFL_LEASE", "60"}};
  const Options none = parse({"-l", "0", "L", "cmd"}, variables);
  EXPECT_EQ(none.lease, std::nullopt);
  EXPECT_FALSE(none.kill_on_loss);
  EXPECT_EQ(parse({"--acquire", "-l", "0ms", "L"}, variables).lease, std::nullopt);
  EXPECT_EQ(parse({"--status", "L"}, {{"UFL_LEASE", "x"}}).lease, std::nullopt);
}

TEST(ParseOptions, ALeaseBelowTwoSecondsIsRefused) {
  EXPECT_EQ(parse({"--acquire", "-l", "2", "L"}).lease, 2s);
  for (const char* text : {"1.999", "1", "1ms"}) {
    const std::string error = error_of({"--acquire", "-l", text, "L"});
    EXPECT_NE(error.find("'" + std::string{text} + "' is too short for a lease; give 2s or more"),
              std::string::npos)
        << error;
  }
  EXPECT_NE(error_of({"-l", "-1", "L", "cmd"}).find("'-1' is not a TIME"), std::string::npos);
}

TEST(ParseOptions, ALeaseKillsUnlessItIsToWarn) {
  EXPECT_TRUE(parse({"-l", "60", "L", "cmd"}).kill_on_loss);
  EXPECT_FALSE(parse({"-l", "60", "--on-lost", "warn", "L", "cmd"}).kill_on_loss);
  EXPECT_TRUE(parse({"--on-lost", "kill", "L", "cmd"}).kill_on_loss);
  for (const char* bad : {"", "Kill", "kill ", "term", "1"}) {
    EXPECT_NE(error_of({"--on-lost", bad, "L", "cmd"}).find("is neither kill nor warn"),
              std::string::npos);
  }
}

TEST(ParseOptions, ALeaseLeavesTimeToKill) {
  const auto with = [](const char* lease, const char* kill_after) {
    return Words{"-l", lease, "--kill-after", kill_after, "L", "cmd"};
  };
  EXPECT_EQ(
      error_of({"-l", "6", "L", "cmd"}),
      "-l/--lease: '6' is too short for a lease with a --kill-after of 5s: the command must "
      "be dead before it is over; give 8s or more, or a shorter --kill-after; see ufl --help");
  // 2/3 of the lease, less 0.2 s, or less 1 % of a long one
  EXPECT_EQ(parse(with("7.8", "5")).lease, 7800ms);
  EXPECT_NE(error_of(with("7.799", "5")), "(no error)");
  EXPECT_EQ(parse(with("100m", "3940")).lease, 100min);
  EXPECT_NE(error_of(with("100m", "3941")), "(no error)");
  EXPECT_EQ(parse(with("2", "1.13")).lease, 2s);
  EXPECT_NE(error_of({"L", "cmd"}, {{"UFL_LEASE", "3"}}).find("UFL_LEASE: '3'"), std::string::npos);
  EXPECT_NE(error_of(with("1d", "10000d")).find("give 1315736041s"), std::string::npos);
  // Nothing is to be killed.
  EXPECT_EQ(parse({"-l", "2", "--on-lost", "warn", "L", "cmd"}).lease, 2s);
  EXPECT_EQ(parse({"--acquire", "-l", "2", "L"}, {{"UFL_KILL_AFTER", "1h"}}).lease, 2s);
}

TEST(ParseOptions, ExitStatusIsAByte) {
  EXPECT_EQ(parse({"-E255", "L", "cmd"}).conflict_exit_code, 255);
  for (const char* bad : {"256", "-1", "600", "x", "", "1.0", "+1", " 1", "0x1"}) {
    EXPECT_NE(error_of({"-E", bad, "L", "cmd"}).find("is not an exit status"), std::string::npos)
        << bad;
  }
}

TEST(ParseOptions, APrefixIsOnePrintableLine) {
  EXPECT_EQ(parse({"-p", "jürgen-", "L", "cmd"}).prefix, "jürgen-");
  EXPECT_EQ(parse({"-p", std::string(200, 'a'), "L", "cmd"}).prefix.size(), 200U);
  EXPECT_NE(error_of({"-p", std::string(201, 'a'), "L", "cmd"}).find("200"), std::string::npos);
  for (const char* bad : {"a\nb", "a\tb", "\x1b[m", "\xff", "\xc2\x85"}) {
    EXPECT_NE(error_of({"-p", bad, "L", "cmd"}).find("printable"), std::string::npos);
  }
}

TEST(ParseOptions, OperandsMustBeThere) {
  EXPECT_NE(error_of({}).find("no LOCKFILE"), std::string::npos);
  EXPECT_NE(error_of({"L"}).find("no COMMAND"), std::string::npos);
  EXPECT_NE(error_of({"", "cmd"}).find("empty"), std::string::npos);
  EXPECT_NE(error_of({"9", "cmd"}).find("./9"), std::string::npos);
  EXPECT_NE(error_of({"-c", "x", "L", "cmd"}).find("both -c and a COMMAND"), std::string::npos);
  EXPECT_EQ(parse({"./9", "cmd"}).lock_file, "./9");
  EXPECT_EQ(parse({"9a", "cmd"}).lock_file, "9a");
}

TEST(ParseOptions, TakesAVerbAndWhatBelongsToIt) {
  const Options acquired = parse({"--acquire", "--pid", "42", "L", "-p", "x-", "--report", "r"});
  EXPECT_EQ(acquired.action, Action::acquire);
  EXPECT_EQ(acquired.lock_file, "L");
  EXPECT_EQ(acquired.pid, 42);
  EXPECT_EQ(acquired.prefix, "x-");
  EXPECT_EQ(acquired.report, "r");
  const Options shown = parse({"--status", "a", "--json", "b", "--", "--c"});
  EXPECT_EQ(shown.action, Action::status);
  EXPECT_EQ(shown.lock_files, (Words{"a", "b", "--c"}));
  EXPECT_TRUE(shown.json);
  EXPECT_EQ(parse({"L", "--break"}).action, Action::break_lock);
  EXPECT_EQ(parse({"--check", "--token", "t", "L"}).token, "t");
  EXPECT_EQ(parse({"--refresh", "-d", "2", "--token", "t", "-q", "L"}).action, Action::refresh);
  EXPECT_EQ(parse({"--acquire", "--acquire", "L"}).action, Action::acquire);
}

TEST(ParseOptions, AVerbTakesNoCommandAndNoStrangers) {
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--acquire", "L", "cmd"}, "--acquire takes one LOCKFILE and no COMMAND, but got 'cmd'"},
      {{"--release", "--token", "t", "L", "M"}, "one LOCKFILE"},
      {{"--status"}, "--status needs a LOCKFILE"},
      {{"--status", "a", ""}, "LOCKFILE is empty"},
      {{"--status", "a", "9"}, "./9"},
      {{"--acquire", "--release", "L"}, "--acquire and --release given"},
      {{"--release", "L"}, "--release needs --token"},
      {{"--check", "L"}, "--check needs --token"},
      {{"--refresh", "L"}, "--refresh needs --token"},
      {{"--refresh", "--token", "t"}, "--refresh needs a LOCKFILE"},
      {{"--refresh", "--token", "t", "-l", "9", "L"}, "--lease means nothing with --refresh"},
      {{"--refresh", "--check", "L"}, "--refresh and --check given"},
      {{"--acquire", "-o", "L"}, "--close means nothing with --acquire"},
      {{"--acquire", "--on-lost", "warn", "L"}, "--on-lost means nothing with --acquire"},
      {{"--acquire", "--kill-after", "1", "L"}, "--kill-after means nothing with --acquire"},
      {{"--break", "--lease", "9", "L"}, "--lease means nothing with --break"},
      {{"--check", "--token", " \n", "L"}, "--token is empty"},
      {{"--acquire", "-c", "x", "L"}, "--command means nothing with --acquire"},
      {{"--status", "-w", "1", "L"}, "--wait means nothing with --status"},
      {{"--pid", "1", "L", "cmd"}, "--pid needs a verb beside it, such as --acquire"},
      {{"--token", "t", "L", "cmd"}, "such as --release"},
      {{"--acquire", "-E", "0", "L"}, "-E 0 with --acquire"},
      {{"--acquire", "--pid", "0", "L"}, "'0' is not a process ID"},
      {{"--acquire", "--pid", "1x", "L"}, "'1x' is not a process ID"},
      {{"--acquire", "--pid", "2147483648", "L"}, "is not a process ID"},
      {{"--report", "", "L", "cmd"}, "FILE is empty"},
  };
  for (const auto& [words, fragment] : cases) {
    EXPECT_NE(error_of(words).find(fragment), std::string::npos) << error_of(words);
  }
}

TEST(ParseOptions, AVerbIgnoresTheVariablesOfOthers) {
  const Variables bad{{"UFL_PREFIX", "\n"}, {"UFL_RETRY", "x"}, {"UFL_TIMEOUT", "x"}};
  EXPECT_EQ(parse({"--status", "L"}, bad).action, Action::status);
  EXPECT_NE(error_of({"--acquire", "L"}, bad).find("UFL_"), std::string::npos);
  EXPECT_NE(error_of({"--release", "--token", "t", "L"}, {{"UFL_DELAY", "x"}}).find("UFL_DELAY"),
            std::string::npos);
}

TEST(HelpText, FitsATerminal) {
  const std::string help = help_text();
  for (std::size_t begin = 0; begin < help.size();) {
    const std::size_t end = help.find('\n', begin);
    EXPECT_LE(end - begin, 80U) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(ParseOptions, HelpAndVersionNeedNothingElse) {
  EXPECT_EQ(parse({"--help"}).action, Action::help);
  EXPECT_EQ(parse({"--help"}).text, help_text());
  EXPECT_EQ(parse({"L", "-V"}).action, Action::version);
  EXPECT_TRUE(parse({"L", "-V"}).text.starts_with("ufl "));
  EXPECT_EQ(parse({"L", "true"}).text, "");
  EXPECT_EQ(parse({"-d", "x", "-h"}, {{"UFL_DELAY", "y"}}).action, Action::help);
}

}  // namespace
}  // namespace ufl
