#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Leases, seen from outside: who keeps a lock alive keeps it, and others take over what nobody has
refreshed for the length of its lease, on their own clock."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import uuid

import support
from containers import share, works
from faults import FaultTestCase
from leases import (
    BUSY, FAILED, LEASE, LOST, OTHER, SHORT, TAKEOVER, LeaseTestCase, Opened, beat_in, go_on,
    pause, record, stop, warden_of)

TOO_LONG = str(2 * LEASE + 1)  # for a contender that must not get it
UFL = os.path.abspath(support.UFL)


class RecordTest(LeaseTestCase):
    """What a holder with a lease writes."""

    def look(self):
        with open(self.lock, "rb") as file:
            return os.fstat(file.fileno()).st_ino, file.read()

    def test_beats_grow_in_place(self):
        lease = 3 * LEASE  # a ufl that is held up for a third of it loses it
        holder = self.hold("-l", str(lease), "--kill-after", "0.3")
        first = self.wait_for_beat(0)
        inode, before = self.look()
        self.wait_for_beat(first + 1)
        same_inode, after = self.look()
        self.assertEqual((same_inode, len(after)), (inode, len(before)))
        without_beat = [re.sub(rb'"beat":"\d{10}"', b"", text) for text in (before, after)]
        self.assertEqual(*without_beat)
        self.assertNotEqual(without_beat[0], before)
        self.assertEqual(json.loads(after.split(b"\n")[1])["lease"], lease)
        self.assertEqual(self.let_go(holder), 0)
        self.assertEqual(holder.stderr.read(), "")
        self.assert_no_lock()

    def test_none_without_a_lease(self):
        for words in ((), ("-l", "0")):
            holder = self.hold(*words)
            self.assertFalse({"lease", "beat"} & set(json.loads(self.read_lock().split("\n")[1])))
            self.assertEqual(self.let_go(holder), 0)


