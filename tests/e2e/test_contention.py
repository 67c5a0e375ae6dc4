#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many processes, one lock: never two holders at once.

Each command writes when it began and ended (CLOCK_MONOTONIC) into a file of its own; two of these
intervals that overlap are two holders. The checker is itself shown to catch a wrapper that locks
nothing.
"""

import os
import subprocess
import sys
import unittest

import support
from support import PATIENCE, UFL, clean_environment

# The command that runs under the lock: an interval of a few milliseconds, on disk.
CRITICAL_SECTION = """
import os, sys, time
begin = time.monotonic_ns()
time.sleep(0.003)
end = time.monotonic_ns()
with open(os.path.join(sys.argv[1], f"{os.getpid()}-{begin}"), "w") as file:
    file.write(f"{begin} {end}")
"""

# One contender: so many acquisitions, one after the other; ends with the number of failures.
CONTENDER = 'n=$1; shift; bad=0; while [ $n -gt 0 ]; do "$@" || bad=1; n=$((n-1)); done; exit $bad'


def overlaps(intervals):
    """The pairs of intervals (begin, end) in which one begins before an earlier one has ended."""
    found = []
    latest = None
    for interval in sorted(intervals):
        if latest is not None and interval[0] < latest[1]:
            found.append((latest, interval))
        if latest is None or interval[1] > latest[1]:
            latest = interval
    return found


def read_intervals(log):
    """The intervals that the commands wrote into the directory `log`."""
    intervals = []
    for name in os.listdir(log):
        with open(os.path.join(log, name), encoding="ascii") as file:
            intervals.append(tuple(map(int, file.read().split())))
    return intervals


class OverlapChecker(unittest.TestCase):
    """The checker's own arithmetic."""

    def test_finds_overlaps(self):
        self.assertEqual(overlaps([(0, 5), (5, 9), (10, 12)]), [])
        self.assertEqual(overlaps([(5, 9), (0, 6)]), [((0, 6), (5, 9))])
        self.assertEqual(len(overlaps([(0, 100), (1, 2), (3, 4)])), 2)


class Contention(support.UflTestCase):
    def fight(self, wrapper, processes, rounds):
        """Let `processes` contenders run the critical section `rounds` times each under `wrapper`;
        returns the intervals of all runs."""
        log = self.path("log")
        os.mkdir(log)
        contenders = [
            self.start(
                str(rounds), *wrapper, sys.executable, "-S", "-E", "-c", CRITICAL_SECTION, log,
                program=["sh", "-c", CONTENDER, "contender"], stderr=subprocess.STDOUT)
            for _ in range(processes)
        ]
        for contender in contenders:
            output, _ = contender.communicate(timeout=PATIENCE * 10)
            self.assertEqual((contender.returncode, output), (0, ""))
        intervals = read_intervals(log)
        self.assertEqual(len(intervals), processes * rounds, "a run is missing")
        return intervals

    def assert_exclusive(self, *options, processes=30, rounds=10):
        wrapper = [os.path.abspath(UFL), *options, self.lock]
        found = overlaps(self.fight(wrapper, processes, rounds))
        self.assertEqual(found, [], f"{len(found)} overlaps of holders")
        self.assert_no_lock()

    def test_automatic_delay_on_the_local_disk(self):
        self.assert_exclusive("-d", "auto")

    def test_delay_of_two_tenths(self):
        self.assert_exclusive("-d", "0.2")

    def test_busy_contenders_that_do_not_wait(self):
        """-n never waits and never gets in twice: 75 or a run of one's own."""
        log = self.path("log")
        os.mkdir(log)
        words = [os.path.abspath(UFL), "-q", "-n", self.lock, sys.executable, "-S", "-E", "-c",
                 CRITICAL_SECTION, log]
        contenders = [self.start(*words[1:], env=clean_environment()) for _ in range(30)]
        statuses = [self.wait(contender) for contender in contenders]
        intervals = read_intervals(log)
        self.assertEqual(sorted(set(statuses) - {0, 75}), [])
        self.assertEqual(statuses.count(0), len(intervals))
        self.assertGreaterEqual(len(intervals), 1)
        self.assertEqual(overlaps(intervals), [])
        self.assert_no_lock()

    def test_the_checker_catches_a_wrapper_that_locks_nothing(self):
        intervals = self.fight(["env"], processes=10, rounds=10)
        self.assertNotEqual(overlaps(intervals), [])


if __name__ == "__main__":
    unittest.main()
