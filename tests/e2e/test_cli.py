# SPDX-License-Identifier: MIT
"""The command line and the environment, as a user meets them."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import (  # noqa: E402
    PATIENCE, DirectoryWatch, UflTestCase, clean_environment, limit_time, wait_for)

USAGE = 64
BUSY = 75
FAILED = 125

GOOD_TIMES = ("0", "12", "0.5", ".5", "007", "0.000000001", "1ms", "0.5s", "2m", ".25h", "1d",
              "10000d", "240000h", "864000000", "864000000000ms")
BAD_TIMES = ("", "abc", "s", ".", "1e3", "1E3", "+1", "--1", "-", " 1", "1 ", "1 s", "1,5", "1_0",
             "0x10", "1.2.3", "1x", "1sm", "1S", "1M", "1us", "1w", "1min", "inf", "infinity",
             "nan", "10001d", "10000.5d", "864000001", "9" * 400, "1\n", "1\x1b[31m",
             "\u0661", "\udcff", "1;reboot")


class CliTestCase(UflTestCase):
    """Runs ufl in self.dir; `./show` is a command that tells the lock and its own arguments."""

    def setUp(self):
        super().setUp()
        limit_time(self)
        self.write("show", '#!/bin/sh\n'
                   'printf "%s:" "${UFL_LOCKFILE##*/}"\n'
                   'for word do printf "[%s]" "$word"; done\n', 0o755)

    def assert_runs(self, words, stdout, **options):
        """`ufl WORDS` succeeds; all of stdout is the command's, and no lock is left."""
        result = self.ufl(*words, **options)
        self.assertEqual((result.stdout, result.returncode), (stdout, 0), result.stderr)
        for lock in ("L", "-", "-n", "9"):
            self.assert_no_lock(self.path(lock))
        return result

    def assert_refused(self, words, *fragments, env=None):
        """`ufl WORDS` is a usage error that says `fragments`; nothing has happened otherwise."""
        with DirectoryWatch(self.dir) as watch:
            result = self.ufl(*words, env=env)
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result.stderr)
            self.assert_one_line(result.stderr, *fragments)
            self.assertTrue(result.stderr.rstrip("\n").isprintable(), repr(result.stderr))
            self.assertEqual(watch.appeared(), [])

    def record_of(self, *words, env=None):
        """Line 1 and the JSON of line 2 of the lock file that `ufl WORDS lock` makes."""
        result = self.ufl(*words, self.lock, "cat", self.lock, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        token, holder = result.stdout.splitlines()
        return token, json.loads(holder)


class WordsTest(CliTestCase):
    """Where ufl's words end and the command's begin."""

    def test_command_gets_its_words(self):
        for words, stdout in (
                (["L", "./show"], "L:"),
                (["L", "./show", "a b", ""], "L:[a b][]"),
                (["L", "--", "./show", "x"], "L:[x]"),
                (["--", "L", "--", "./show", "x"], "L:[x]"),
                (["--", "L", "./show", "x"], "L:[x]"),
                (["--", "-n", "./show", "x"], "-n:[x]"),
                (["--", "L", "-n", "--", "./show"], "L:"),
                (["-", "./show"], "-:"),
                (["./9", "./show"], "9:"),
                (["L", "./show", "-n", "--", "x"], "L:[-n][--][x]"),
                (["L", "--", "./show", "--", "x"], "L:[--][x]"),
                (["L", "./show", "-c", "x", "--bogus", "-w"], "L:[-c][x][--bogus][-w]"),
                (["L", "./show", "--help", "-V"], "L:[--help][-V]"),
                (["L", "--", "./show", "-h"], "L:[-h]"),
                (["L", "-n", "./show", "-n"], "L:[-n]"),
                (["L", "-w", "5", "--", "./show", "x"], "L:[x]"),
                (["L", "--wait=5", "./show", "--wait=6"], "L:[--wait=6]")):
            with self.subTest(words=words):
                self.assert_runs(words, stdout)

    def test_options_take_their_values(self):
        for options in (
                ["-w", "1", "-w", "2"], ["-w", "-1"], ["-w-1"], ["--wait=-1"], ["--timeout", "-1"],
                ["-w5"], ["--wait", "5"], ["--wait=5"], ["--timeout=5"], ["-vw5"], ["-nv"],
                ["-n", "-w", "5"], ["-n"], ["--nb"], ["--nonblock"], ["-nn"], ["-x"], ["-e"],
                ["-xe"], ["--exclusive"], ["-xnw", "5"], ["--prefix="], ["-p", ""], ["-p", "-n"],
                ["-p--"], ["-d0"], ["-d", "auto"], ["--delay=auto"], ["-r.5"], ["--retry", "0.1"],
                ["-E0"], ["-E", "255"], ["--conflict-exit-code=9"], ["--no-command"], ["-v"],
                ["-q"], ["--verbose", "--quiet"], ["-o"], ["--close"], ["-nol60"], ["-l", "0"],
                ["--lease=8"], ["--on-lost", "warn"], ["--on-lost=kill"], ["--kill-after", "1m"],
                ["--lease", "2", "--kill-after=0"], ["-l2", "--on-lost", "warn"]):
            with self.subTest(options=options):
                self.assert_runs([*options, "L", "./show", "x"], "L:[x]")
                self.assert_runs(["L", *options, "./show", "x"], "L:[x]")
                self.assert_runs(["L", *options, "--", "./show", "x"], "L:[x]")

    def test_dash_c_anywhere_before_the_command(self):
        """-c runs the string with $SHELL; here that is ./show, which tells how it was called."""
        shell = clean_environment(SHELL="./show")
        for words in (
                ["-c", "a b", "L"], ["-ca b", "L"], ["L", "-c", "a b"], ["L", "-ca b"],
                ["--command", "a b", "L"], ["--command=a b", "L"], ["L", "--command=a b"],
                ["-nc", "a b", "L"], ["L", "-nca b"], ["-n", "L", "-c", "a b"],
                ["L", "-c", "a b", "-n"], ["-c", "a b", "--", "L"], ["--", "L", "-c", "a b"],
                ["-c", "x", "L", "-c", "a b"]):
            with self.subTest(words=words):
                self.assert_runs(words, "L:[-c][a b]", env=shell)
        with self.subTest("an empty string is a string"):
            self.assert_runs(["--command=", "L"], "L:[-c][]", env=shell)
            self.assert_runs(["L", "-c", ""], "L:[-c][]", env=shell)
        with self.subTest("a string that looks like an option"):
            self.assert_runs(["-c", "-n", "L"], "L:[-c][-n]", env=shell)

    def test_dash_c_uses_the_shell_of_the_environment_or_sh(self):
        for shell in (None, "", "/bin/sh"):
            with self.subTest(SHELL=shell):
                result = self.assert_runs(["L", "-c", 'printf %s "$0 $((6*7))"'],
                                          "/bin/sh 42", env=clean_environment(SHELL=shell))
                self.assertEqual(result.stderr, "")

    def test_dash_c_with_a_command_is_refused(self):
        for words in (
                ["-c", "touch ran", "L", "touch", "ran"], ["L", "-c", "touch ran", "touch", "ran"],
                ["L", "-c", "touch ran", "--", "touch", "ran"],
                ["--command=", "L", "touch", "ran"], ["--command=touch ran", "L", "touch", "ran"]):
            with self.subTest(words=words):
                self.assert_refused(words, "-c", "COMMAND", "touch")

    def test_dash_c_after_the_separator_is_the_command(self):
        os.symlink("show", self.path("-c"))
        path = clean_environment(PATH=self.dir + ":" + os.environ["PATH"])
        self.assert_runs(["L", "--", "-c", "x"], "L:[x]", env=path)

    def test_typo_is_never_the_command(self):
        for typo, hint in (
                ("-z", "-z"), ("--bogus", "--bogus"), ("--bogus=1", "--bogus"), ("---", "---"),
                ("--wiat", "--wait"), ("--nonblok", "--nonblock"), ("--no-comand", "--no-command"),
                ("--nonb", "--nonblock"), ("--tim", "--timeout"), ("--verb", "--verbose"),
                ("--=x", ""), ("-é", ""), ("-\udcff", ""), ("-\x1b", ""), ("-n5", "-n5"),
                ("-nz", "-nz"), ("-1", "-1"), ("--x\ny", "--x")):
            with self.subTest(typo=typo):
                self.assert_refused([typo, "L", "touch", "ran"], hint)
                self.assert_refused(["L", typo, "touch", "ran"], hint)
                self.assert_refused(["L", typo, "--", "touch", "ran"], hint)
                self.assert_refused(["-n", typo, "-c", "touch ran", "L"], hint)

    def test_flag_takes_no_value(self):
        for flag in ("--nb=false", "--nonblock=0", "--verbose=", "--no-command=yes", "-n=0",
                     "-v=1"):
            with self.subTest(flag=flag):
                self.assert_refused([flag, "L", "touch", "ran"], flag)

    def test_equals_sign_after_a_short_option_is_refused(self):
        self.assert_refused(["-w=5", "L", "touch", "ran"], "-w=5", "--wait=5")
        self.assert_refused(["-nE=3", "L", "touch", "ran"], "-nE=3", "--conflict-exit-code=3")

    def test_value_missing_at_the_end(self):
        for option in ("-p", "-d", "-r", "-w", "-E", "-c", "-nw", "--prefix", "--delay", "--retry",
                       "--wait", "--timeout", "--conflict-exit-code", "--command", "-l",
                       "--lease", "--on-lost", "--kill-after"):
            with self.subTest(option=option):
                name = option if option.startswith("--") else "-" + option[-1]
                self.assert_refused([option], name, "value")
                self.assert_refused(["L", option], name, "value")

    def test_separator_is_a_value_where_a_value_is_due(self):
        self.assert_refused(["-w", "--", "L", "touch", "ran"], "'--'")
        self.assert_refused(["-w", "-h", "L", "touch", "ran"], "'-h'")

    def test_options_of_flock_that_mean_nothing_here(self):
        """Each is told why, not just that it is unknown; also behind other letters."""
        for option, why in (
                ("-s", "shared"), ("--shared", "shared"), ("-u", "unlock"), ("--unlock", "unlock"),
                ("-F", "release"), ("--no-fork", "release"), ("--fcntl", "kernel"),
                ("--fd", "descriptor"), ("-sn", "shared"), ("-ns", "shared"), ("-xu", "unlock")):
            with self.subTest(option=option):
                self.assert_refused([option, "L", "touch", "ran"], why)
                self.assert_refused(["L", option, "touch", "ran"], why)

    def test_descriptor_number_is_no_lock_file(self):
        for words in (["9"], ["-n", "9"], ["9", "touch", "ran"], ["200", "-c", "touch ran"]):
            with self.subTest(words=words):
                number = next(word for word in words if word.isdigit())
                self.assert_refused(words, "descriptor", "./" + number)

    def test_lock_file_missing_or_empty(self):
        for words in ([], ["--"], ["-n"], ["-w", "5"], ["-c", "touch ran"], ["-n", "--"]):
            with self.subTest(words=words):
                self.assert_refused(words, "LOCKFILE", "--help")
        for words in (["", "touch", "ran"], ["--", "", "touch", "ran"], ["-c", "touch ran", ""]):
            with self.subTest(words=words):
                self.assert_refused(words, "LOCKFILE", "empty")

    def test_command_missing(self):
        for words in (["L"], ["L", "--"], ["-n", "L"], ["L", "-n"], ["--", "L"], ["--", "L", "--"]):
            with self.subTest(words=words):
                self.assert_refused(words, "COMMAND", "'L'")


class HelpTest(CliTestCase):
    """--help and --version."""

    def assert_tells(self, words, pattern):
        """`ufl WORDS` prints what `pattern` describes and does nothing else."""
        with self.subTest(words=words), DirectoryWatch(self.dir) as watch:
            result = self.ufl(*words, env=clean_environment(UFL_RETRY="nonsense"))
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, pattern)
            self.assertEqual(watch.appeared(), [])

    def test_help_anywhere_before_the_command(self):
        for words in (["-h"], ["--help"], ["-nh"], ["-n", "--help"], ["L", "-h"], ["--", "L", "-h"],
                      ["L", "-w", "1", "--help", "touch", "ran"], ["-h", "--bogus"]):
            self.assert_tells(words, r"\AUsage: ufl (?s:.*)Exit status:(?s:.*)\n\Z")

    def test_version_anywhere_before_the_command(self):
        for words in (["-V"], ["--version"], ["L", "-nV"], ["-V", "L", "touch", "ran"],
                      ["-p", "x", "--version", "L", "touch", "ran"]):
            self.assert_tells(words, r"\Aufl \d+\.\d+[^\n]*\n\Z")

    def test_after_the_command_they_are_the_commands(self):
        for option in ("-h", "--help", "-V", "--version"):
            with self.subTest(option=option):
                self.assert_runs(["L", "./show", option], f"L:[{option}]")

    def test_cannot_be_written(self):
        for option in ("--help", "--version"):
            with self.subTest(option=option), open("/dev/full", "w", encoding="ascii") as full:
                result = self.ufl(option, stdout=full)
                self.assertEqual(result.returncode, FAILED)
                self.assert_one_line(result.stderr, "stdout")


