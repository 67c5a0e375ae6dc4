#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many take over one lock whose holder is dead, while others break and release it.

One at a time has the lock, nobody loses one that he has, and everybody who waits gets it.
"""

import json
import os
import signal
import sys
import time
import unittest

import faults
import support
from containers import share, works
from leases import LEASE, OTHER, pause, record
from recovery import BUSY, CRITICAL_SECTION, LOST, RecoveryTestCase
from support import PATIENCE, UFL

# How long a command stays inside: long enough for somebody else to be seen there.
STAY = 0.02


class OverlapChecker(RecoveryTestCase):
    """What the tests below rely on."""

    def test_finds_overlaps(self):
        words = [sys.executable, "-I", "-S", "-c", CRITICAL_SECTION, self.path("inside"),
                 self.path("log")]
        env = {**support.clean_environment(), "UFL_TOKEN": "a"}
        stays = self.start(*words[1:], "1000", program=words[:1], env=env)
        support.wait_for(self.entries, "the first")
        self.assertFalse(self.nobody_is_inside())
        env["UFL_TOKEN"] = "b"
        self.assertEqual(self.wait(self.start(*words[1:], "0", program=words[:1], env=env)), 0)
        self.assertEqual((self.overlaps(), self.entries()), (["b"], ["a", "b"]))
        stays.kill()
        self.wait(stays)
        self.assertTrue(self.nobody_is_inside())


class TakersTestCase(RecoveryTestCase):
    """Many who come at once."""

    def setUp(self):
        super().setUp()
        self.dead = None
        self.said = []

    def taker(self, *words):
        """The words of a ufl that takes it and runs the critical section."""
        return ["-q", *words, self.lock, sys.executable, "-I", "-S", "-c", CRITICAL_SECTION,
                self.path("inside"), self.path("log"), str(STAY)]

    def start_at_once(self, *commands, place=()):
        """Start ufl with each of these words, there, all in the same moment."""
        flag, raised = os.pipe()
        begin = [*place, "sh", "-c", 'read line; exec "$@" < /dev/null', "sh", os.path.abspath(UFL)]
        processes = [self.start(*words, program=begin, stdin=flag) for words in commands]
        os.close(flag)
        os.close(raised)
        return processes

    def statuses(self, processes):
        """How they end, and what they say on stdout."""
        ends = []
        for process in processes:
            stdout, stderr = process.communicate(timeout=2 * PATIENCE)
            self.assertIn(process.returncode, (0, BUSY, LOST, -signal.SIGKILL), stderr)
            ends.append(process.returncode)
            self.said.append(stdout)
        return ends

    def assert_exclusive(self, entries):
        self.assertEqual(self.overlaps(), [])
        log = self.entries()
        self.assertEqual((len(log), len(set(log))), (entries, entries))
        self.assertNotIn(self.dead, log)
        self.assert_no_lock()


class Takers(TakersTestCase):
    def setUp(self):
        super().setUp()
        self.dead = self.dead_lock()

    def test_takers(self):
        for count in (2, 10, 50):
            with self.subTest(count=count):
                takers = self.start_at_once(*[self.taker("-r", "20ms")] * count)
                self.assertEqual(self.statuses(takers), [0] * count)
                self.assert_exclusive(count)
                os.unlink(self.path("log"))
                self.dead = self.dead_lock()
        os.unlink(self.lock)

    def test_takers_that_do_not_wait(self):
        """One attempt each: exactly one of those who see the dead gets it, or somebody later."""
        statuses = self.statuses(self.start_at_once(*[self.taker("-n")] * 20))
        self.assertLessEqual(set(statuses), {0, BUSY})
        self.assertGreaterEqual(statuses.count(0), 1)
        self.assert_exclusive(statuses.count(0))

    def test_breakers_and_releasers_among_them(self):
        """Who names the dead one's token takes nobody else's lock away."""
        for count in (2, 10):
            with self.subTest(count=count):
                token = ["--token", self.dead, self.lock]
                each = [self.taker("-r", "20ms"), ["--break", *token], ["--release", *token]]
                statuses = self.statuses(self.start_at_once(*each * count))
                took, broken, released = (statuses[first::3] for first in range(3))
                self.assertEqual(took, [0] * count)
                self.assertLessEqual(set(broken), {0, BUSY, LOST})
                self.assertLessEqual(set(released), {0, LOST})
                self.assertLessEqual(broken.count(0), 1)
                self.assert_exclusive(count)
                os.unlink(self.path("log"))
                self.dead = self.dead_lock()
        os.unlink(self.lock)

    def test_breakers_alone(self):
        """A break is a takeover: one of them gets it, the others find it free or another's."""
        statuses = self.statuses(self.start_at_once(
            *[["--break", self.lock], ["--break", "--token", self.dead, self.lock]] * 8))
        self.assertLessEqual(set(statuses), {0, BUSY, LOST})
        self.assertEqual([self.dead in text for text in self.said if text], [True])
        self.assert_no_lock()

    def test_many_dead_in_a_row(self):
        """Each taker is killed in its command, and the next one takes over from it."""
        victim = ["-q", "-r", "20ms", self.lock, "sh", "-c", "kill -9 $PPID; kill -9 $$"]
        statuses = self.statuses(self.start_at_once(
            *[victim] * 5, *[self.taker("-r", "20ms")] * 3))
        self.assertEqual(statuses, [-signal.SIGKILL] * 5 + [0] * 3)
        self.assertEqual(self.overlaps(), [])
        self.assertEqual(len(self.entries()), 3)
        if os.path.exists(self.lock):
            self.assert_taken_over()


