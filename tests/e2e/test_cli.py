# SPDX-License-Identifier: MIT
"""The command line, as a user meets it."""

import os
import unittest

from command_lines import USAGE, CliTestCase
from support import PATIENCE, DirectoryWatch, clean_environment, wait_for

FAILED = 125


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