class TimesTest(CliTestCase):
    """The TIME grammar, and that each unit means what it says."""

    def test_good(self):
        for time in GOOD_TIMES:
            with self.subTest(time=time):
                self.assert_runs(["-w", time, "-r", time, "L", "./show"], "L:")

    def test_timeout_alone_may_be_negative(self):
        for time in ("-1", "-0.5", "-.5", "-1ms", "-2h", "-10000d"):
            with self.subTest(time=time):
                self.assert_runs(["-w", time, "L", "./show"], "L:")
                self.assert_refused(["-r", time, "L", "touch", "ran"], "--retry", f"'{time}'")
                self.assert_refused(["-d", time, "L", "touch", "ran"], "--delay", f"'{time}'")

    def test_units(self):
        """The record tells the delay in seconds."""
        for time, seconds in (
                ("0", 0), ("0s", 0), ("0.05", 0.05), (".05", 0.05), ("50ms", 0.05),
                ("0.05s", 0.05), (".001m", 0.06), ("0.00001h", 0.036), ("0.0000005d", 0.0432),
                ("12.5ms", 0.0125)):
            with self.subTest(time=time):
                self.assertAlmostEqual(self.record_of("-d", time)[1]["delay"], seconds, places=6)

    def test_bad_ones_are_quoted(self):
        for option, variable in (("--wait", "UFL_TIMEOUT"), ("--delay", "UFL_DELAY"),
                                 ("--retry", "UFL_RETRY"), ("--lease", "UFL_LEASE"),
                                 ("--kill-after", "UFL_KILL_AFTER")):
            for time in BAD_TIMES:
                plain = time.isprintable()
                with self.subTest(option=option, time=time[:40]):
                    self.assert_refused([f"{option}={time}", "L", "touch", "ran"], option,
                                        f"'{time}'" if plain else "\\x")
                if time:
                    with self.subTest(variable=variable, time=time[:40]):
                        self.assert_refused(["L", "touch", "ran"], variable,
                                            f"'{time}'" if plain else "\\x",
                                            env=clean_environment(**{variable: time}))

    def test_auto_is_for_the_delay_alone(self):
        self.assert_runs(["-d", "auto", "L", "./show"], "L:")
        self.assert_refused(["-r", "auto", "L", "touch", "ran"], "--retry", "'auto'")
        self.assert_refused(["-w", "auto", "L", "touch", "ran"], "--wait", "'auto'")
        self.assert_refused(["-d", "Auto", "L", "touch", "ran"], "--delay", "'Auto'")


