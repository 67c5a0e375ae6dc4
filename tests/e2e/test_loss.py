#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lock that is taken away while the command runs under it."""

import contextlib
import json
import os
import signal
import subprocess
import time
import unittest

import support
from containers import share, works
from faults import FaultTestCase
from leases import LOST, record
from losses import LossTestCase, watches

# Without being told by the kernel, ufl looks once in so many seconds.
INTERVAL = 30


class WarnTest(LossTestCase):
    """The default: the user is told at once, and the command goes on."""

    def test_told_while_the_command_runs(self):
        holders = {}
        os.mkdir(self.path("reports"))
        for way in self.WAYS:
            for status, options in ((0, ()), (7, ("--on-lost", "warn"))):
                name = f"{way.__name__}-{status}"
                os.mkdir(self.path(name))
                holders[way, status] = self.hold_at(
                    *options, "--report", self.path("reports", name), status=status,
                    lock=self.path(name, "lock"))
        self.wait_until_watched(*holders.values())
        begin = time.monotonic()
        self.lose([(way, self.path(f"{way.__name__}-{status}", "lock"))
                   for way, status in holders])
        for (way, status), holder in holders.items():
            with self.subTest(way=way.__name__, status=status):
                lock = self.path(f"{way.__name__}-{status}", "lock")
                self.assert_one_line(holder.stderr.readline(), lock, "lost")
                self.assertLess(time.monotonic() - begin, INTERVAL * 0.8)
                self.assertIsNone(holder.poll())
                is_free = way in (LossTestCase.deleted, LossTestCase.broken)
                with contextlib.nullcontext() if is_free else self.untouched(lock):
                    self.assertEqual(self.let_go(holder), status or LOST)
                if is_free:
                    self.assert_no_lock(lock)
                self.assertEqual(holder.stderr.read(), "")
                with open(self.path("reports", f"{way.__name__}-{status}"),
                          encoding="utf-8") as report:
                    told = json.load(report)
                self.assertEqual((told["outcome"], told["exit"]), ("lost", status))


class KillTest(LossTestCase):
    """--on-lost kill without a lease."""

    KILL = ("--on-lost", "kill", "--kill-after", "3")

    def test_asked_and_then_killed(self):
        runs = {}
        for way in (LossTestCase.deleted, LossTestCase.replaced, LossTestCase.broken):
            for ending in ("exit", ":"):
                name = f"{way.__name__} {ending}"
                os.mkdir(self.path(name))
                witness, lock = self.witness(name + ".fifo"), self.path(name, "lock")
                holder = self.run_witnessed(
                    witness, *self.KILL, lock=lock,
                    script=f"trap 'echo TERM >&9; {ending}' TERM; sleep 120 & echo ready >&9; "
                           "while :; do read line || sleep 0.05; done")
                runs[way, ending] = holder, witness, lock
        self.wait_until_watched(*[holder for holder, _, _ in runs.values()])
        begin = time.monotonic()
        self.lose([(way, lock) for (way, _), (_, _, lock) in runs.items()])
        for (way, ending), (holder, witness, lock) in runs.items():
            with self.subTest(way=way.__name__, ending=ending):
                witness.wait_for("TERM")
                end = witness.wait_for_end()
                self.assertEqual(self.wait(holder), LOST)
                if ending == ":":
                    self.assertGreaterEqual(end - begin, 3)
                self.assertEqual(witness.text, "ready\nTERM\n")
                self.assert_one_line(holder.stderr.read(), lock, "lost")
                self.assertEqual(os.path.exists(lock), way is LossTestCase.replaced)

    def test_by_a_signal_as_well(self):
        """Lost, and ufl gets a signal: whatever the command dies of first."""
        holder = self.hold_at(*self.KILL)
        self.wait_until_watched(holder)
        self.put_new(record())
        holder.send_signal(signal.SIGTERM)
        with self.untouched():
            self.assertIn(self.wait(holder), (LOST, -signal.SIGTERM))


