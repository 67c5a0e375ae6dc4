#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl is killed while its command runs.

The lock stays held as long as the command runs, or anything that it has started and that keeps its
descriptors. Then the next ufl takes it over by itself.
"""

import os
import signal
import subprocess
import sys
import time
import unittest

import faults
import support
from recovery import (
    BUSY, LEAVE_BEHIND, READY, RecoveryTestCase, adopt_orphans, has_ended, lifeline_is_up,
    wait_for_end, wait_for_lifeline_to_end)
from support import clean_environment, tool, wait_for


class CommandRunsOn(RecoveryTestCase):
    def test_until_its_end(self):
        holder = self.hold()
        child = self.child()
        self.crash(holder)
        self.assertFalse(has_ended(child))
        self.assert_held("alive")
        self.assertIn("runs on this host", self.ufl("--status", self.lock).stdout)

        began = time.monotonic()
        holder.stdin.close()
        wait_for_end(child)
        self.assert_taken_over()
        self.assert_in_time(began)

    def test_somebody_waits_for_it(self):
        """Takes it over within retry + takeover delay, as promised."""
        for retry, words in ((0.1, []), (1.0, ["-r", "1"])):
            with self.subTest(retry=retry):
                holder = self.hold()
                self.crash(holder)
                waiter = self.start_waiter(*words)
                began = time.monotonic()
                holder.stdin.close()
                self.assertEqual(waiter.stdout.readline(), "mine\n")
                self.assert_in_time(began, retry=retry)
                self.assertEqual(self.wait(waiter), 0)
                self.assertIn(self.lock, waiter.stderr.read())
                self.assert_no_lock()

    def test_longer_delay_of_the_taker(self):
        self.dead_lock()
        began = time.monotonic()
        self.assert_taken_over("-d", "2")
        self.assert_in_time(began, delay=2)

    def test_timeout_leaves_it_alone(self):
        self.crash(self.hold())
        with self.untouched():
            result = self.ufl("-w", "0.3", self.lock, "true")
        self.assertEqual(result.returncode, BUSY)
        self.assert_one_line(result.stderr, self.lock, "not acquired within")

    def test_quiet_taker(self):
        self.dead_lock()
        result = self.ufl("-q", "-n", self.lock, "echo", "mine")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "mine\n", ""))
        self.assert_no_lock()

    def test_acquire_takes_over(self):
        dead = self.dead_lock()
        result = self.ufl("--acquire", "-n", self.lock)
        self.assertEqual(result.returncode, 0)
        self.assert_one_line(result.stderr, self.lock)
        token = result.stdout.strip()
        self.assertEqual(self.record()[0], token)
        self.assertNotEqual(token, dead)
        self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)
        self.assert_no_lock()

    def test_stopped_is_not_dead(self):
        """Neither ufl, nor a command that has ended without ufl's noticing."""
        holder = self.hold()
        child = self.child()
        holder.send_signal(signal.SIGSTOP)
        self.assert_held("alive")
        os.kill(child, signal.SIGKILL)
        wait_for_end(child)
        self.assert_held("alive")
        holder.send_signal(signal.SIGCONT)
        self.assertEqual(self.wait(holder), 128 + signal.SIGKILL)
        self.assert_no_lock()

    def test_nested(self):
        """ufl in ufl: the inner command is the outer one's, too."""
        inner = self.path("inner")
        holder = self.hold(command=[os.path.abspath(support.UFL), inner, "sh", "-c", READY])
        outer_child, inner_child = self.child(), self.child(inner)
        self.crash(holder)
        os.kill(outer_child, signal.SIGKILL)  # the inner ufl
        wait_for_end(outer_child)
        self.assert_held("alive")
        self.assert_held("alive", inner)
        holder.stdin.close()
        wait_for_end(inner_child)
        self.assert_taken_over()
        self.assert_taken_over(lock=inner)