class ConflictTest(CliTestCase):
    """Options that show only while somebody else holds the lock."""

    def setUp(self):
        super().setUp()
        self.hold()

    def busy(self, *words, env=None, status=BUSY):
        """`ufl WORDS lock touch ran` does not get the lock; returns its stderr."""
        result = self.ufl(*words, self.lock, "touch", "ran", env=env)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))
        return result.stderr

    def test_each_way_to_ask_for_one_attempt(self):
        for words in (["-n"], ["--nb"], ["--nonblock"], ["-w", "0"], ["--timeout=0"], ["-w0s"],
                      ["-xn"]):
            with self.subTest(words=words):
                stderr = self.busy(*words)
                self.assert_one_line(stderr, self.lock, "not acquired")
                self.assertNotIn("within", stderr)

    def test_last_timeout_wins_whatever_it_is_called(self):
        for words in (["-w", "1000", "-w", "0.2"], ["--timeout=1000", "--wait=0.2"],
                      ["-w1000", "--timeout", "0.2"], ["-w", "-1", "-w", "0.2"],
                      ["-w", "0.1", "--wait", "0.2"], ["-w", "0", "-w", "0.2"]):
            with self.subTest(words=words):
                self.assert_one_line(self.busy(*words), "within 0.2s")

    def test_no_wait_beats_any_timeout(self):
        for words in (["-n", "-w", "1000"], ["-w", "1000", "-n"], ["-nw-1"], ["--wait=-1", "--nb"]):
            with self.subTest(words=words):
                self.assertNotIn("within", self.busy(*words))
        with self.subTest("UFL_TIMEOUT"):
            self.assertNotIn("within",
                             self.busy("-n", env=clean_environment(UFL_TIMEOUT="1000")))

    def test_conflict_exit_code(self):
        for words, status in ((["-E", "3"], 3), (["-E255"], 255), (["--conflict-exit-code=1"], 1),
                              (["-E", "3", "-E", "4"], 4), (["-E", "0"], 0), ([], BUSY)):
            with self.subTest(words=words):
                self.busy("-n", *words, status=status)
                self.busy("-w", "0.05", *words, status=status)

    def test_conflict_exit_code_0_skips_quietly(self):
        self.assertEqual(self.busy("-n", "-E", "0", status=0), "")

    def test_quiet_and_verbose_the_last_wins(self):
        for words in (["-q"], ["--quiet"], ["-v", "-q"], ["-vq"], ["-q", "-v", "-q"]):
            with self.subTest(words=words):
                self.assertEqual(self.busy("-n", *words), "")
                self.assertEqual(self.busy("-w0.05", *words), "")
        for words in (["-v"], ["-q", "-v"], ["-qv"]):
            with self.subTest(words=words):
                self.assertIn("not acquired", self.busy("-n", *words))

    def test_environment(self):
        for value, fragment in (("0", "not acquired:"), ("0.2", "within 0.2s"),
                                ("300ms", "within 0.3s")):
            with self.subTest(UFL_TIMEOUT=value):
                self.assertIn(fragment, self.busy(env=clean_environment(UFL_TIMEOUT=value)))
        with self.subTest("an option beats its variable"):
            self.assertIn("within 0.2s",
                          self.busy("-w", "0.2", env=clean_environment(UFL_TIMEOUT="1000")))


