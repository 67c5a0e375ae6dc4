#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl is killed before it has the lock, when it lets go of it, and when it takes it over.

Whatever it leaves, the next one gets the lock by itself.
"""

import collections
import fcntl
import os
import re
import signal
import subprocess
import time
import unittest

import faults
import support
from recovery import BUSY, READY, RETRY, SLACK, TAKEOVER_DELAY, RecoveryTestCase, wait_for_end
from support import PATIENCE, UUID, DirectoryWatch, wait_for

PATIENCE_WITH_EMPTY = 10  # seconds


class BeforeItHolds(RecoveryTestCase):
    def test_while_it_waits(self):
        """Nothing is left of it, and the holder does not notice."""
        holder = self.hold()
        with self.untouched():
            for words in ([], ["--acquire"]):
                waiter = self.start("-v", *words, self.lock, *([] if words else ["true"]))
                self.assertIn("waiting", waiter.stderr.readline())
                self.crash(waiter)
        self.let_go(holder)
        self.assert_no_lock()

    def test_while_it_waits_for_the_dead(self):
        """A waiter that is killed keeps the next one from nothing."""
        holder = self.hold()
        child = self.child()
        waiter = self.start_waiter()
        waiter.send_signal(signal.SIGSTOP)
        self.crash(holder)
        os.kill(child, signal.SIGKILL)
        wait_for_end(child)
        self.crash(waiter)
        self.assert_taken_over()

    def test_in_its_delay(self):
        for words, command in ((["-d", "30"], ["true"]), (["-d", "30", "--acquire", "--pid"], [])):
            with self.subTest(words=words):
                process = self.start("sleep", "1000", program=["env"])
                pid = [str(process.pid)] if "--pid" in words else []
                claim = self.start(*words, *pid, self.lock, *command)
                wait_for(lambda: os.path.exists(self.lock), "the claim")
                self.assert_held("alive")
                self.crash(claim)
                if pid:  # that process lives, and nobody knows that it does not have the lock
                    self.assert_held("alive")
                    process.kill()
                    self.wait(process)
                self.assert_taken_over()

    def test_in_its_delay_as_a_taker(self):
        dead = self.dead_lock()
        for _ in range(2):
            taker = self.start("-q", "-d", "30", self.lock, "true")
            wait_for(lambda: self.record()[0] != dead, "the takeover")  # pylint: disable=W0640
            dead = self.record()[0]
            self.assert_held("alive")
            self.crash(taker)
        self.assert_taken_over()


class KilledAtEverySystemCall(faults.FaultTestCase, RecoveryTestCase):
    """SIGKILL in place of each system call on the lock file in turn: strace(1), inject."""

    def calls(self, command):
        """The system calls of such a ufl on the lock file, and how often each is done."""
        log = self.path("calls")
        result = subprocess.run(
            self.traced([], "-q", "lock", *command, log=log), check=False, cwd=self.dir,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE, env=support.clean_environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        calls = self.calls_in(log)
        os.unlink(log)
        return calls

    @staticmethod
    def calls_in(log):
        with open(log, encoding="utf-8", errors="replace") as file:
            return collections.Counter(re.findall(r"^\d+ +(\w+)\(", file.read(), re.MULTILINE))

    def kill_at(self, call, number, content):
        """Start a ufl that is killed there, in a directory of its own; returns its lock, too."""
        directory = self.path(f"{call}-{number}")
        os.mkdir(directory)
        self.lock = self.prepare(os.path.join(directory, "lock"), content)
        fault = f"{call}:signal=KILL:when={number}"
        command = ["touch", os.path.join(directory, "ran")]
        log = os.path.join(directory, "calls")
        process = self.start(program=self.traced([fault], "-q", "lock", *command, log=log))
        return self.lock, (process, call, number)

    def prepare(self, lock, content):
        if content:
            with open(lock, "w", encoding="utf-8") as file:
                file.write(content)
        return lock

    def kill_at_each(self, content=""):
        """Kill ufl at each of its calls on a lock file of that content; returns the locks."""
        calls = self.calls_on(content)
        killed = dict(self.kill_at(call, number, content)
                      for call, count in calls.items() for number in range(1, count + 1))
        self.assertGreaterEqual(len(killed), 10, calls)
        for lock, (process, call, number) in killed.items():
            directory = os.path.dirname(lock)
            status = self.wait(process)
            # A look that came too late is taken again: those that are counted may be more.
            if status == 0 and self.calls_in(os.path.join(directory, "calls"))[call] < number:
                continue
            self.assertEqual((lock, status), (lock, -signal.SIGKILL))
            ran = os.path.exists(os.path.join(directory, "ran"))
            if ran and os.path.exists(lock):  # then everybody can see which process it was
                self.assertNotEqual(self.read_lock(lock), content)
                self.assertTrue(self.record(lock)[1]["child"])
        return list(killed)

    def calls_on(self, content):
        self.prepare(self.lock, content)
        calls = self.calls(["touch", self.path("ran")])
        self.assert_no_lock()
        return calls

    def litter(self, lock):
        return [name for name in os.listdir(os.path.dirname(lock)) if name.startswith(".ufl-")]

    def assert_next_gets(self, locks):
        """All at once: each takes a second if there is something to take over."""
        litter = {lock: self.litter(lock) for lock in locks}
        began = time.monotonic()
        takers = {lock: self.start("-q", "-w", "60", lock, "echo", "mine") for lock in locks}
        for lock, taker in takers.items():
            with self.subTest(lock=os.path.relpath(lock, self.dir)):
                self.assertEqual((*taker.communicate(timeout=PATIENCE), taker.returncode),
                                 ("mine\n", "", 0))
                self.assert_only_litter(lock, litter[lock])
        self.assertLess(time.monotonic() - began, 1.25 * RETRY + TAKEOVER_DELAY + SLACK)

    def test_claim_and_release(self):
        locks = self.kill_at_each()
        self.assertEqual([lock for lock in locks if self.litter(lock)], [])
        self.assert_next_gets(locks)

    def test_takeover(self):
        """It may leave a temporary file then, whose name is its own: that hinders nobody."""
        self.dead_lock()
        content = self.read_lock()  # of a holder that is as dead in every file
        os.unlink(self.lock)
        locks = self.kill_at_each(content)
        names = [name for lock in locks for name in self.litter(lock)]
        self.assertGreater(len(names), 0)
        for name in names:
            self.assertRegex(name, rf"\A\.ufl-{UUID}\Z")
        self.assert_next_gets(locks)


class EmptyFile(faults.FaultTestCase, RecoveryTestCase):
    """0 bytes: a kill between name and content, a power cut, a left-over of flock(1)."""

    def test_taken_over_after_ten_seconds(self):
        killed, slow = self.path("killed"), self.path("slow")
        self.lock = slow
        slow_claim = self.stopped("openat:when=2", "-n", "lock", "touch", self.path("ran"),
                                  others=[faults.NAME_FIRST])
        self.lock = killed
        claim = self.start(program=self.traced([faults.NAME_FIRST, "write:signal=KILL"], "lock",
                                               "touch", self.path("ran")))
        self.assertEqual(self.wait(claim), -signal.SIGKILL)
        self.assertEqual([os.path.getsize(lock) for lock in (killed, slow)], [0, 0])
        by_cron = self.write("by-cron", b"")
        self.assertEqual(self.ufl("-n", by_cron, "true").returncode, BUSY)

        began = time.monotonic()
        waiters = [self.start_waiter(lock=lock, command=["sh", "-c", READY],
                                     stdin=subprocess.PIPE) for lock in (killed, slow)]
        for waiter in waiters:
            self.assertEqual(waiter.stdout.readline(), "ready\n")
        self.assert_in_time(began, delay=PATIENCE_WITH_EMPTY)

        # It has not verified yet, and sees that it has lost when it does.
        self.assertEqual(self.go_on(*slow_claim)[0], BUSY)
        for lock, waiter in zip((killed, slow), waiters):
            self.assertEqual(self.let_go(waiter), 0)
            self.assertIn(lock, waiter.stderr.read())
            self.assert_no_lock(lock)
        self.assertFalse(os.path.exists(self.path("ran")))

        # A run that is too short to see this remembers what an earlier one saw.
        self.assertEqual(self.ufl("-q", "-n", by_cron, "true").returncode, 0)
        self.assert_no_lock(by_cron)

    def test_somebody_else_uses_it(self):
        """flock(1) on it, or another file under that name every second: held, as long as that."""
        used, renewed = self.write("used", b""), self.write("renewed", b"")
        holder = open(used, "rb")  # pylint: disable=consider-using-with
        self.addCleanup(holder.close)
        fcntl.flock(holder, fcntl.LOCK_EX)
        words = ["-w", str(PATIENCE_WITH_EMPTY + 4)]
        waiters = [self.start_waiter(*words, lock=lock) for lock in (used, renewed)]
        with DirectoryWatch(self.dir) as watch:
            for _ in range(PATIENCE_WITH_EMPTY - 1):
                os.rename(self.write("new", b""), renewed)
                time.sleep(1)  # a new one well within the patience
            for waiter in waiters:
                self.assertEqual((self.wait(waiter), waiter.stdout.read()), (BUSY, ""))
            appeared = watch.appeared()
        self.assertEqual([os.path.getsize(lock) for lock in (used, renewed)], [0, 0])
        self.assertNotIn("used", appeared)


if __name__ == "__main__":
    unittest.main()