class ExpiredLease(TakersTestCase):
    """Another host's lock, which nobody refreshes: all see that it has run out at the same time."""

    def take(self, place=()):
        self.dead = OTHER
        self.write("lock", record())
        begin = time.monotonic()
        takers = self.start_at_once(*[self.taker("-r", "20ms")] * 10, place=place)
        pause(LEASE * 0.8)  # they have seen it, and sleep until it is over
        self.signal_all(takers, signal.SIGSTOP)
        # Later than that somebody may be taking it; who stands still in between is late on a share.
        if time.monotonic() - begin < LEASE:
            pause(LEASE / 2)
        self.signal_all(takers, signal.SIGCONT)
        self.assertEqual(self.statuses(takers), [0] * 10)
        self.assert_exclusive(10)

    def signal_all(self, processes, number):
        for process in processes:
            process.send_signal(number)

    def test_local(self):
        self.take()

    def test_share(self):
        if not works(tuple(share("nfs4"))):
            self.skipTest("needs root, and mounts of its own")
        self.take(share("nfs4"))


class Paused(faults.FaultTestCase, RecoveryTestCase):
    """Whoever removes or replaces the dead one's file is paused; the others go on."""

    def removers(self):
        """ufl's words, which of its opens of the lock is the one to do it by, and its statuses when
        somebody else was faster."""
        yield ["-n", "lock", "true"], 3, {BUSY}
        yield ["--break", "lock"], 4, {BUSY}
        yield ["--break", "--token", self.dead_lock(), "lock"], 4, {BUSY, LOST}
        yield ["--release", "--token", self.dead_lock(), "lock"], 2, {LOST}

    def test_after_its_last_look(self):
        """What it has seen is not there any more when it goes on."""
        for words, number, too_late in self.removers():
            with self.subTest(words=words):
                if not os.path.exists(self.lock):
                    self.dead_lock()
                paused = self.stopped(f"openat:when={number}", *words)
                holder = self.hold("-q", "-w", "30")
                token, _ = self.record()
                status, _, stderr = self.go_on(*paused)
                self.assertIn(status, too_late, stderr)
                self.assertEqual(self.record()[0], token)
                self.let_go(holder)
                self.assertEqual(holder.stderr.read(), "")
                self.assert_no_lock()

    def test_in_the_middle(self):
        """Nobody else gets in before it is done."""
        for words, _, _ in self.removers():
            with self.subTest(words=words):
                if not os.path.exists(self.lock):
                    self.dead_lock()
                before = self.read_lock()
                paused = self.stopped("flock:when=1", *words)
                result = self.ufl("-w", "0.5", self.lock, "true")
                self.assertEqual(result.returncode, BUSY)
                self.assertEqual(self.read_lock(), before)
                status, _, stderr = self.go_on(*paused)
                self.assertEqual(status, 0, stderr)
                self.assert_no_lock()

    def test_it_comes_free_instead(self):
        """Then theirs are claims like all others, and wait no longer than those."""
        dead = self.dead_lock()
        for number in (2, 3):  # its second look, and the replacement
            with self.subTest(number=number):
                taker = self.stopped(f"openat:when={number}", "-n", "lock", "cat", "lock")
                result = self.ufl("--release", "--token", dead, self.lock)
                self.assertEqual(result.returncode, 0, result.stderr)
                status, stdout, stderr = self.go_on(*taker)
                self.assertEqual((status, stderr), (0, ""))
                self.assertEqual(json.loads(stdout.splitlines()[1])["delay"], 0)
                self.assert_no_lock()
                dead = self.dead_lock()
        os.unlink(self.lock)


if __name__ == "__main__":
    unittest.main()