class RangeTest(CliTestCase):
    """Values that are refused, and what else they do not do."""

    def test_conflict_exit_code_range(self):
        for value in ("-1", "256", "1000", "99999999999999999999", "", "abc", "1.5", "+5", " 5",
                      "5 ", "0x10", "75\n"):
            with self.subTest(value=value):
                shown = f"'{value}'" if value.isprintable() else "75"
                self.assert_refused(["-E", value, "L", "touch", "ran"], shown, "0 to 255")

    def test_conflict_exit_code_is_for_conflicts_alone(self):
        self.assertEqual(self.ufl("-E3", "L", "sh", "-c", "exit 5").returncode, 5)
        self.assertEqual(self.ufl("-E3", "none/L", "true").returncode, FAILED)
        self.assertEqual(self.ufl("-E3", "L", "./none").returncode, 127)
        self.assertEqual(self.ufl("-E3", "-w", "x", "L", "true").returncode, USAGE)

    def test_prefix(self):
        for prefix in ("", "ci-", "ci ", "a b-", "-", "--", "=", "grün-", "{}\"'\\", "x" * 200):
            with self.subTest(prefix=prefix):
                token, _ = self.record_of("-p", prefix)
                self.assertTrue(token.startswith(prefix), token)
                self.assertEqual(len(token), len(prefix) + 36)
        with self.subTest("the last wins"):
            self.assertTrue(self.record_of("-p", "a-", "--prefix=b-")[0].startswith("b-"))
        for prefix in ("x" * 201, "ü" * 101, "a\nb", "a\n", "\r", "\t", "\x1b[31m", "\x7f", "\x85",
                       "\u2028", "\u202e", "\udcff", "\udcc3"):
            with self.subTest(prefix=prefix[:20]):
                self.assert_refused([f"--prefix={prefix}", "L", "touch", "ran"], "--prefix")
                self.assert_refused(["L", "touch", "ran"], "UFL_PREFIX",
                                    env=clean_environment(UFL_PREFIX=prefix))


