#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holders of which this host shows a part, or nothing: other namespaces, hidden processes.

Whose end cannot be proven from here holds the lock, dead or not.
"""

import os
import signal
import subprocess
import time
import unittest

import support
from containers import NETWORK, PIDS, TIME, ContainerTestCase, another_user, mounted
from recovery import (
    BUSY, LEAVE_BEHIND, READY, adopt_orphans, lifeline_is_up, wait_for_end,
    wait_for_lifeline_to_end)
from support import PATIENCE, UFL, clean_environment, tool, wait_for


class OtherNetwork(ContainerTestCase):
    """The same processes can be seen, their sockets cannot."""

    def setUp(self):
        super().setUp()
        self.needs(NETWORK)

    def test_live_process(self):
        holder = self.hold_in(NETWORK)
        self.assert_held("alive")
        self.crash(holder)  # its command runs on
        self.assert_held("alive")
        child = self.child()
        holder.stdin.close()
        wait_for_end(child)
        self.assert_held("gone")

    def test_killed(self):
        """Something that it left there may run, as far as can be seen from here."""
        token = self.dead_lock_of(NETWORK)
        self.assert_held("gone")
        waiter = self.start("-w", "1.5", self.lock, "true")
        self.assertEqual(self.wait(waiter), BUSY)
        self.assertEqual(self.ufl("--break", "--token", token, self.lock).returncode, 0)
        self.assert_no_lock()

    def test_orphan_that_cannot_be_seen(self):
        path, _ = self.gate()
        env = {**clean_environment(), "gate": path, "orphan": self.path("orphan")}
        holder = self.hold_in(NETWORK, command=["sh", "-c", f"{LEAVE_BEHIND} &\n{READY}"], env=env)
        self.read_number("orphan")
        token = self.record()[0]
        self.kill_all(holder)
        self.assertFalse(lifeline_is_up(token))  # from here
        self.assert_held("gone")

    def test_seen_from_there(self):
        """The other way round; and from here it can be seen that he is dead."""
        self.dead_lock()
        with self.seen_from(NETWORK):
            self.assert_held("gone")
        self.assert_taken_over()


class OtherProcesses(ContainerTestCase):
    """A container with process numbers of its own; its sockets can be seen."""

    def setUp(self):
        super().setUp()
        self.needs(PIDS)

    def test_alive_by_its_lifeline(self):
        holder = self.hold_in(PIDS)
        self.assertEqual(self.record()[1]["pid"], 1)
        self.assert_held("alive")
        self.let_go(holder)
        self.assert_no_lock()

    def test_closes_descriptors(self):
        self.hold_in(PIDS, command=["sh", "-c", '"$@"', "sh", *tool("close_descriptors.py")])
        self.assert_held("alive")

    def test_killed_with_its_container(self):
        self.dead_lock_of(PIDS)
        self.assert_held("other_container")
        with self.seen_from(PIDS):  # another one
            self.assert_held("other_container")

    def test_seen_from_there(self):
        self.dead_lock()
        with self.seen_from(PIDS):
            self.assert_held("other_container")
        with self.seen_from([word for word in PIDS if word != "--mount-proc"]):
            self.assert_held("other_container")
        self.assert_taken_over()

    def test_without_network_either(self):
        self.needs(NETWORK)
        holder = self.hold_in(NETWORK + PIDS)
        self.assert_held("other_container")
        self.kill_all(holder)
        self.assert_held("other_container")


class OtherTime(ContainerTestCase):
    """A container in which processes have started at other times."""

    def setUp(self):
        super().setUp()
        self.needs(TIME)

    def test_killed(self):
        holder = self.hold_in(TIME)
        self.assert_held("alive")
        self.kill_all(holder)
        self.assert_held("other_container")

    def test_seen_from_there(self):
        self.dead_lock()
        with self.seen_from(TIME):
            self.assert_held("other_container")
        self.assert_taken_over()


class AmongThemselves(ContainerTestCase):
    """Two in the same container are as two on a host."""

    SCRIPT = """\
