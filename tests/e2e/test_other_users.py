#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Locks of other users, whom this one may not replace, or who keep theirs by flock(2)."""

import contextlib
import fcntl
import json
import os
import sys
import unittest

import support
from leases import OTHER, record
from recovery import BUSY, RecoveryTestCase

FAILED = 125


class StickyTest(RecoveryTestCase):
    """In a directory like /tmp, a lock of root's or of another user's."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root, to be two users")
        self.user = self.as_ordinary_user()
        os.chmod(self.dir, 0o1777)

    def locks(self):
        """Each kind of lock that could be taken over, root's."""
        self.leave_dead_lock()
        yield "dead"
        self.write("lock", record(lifeline=None))
        yield "lease"
        self.write("lock", b"")
        yield "empty"

    def leave_dead_lock(self):
        holder = self.hold()
        self.kill_with_command(holder)

    def kill_with_command(self, holder):
        _, keys = self.record()
        holder.kill()
        self.wait(holder)
        try:
            os.kill(keys["child"]["pid"], 9)
        except ProcessLookupError:
            pass
        support.wait_for(lambda: support.process_state(keys["child"]["pid"]) in (None, "Z"),
                         "the end of the command")

    def test_one_attempt_says_who_can(self):
        self.leave_dead_lock()
        with self.unchanged():
            result = self.ufl("-n", self.lock, "echo", "ran", **self.user)
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""), result.stderr)
            self.assert_one_line(result.stderr, "not acquired", "owner, or root")

    @contextlib.contextmanager
    def unchanged(self):
        """The lock is as it was afterwards, and nothing lies beside it."""
        before = self.content()
        yield
        self.assertEqual(self.content(), before)
        self.assertEqual([n for n in os.listdir(self.dir) if n.startswith(".ufl-")], [])

    def content(self):
        with open(self.lock, "rb") as file:
            return file.read()

    def test_whoever_waits_gets_it_when_its_owner_has_freed_it(self):
        for kind in self.locks():
            with self.subTest(kind):
                waiter = self.start("-w", "60", self.lock, "echo", "ran", **self.user)
                line = waiter.stderr.readline()  # not before it has tried
                self.assert_one_line(line, "could be taken over", "owner, or root", "waiting")
                owner = self.ufl("-w", "60", self.lock, "true")
                self.assertEqual(owner.returncode, 0, owner.stderr)
                self.assertEqual(self.wait(waiter), 0)
                self.assertEqual(waiter.stdout.read(), "ran\n")
                self.assertEqual(waiter.stderr.read(), "", "said more than once")

    def test_timeout(self):
        self.leave_dead_lock()
        with self.unchanged():
            result = self.ufl("-q", "-w", "1", self.lock, "echo", "ran", **self.user)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (BUSY, "", ""))
            result = self.ufl("--acquire", "-w", "1", self.lock, **self.user)
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
            self.assertIn("owner, or root", result.stderr)

    def test_its_owner_and_the_owner_of_the_directory_may(self):
        nobody = self.user["user"]
        for path in (self.lock, self.dir):
            with self.subTest(path):
                self.leave_dead_lock()
                os.chown(path, nobody, -1)
                result = self.ufl("-n", self.lock, "echo", "ran", **self.user)
                self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
                os.chown(self.dir, 0, -1)

    def test_status_does_not_tell_to_take_it(self):
        for kind in self.locks():
            with self.subTest(kind):
                mine = self.ufl("--status", "--json", self.lock)
                self.assertNotIn("owner, or root", mine.stdout)
                result = self.ufl("--status", "--json", self.lock, **self.user)
                self.assertEqual(result.returncode, BUSY)
                told = json.loads(result.stdout)
                self.assertRegex(told["next"], r"\Aits owner, or root, can: ")
                if kind == "dead":
                    self.assertEqual(told["check"], "dead")
                    self.assertNotIn("free", told["check_text"])
                text = self.ufl("--status", self.lock, **self.user).stdout
                self.assertNotIn("free", text)

    def test_break_is_a_failure(self):
        self.write("lock", record(token=OTHER))
        with self.unchanged():
            result = self.ufl("--break", self.lock, **self.user)
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
            self.assert_one_line(result.stderr, "cannot replace it", "owner, or root")


class PinTest(RecoveryTestCase):
    """Whoever may read a lock file can hold flock(2) on it."""

    def setUp(self):
        super().setUp()
        self.pin = None

    def pinned(self):
        """A dead lock, and a process that holds LOCK_SH on it: its number."""
        StickyTest.kill_with_command(self, self.hold())
        script = ("import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_SH); "
                  "print('pinned', flush=True); sys.stdin.read()")
        self.pin = self.start("-I", "-S", "-c", script, self.lock, program=[sys.executable],
                              stdin=-1)
        self.assertEqual(self.pin.stdout.readline(), "pinned\n")
        return str(self.pin.pid)

    def test_it_is_named(self):
        pid = self.pinned()
        result = self.ufl("-n", self.lock, "echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
        self.assert_one_line(result.stderr, f"process {pid} (", "python", "flock(2)", f"ps -fp {pid}")
        result = self.ufl("--break", self.lock)
        self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
        self.assert_one_line(result.stderr, f"process {pid} (", f"ps -fp {pid}")

    def test_status(self):
        pid = self.pinned()
        result = self.ufl("--status", self.lock)
        self.assertNotIn("free", result.stdout)
        self.assertNotIn("take it", result.stdout)
        self.assertIn(f"process {pid} (", result.stdout)
        told = json.loads(self.ufl("--status", "--json", self.lock).stdout)
        self.assertEqual(told["check"], "dead")
        self.assertIn(f"process {pid} (", told["check_text"])
        self.assertIn(f"ps -fp {pid}", told["next"])
        self.pin.stdin.close()
        self.wait(self.pin)
        self.assertIn("free", self.ufl("--status", self.lock).stdout)
        self.assertEqual(self.ufl("-n", self.lock, "echo", "ran").stdout, "ran\n")

    def test_it_needs_to_read_it(self):
        """As CAVEATS says."""
        if os.geteuid() != 0:
            self.skipTest("needs root, to be two users")
        user = self.as_ordinary_user()
        holder = self.hold(umask=0o077)
        user.pop("executable", None)
        result = self.ufl("-s", self.lock, "true", program=["flock"], **user)
        self.assertEqual((result.returncode, result.stdout), (66, ""))
        self.assertIn("Permission denied", result.stderr)
        self.let_go(holder)

    def test_of_an_empty_file(self):
        self.write("lock", b"")
        with open(self.lock, encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            told = json.loads(self.ufl("--status", "--json", self.lock).stdout)
            self.assertIn(f"ps -fp {os.getpid()}", told["next"])


if __name__ == "__main__":
    unittest.main()