class LeaseTest(CliTestCase):
    """A lease that cannot be kept is no lease."""

    def test_shorter_than_two_seconds(self):
        for time in ("1", "1.9s", "1ms"):
            for words in (["-l", time, "L", "touch", "ran"], ["--acquire", "--lease", time, "L"]):
                with self.subTest(words=words):
                    self.assert_refused(words, "--lease", f"'{time}'", "2s")

    def test_no_time_to_kill(self):
        """Both numbers are named."""
        self.assert_refused(["-l", "7", "L", "touch", "ran"], "'7'", "5s", "8s", "--kill-after")
        self.assert_refused(["-l", "60", "--kill-after", "39.5", "L", "touch", "ran"], "'60'",
                            "39.5s")
        self.assert_runs(["-l", "60", "--kill-after", "39", "L", "./show"], "L:")

    def test_what_if_the_lock_is_lost(self):
        for what in ("", "no", "KILL", "kill|warn"):
            with self.subTest(what=what):
                self.assert_refused(["--on-lost", what, "L", "touch", "ran"], "--on-lost", "kill",
                                    "warn")


class EnvironmentTest(CliTestCase):
    """UFL_*: an option beats its variable, which beats the default."""

    def test_each_variable_works(self):
        token, holder = self.record_of(env=clean_environment(UFL_PREFIX="env-", UFL_DELAY="20ms",
                                                             UFL_RETRY="1"))
        self.assertTrue(token.startswith("env-"))
        self.assertAlmostEqual(holder["delay"], 0.02)

    def test_option_beats_variable(self):
        environment = clean_environment(UFL_PREFIX="env-", UFL_DELAY="20ms")
        token, holder = self.record_of("-p", "opt-", "-d", "10ms", env=environment)
        self.assertTrue(token.startswith("opt-"))
        self.assertAlmostEqual(holder["delay"], 0.01)
        with self.subTest("also an empty one"):
            self.assertEqual(len(self.record_of("--prefix=", env=environment)[0]), 36)

    def test_empty_counts_as_unset(self):
        empty = clean_environment(UFL_PREFIX="", UFL_DELAY="", UFL_RETRY="", UFL_TIMEOUT="",
                                  UFL_NO_COMMAND="", UFL_TOKEN="", UFL_TOKENS="",
                                  UFL_LOCKFILE="")
        token, holder = self.record_of(env=empty)
        self.assertEqual(len(token), 36)
        self.assertIn("command", holder)
        self.assert_runs(["L", "./show"], "L:", env=empty)

    def test_empty_timeout_waits(self):
        holder = self.hold()
        waiter = self.start("-v", self.lock, "echo", "got it",
                            env=clean_environment(UFL_TIMEOUT=""))
        self.assertIn("waiting", waiter.stderr.readline())
        self.let_go(holder)
        self.assertEqual((self.wait(waiter), waiter.stdout.read()), (0, "got it\n"))

    def test_no_command_variable(self):
        for value, recorded in (("1", False), ("yes", False), ("true", False),
                                ("0", True), ("no", True), ("false", True)):
            with self.subTest(value=value):
                environment = clean_environment(UFL_NO_COMMAND=value)
                self.assertEqual("command" in self.record_of(env=environment)[1], recorded)
                self.assertNotIn("command", self.record_of("--no-command", env=environment)[1])

    def test_bad_variable_is_named(self):
        for variable, value in (("UFL_NO_COMMAND", "maybe"), ("UFL_NO_COMMAND", "2"),
                                ("UFL_TIMEOUT", "soon"), ("UFL_RETRY", "-1"), ("UFL_DELAY", "-1"),
                                ("UFL_DELAY", " "), ("UFL_PREFIX", "a\nb"), ("UFL_LEASE", "1"),
                                ("UFL_LEASE", "7"), ("UFL_ON_LOST", "stop"),
                                ("UFL_KILL_AFTER", "-1")):
            with self.subTest(variable=variable, value=value):
                self.assert_refused(["L", "touch", "ran"], variable,
                                    env=clean_environment(**{variable: value}))

    def test_negative_timeout_variable_means_never(self):
        self.assert_runs(["L", "./show"], "L:", env=clean_environment(UFL_TIMEOUT="-1"))


