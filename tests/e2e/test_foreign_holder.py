#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lock that another implementation of the protocol holds, and ufl's delay beside it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from interop import InteropTestCase
from support import DirectoryWatch, limit_time, wait_for

HOLD = ["sh", "-c", "echo ready; read line; true"]  # a command that ends with 0 when told to
BUSY = 75


class ForeignHolder(InteropTestCase):
    """A lock that somebody else's implementation holds."""

    CONTENTS = (
        ("uuid", b"7d0c5c5e-2f0b-4c9e-9a51-d5b8f0c7e6a3"),
        ("prefix and uuid", b"build-7d0c5c5e-2f0b-4c9e-9a51-d5b8f0c7e6a3"),
        ("newline at the end", b"7d0c5c5e-2f0b-4c9e-9a51-d5b8f0c7e6a3\n"),
        ("CRLF at the end", b"build-7d0c5c5e-2f0b-4c9e-9a51-d5b8f0c7e6a3\r\n"),
    )

    def setUp(self):
        super().setUp()
        limit_time(self)

    def foreign_lock(self, content):
        """A lock file unlike any that ufl would make: in its mode, and long ago."""
        self.write("lock", content, 0o640)
        os.utime(self.lock, (1_000_000_000, 1_000_000_000))

    def give_up(self, *options):
        result = self.ufl(*options, self.lock, "touch", self.path("ran"))
        self.assert_one_line(result.stderr, self.lock, "not acquired", "unknown holder")
        return result.returncode

    def be_terminated(self):
        waiter = self.start("-v", self.lock, "touch", self.path("ran"))
        self.assertIn("waiting", waiter.stderr.readline())
        waiter.send_signal(signal.SIGTERM)
        return self.wait(waiter)

    def test_its_file_is_left_alone(self):
        attempts = (
            ("-n", lambda: self.give_up("-n"), BUSY),
            ("-w 0.3", lambda: self.give_up("-w", "0.3"), BUSY),
            ("SIGTERM while it waits", self.be_terminated, -signal.SIGTERM),
        )
        for name, content in self.CONTENTS:
            self.foreign_lock(content)
            before = self.state()
            with DirectoryWatch(self.dir) as watch:
                for attempt, make, status in attempts:
                    self.assertEqual(make(), status, (name, attempt))
                    self.assertEqual(self.state(), before, (name, attempt))
                self.assertEqual(watch.appeared(), [])  # "ran", too, would be among them

    def test_it_is_waited_for(self):
        for prefix in ("five-", ""):
            holder, token = self.hold_by_five_steps("--prefix", prefix)
            waiter = self.start("-v", self.lock, "touch", self.path("ran"))
            self.assert_one_line(
                waiter.stderr.readline(), self.lock, "waiting", "unknown holder", token)
            self.assertFalse(os.path.exists(self.path("ran")))
            self.assertEqual(self.read_lock(), token)

            self.assertEqual(self.let_go(holder), 0)  # its own to the end
            self.assertEqual(self.wait(waiter), 0)
            os.unlink(self.path("ran"))
            self.assert_no_lock()

    def test_it_is_timed_out_on(self):
        holder, token = self.hold_by_five_steps()
        for options in (["-n"], ["-w", "0.3"]):
            result = self.ufl(*options, self.lock, "touch", self.path("ran"))
            self.assertEqual(result.returncode, BUSY, options)
            self.assert_one_line(
                result.stderr, self.lock, "not acquired", "unknown holder", token)
            self.assertFalse(os.path.exists(self.path("ran")), options)
        self.assertEqual(self.let_go(holder), 0)  # it was its own to the end
        self.assert_no_lock()


class AutomaticDelay(InteropTestCase):
    """`auto` is 0 on a local file system, unless somebody is about who does not create exclusively.

    In /dev/shm, which is local wherever the tests' own directory may lie.
    """

    FOREIGN_DELAY = 1.0  # seconds

    def setUp(self):
        super().setUp()
        limit_time(self)
        if not os.access("/dev/shm", os.W_OK) or not os.path.ismount("/dev/shm"):
            self.skipTest("/dev/shm is no file system of its own that can be written to")
        shm = tempfile.mkdtemp(prefix="ufl-test-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, shm)
        self.lock = os.path.join(shm, "lock")

    def recorded_delay(self):
        return json.loads(self.read_lock().splitlines()[1])["delay"]

    def start_waiter(self):
        """A ufl that has seen the lock held, and will say "ready" when it holds it itself."""
        waiter = self.start("-v", self.lock, *HOLD, stdin=subprocess.PIPE)
        self.assertIn("waiting", waiter.stderr.readline())
        return waiter

    def assert_a_second_of_delay(self, remove):
        """After remove() has removed the foreign lock, ufl's own stands for a second at least
        before its command starts."""
        waiter = self.start_waiter()
        with DirectoryWatch(os.path.dirname(self.lock)) as watch:
            looks = [time.monotonic()]
            remove()

            def appeared():
                looks.append(time.monotonic())
                return watch.appeared()

            self.assertEqual(wait_for(appeared, "ufl's claim"), ["lock"])
            not_before = looks[-2]  # when it was not there yet: what is measured is never too short
            self.assertEqual(waiter.stdout.readline(), "ready\n")
            self.assertGreaterEqual(time.monotonic() - not_before, self.FOREIGN_DELAY)
            self.assertEqual(watch.appeared(), [], "more than one claim")
        self.assertGreaterEqual(self.recorded_delay(), self.FOREIGN_DELAY)
        self.assertEqual(self.let_go(waiter), 0)
        self.assert_no_lock()

    def test_after_a_foreign_lock_file(self):
        for _, content in ForeignHolder.CONTENTS:
            with open(self.lock, "wb") as file:
                file.write(content)
            self.assert_a_second_of_delay(lambda: os.unlink(self.lock))

    def test_after_a_five_step_holder(self):
        holder, _ = self.hold_by_five_steps()
        self.assert_a_second_of_delay(lambda: self.assertEqual(self.let_go(holder), 0))

    def test_none_on_a_free_lock(self):
        times = []
        for _ in range(5):  # the best of them: a busy machine may be slow, but not each time
            started = time.monotonic()
            holder = self.hold(command=HOLD)
            times.append(time.monotonic() - started)
            self.assertEqual(self.recorded_delay(), 0)
            self.assertEqual(self.let_go(holder), 0)
        self.assertLess(min(times), self.FOREIGN_DELAY)

    def test_none_after_another_ufl(self):
        times = []
        for _ in range(5):
            holder = self.hold(command=HOLD)
            waiter = self.start_waiter()
            released = time.monotonic()
            self.assertEqual(self.let_go(holder), 0)
            self.assertEqual(waiter.stdout.readline(), "ready\n")
            times.append(time.monotonic() - released)
            self.assertEqual(self.recorded_delay(), 0)
            self.assertEqual(self.let_go(waiter), 0)
        self.assertLess(min(times), self.FOREIGN_DELAY)


if __name__ == "__main__":
    unittest.main()
