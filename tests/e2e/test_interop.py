#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl and another implementation of the UUID lock protocol, on one lock.

The other one, tools/five_steps.py, does what the protocol asks for and no more: its look and its
write are two system calls, and its write overwrites. Between such a contender and ufl nothing but
the verification delay keeps the peace. The delay suffices while it is longer than the gap between
anybody's look and the landing of its write; and does not, when it is shorter: shown here, too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import (  # noqa: E402
    PATIENCE, UFL, UUID, DirectoryWatch, UflTestCase, default_signals, limit_time, tool, wait_for)
from test_contention import (  # noqa: E402
    CONTENDER, CRITICAL_SECTION, overlaps, read_intervals)

HOLD = ["sh", "-c", "echo ready; read line; true"]  # a command that ends with 0 when told to
BUSY = 75
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


def read_gaps(path):
    """The look-to-write gaps that five-step contenders wrote to `path`, in seconds."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return [int(line) / 1e9 for line in file]


def contents_of(path):
    """The bytes of a file; none if there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


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


class InteropTestCase(UflTestCase):
    """A test with five-step contenders that stop where they are told to."""

    def five_steps(self, *options, lock=None, **popen):
        """Start a five-step contender."""
        return self.start(program=tool("five_steps.py", *options, lock or self.lock),
                          stdin=subprocess.PIPE, **popen)

    def assert_event(self, contender, event):
        """The next thing that `contender` tells is `event`."""
        line = contender.stdout.readline()
        self.assertEqual(line, event + "\n", None if line else contender.stderr.read())

    def go_on(self, contender):
        """Let `contender` go on from where it has stopped."""
        contender.stdin.write("\n")
        contender.stdin.flush()

    def state(self):
        """All of the lock file that a write, a new file or a chmod would change."""
        stat = os.stat(self.lock)
        return (contents_of(self.lock), stat.st_ino, stat.st_mode, stat.st_uid, stat.st_gid,
                stat.st_mtime_ns, stat.st_ctime_ns, stat.st_nlink)

    def hold_by_five_steps(self, *options):
        """Start a five-step contender that holds the lock until let_go(); it, and its token."""
        holder = self.five_steps("--delay", 0, "--stop-at", "entered", *options)
        self.assert_event(holder, "entered")
        token = self.read_lock()
        self.assertRegex(token, rf"\A[a-z-]*{UUID}\Z")
        return holder, token


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


def setUpModule():
    default_signals()


if __name__ == "__main__":
    unittest.main()