class OutputTest(CliTestCase):
    """stdout is the command's; what ufl says it says on stderr."""

    def test_says_nothing_when_all_is_well(self):
        result = self.ufl("L", "./show", "x")
        self.assertEqual((result.stdout, result.stderr, result.returncode), ("L:[x]", "", 0))

    def test_waiter_says_nothing_unless_asked(self):
        holder = self.hold()
        waiter = self.start(self.lock, "echo", "got it")
        # With its timer armed it has looked, found the lock held, and waits.
        wait_for(lambda: self.is_waiting(waiter.pid), "ufl waits for its timer")
        self.let_go(holder)
        self.assertEqual(waiter.communicate(timeout=PATIENCE), ("got it\n", ""))
        self.assertEqual(waiter.returncode, 0)

    @staticmethod
    def is_waiting(pid):
        """Whether a timerfd of the process is armed, proc(5)."""
        try:
            for name in os.listdir(f"/proc/{pid}/fdinfo"):
                with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                    lines = dict(line.split(":", 1) for line in info if ":" in line)
                if lines.get("it_value", "(0, 0)").strip() != "(0, 0)":
                    return True
        except FileNotFoundError:
            pass
        return False

    def test_verbose_tells_of_the_wait(self):
        holder = self.hold()
        waiter = self.start("-v", self.lock, "echo", "got it")
        first = waiter.stderr.readline()
        self.assertRegex(first, r"\Aufl: .*waiting.*held by .*pid %d" % holder.pid)
        self.assertIn(self.lock, first)
        self.let_go(holder)
        stdout, rest = waiter.communicate(timeout=PATIENCE)
        self.assertEqual((stdout, waiter.returncode), ("got it\n", 0))
        self.assertIn("got it after", rest)
        for line in rest.splitlines():
            self.assertTrue(line.startswith("ufl: "), line)

    def test_verbose_keeps_stdout_clean(self):
        result = self.assert_runs(["-v", "L", "./show", "x"], "L:[x]")
        self.assertRegex(result.stderr, r"\A(ufl: [^\n]+\n)+\Z")

    def test_quiet_does_not_hide_failures(self):
        for words, status in ((["-q", "none/L", "true"], FAILED), (["-q", "L", "./none"], 127),
                              (["-q", "-w", "x", "L", "true"], USAGE)):
            with self.subTest(words=words):
                result = self.ufl(*words)
                self.assertEqual((result.returncode, result.stdout), (status, ""))
                self.assert_one_line(result.stderr)


if __name__ == "__main__":
    unittest.main()