"$ufl" lock sh -c 'kill -9 $PPID; echo ready; read line'
"$ufl" -n lock false && exit 1
"$ufl" -q lock echo mine
"""

    def test_taken_over(self):
        for place in (NETWORK, PIDS, TIME, NETWORK + PIDS):
            with self.subTest(place=place):
                self.needs(place)
                env = {**clean_environment(), "ufl": os.path.abspath(UFL)}
                process = self.start("sh", "-c", self.SCRIPT, program=place, env=env,
                                     stdin=subprocess.PIPE)
                self.assertEqual(process.stdout.readline(), "ready\n")
                said = process.stderr.readline  # by the shell, that ufl was killed; then by ufl
                wait_for(lambda said=said: "held by" in said(), "a refusal")
                process.stdin.close()
                self.assertEqual((process.stdout.readline(), self.wait(process)), ("mine\n", 0))
                self.assert_no_lock()


class Detached(ContainerTestCase):
    """--acquire: nothing but the process that it was given says whether the lock is still used."""

    def acquire_with(self, *place, program=("cat",)):
        """A lock that lives with a process that runs until its stdin is closed; returns that."""
        script = '"$0" --acquire --pid $$ lock; exec "$@"'
        process = self.start(program=[*place, "sh", "-c", script, os.path.abspath(UFL), *program],
                             stdin=subprocess.PIPE)
        self.assertRegex(process.stdout.readline(), support.UUID)
        return process

    def test_without_a_process(self):
        """Held for ever, whoever took it."""
        shell = self.start(program=["sh", "-c", '"$0" --acquire lock; :', os.path.abspath(UFL)])
        token = shell.communicate(timeout=PATIENCE)[0].strip()
        self.assert_held("untold")
        waiter = self.start("-w", "1.5", self.lock, "true")
        self.assertEqual(self.wait(waiter), BUSY)
        self.assert_held("untold")
        self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)

    def test_process_ends(self):
        for number in (None, signal.SIGKILL):
            with self.subTest(signal=number):
                process = self.acquire_with()
                self.assert_held("alive")
                waiter = self.start_waiter()
                began = time.monotonic()
                process.stdin.close() if number is None else process.send_signal(number)
                self.assertEqual(waiter.stdout.readline(), "mine\n")
                self.assert_in_time(began)
                self.assertEqual(self.wait(waiter), 0)
                self.wait(process)
                self.assert_no_lock()

    def test_process_that_nobody_reaps(self):
        process = self.acquire_with()
        process.kill()
        wait_for(lambda: support.process_state(process.pid) == "Z", "a zombie")
        self.assert_taken_over()

    def test_orphans_of_the_process_do_not_count(self):
        process = self.acquire_with(program=("sh", "-c", "cat & cat"))
        process.kill()
        self.wait(process)
        self.assert_taken_over()

    def test_process_in_a_container(self):
        self.needs(PIDS)
        process = self.acquire_with(*PIDS)
        self.assert_held("other_container")
        process.kill()
        self.wait(process)
        self.assert_held("other_container")

    def test_process_in_another_network(self):
        """Its number says enough."""
        self.needs(NETWORK)
        process = self.acquire_with(*NETWORK)
        self.assert_held("alive")
        process.kill()
        self.wait(process)
        self.assert_taken_over()


class Hidden(ContainerTestCase):
    """To another user of a host with hidepid, a process that is not shown may run: proc(5)."""

    def setUp(self):
        super().setUp()
        self.needs(another_user(hidden=True))
        self.ordinary = self.ordinary_ufl()

    def inside(self, place):
        return [*place, self.ordinary]

    def test_command_that_closes_descriptors(self):
        adopt_orphans(self)
        holder = self.hold(command=tool("close_descriptors.py"))
        token, record = self.record()
        self.crash(holder)
        wait_for_lifeline_to_end(token)
        for hidden, life in ((True, "gone"), (False, "alive")):
            with self.seen_from(another_user(hidden)):
                self.assert_held(life)
        holder.stdin.close()
        os.waitpid(record["child"]["pid"], 0)  # hidden, a zombie might be alive
        with self.seen_from(another_user(hidden=True)):
            self.assert_taken_over()

    def test_process_of_acquire(self):
        process = self.start(program=["cat"], stdin=subprocess.PIPE)
        result = self.ufl("--acquire", "--pid", str(process.pid), self.lock)
        self.assertEqual(result.returncode, 0)
        for hidden, life in ((True, "hidden"), (False, "alive")):
            with self.seen_from(another_user(hidden)):
                self.assert_held(life)
        process.stdin.close()
        self.wait(process)
        with self.seen_from(another_user(hidden=True)):
            self.assert_taken_over()

    def test_lifeline_tells(self):
        """Sockets are not hidden."""
        self.hold()
        with self.seen_from(another_user(hidden=True)):
            self.assert_held("alive")

    def test_no_proc_at_all(self):
        """Without /proc nobody knows which host this is."""
        self.dead_lock()
        with self.seen_from(mounted("mount -t tmpfs ufl-test /proc")):
            self.assertEqual(self.ufl("-n", self.lock, "true").returncode, BUSY)
        self.assert_taken_over()


if __name__ == "__main__":
    unittest.main()
