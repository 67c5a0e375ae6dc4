#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A LOCKFILE that is no lock: a program, data, what a power cut leaves, a file that is mounted alone."""

import json
import os
import subprocess
import unittest

import support
from containers import ContainerTestCase, mounted
from leases import OTHER
from recovery import BUSY, FAILED, LOST
from support import PATIENCE, UFL, clean_environment

SCRIPT = b"#!/bin/sh\necho ran\n"
# Content, what is said of it, and whether nothing but rm helps.
CONTENTS = {
    "script": (SCRIPT, "a program or a script", False),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(90), "a program or a script", False),
    "text": (b"first\nsecond\n", "another program's", False),
    "NUL": (bytes(500), "no text", True),
    "newline": (b"\n", "no text", True),
}


class NoLockTest(support.UflTestCase):
    def each(self):
        for kind, (content, said, is_blank) in CONTENTS.items():
            with self.subTest(kind):
                self.write("lock", content, 0o755)
                with self.untouched():
                    yield said, is_blank

    def test_verbs_say_so(self):
        for said, _ in self.each():
            for verb in ("--release", "--check", "--refresh"):
                result = self.ufl(verb, "--token", OTHER, self.lock)
                self.assertEqual((result.returncode, result.stdout), (LOST, ""))
                self.assert_one_line(result.stderr, self.lock, said)
            result = self.ufl("--break", self.lock)
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
            self.assert_one_line(result.stderr, self.lock, "no lock")

    def test_they_look_once(self):
        """They do not wait for what cannot become a lock."""
        if not support.shutil.which("strace"):
            self.skipTest("no strace")
        for _ in self.each():
            log = os.path.join("/tmp", f"ufl-test-{os.getpid()}.log")
            self.addCleanup(lambda path=log: os.path.exists(path) and os.unlink(path))
            self.ufl("-e", "trace=openat", "-P", self.lock, "-o", log, os.path.abspath(UFL),
                     "--release", "--token", OTHER, self.lock, program=["strace"])
            with open(log, encoding="utf-8", errors="replace") as file:
                self.assertEqual(sum("openat(" in line for line in file), 1)

    def test_status_names_rm_where_nothing_else_helps(self):
        for said, is_blank in self.each():
            result = self.ufl("--status", self.lock)
            self.assertEqual(result.returncode, BUSY)
            self.assertIn(said, result.stdout)
            told = json.loads(self.ufl("--status", "--json", self.lock).stdout)
            self.assertEqual(f"rm {self.lock}" in told["next"], is_blank, told["next"])
            self.assertEqual("name another one" in told["next"], not is_blank, told["next"])
            refused = self.ufl("--break", self.lock).stderr
            self.assertEqual(f"rm {self.lock}" in refused, is_blank, refused)

    def test_one_attempt_says_it_once(self):
        for said, _ in self.each():
            result = self.ufl("-n", self.lock, "echo", "ran")
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
            self.assert_one_line(result.stderr, self.lock, "not acquired", said)

    def test_whoever_waits_is_told_before(self):
        for said, _ in self.each():
            waiter = self.start(self.lock, "echo", "ran")
            self.assert_one_line(waiter.stderr.readline(), self.lock, "no lock of ufl", said,
                                 "LOCKFILE")
            waiter.terminate()
            self.wait(waiter)
            self.assertEqual(waiter.stderr.read(), "", "said more than once")
            quiet = self.ufl("-q", "-w", "0.3", self.lock, "echo", "ran")
            self.assertEqual((quiet.returncode, quiet.stderr), (BUSY, ""))

    def test_a_script_that_is_named_as_its_own_lock(self):
        self.write("job.sh", SCRIPT, 0o755)
        waiter = self.start("./job.sh", "all")
        self.assert_one_line(waiter.stderr.readline(), "./job.sh", "a program or a script",
                             "before COMMAND")

    def test_a_lock_that_is_cut_short_is_looked_at_twice(self):
        self.write("lock", OTHER[:20])
        result = self.ufl("--release", "--token", OTHER, self.lock)
        self.assertEqual(result.returncode, LOST)
        self.assert_one_line(result.stderr, "cut short")


class MountedAloneTest(ContainerTestCase):
    """As docker run -v FILE:FILE does."""

    def setUp(self):
        super().setUp()
        self.write("outside", b"")
        self.write("lock", b"")
        self.place = [*mounted('mount --bind "$1" "$2"', self.path("outside"), self.lock)]
        self.needs(self.place)

    def test_is_refused_at_the_first_look(self):
        words = [["-n", self.lock, "echo", "ran"], [self.lock, "echo", "ran"],
                 ["--acquire", self.lock], ["--release", "--token", OTHER, self.lock],
                 ["--check", "--token", OTHER, self.lock],
                 ["--refresh", "--token", OTHER, self.lock], ["--break", self.lock]]
        for content in (b"", OTHER.encode()):
            self.write("outside", content)
            for arguments in words:
                with self.subTest(content=content, arguments=arguments):
                    result = self.ufl(*arguments)
                    self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                    self.assert_one_line(result.stderr, self.lock, "mount point",
                                         "mount its directory")

    def test_status(self):
        result = self.ufl("--status", "--json", self.lock)
        self.assertEqual(result.returncode, FAILED)
        told = json.loads(result.stdout)
        self.assertEqual(told["state"], "cannot_tell")
        self.assertIn("mount its directory", told["error"])

    def test_others_are_not_meant(self):
        """A file beside it, a link to it, and a directory that is a mount point."""
        self.assertEqual(self.ufl(self.path("other"), "echo", "ran").stdout, "ran\n")
        os.symlink("lock", self.path("link"))
        self.assertIn("a symbolic link", self.ufl(self.path("link"), "true").stderr)
        result = subprocess.run(
            [*mounted("true"), os.path.abspath(UFL), "/mnt", "true"], check=False,
            env=clean_environment(), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertIn("a directory", result.stderr)


if __name__ == "__main__":
    unittest.main()