class OrphansRunOn(RecoveryTestCase):
    """What the command has started holds the lock after its end."""

    WAYS = {
        "background": LEAVE_BEHIND + " &",
        "session of its own": "setsid " + LEAVE_BEHIND + " &",
        "double fork": "(" + LEAVE_BEHIND + " &)",
    }

    def hold_with_orphan(self, *words, way="double fork", number=0):
        """A holder whose command leaves a process behind; returns both, and what that waits at."""
        path, gate = self.gate(f"gate-{number}")
        env = {**clean_environment(), "gate": path, "orphan": self.path(f"orphan-{number}")}
        holder = self.hold(*words, command=["sh", "-c", f"{self.WAYS[way]}\n{READY}"], env=env)
        return holder, self.read_number(f"orphan-{number}"), gate

    def test_until_their_end(self):
        for number, way in enumerate(self.WAYS):
            with self.subTest(way=way):
                holder, orphan, gate = self.hold_with_orphan(way=way, number=number)
                child = self.child()
                self.crash(holder)
                self.assert_held("alive")
                holder.stdin.close()
                wait_for_end(child)
                self.assert_held("alive")
                waiter = self.start_waiter()
                began = time.monotonic()
                self.open_gate(gate)
                self.assertEqual(waiter.stdout.readline(), "mine\n")
                self.assert_in_time(began)
                self.assertTrue(has_ended(orphan))
                self.assertEqual(self.wait(waiter), 0)
                self.assert_no_lock()

    def test_killed_with_the_command(self):
        """Then the next one does not wait at all."""
        holder, orphan, _ = self.hold_with_orphan()
        child = self.child()
        for pid in (holder.pid, child, orphan):
            os.kill(pid, signal.SIGKILL)
        for pid in (child, orphan):
            wait_for_end(pid)
        self.assert_taken_over()

    def test_close_leaves_them_out(self):
        """-o: the command holds the lock, what it leaves behind does not."""
        for option in ("-o", "--close"):
            with self.subTest(option=option):
                holder, orphan, _ = self.hold_with_orphan(option, number=option)
                child = self.child()
                self.crash(holder)
                self.assert_held("alive")
                holder.stdin.close()
                wait_for_end(child)
                self.assertFalse(has_ended(orphan))
                self.assert_taken_over()
                self.assertFalse(has_ended(orphan))

    def test_normal_end_releases(self):
        """While ufl lives, the end of the command is the end of the lock, whatever runs on."""
        holder, orphan, _ = self.hold_with_orphan()
        self.assertEqual(self.let_go(holder), 0)
        self.assertFalse(has_ended(orphan))
        self.assert_no_lock()


class CommandClosesDescriptors(RecoveryTestCase):
    """The lifeline is gone then, and the command's process holds the lock."""

    WAYS = {
        "close_range": tool("close_descriptors.py"),  # ssh
        "exec": tool("close_descriptors.py", "sh", "-c", READY),  # sudo
        "exec twice": ["sh", "-c", 'exec "$@"', "sh",
                       *tool("close_descriptors.py", "sh", "-c", READY)],
    }

    def test_until_its_end(self):
        for way, command in self.WAYS.items():
            with self.subTest(way=way):
                holder = self.hold(command=command)
                token, record = self.record()
                child = record["child"]["pid"]
                self.crash(holder)
                wait_for_lifeline_to_end(token)
                self.assert_held("alive")
                waiter = self.start_waiter()
                began = time.monotonic()
                holder.stdin.close()
                self.assertEqual(waiter.stdout.readline(), "mine\n")
                self.assert_in_time(began)
                self.assertTrue(has_ended(child))
                self.assertEqual(self.wait(waiter), 0)
                self.assert_no_lock()

    def test_parent_of_one_that_does(self):
        """Python's subprocess closes them in what it starts, and not in itself."""
        script = f"import subprocess; subprocess.run(['sh', '-c', '{READY}'], close_fds=True)"
        for words in ([], ["-o"]):
            with self.subTest(words=words):
                holder = self.hold(*words, command=[sys.executable, "-I", "-S", "-c", script])
                token, record = self.record()
                self.crash(holder)
                if words:
                    wait_for_lifeline_to_end(token)
                self.assertEqual(lifeline_is_up(token), not words)
                self.assert_held("alive")
                holder.stdin.close()
                wait_for_end(record["child"]["pid"])
                self.assert_taken_over()

    def test_killed(self):
        holder = self.hold(command=self.WAYS["close_range"])
        child = self.child()
        self.crash(holder)
        os.kill(child, signal.SIGKILL)
        wait_for_end(child)
        self.assert_taken_over()

    def test_nobody_reaps_it(self):
        """A command that has ended is gone, even if it stays a zombie."""
        adopt_orphans(self)
        holder = self.hold(command=self.WAYS["close_range"])
        child = self.child()
        self.crash(holder)
        os.kill(child, signal.SIGKILL)
        wait_for(lambda: support.process_state(child) == "Z", "a zombie")
        self.addCleanup(os.waitpid, child, 0)
        self.assert_taken_over()
        self.assertEqual(support.process_state(child), "Z")


