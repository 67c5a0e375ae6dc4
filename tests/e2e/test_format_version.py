#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lock file whose key "v" says that a newer ufl has written it: held, and never judged."""

import json
import os
import unittest

from leases import BUSY, FAILED, LEASE, LOST, OTHER, record
from recovery import RecoveryTestCase

# "v" of versions that are not known, and of other types than it has.
OTHERS = {"2": 2, "0": 0, "minus": -1, "huge": 10 ** 30, "real": 1.0, "text": "1", "bool": True,
          "list": [1], "object": {}}
NEWER = "newer ufl"


class FormatVersionTest(RecoveryTestCase):
    """No rule of this version is applied to what another one means."""

    def of_version(self, version, name="lock", **keys):
        """A lock file of that version; its path."""
        return self.write(name, record(v=version, **keys))

    def rewrite(self, version):
        """The lock says from now on that it is of that version."""
        token, holder = self.record()
        self.write("lock", token + "\n" + json.dumps({**holder, "v": version}) + "\n")

    def assert_unjudged(self, path):
        """Held, whatever else its file says."""
        with self.untouched(path):
            result = self.ufl("-n", path, "touch", self.path("ran"))
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
            self.assert_one_line(result.stderr, path, "held by", NEWER)
            status = self.ufl("--status", "--json", path)
            told = json.loads(status.stdout)
            self.assertEqual((status.returncode, told["state"], told["check"], told["token"]),
                             (BUSY, "unknown_holder", None, OTHER))
            self.assertIn(NEWER, told["check_text"])
            self.assertIn(f"--break --token {OTHER}", told["next"])
            for key in ("user", "host", "pid", "lease"):
                self.assertIsNone(told[key], key)
            text = self.ufl("--status", path)
            self.assertIn(NEWER, text.stdout)
            self.assertNotIn("alice", text.stdout)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_every_other_version(self):
        for name, version in OTHERS.items():
            with self.subTest(v=version):
                self.assert_unjudged(self.of_version(version, name))

    def test_whatever_the_other_keys_are(self):
        self.assert_unjudged(self.of_version(2, lease="1h", beat=7, pid="x"))

    def test_the_version_that_is_known(self):
        """And a file that tells none, as every key may be missing."""
        for version in (1, None):
            with self.subTest(v=version):
                self.assertEqual(self.check(self.of_version(version)), "other_host")

    def test_no_lease_of_it_runs_out(self):
        names = {name: self.of_version(version, name) for name, version in OTHERS.items()}
        wait = str(3 * LEASE)
        waiters = {name: self.start("-w", wait, path, "true") for name, path in names.items()}
        known = self.start("-w", "60", self.of_version(1, "known"), "echo", "mine")
        self.assertEqual((self.wait(known), known.stdout.read()), (0, "mine\n"))
        for name, waiter in waiters.items():
            with self.subTest(v=OTHERS[name]):
                self.assertEqual(self.wait(waiter), BUSY)
                self.assert_one_line(waiter.stderr.read(), NEWER)
                self.assertEqual(self.read_lock(names[name]), record(v=OTHERS[name]))

    def test_nobody_is_seen_to_live_or_to_be_dead(self):
        """Though the numbers in it are those of this host."""
        holder = self.hold()
        self.rewrite(2)
        self.assertEqual(self.check(), None)
        self.rewrite(1)
        self.assertEqual(self.check(), "alive")
        self.let_go(holder)
        self.assert_no_lock()
        self.dead_lock()
        self.rewrite(2)
        with self.untouched():
            self.assertEqual(self.ufl("-n", self.lock, "true").returncode, BUSY)
            self.assertEqual(self.check(), None)
        self.rewrite(1)
        self.assert_taken_over()

    def test_break_needs_its_token(self):
        path = self.of_version(2)
        with self.untouched():
            result = self.ufl("--break", path)
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
            self.assert_one_line(result.stderr, path, NEWER, f"--break --token {OTHER}")
            wrong = self.ufl("--break", "--token", OTHER[:-1] + "0", path)
            self.assertEqual(wrong.returncode, LOST)
        result = self.ufl("--break", "--token", OTHER, path)
        self.assertEqual(result.returncode, 0, result.stderr)
        for fragment in (path, "broken", NEWER, OTHER):
            self.assertIn(fragment, result.stdout)
        self.assert_no_lock()

    def test_its_token_checks_and_releases_it(self):
        path = self.of_version(2)
        with self.untouched():
            self.assertEqual(self.ufl("--check", "--token", OTHER, path).returncode, 0)
        self.assertEqual(self.ufl("--release", "--token", OTHER, path).returncode, 0)
        self.assert_no_lock()

    def test_it_is_not_refreshed(self):
        path = self.of_version(2, detached=True, pid=None)
        with self.untouched():
            result = self.ufl("--refresh", "--token", OTHER, path)
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
            self.assert_one_line(result.stderr, path, NEWER)

    def test_a_newer_holder_has_taken_it(self):
        """Then it is lost, as to any other."""
        holder = self.hold("--on-lost", "kill")
        self.of_version(2, "newer")
        os.rename(self.path("newer"), self.lock)
        self.assertEqual(self.wait(holder), LOST)
        self.assert_one_line(holder.stderr.read(), self.lock, "lost", NEWER)
        self.assertEqual(self.read_lock(), record(v=2))


if __name__ == "__main__":
    unittest.main()
