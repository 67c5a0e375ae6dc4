# SPDX-License-Identifier: MIT
"""The values of options and of the environment: what is taken, and what is refused."""

import os
import unittest

from command_lines import USAGE, CliTestCase
from support import clean_environment

BUSY = 75
FAILED = 125

GOOD_TIMES = ("0", "12", "0.5", ".5", "007", "0.000000001", "1ms", "0.5s", "2m", ".25h", "1d",
              "10000d", "240000h", "864000000", "864000000000ms")
BAD_TIMES = ("", "abc", "s", ".", "1e3", "1E3", "+1", "--1", "-", " 1", "1 ", "1 s", "1,5", "1_0",
             "0x10", "1.2.3", "1x", "1sm", "1S", "1M", "1us", "1w", "1min", "inf", "infinity",
             "nan", "10001d", "10000.5d", "864000001", "9" * 400, "1\n", "1\x1b[31m",
             "\u0661", "\udcff", "1;reboot")


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


if __name__ == "__main__":
    unittest.main()
