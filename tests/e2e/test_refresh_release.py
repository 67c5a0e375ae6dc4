#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lock that was acquired with a lease: its release, in time and too late."""

import os
import unittest

import support
from containers import share, works
from faults import FaultTestCase
from leases import FAILED, LEASE, LOST, OTHER, pause, record
from test_refresh import RefreshTestCase

UFL = os.path.abspath(support.UFL)
# One that does not run out while a slow machine takes its time.
LONG = "60"


class ReleaseTest(RefreshTestCase):
    """On a share, the lease may be over and somebody about to take it: a beat and a look tell."""

    PLACE = tuple(share("nfs4"))

    def setUp(self):
        super().setUp()
        if not works(self.PLACE):
            self.skipTest("needs root, and mounts of its own")
        self.program = [*self.PLACE, UFL]

    def release(self, token, *words):
        """With -v it tells when it has to wait."""
        return self.start("--release", "-v", *words, "--token", token, self.lock,
                          program=self.program)

    def assert_released(self, process, is_doubted):
        self.assertEqual(self.wait(process), 0)
        stderr = process.stderr.read()
        if is_doubted:
            self.assert_one_line(stderr, self.lock, "waiting for")
        else:
            self.assertEqual(stderr, "")
        self.assert_no_lock()

    def test_in_time(self):
        for words in (("-l", LONG), ()):  # nobody takes over what has no lease
            token = self.ufl("--acquire", *words, self.lock, program=self.program).stdout.strip()
            self.addCleanup(self.forget, token)
            self.assert_released(self.release(token), False)

    def test_late(self):
        token = self.acquire(6, program=self.program)  # two thirds of it are to be longer than V
        pause(4.1)
        self.assert_released(self.release(token), True)

    def test_not_known_here(self):
        token = self.acquire(LONG, program=self.program)
        self.assertTrue(self.forget(token))
        self.assert_released(self.release(token), True)

    def test_without_a_beat(self):
        """Then nobody sees that it is not refreshed."""
        self.write("lock", record(detached=True, beat=None, lease=60))
        self.assert_released(self.release(OTHER), False)

    def test_taken_over_meanwhile(self):
        for take in (self.put_new, self.put_in_place):
            with self.subTest(way=take.__name__):
                token = self.acquire(LONG, program=self.program)
                self.forget(token)
                process = self.release(token, "-d", "4")
                self.assertIn("waiting for", process.stderr.readline())
                take(record())
                with self.untouched():
                    self.assertEqual(self.wait(process), LOST)
                self.assert_one_line(process.stderr.read(), self.lock, "not held")
                os.unlink(self.lock)

    def test_local(self):
        """There flock(2) parts a release and a takeover."""
        token = self.acquire(LONG)
        self.forget(token)
        self.program = [UFL]
        self.assert_released(self.release(token), False)


class LateReleaseTest(FaultTestCase, RefreshTestCase):
    """A release that is stopped until the lease is over."""

    def test_leaves_the_file(self):
        lease = 3 * LEASE  # a third of it is longer than the wait: one beat
        token = self.acquire(lease)
        # 1 has it a lease?  2 a look, and 3 a beat into it  4 a look after the wait  5 the removal's
        stopped = self.stopped("openat:when=5", "--release", "--token", token, "lock", kind="nfs4")
        pause(lease)
        with self.untouched():
            status, _, stderr = self.go_on(*stopped)
        self.assertEqual(status, FAILED)
        self.assert_one_line(stderr, self.lock, "not released")


if __name__ == "__main__":
    unittest.main()
