#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl and another implementation of the UUID lock protocol, on one lock.

The other one, tools/five_steps.py, does what the protocol asks for and no more: its look and its
write are two system calls, and its write overwrites. Between such a contender and ufl nothing but
the verification delay keeps the peace. The delay suffices while it is longer than the gap between
anybody's look and the landing of its write; and does not, when it is shorter: shown here, too.
"""

import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple
import unittest

from interop import InteropTestCase, contents_of, read_gaps
from support import PATIENCE, UFL, limit_time, tool, wait_for
from test_contention import CONTENDER, CRITICAL_SECTION, overlaps, read_intervals

HOLD = ["sh", "-c", "echo ready; read line; true"]  # a command that ends with 0 when told to
LOST = 76
KINDS = UFL_KIND, FIVE_STEPS = "ufl", "five steps"

PER_KIND = 4  # contenders
ROUNDS = 25  # acquisitions of each
RUNS = 3  # attempts at a run that keeps the assumption
DELAY = 0.3  # seconds
RETRY = 0.1  # of a five-step contender
# Who looks first gets the lock most of the time: a ufl by creating at once, so that all others see
# it; a five-step contender by overwriting, a little later, whatever others have made meanwhile. A
# ufl that waits is woken by a release, and nearly always the first: so each pauses after a round
# for as long as leaves the others about half of the time.
PAUSE = 1.5
ROUND = f'"$@"; status=$?; sleep {PAUSE}; exit $status'
# Up to so much longer is a five-step contender's gap made at random. Claims collide then in half of
# the acquisitions; with the natural gap of some 0.1 ms, hardly once in a run.
STRETCH = 0.05
# Exclusion holds if D > 2V + B + W. On a local disk V = W = 0: what is left is that B, the time
# from a contender's look to the landing of its write, stays below D.
#   Five-step contenders measure theirs, from just before the look to just after close: never less
#   than it was. A third of D is kept free for what nobody measures:
#   ufl's, where a file cannot be written before it has its name (no O_TMPFILE). From its look to its
#   create its gap never matters: the create is exclusive, so however late it comes, it destroys
#   nothing, and the delay runs in full after it. From there to its close it does, then: a five-step
#   contender that looked before the create may have written in between. It is overwritten in its
#   turn, and must not have read its own token back by then.
LONGEST_GAP = DELAY * 2 / 3


class Run(NamedTuple):
    """What came of one fight."""

    intervals: list  # (begin, end, kind of contender): critical sections, in ns
    gaps: list
    unhappy: list  # (kind, status, output) of the contenders that did not end with 0 and silent

    def why_it_shows_nothing(self):
        """Why this run says nothing about the delay; None if it does."""
        longest = max(self.gaps, default=0)
        if longest >= LONGEST_GAP:
            return f"broke the assumption: a look-to-write gap of {longest:.2f} s"
        return None

    def overlaps(self):
        """The overlapping critical sections, told in words."""
        first = min(self.intervals, default=(0,))[0]
        return [" | ".join(f"{kind}: {(begin - first) / 1e9:.6f} s to {(end - first) / 1e9:.6f} s"
                           for begin, end, kind in pair)
                for pair in overlaps(self.intervals)]

    def changes(self):
        """How often the lock went from one kind of contender to the other."""
        kinds = [kind for _, _, kind in sorted(self.intervals)]
        return sum(1 for before, after in zip(kinds, kinds[1:]) if before != after)


class Fight(InteropTestCase):
    """Both kinds, several of each, on one lock."""

    def run_of(self, number):
        """One fight, in a directory of its own."""
        directory = self.path(f"run-{number}")
        lock, gaps = os.path.join(directory, "lock"), os.path.join(directory, "gaps")
        logs = {kind: os.path.join(directory, f"log of {kind}") for kind in KINDS}
        for path in (directory, *logs.values()):
            os.mkdir(path)
        words = {
            UFL_KIND: ["sh", "-c", CONTENDER, "contender", str(ROUNDS), "sh", "-c", ROUND, "round",
                       os.path.abspath(UFL), "-d", str(DELAY), lock,
                       sys.executable, "-S", "-E", "-c", CRITICAL_SECTION, logs[UFL_KIND]],
            FIVE_STEPS: tool("five_steps.py", "--delay", DELAY, "--retry", RETRY,
                             "--stretch", STRETCH, "--rounds", ROUNDS,
                             "--gaps", gaps, "--log", logs[FIVE_STEPS], lock)}
        # Sessions of their own: what is killed is killed with what it runs.
        contenders = [
            (kind, self.start(program=program, stderr=subprocess.STDOUT, start_new_session=True))
            for _ in range(PER_KIND) for kind, program in words.items()]
        try:
            self.wait_for_all(contenders, logs.values(), gaps, lock)
        finally:
            for _, contender in contenders:
                if contender.poll() is None:
                    os.killpg(contender.pid, signal.SIGKILL)
        endings = [(kind, self.wait(contender), contender.stdout.read())
                   for kind, contender in contenders]
        gaps = read_gaps(gaps)
        if max(gaps, default=0) >= LONGEST_GAP:
            return Run([], gaps, [])  # stopped half-way, and not to be judged
        intervals = [(*interval, kind) for kind in KINDS for interval in read_intervals(logs[kind])]
        unhappy = [ending for ending in endings if ending[1:] != (0, "")]
        self.lock = lock
        return Run(intervals, gaps, unhappy)

    def wait_for_all(self, contenders, logs, gaps, lock):
        """Wait until all have made their rounds, or the run shows that it is for nothing."""
        acquisitions, last_progress = 0, time.monotonic()
        while any(contender.poll() is None for _, contender in contenders):
            if max(read_gaps(gaps), default=0) >= LONGEST_GAP:
                return
            now = time.monotonic()
            counted = sum(len(os.listdir(log)) for log in logs)
            if counted > acquisitions:
                acquisitions, last_progress = counted, now
            if now - last_progress > PATIENCE:
                self.fail(f"nobody got the lock for {PATIENCE} s; it holds {contents_of(lock)!r}")
            time.sleep(0.1)

    def test_never_two_holders(self):
        reasons = []
        for number in range(1, RUNS + 1):
            run = self.run_of(number)
            reason = run.why_it_shows_nothing()
            if reason is None:
                self.assert_exclusive_and_fair(run)
                return
            reasons.append(f"run {number} {reason}")
            print(reasons[-1] + ("; repeated" if number < RUNS else ""), file=sys.stderr)
        self.skipTest("this machine is too busy, nothing was shown: " + "; ".join(reasons))

    def assert_exclusive_and_fair(self, run):
        gaps = f"the longest gaps between look and write: {sorted(run.gaps)[-5:]} s"
        found = run.overlaps()
        if found:
            self.fail("\n".join([f"{len(found)} overlaps of holders", *found, gaps]))
        # A lock that was lost is two holders, too, though their sections may just have missed.
        if run.unhappy:
            words = [f"{kind} ended with {status}:\n{said}" for kind, status, said in run.unhappy]
            self.fail("\n".join([*words, gaps]))
        for kind in KINDS:
            sections = [section for section in run.intervals if section[2] == kind]
            self.assertEqual(len(sections), PER_KIND * ROUNDS, f"{kind}: a run is missing")
        # 1 if one kind goes first and then the other; some 100 if it is left to chance.
        self.assertGreaterEqual(run.changes(), 10, "one kind kept the other out")
        # Claims of five-step contenders were lost: it was the delay that kept the peace.
        self.assertGreater(len(run.gaps), PER_KIND * ROUNDS, "no claims collided")
        self.assert_no_lock()


class Gap(InteropTestCase):
    """A gap between look and write, longer and shorter than the delay, moment by moment."""

    def setUp(self):
        super().setUp()
        limit_time(self)
        self.gaps = self.path("gaps")
        self.log = self.path("log")
        os.mkdir(self.log)

    def stopped_after_its_look(self, *options):
        """A five-step contender that has seen no lock, and stops once more when it is in."""
        contender = self.five_steps("--stop-at", "absent", "--stop-at", "entered", "--gaps",
                                    self.gaps, "--log", self.log, *options)
        self.assert_event(contender, "absent")
        return contender

    def test_longer_than_the_delay_of_five_steps(self):
        """The checker has teeth: two that looked before either wrote, and the later one is late."""
        delay = 0.05
        early = self.stopped_after_its_look("--delay", delay)
        late = self.stopped_after_its_look("--delay", delay)
        self.go_on(early)
        self.assert_event(early, "entered")
        self.go_on(late)
        self.assert_event(late, "entered")
        self.assertEqual((self.let_go(late), self.let_go(early)), (0, 1))
        self.assertIn("was gone before its release", early.stderr.read())

        self.assertEqual(len(overlaps(read_intervals(self.log))), 1)
        # And the recorded gap accounts for it.
        self.assertGreater(max(read_gaps(self.gaps)), delay)

    def test_longer_than_the_delay_of_ufl(self):
        """Then ufl is not alone, and says so at the end; what is there by then it leaves alone."""
        late = self.stopped_after_its_look("--delay", 0)
        early = self.hold("-d", "0.05", command=HOLD)
        self.go_on(late)
        self.assert_event(late, "entered")
        token = self.read_lock()
        self.assertIsNone(early.poll(), "its command is running, too")

        self.assertEqual(self.let_go(early), LOST)
        self.assert_one_line(early.stderr.read(), self.lock, "lost", token)
        self.assertEqual(self.read_lock(), token)
        self.assertEqual(self.let_go(late), 0)
        self.assertGreater(max(read_gaps(self.gaps)), 0.05)
        self.assert_no_lock()

    def test_shorter_than_the_delay_of_ufl(self):
        """Then ufl reads back another's token, gives way, and comes in when that one is out."""
        delay = 2
        rival = self.stopped_after_its_look("--delay", 0.05)
        waiter = self.start("-v", "-d", str(delay), self.lock, *HOLD, stdin=subprocess.PIPE)
        # Created and written: no token of a five-step contender is as long as a record.
        wait_for(lambda: len(contents_of(self.lock)) > 50, "ufl's claim")
        self.go_on(rival)
        self.assert_event(rival, "entered")
        gap = max(read_gaps(self.gaps))
        if gap >= delay:
            self.skipTest(f"this machine is too busy: a look-to-write gap of {gap:.2f} s")

        token = self.read_lock()
        self.assert_one_line(
            waiter.stderr.readline(), self.lock, "waiting", "unknown holder", token)
        self.assertEqual(self.read_lock(), token)
        self.assertEqual(self.let_go(rival), 0)  # its own to the end
        self.assertEqual(waiter.stdout.readline(), "ready\n")
        self.assertEqual(self.let_go(waiter), 0)
        self.assert_no_lock()


class UflHolder(InteropTestCase):
    """A lock that ufl holds, and another implementation wants."""

    def setUp(self):
        super().setUp()
        limit_time(self)

    def test_it_is_waited_for_and_left_alone(self):
        for options in ([], ["-p", "ci-"], ["--no-command"]):
            holder = self.hold("-d", "0", *options, command=HOLD)
            before = self.state()
            waiter = self.five_steps("--tell", "--delay", 0.05, "--retry", 0.02)
            for _ in range(3):
                self.assert_event(waiter, "held")
            self.assertEqual(self.state(), before)

            self.assertEqual(self.let_go(holder), 0)  # and not 76: its own to the end
            self.assertEqual((self.wait(waiter), waiter.stderr.read()), (0, ""))
            events = [event for event in waiter.stdout.read().split() if event != "held"]
            self.assertEqual(events, ["absent", "written", "entered", "released"])
            self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