class TellingTest(FaultTestCase, LossTestCase):
    """Whether the kernel tells of changes, and how often ufl looks then."""

    def ufl_below(self, tracer):
        """The ufl that strace runs."""
        def find():
            path = f"/proc/{tracer.pid}/task/{tracer.pid}/children"
            with open(path, encoding="ascii") as children:
                return children.read().split()

        return int(support.wait_for(find, "the child of strace")[0])

    def start_traced(self, program):
        holder = self.start(program=[*program, "sh", "-c", "echo ready; read line; :"],
                            stdin=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), "ready\n")
        return holder, self.ufl_below(holder)

    def test_looks_that_fail(self):
        """EIO of a look says nothing; and the release that cannot look says so."""
        # Looks at the name: 1 the claim, 2 its verification, 3 the command's number.
        log = self.path("log")
        holder, ufl = self.start_traced(self.traced(["openat:error=EIO:when=4+"], "--on-lost",
                                                    "kill", self.lock, log=log))
        support.wait_for(lambda: watches(ufl), "the watch")
        before = self.read_lock()
        self.put_in_place(before)

        def has_failed_twice():
            with open(log, encoding="utf-8", errors="replace") as calls:
                return calls.read().count("EIO") >= 2

        support.wait_for(has_failed_twice, "looks that fail")
        self.assertEqual(self.let_go(holder), 0)
        self.assert_one_line(holder.stderr.read(), self.lock, "Input/output error")
        self.assertEqual(self.read_lock(), before)

    def test_kernel_that_does_not_tell(self):
        """In the end the release finds out."""
        for way in (self.deleted, self.replaced):
            with self.subTest(way=way.__name__):
                lock = self.path(f"lock-{way.__name__}")
                strace = ["strace", "-f", "-o", "/dev/null", "-e",
                          "inject=inotify_init1:error=EMFILE", os.path.abspath(support.UFL)]
                holder, _ = self.start_traced([*strace, lock])
                way(lock)
                self.assertEqual(self.let_go(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "lost")
                self.assert_left(way, lock)

    def test_busy_directory(self):
        """What happens to other names there costs no look at this one."""
        log = self.path("log")
        holder, ufl = self.start_traced(["strace", "-f", "-o", log, "-e", "trace=openat", "-P",
                                         self.lock, os.path.abspath(support.UFL), self.lock])

        def looks():
            with open(log, encoding="utf-8", errors="replace") as calls:
                return sum("openat(" in line for line in calls)

        support.wait_for(lambda: watches(ufl), "the watch")
        before = support.wait_for(looks, "the first looks")
        for number in range(1000):
            path = self.path("dir", f"lock{number}")
            with open(path, "w", encoding="ascii") as file:
                file.write("x")
            os.rename(path, self.path("dir", f"other{number % 7}"))
        self.put_new(record())
        self.assertIn("lost", holder.stderr.readline())  # so all of that has been told
        self.assertLess(looks() - before, 12)
        self.assertEqual(self.let_go(holder), LOST)


class UnwatchedTest(LossTestCase):
    """A command that ends before the kernel is asked to tell."""

    def test_lost_within_the_first_second(self):
        holders = {}
        for way in self.QUICK:
            lock = self.path("dir", way.__name__)
            holders[way] = lock, self.hold(lock=lock)
            way(self, lock)
            holders[way][1].stdin.close()
        for way, (lock, holder) in holders.items():
            with self.subTest(way=way.__name__):
                self.assertEqual(self.wait(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "lost")
                self.assert_left(way, lock)


class LeaseTest(LossTestCase):
    """Under a lease; and on a share, where nobody tells: the next beat or look finds out."""

    WAYS = (LossTestCase.deleted, LossTestCase.replaced, LossTestCase.broken_and_taken)
    # Long enough for two looks, a second apart, before it is over.
    LEASED = ("-l", "9", "--kill-after", "0.3")

    def run_all(self, ways, *options, program=None, **popen):
        """{way: (holder, its witness, its lock)}, and all are lost; when, on the monotonic clock."""
        runs = {}
        for way in ways:
            os.mkdir(self.path(way.__name__))
            witness = self.witness(way.__name__ + ".fifo")
            lock = self.path(way.__name__, "lock")
            holder = self.run_witnessed(
                witness, *options, "--report", self.path(way.__name__ + ".json"), lock=lock,
                program=program, script="sleep 120 & s=$!; echo ready >&9; read line; kill $s",
                **popen)
            runs[way] = holder, witness, lock
        begin = time.monotonic()
        self.lose([(way, lock) for way, (_, _, lock) in runs.items()])
        return runs, begin

    def assert_lost(self, way, holder, lock):
        self.assertEqual(self.wait(holder), LOST)
        self.assert_left(way, lock)
        with open(self.path(way.__name__ + ".json"), encoding="utf-8") as report:
            self.assertEqual(json.load(report)["outcome"], "lost")

    def assert_killed(self, runs):
        for way, (holder, witness, lock) in runs.items():
            with self.subTest(way=way.__name__):
                witness.wait_for_end()
                self.assert_lost(way, holder, lock)
                self.assert_one_line(holder.stderr.read(), lock, "lost")

    def test_kill(self):
        self.assert_killed(self.run_all(self.WAYS, *self.LEASED, "--on-lost", "kill")[0])

    def test_told_between_two_refreshes(self):
        """On a local disk, by the kernel, as without a lease."""
        runs, begin = self.run_all(self.WAYS, "-l", "1h", "--kill-after", "0.3")
        self.assert_killed(runs)
        self.assertLess(time.monotonic() - begin, INTERVAL * 0.8)

    def test_long_lease_on_a_share(self):
        """No later than without one."""
        if not works(tuple(share("nfs4"))):
            self.skipTest("needs root, and mounts of its own")
        self.assert_killed(self.run_all(
            (LossTestCase.deleted, LossTestCase.replaced), "-d", "0", "-l", "1h", "--kill-after",
            "0.3", program=[*share("nfs4"), os.path.abspath(support.UFL)])[0])

    def test_warn(self):
        runs, _ = self.run_all(self.WAYS, *self.LEASED, "--on-lost", "warn")
        for way, (holder, witness, lock) in runs.items():
            with self.subTest(way=way.__name__):
                self.assert_one_line(holder.stderr.readline(), lock, "lost")
                self.assertTrue(witness.is_open())
                holder.stdin.close()
                self.assert_lost(way, holder, lock)
                self.assertEqual(holder.stderr.read(), "")

    def test_share_without_a_lease(self):
        """At the interval of those who want to be stopped."""
        if not works(tuple(share("nfs4"))):
            self.skipTest("needs root, and mounts of its own")
        runs, begin = self.run_all(
            (LossTestCase.deleted, LossTestCase.replaced), "-d", "0", "--on-lost", "kill",
            "--kill-after", "0.3", program=[*share("nfs4"), os.path.abspath(support.UFL)])
        self.assert_killed(runs)
        self.assertLess(time.monotonic() - begin, INTERVAL * 0.8)


if __name__ == "__main__":
    unittest.main()