class ForeignHolderTest(LeaseTestCase):
    """A holder on a host that cannot be asked. Side by side, as most of it is waiting."""

    RETRY = ("-r", "20ms", "-w")

    def contend(self, wait, name, **keys):
        return self.start(*self.RETRY, str(wait), self.pretend(name, **keys), "true")

    def assert_taken_over(self, name, result, least):
        status, seconds, _, stderr = result
        self.assertEqual(status, 0, stderr)
        self.assert_one_line(stderr, name, "taken over")
        self.assertGreaterEqual(seconds, least)
        self.assert_no_lock(self.path(name))

    def refresh(self, name, done):
        """As its holder does: never what somebody else has put there."""
        beat = 7
        with open(self.path(name), "r+b", buffering=0) as file:
            while not done.wait(LEASE / 20):
                beat += 1
                os.pwrite(file.fileno(), record(beat=f"{beat:010}").encode(), 0)

    def test_after_the_lease_on_our_own_clock(self):
        """Whatever times the file tells or has; and never, if none can be told from it."""
        taken = {"plain": {}, "future": {"since": "2099-01-01T00:00:00Z"},
                 "no-date": {"since": "yesterday"}, "old": {}, "new": {},
                 "clamped": {"lease": 0.001}, "longer": {"lease": LEASE + 1},
                 "no-host": {"host": None, "boot": None}}
        kept = {"no-beat": {"beat": None}, "no-lease": {"lease": None}, "zero": {"lease": 0},
                "negative": {"lease": -1}, "endless": {"lease": 1e300}, "text": {"lease": "2"},
                "number": {"beat": 7}, "alive": {}}
        for name, keys in {**taken, **kept}.items():
            self.pretend(name, **keys)
        os.utime(self.path("old"), (0, 0))
        os.utime(self.path("new"), (4e9, 4e9))
        done = threading.Event()
        refresher = threading.Thread(target=self.refresh, args=("alive", done))
        refresher.start()
        try:
            begin = time.monotonic()
            results = self.ends({name: self.start(*self.RETRY, "60" if name in taken else TOO_LONG,
                                                  self.path(name), "true")
                                 for name in {**taken, **kept}}, begin)
        finally:
            done.set()
            refresher.join()
        for name, (status, _, _, stderr) in results.items():
            with self.subTest(lock=name):
                if name in taken:
                    lease = LEASE + 1 if name == "longer" else LEASE
                    self.assert_taken_over(name, results[name], lease + TAKEOVER)
                else:
                    self.assertEqual(status, BUSY, stderr)
                    self.assert_one_line(stderr, name, "not acquired")
                    self.assertTrue(os.path.exists(self.path(name)))

    def test_what_begins_anew(self):
        """A beat, and content that is torn, even if the same as before stands there afterwards."""
        names = ("beat", "torn", "empty", "other")
        lease = 3 * LEASE  # it must not run out before the change
        contenders = {name: self.contend(60, name, lease=lease) for name in names}
        whole = record(lease=lease)
        changes = {"beat": record(lease=lease, beat="0000000008"), "torn": whole[:len(whole) // 2],
                   "empty": "", "other": record(lease=lease, token=OTHER[:-1] + "0")}
        watches = {name: Opened(self.path(name)) for name in names}
        for watch in watches.values():
            watch.wait()  # it has been seen as it was
        pause(LEASE / 2)
        begin = time.monotonic()
        for name, content in changes.items():
            self.put_in_place(content, self.path(name))
        for watch in watches.values():
            with watch:
                watch.wait()  # and as it is
        for name in ("torn", "empty"):
            self.put_in_place(whole, self.path(name))
        for name, result in self.ends(contenders, begin).items():
            with self.subTest(lock=name):
                self.assert_taken_over(name, result, lease + TAKEOVER)


class LivingHolderTest(LeaseTestCase):
    """Locks of real ufl, seen from here and from another container, which sees nothing but the
    file."""

    def contend(self, lock, program=None, *, wait):
        return self.start("-r", "50ms", "-w", wait, lock, "echo", "ran", program=program)

    def test_is_never_taken_over(self):
        """Neither kept alive, nor seen alive though its ufl has stopped to refresh it."""
        lease = 3 * LEASE
        holders = {"alive": self.hold("-l", str(lease), "--kill-after", "0.3",
                                      lock=self.path("alive")),
                   "stopped": self.hold(*SHORT, "--on-lost", "warn", lock=self.path("stopped"))}
        os.kill(holders["stopped"].pid, signal.SIGSTOP)
        begin = time.monotonic()
        wait = str(lease + 1)
        contenders = {name: self.contend(self.path(name), wait=wait) for name in holders}
        from_elsewhere = True
        try:
            contenders["alive, from elsewhere"] = self.contend(
                self.path("alive"), self.in_container(), wait=wait)
        except unittest.SkipTest:
            from_elsewhere = False
        for name, (status, _, stdout, stderr) in self.ends(contenders, begin).items():
            with self.subTest(contender=name):
                self.assertEqual((status, stdout), (BUSY, ""), stderr)
        self.assertEqual(self.let_go(holders["alive"]), 0)
        self.assert_no_lock(self.path("alive"))
        if not from_elsewhere:
            self.skipTest("no containers: only seen from here")

    def test_host_that_sleeps_loses_it(self):
        """ufl, its warden and its command stand still, as in a suspended machine, for so long that
        it would have run out of patience with its command; another container takes over, and they
        end when they wake, and leave its lock alone."""
        witness = self.witness()
        program = self.in_container()
        holder = self.run_witnessed(witness, *SHORT, start_new_session=True, script=(
            "trap 'echo TERM >&9' TERM; echo $$ ready >&9; while :; do sleep 0.05; done"))
        asleep = (warden_of(holder.pid), holder.pid, int(witness.text.split()[0]))
        stop(*asleep)
        begin = time.monotonic()
        taker = self.start(self.lock, "sh", "-c", "echo ready; read line; :", program=program,
                           stdin=subprocess.PIPE)
        self.assertEqual(taker.stdout.readline(), "ready\n")
        self.assertGreaterEqual(time.monotonic() - begin, LEASE + TAKEOVER)
        pause(max(0, begin + LEASE + 2.5 - time.monotonic()))
        with self.untouched():
            go_on(*asleep)
            self.assertEqual(self.wait(holder), LOST)
            witness.wait_for_end()
        self.assertNotIn("TERM", witness.text)
        self.assertEqual(holder.stderr.read(), self.overslept("the command is stopped"))
        self.assertEqual(self.let_go(taker), 0)
        self.assert_no_lock()


class RefusedTest(LeaseTestCase):
    """File systems on which no lease can be relied on, or none that is so short."""

    def assert_refused(self, kind, lease, *fragments):
        if not works(tuple(share(kind))):
            self.skipTest("needs root, and mounts of its own")
        for words in (["lock", "touch", "ran"], ["--acquire", "lock"]):
            with self.subTest(kind=kind, lease=lease, words=words), \
                    support.DirectoryWatch(self.dir) as watch:
                result = self.ufl(*words, program=[*share(kind), UFL],
                                  env=support.clean_environment(UFL_LEASE=lease,
                                                                UFL_KILL_AFTER="0.3"))
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                self.assert_one_line(result.stderr, "lock", *fragments)
                self.assertEqual(watch.appeared(), [])

    def test_that_write_to_a_name(self):
        for kind in ("fuse.rclone", "fuse.s3fs", "davfs", "fuse"):
            self.assert_refused(kind, "60", f"no --lease on {kind}")

    def test_that_show_a_beat_late(self):
        for kind, lease, needed in (("cifs", "8", "9s"), ("fuse.unknown", "5", "6s")):
            self.assert_refused(kind, lease, "too short", f"give {needed}")


class SlowShareTest(FaultTestCase, LeaseTestCase):
    """A lease that ufl accepts is one that a healthy holder keeps; others are refused before a
    claim is written, if that can be known."""

    def slow(self, kind, *faults):
        """The words that run ufl on a share of that kind, on which system calls take longer."""
        if not works(tuple(share(kind))):
            self.skipTest("needs root, and mounts of its own")
        inject = [word for fault in faults for word in ("-e", f"inject={fault}")]
        # -D: strace is nobody's parent, and ufl is the process for which that is a share.
        return [*share(kind), "strace", "-D", "-f", "-o", "/dev/null", *inject, UFL]

    def assert_kept(self, *options, program=None):
        """For several refreshes; in one of a few attempts, as a machine that stands still for a
        part of such a lease is not healthy."""
        for attempt in range(4):
            lock = self.path(f"lock-{uuid.uuid4()}")
            holder = self.hold(*options, lock=lock, program=program)
            first = beat_in(self.read_lock(lock))

            def has_beaten(holder=holder, lock=lock, first=first):
                return holder.poll() is not None or beat_in(self.read_lock(lock)) > first + 2

            support.wait_for(has_beaten, "three beats")
            if holder.poll() is None and self.let_go(holder) == 0:
                return
            print(f"attempt {attempt}: {holder.stderr.read()}", file=sys.stderr)
        self.fail(f"a holder with {options} does not keep its lock")

    def test_shortest_ones_are_kept(self):
        for options in (("-l", "7.8"), ("-l", "3", "--kill-after", "1.8"), SHORT):
            with self.subTest(options=options):
                self.assert_kept(*options)

    def test_kept_where_a_flush_takes_its_time(self):
        """Which leaves no room for a second attempt after a third of the lease."""
        self.assert_kept("-d", "0.1", "-l", "8",
                         program=self.slow("nfs4", "fsync:delay_enter=180000"))

    def test_first_operation_may_be_slow(self):
        """It may wait for what the next ones find: what counts is how long a beat takes."""
        result = self.ufl("-d", "0.1", "-l", "10", "lock", "echo", "ran",
                          program=self.slow("cifs", "fsync:delay_enter=2000000:when=1"))
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)

    def test_too_slow_to_look(self):
        """Nothing is written."""
        with support.DirectoryWatch(self.dir) as watch:
            result = self.ufl("-l", "8", "lock", "echo", "ran", program=self.slow(
                "nfs4", "openat:delay_enter=700000"), cwd=self.dir)
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
            self.assert_one_line(result.stderr, "lock", "a --lease of 8s is too short here")
            self.assertEqual(watch.appeared(), [])

    def test_too_slow_to_write(self):
        """Found out by the claim alone, which is taken back."""
        for words in (["lock", "echo", "ran"], ["--acquire", "lock"]):
            with self.subTest(words=words):
                result = self.ufl("-d", "0.1", "-l", "8", *words,
                                  program=self.slow("nfs4", "fsync:delay_enter=3000000"))
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_one_line(result.stderr, "lock", "a --lease of 8s is too short here")
                self.assert_no_lock(self.path("lock"))


if __name__ == "__main__":
    unittest.main()
