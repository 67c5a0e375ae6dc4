#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An empty lock file: the leftover of flock(1), of a power cut, or of a kill, which nobody would
ever remove. On a local file system it is taken over when it has stood for long enough.

That is ten seconds and more, so all contenders of a test wait side by side.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from faults import CAN_INJECT, CAN_MOUNT, FaultTestCase  # noqa: E402
from leases import BUSY, OTHER, TAKEOVER, LeaseTestCase, Opened, pause  # noqa: E402

PATIENCE = 10  # of ufl, with an empty file
DELAYS = 10    # and so many delays
TOO_LONG = str(PATIENCE + 4)  # for a contender that must not get it


def setUpModule():  # pylint: disable=invalid-name
    support.default_signals()


class EmptyFileTestCase(LeaseTestCase):
    """Empty files."""

    def make(self, name):
        return self.write(name, "")

    def contend(self, name, wait, *options, **popen):
        return self.start("-r", "50ms", "-w", str(wait), *options, self.path(name), "echo", "ran",
                          **popen)

    def assert_taken_over(self, name, result, least):
        status, seconds, stdout, stderr = result
        self.assertEqual((status, stdout), (0, "ran\n"), stderr)
        self.assert_one_line(stderr, self.path(name), "taken over")
        self.assertGreaterEqual(seconds, least)
        self.assert_no_lock(self.path(name))

    def assert_kept(self, name, result, inode):
        status, _, stdout, stderr = result
        self.assertEqual((status, stdout), (BUSY, ""), stderr)
        self.assert_one_line(stderr, self.path(name), "not acquired")
        self.assertEqual(os.stat(self.path(name)).st_ino, inode)


class WaitingTest(EmptyFileTestCase):
    """Who waits for it."""

    def hold_by_flock(self, lock):
        """flock(1), which holds it until its stdin is closed."""
        if shutil.which("flock") is None:
            self.skipTest("flock(1) is missing")
        holder = self.start(program=["flock", lock, "sh", "-c", "echo ready; read line"],
                            stdin=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), "ready\n")
        return holder

    def late(self, changes, begin, seconds):
        """Do `changes` when `seconds` have passed."""
        pause(max(0.0, begin + seconds - time.monotonic()))
        for change in changes:
            change()

    def replace(self, name):
        """Another empty file, and not of the same inode."""
        os.rename(self.make(name + ".new"), self.path(name))

    def fill(self, name):
        """Its writer was only slow."""
        self.put_in_place(OTHER + "\n", self.path(name))

    def fill_and_empty(self, name):
        with Opened(self.path(name)) as watch:
            self.fill(name)
            watch.wait()  # it has been seen
        self.put_in_place("", self.path(name))

    def test_after_ten_seconds(self):
        for name in ("made", "old", "delay", "short-delay", "lease", "acquire", "replaced",
                     "filled", "emptied", "flock"):
            self.make(name)
        os.utime(self.path("old"), (0, 0))
        begin = time.monotonic()
        contenders = {name: self.contend(name, 60) for name in
                      ("made", "old", "replaced", "emptied")}
        contenders["delay"] = self.contend("delay", 60, "-d", "1.5")
        contenders["short-delay"] = self.contend("short-delay", 60, "-d", "0.1", "--json"[:0] or "-x")
        contenders["lease"] = self.contend("lease", 60, "-l", "30")
        contenders["acquire"] = self.start("--acquire", "-w", "60", self.path("acquire"))
        contenders["filled"] = self.contend("filled", TOO_LONG)
        changes = threading.Thread(target=self.late, args=(
            [lambda: self.replace("replaced"), lambda: self.fill("filled"),
             lambda: self.fill_and_empty("emptied")], begin, PATIENCE / 2))
        changes.start()
        held = {}
        try:
            if shutil.which("flock"):
                holder = self.hold_by_flock(self.path("flock"))
                held["flock"] = self.contend("flock", TOO_LONG)
                held["flock, at once"] = self.start("-n", self.path("flock"), "true")
                inode = os.stat(self.path("flock")).st_ino
                left = self.write("left-by-flock", "")
                os.unlink(left)
                subprocess.run(["flock", left, "true"], check=True)
                contenders["left-by-flock"] = self.contend("left-by-flock", 60)
            results = self.ends({**contenders, **held}, begin)
        finally:
            changes.join()
        least = {"delay": DELAYS * 1.5 + 1.5, "replaced": PATIENCE * 1.5 + TAKEOVER,
                 "emptied": PATIENCE * 1.5 + TAKEOVER}
        for name in contenders:
            with self.subTest(lock=name):
                if name == "filled":
                    self.assertEqual(results[name][0], BUSY)
                    self.assertEqual(self.read_lock(self.path(name)), OTHER + "\n")
                elif name == "acquire":
                    status, seconds, token, _ = results[name]
                    self.assertEqual(status, 0)
                    self.assertGreaterEqual(seconds, PATIENCE + TAKEOVER)
                    self.assertEqual(self.read_lock(self.path(name)).split("\n")[0],
                                     token.strip())
                else:
                    self.assert_taken_over(name, results[name],
                                           least.get(name, PATIENCE + TAKEOVER))
        for name in held:
            with self.subTest(held=name):
                self.assert_kept("flock", results[name], inode)
                self.assertEqual(os.stat(self.path("flock")).st_size, 0)
        if held:
            # Nobody wrote anything: a flock(1) that goes on later still excludes others.
            self.assertEqual(os.listdir(self.dir).count("flock"), 1)
            holder.stdin.close()
            self.wait(holder)


class RememberedTest(EmptyFileTestCase):
    """Runs that do not wait recover it together, each for its own user."""

    def test_runs_at_intervals(self):
        for name in ("once", "again", "another"):
            self.make(name)

        def attempt(name):
            return self.ufl("-n", self.path(name), "echo", "ran")

        begin = time.monotonic()
        for name in ("once", "again", "another"):
            self.assertEqual(attempt(name).returncode, BUSY)
        pause(PATIENCE / 2)
        self.put_aside = os.rename(self.make("another.new"), self.path("another"))
        for name in ("again", "another"):
            result = attempt(name)
            if time.monotonic() - begin < PATIENCE:
                self.assertEqual(result.returncode, BUSY)
        second = time.monotonic()
        pause(max(0.0, begin + PATIENCE + 1 - time.monotonic()))
        for name in ("once", "again"):
            with self.subTest(lock=name):
                result = attempt(name)
                self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
                self.assert_one_line(result.stderr, self.path(name), "taken over")
                self.assert_no_lock(self.path(name))
        result = attempt("another")  # which has another inode
        if time.monotonic() - second < PATIENCE:
            self.assertEqual(result.returncode, BUSY)


@unittest.skipUnless(CAN_INJECT and CAN_MOUNT, "cannot pretend that the disk is a share")
class ShareTest(FaultTestCase, EmptyFileTestCase):
    """A server that has crashed may have emptied the file of a holder that lives."""

    def test_stays_held(self):
        inode = os.stat(self.make("lock")).st_ino
        begin = time.monotonic()
        runs = {kind: self.start(program=self.traced([], "-r", "50ms", "-w", TOO_LONG, "lock",
                                                     "echo", "ran", kind=kind))
                for kind in ("nfs4", "cifs", "fuse.sshfs")}
        for kind, result in self.ends(runs, begin).items():
            with self.subTest(kind=kind):
                self.assert_kept("lock", result, inode)
        result = self.inject([], "--status", "--json", "lock", kind="nfs4")
        self.assertIn("state", json.loads(result.stdout))


if __name__ == "__main__":
    unittest.main()
