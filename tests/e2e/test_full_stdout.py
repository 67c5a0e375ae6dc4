#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stdout that takes nothing, because nobody reads: signals get through all the same."""

import contextlib
import os
import signal
import unittest

import support
from leases import LEASE, pause

FOREIGN = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class FullStdoutTest(support.UflTestCase):
    """stdout is a pipe that is full."""

    def setUp(self):
        super().setUp()
        support.limit_time(self)
        self.reader, self.writer = os.pipe()
        self.addCleanup(os.close, self.writer)
        self.addCleanup(os.close, self.reader)
        os.set_blocking(self.writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.writer, b".")
        os.set_blocking(self.writer, True)

    def start_printing(self, *words):
        """A ufl that waits until it can write."""
        process = self.start(*words, stdout=self.writer)

        def waits():
            """A signalfd of its own is what that wait is known by, proc_pid_fdinfo(5)."""
            self.assertIsNone(process.poll(), "it has ended")
            count = 0
            for name in os.listdir(f"/proc/{process.pid}/fdinfo"):
                with contextlib.suppress(FileNotFoundError), \
                        open(f"/proc/{process.pid}/fdinfo/{name}", encoding="ascii") as info:
                    count += "sigmask:" in info.read()
            return count == 2

        support.wait_for(waits, "ufl to wait for stdout")
        return process

    def written(self):
        """What is in the pipe, but for what was there before."""
        os.set_blocking(self.reader, False)
        content = b""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.reader, 1 << 20):
                content += part
        return content.lstrip(b".").decode()

    def assert_ends(self, process, number):
        process.send_signal(number)
        self.assertEqual((self.wait(process), process.stderr.read()), (-number, ""))

    def test_acquire(self):
        for number in ENDING:
            with self.subTest(signal=number):
                process = self.start_printing("--acquire", self.lock)
                self.assertRegex(self.read_lock(), support.UUID)
                self.assert_ends(process, number)
                self.assert_no_lock()
        self.assertEqual(self.written(), "")

    def test_acquire_goes_on_after_a_signal_that_does_not_end_it(self):
        process = self.start_printing("--acquire", self.lock)
        process.send_signal(signal.SIGWINCH)
        process.send_signal(signal.SIGCONT)
        token = self.read_lock().splitlines(keepends=True)[0]
        begun = self.written()
        self.assertEqual((self.wait(process), process.stderr.read()), (0, ""))
        self.assertEqual(begun + self.written(), token)

    def test_acquire_with_a_lease_that_is_over_by_then(self):
        """Somebody else has it, or may take it at any moment: it is none, and left alone."""
        locks = [self.path("left"), self.path("taken")]
        acquiring = [self.start_printing("--acquire", "--lease", str(LEASE), lock) for lock in locks]
        taker = self.hold("-w", "60", lock=locks[1])  # comes after the lease is over
        self.written()
        for lock, process in zip(locks, acquiring):
            with self.subTest(lock=lock), self.untouched(lock):
                self.assertEqual(self.wait(process), 125)
                self.assert_one_line(process.stderr.read(), lock, "do not rely on it")
        self.let_go(taker)
        self.assert_no_lock(locks[1])

    def test_acquire_with_a_lease_and_a_signal_when_it_is_over(self):
        process = self.start_printing("--acquire", "--lease", str(LEASE), self.lock)
        pause(LEASE)
        with self.untouched():
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.wait(process), -signal.SIGTERM)
        self.assert_one_line(process.stderr.read(), self.lock, "not released")

    def test_acquire_whose_reader_ends(self):
        process = self.start_printing("--acquire", self.lock)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, self.reader)
        os.close(null)
        self.assertEqual(self.wait(process), 125)
        self.assert_one_line(process.stderr.read(), self.lock, "the token")
        self.assert_no_lock()

    def test_status(self):
        locks = [self.write(f"lock-{number}", FOREIGN) for number in range(50)]
        for words in ([], ["--json"]):
            for number in ENDING:
                with self.subTest(words=words, signal=number):
                    self.assert_ends(self.start_printing("--status", *words, *locks), number)
        self.assertEqual(self.written(), "")

    def test_break(self):
        """The lock is gone by then, so there is nothing to take back."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.write("lock", FOREIGN)
                process = self.start_printing("--break", self.lock)
                self.assert_no_lock()
                process.send_signal(number)
                self.assertEqual(self.wait(process), -number)
                self.assert_one_line(process.stderr.read(), "lock: broken", FOREIGN)
        self.assertEqual(self.written(), "")

    def test_break_says_it_whatever_comes(self):
        """A signal is no reason not to write what can be written."""
        self.write("lock", FOREIGN)
        process = self.start_printing("--break", self.lock)
        process.send_signal(signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(process.pid) == "T", "ufl to stop")
        process.send_signal(signal.SIGINT)
        self.written()
        process.send_signal(signal.SIGCONT)
        self.assertEqual((self.wait(process), process.stderr.read()), (-signal.SIGINT, ""))
        self.assertIn(FOREIGN, self.written())

    def test_pipe_that_takes_a_little(self):
        """All of it is written, as there is room."""
        locks = [self.write(f"lock-{number}", FOREIGN) for number in range(2000)]
        process = self.start_printing("--status", "--json", *locks)
        lines = b""
        while lines.count(b"\n") < len(locks):
            lines += os.read(self.reader, 10000)
        self.assertEqual((self.wait(process), process.stderr.read()), (75, ""))
        self.assertEqual(lines.lstrip(b".").count(b"\n"), len(locks))

    def test_help_and_version(self):
        for words in ("--help", "--version"):
            with self.subTest(words=words):
                process = self.start(words, stdout=self.writer)
                support.wait_for(lambda: support.process_state(process.pid) == "S",  # pylint: disable=W0640
                                 "ufl to wait")
                process.send_signal(signal.SIGWINCH)
                self.assert_ends(process, signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