class KilledTogether(RecoveryTestCase):
    """SIGKILL for ufl and its command: the next one gets in at once."""

    def test_in_either_order(self):
        for first in ("ufl", "command"):
            with self.subTest(first=first):
                holder = self.hold()
                child = self.child()
                if first == "command":
                    holder.send_signal(signal.SIGSTOP)  # or it would release
                    os.kill(child, signal.SIGKILL)
                    wait_for_end(child)
                self.crash(holder)
                if first == "ufl":
                    os.kill(child, signal.SIGKILL)
                    wait_for_end(child)
                self.assert_taken_over()

    def test_process_group(self):
        holder = self.hold(start_new_session=True)
        child = self.child()
        os.killpg(holder.pid, signal.SIGKILL)
        self.assertEqual(self.wait(holder), -signal.SIGKILL)
        wait_for_end(child)
        self.assert_taken_over()

    def test_while_somebody_waits(self):
        holder = self.hold()
        child = self.child()
        waiter = self.start_waiter()
        began = time.monotonic()
        for pid in (holder.pid, child):
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(waiter.stdout.readline(), "mine\n")
        self.assert_in_time(began)
        self.assertEqual(self.wait(waiter), 0)
        self.assert_no_lock()

    def test_many_times_in_a_row(self):
        """A taker is killed in its turn, and its taker, too."""
        for _ in range(3):
            self.dead_lock()
        self.assert_taken_over()

    def test_prefix(self):
        holder = self.hold("-p", "ci 7 ")
        child = self.child()
        for pid in (holder.pid, child):
            os.kill(pid, signal.SIGKILL)
        wait_for_end(child)
        self.wait(holder)
        self.assert_taken_over()


class WithoutLifeline(faults.FaultTestCase, RecoveryTestCase):
    """A sandbox that gives no sockets: nothing can be proven, so nothing is taken over."""

    def test_stays_held(self):
        for fault in ("bind:error=EACCES", "socket:error=EPERM", "bind:error=EADDRINUSE"):
            with self.subTest(fault=fault):
                holder = self.start(
                    program=self.traced([fault], "lock", "sh", "-c", READY),
                    stdin=subprocess.PIPE)
                self.assertEqual(holder.stdout.readline(), "ready\n")
                token, record = self.record()
                self.assertNotIn("lifeline", record)
                self.assert_held("alive")
                child = record["child"]["pid"]
                for pid in (record["pid"], child):
                    os.kill(pid, signal.SIGKILL)
                wait_for_end(record["pid"])
                wait_for_end(child)
                self.wait(holder)
                self.assert_held("gone")
                result = self.ufl("--break", "--token", token, self.lock)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assert_no_lock()

    def test_normal_end(self):
        result = self.inject(["bind:error=EACCES"], "lock", "echo", "mine")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "mine\n", ""))
        self.assert_no_lock()

    def test_taker_that_cannot_ask(self):
        """No socket to ask with is no proof."""
        self.dead_lock()
        with self.untouched():
            result = self.inject(["connect:error=EACCES"], "-n", "lock", "true")
        self.assertEqual(result.returncode, BUSY)
        self.assert_taken_over()


if __name__ == "__main__":
    unittest.main()
