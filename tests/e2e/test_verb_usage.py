# SPDX-License-Identifier: MIT
"""Verbs asked for in a way that cannot be meant: usage errors."""

import unittest

from support import DirectoryWatch, UflTestCase, clean_environment

USAGE = 64

FOREIGN = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"


class UsageTest(UflTestCase):
    """64, one line, and nothing has happened."""

    RELEASE = ["--release", "--token", FOREIGN]
    CHECK = ["--check", "--token", FOREIGN]
    REFRESH = ["--refresh", "--token", FOREIGN]

    def assert_usage(self, words, *fragments, env=None):
        with self.subTest(words=words), DirectoryWatch(self.dir) as watch:
            result = self.ufl(*words, env=env)
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result.stderr)
            self.assert_one_line(result.stderr, *fragments)
            self.assertEqual(watch.appeared(), [])

    def test_token(self):
        """An empty one is what a script has that did not look whether --acquire succeeded."""
        self.write("lock", "")
        with self.untouched():
            for verb in ("--release", "--check", "--refresh"):
                self.assert_usage([verb, "lock"], verb, "--token")
                for words in (["--token", ""], ["--token="], ["--token", " \n\t"]):
                    self.assert_usage([verb, *words, "lock"], "--token", "empty")
            self.assert_usage(["--break", "--token", "", "lock"], "--token", "empty")

    def test_one_lock_file_no_command_one_verb(self):
        for verb in (["--acquire"], self.RELEASE, self.CHECK, self.REFRESH, ["--break"]):
            self.assert_usage(verb, verb[0], "LOCKFILE")
            self.assert_usage([*verb, ""], "LOCKFILE")
            self.assert_usage([*verb, "lock", "touch", "ran"], verb[0], "touch")
            self.assert_usage(["lock", *verb, "--", "touch", "ran"], verb[0], "touch")
            self.assert_usage([*verb, "9"], "./9")
            for other in ("--acquire", "--release", "--check", "--refresh", "--break", "--status"):
                if other != verb[0]:
                    self.assert_usage([*verb, other, "lock"], verb[0], other)

    def test_options_that_mean_nothing_there(self):
        taking = (["-w", "1"], ["-n"], ["-r", "1"], ["-E", "9"], ["-p", "x"], ["-x"],
                  ["--no-command"], ["--report", "file"], ["-l", "60"])
        running = (["-c", "true"], ["-o"], ["--on-lost", "warn"], ["--kill-after", "1"])
        json, pid, token = ["--json"], ["--pid", "1"], ["--token", "x"]
        cases = [(verb, words) for verb in (self.RELEASE, self.CHECK, self.REFRESH, ["--break"])
                 for words in (*taking, *running, json, pid)]
        cases += [(["--status"], words) for words in (*taking, *running, pid, token)]
        cases += [(["--acquire"], words) for words in (*running, json, token)]
        for verb, words in cases:
            self.assert_usage([*verb, *words, "lock"], verb[0])
        for words in (["--token", FOREIGN], ["--pid", "1"], ["--json"]):
            self.assert_usage([*words, "lock", "touch", "ran"], words[0], "needs a verb")
        self.assert_usage(["--acquire", "-E", "0", "lock"], "-E 0")

    def test_variables_for_others_are_there_for_others(self):
        bad = {"UFL_PREFIX": "a\nb", "UFL_RETRY": "soon", "UFL_TIMEOUT": "soon",
               "UFL_NO_COMMAND": "perhaps", "UFL_LEASE": "1"}
        self.write("lock", FOREIGN)
        for verb in (self.CHECK, self.RELEASE):
            result = self.ufl(*verb, "lock", env=clean_environment(**bad))
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        for name, value in bad.items():
            self.assert_usage(["--acquire", "lock"], name, env=clean_environment(**{name: value}))
        for verb in (self.CHECK, self.RELEASE, self.REFRESH):
            self.assert_usage([*verb, "lock"], "UFL_DELAY", env=clean_environment(UFL_DELAY="soon"))


if __name__ == "__main__":
    unittest.main()
