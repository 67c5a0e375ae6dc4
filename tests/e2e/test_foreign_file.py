# SPDX-License-Identifier: MIT
"""Whatever else stands at the path of the lock file: it is held, and stays as it is."""

import json
import os
import unittest

from support import DirectoryWatch, wait_for
from test_lock_file import FOREIGN, LockFileTestCase, read_record

BUSY = 75


class NotOursTest(LockFileTestCase):
    """Whatever stands at the path and is a file means held, and stays as it is."""

    def setUp(self):
        super().setUp()
        self.user = {}

    def assert_held(self, *fragments):
        """Byte for byte, inode and times, the file is the same after ufl was there."""
        stat = os.stat(self.lock)
        content = self.content()
        with DirectoryWatch(self.dir) as watch:
            for words in (["-n"], ["-w", "0.1", "-r", "10ms"]):
                with self.subTest(words=words):
                    result = self.ufl(*words, self.lock, "touch", self.path("ran"), **self.user)
                    self.assertEqual((result.returncode, result.stdout), (BUSY, ""), result.stderr)
                    self.assert_one_line(result.stderr, self.lock, "held", *fragments)
                    self.assertTrue(result.stderr[:-1].isprintable(), repr(result.stderr))
            self.assertEqual(watch.appeared(), [])
        now = os.stat(self.lock)
        self.assertEqual(self.content(), content)
        self.assertEqual((now.st_ino, now.st_mtime_ns, now.st_mode, now.st_ctime_ns),
                         (stat.st_ino, stat.st_mtime_ns, stat.st_mode, stat.st_ctime_ns))

    def content(self):
        with open(self.lock, "rb") as file:
            return file.read()

    def assert_waited_for(self):
        """Once somebody removes the file the waiting ufl goes on."""
        waiter = self.start("-v", "-d", "0", "-r", "10ms", self.lock, "echo", "got it", **self.user)
        line = waiter.stderr.readline()
        self.assertIn("waiting", line)
        self.assertTrue(line[:-1].isprintable(), repr(line))
        os.unlink(self.lock)
        self.assertEqual((self.wait(waiter), waiter.stdout.read()), (0, "got it\n"))
        self.assert_no_lock()

    def test_foreign_content(self):
        for name, content in FOREIGN:
            with self.subTest(name):
                self.write("lock", content)
                self.assert_held()
                self.assert_waited_for()

    def test_token_of_a_stranger_is_named(self):
        self.write("lock", b"ci-0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f")
        self.assert_held("ci-0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f")

    def test_empty_file(self):
        self.write("lock", b"")
        self.assert_held("0 bytes")
        self.assert_waited_for()

    def test_unreadable_file(self):
        self.user = self.as_ordinary_user()
        os.chmod(self.dir, 0o777)
        self.write("lock", b"0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f", 0o600)
        if not self.user:
            os.chmod(self.lock, 0)
            self.content = lambda: b""
        self.assert_held("cannot be read", "Permission denied")
        self.assert_waited_for()

    def test_record_of_a_holder_that_is_gone_is_held(self):
        """Nothing proves that it is gone: no lifeline, no lease."""
        token, holder = read_record(self.ufl(self.lock, "cat", self.lock).stdout)
        holder.pop("lifeline", None)
        self.write("lock", f"{token}\n{json.dumps(holder)}\n")
        self.assert_held(f"pid {holder['pid']}")

    def test_claim_that_is_overwritten_during_the_delay_is_lost(self):
        """Verification sees another's token: no entry, and nothing of the other's is touched."""
        content = FOREIGN[0][1]
        claimer = self.start("-n", "-d", "3", self.lock, "touch", self.path("ran"))
        wait_for(lambda: os.path.exists(self.lock) and os.path.getsize(self.lock) > 36,
                 "the claim is written")
        self.write("lock", content)
        self.assertEqual(self.wait(claimer), BUSY)
        self.assert_one_line(claimer.stderr.read(), "held")
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertEqual(self.content(), content)

    def test_claim_that_is_removed_during_the_delay_is_made_anew(self):
        claimer = self.start("-d", "3", "-r", "10ms", self.lock, "cat", self.lock)
        wait_for(lambda: os.path.exists(self.lock) and os.path.getsize(self.lock) > 36,
                 "the claim is written")
        first = self.read_lock()
        os.unlink(self.lock)
        self.assertEqual(self.wait(claimer), 0)
        token, _ = read_record(claimer.stdout.read())
        self.assertNotEqual(token, read_record(first)[0])
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
