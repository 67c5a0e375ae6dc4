#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Was it this very host? Reboots, and machines that go on from the same snapshot.

A share and a reboot are faked, by mounts over the files in /proc that tell of them.
"""

import glob
import json
import os
import subprocess
import time
import unittest

from containers import PIDS, ContainerTestCase, machine, named, share
from recovery import BUSY

ANOTHER_BOOT = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
MACHINE = "3d1219c7c4c5404aaa1f6d2a48adfda4\n"
ANOTHER_MACHINE = "3d1219c7c4c5404aaa1f6d2a48adfda5\n"
HERE = machine(MACHINE)
BEFORE = machine(MACHINE, ANOTHER_BOOT)
SHARE = share("nfs4")


class MachineTestCase(ContainerTestCase):
    """Everything runs on a machine that knows its machine-id, where nothing else is said."""

    def setUp(self):
        super().setUp()
        self.needs_initial_pids()
        self.needs(HERE, BEFORE, SHARE)
        self.place = HERE

    def hold(self, *options, program=None, **popen):
        return super().hold(*options, program=program or self.inside(self.place), **popen)

    def forget_witness(self, token):
        for path in glob.glob(f"/dev/shm/ufl-*-{token[-36:]}"):
            os.unlink(path)


class Rebooted(MachineTestCase):
    """Before it was started, this host had another boot id; and so has every other host."""

    def test_local_disk(self):
        """Nothing of that time runs any more."""
        self.dead_lock_of(BEFORE)
        self.assert_taken_over()

    def test_after_it(self):
        self.dead_lock()
        with self.seen_from(BEFORE):
            self.assert_taken_over()

    def test_share(self):
        """Another host may have written it."""
        for place in (BEFORE + SHARE, BEFORE):
            with self.subTest(place=place):
                token = self.dead_lock_of(place)
                with self.seen_from(HERE + SHARE):
                    self.assert_held("other_boot")
                    self.forget_witness(token)
                os.unlink(self.lock)

    def test_container(self):
        """Some containers have boot ids of their own, and run side by side."""
        self.needs(PIDS)
        # The innermost first: --mount-proc hides what was mounted on /proc before.
        there = PIDS + BEFORE
        self.dead_lock_of(there)
        self.assert_held("other_boot")
        with self.seen_from(PIDS + HERE):
            self.assert_held("other_boot")
        os.unlink(self.lock)
        self.dead_lock()
        with self.seen_from(there):
            self.assert_held("other_boot")
        self.assert_taken_over()

    def test_acquire_without_a_process(self):
        """Nobody said that it ends with the boot."""
        for place, seen_from in ((BEFORE, HERE), (HERE, BEFORE)):
            with self.subTest(place=place), self.seen_from(place):
                result = self.ufl("--acquire", self.lock)
                self.assertEqual(result.returncode, 0, result.stderr)
                with self.seen_from(seen_from):
                    self.assert_held("other_boot")
                os.unlink(self.lock)

    def test_acquire_with_a_process(self):
        process = self.start(program=["cat"], stdin=subprocess.PIPE)
        with self.seen_from(BEFORE):
            result = self.ufl("--acquire", "--pid", str(process.pid), self.lock)
        self.assertEqual(result.returncode, 0, result.stderr)
        process.kill()
        self.assert_taken_over()

    def test_no_boot_id(self):
        for text in ("", "unknown", ANOTHER_BOOT[:-1]):
            with self.subTest(text=text):
                self.dead_lock_of(machine(MACHINE, text))
                self.assertEqual(self.ufl("-n", self.lock, "true").returncode, BUSY)
                os.unlink(self.lock)
        self.dead_lock()
        with self.seen_from(machine(MACHINE, "unknown")):
            self.assertEqual(self.ufl("-n", self.lock, "true").returncode, BUSY)
        self.assert_taken_over()


class SameMachine(MachineTestCase):
    """Which machine it is, machine-id(5) tells; the host name explains, and proves nothing."""

    def test_renamed(self):
        self.needs(named("before-ufl"))
        self.dead_lock_of(BEFORE + named("before-ufl"))
        self.assertEqual(self.record()[1]["host"], "before-ufl")
        self.assert_taken_over()

    def test_another_machine_of_that_name(self):
        """A folder that a program keeps in step with other hosts looks local to all of them."""
        self.dead_lock_of(machine(ANOTHER_MACHINE, ANOTHER_BOOT))
        self.assertEqual(self.record()[1]["host"], os.uname().nodename)
        self.assert_held("other_host")

    def test_no_machine_id(self):
        """Containers and images: on either side, or on both."""
        for text in ("", "uninitialized\n", "0" * 32 + "\n", MACHINE[1:]):
            before = machine(text, ANOTHER_BOOT)
            for place, seen_from in ((before, HERE), (BEFORE, machine(text)),
                                     (before, machine(text))):
                with self.subTest(text=text, place=place, seen_from=seen_from):
                    self.dead_lock_of(place)
                    with self.seen_from(seen_from):
                        self.assert_held("other_boot")
                    os.unlink(self.lock)

    def test_an_old_ufl(self):
        """ufl 0.1 wrote neither key; the message says why that lock is held."""
        self.dead_lock_of(BEFORE)
        token, holder = self.record()
        for gone in (("machine", "mount"), ("machine",), ("mount",)):
            with self.subTest(without=gone):
                old = {key: value for key, value in holder.items() if key not in gone}
                self.write("lock", token + "\n" + json.dumps(old) + "\n")
                self.assert_held("other_boot")
                stderr = self.ufl("-n", self.lock, "true").stderr
                self.assertEqual("ufl 0.1" in stderr, "machine" in gone, stderr)
                self.assertIn(f"--break --token {token}", stderr)
        self.write("lock", token + "\n" + json.dumps(holder) + "\n")
        self.assert_taken_over()

    def test_the_id_itself_is_not_told(self):
        """It is confidential, machine-id(5); what stands for it is always the same."""
        told = set()
        for place in (HERE, BEFORE, HERE + SHARE, machine(ANOTHER_MACHINE)):
            token = self.dead_lock_of(place)
            self.forget_witness(token)
            self.assertNotIn(MACHINE.strip(), self.read_lock())
            self.assertRegex(self.record()[1]["machine"], r"\A[0-9a-f]{32}\Z")
            told.add(self.record()[1]["machine"])
            os.unlink(self.lock)
        self.assertEqual(len(told), 2)


class AtTheServer(MachineTestCase):
    """A client holds the lock over a share, and its file lies on our own disk."""

    CLIENT = machine(ANOTHER_MACHINE, ANOTHER_BOOT) + SHARE
    # Made from one image: the same name, and the same machine-id.
    CLONE = BEFORE + SHARE

    def test_another_boot_is_another_host(self):
        for place, check in ((self.CLIENT, "other_host"), (self.CLONE, "other_boot")):
            with self.subTest(check=check):
                holder = self.hold_in(place)
                self.assertEqual(self.record()[1]["mount"], "share")
                self.assert_held(check)
                self.let_go(holder)
                token = self.dead_lock_of(place)
                self.assert_held(check)
                self.forget_witness(token)
                os.unlink(self.lock)

    def test_waiters(self):
        """They wait for it, and get it when it is released."""
        holder = self.hold_in(self.CLONE)
        waiter = self.start("-v", self.lock, "echo", "mine", program=self.inside(HERE))
        self.assertIn("waiting", waiter.stderr.readline())
        self.let_go(holder)
        self.assertEqual((self.wait(waiter), waiter.stdout.read()), (0, "mine\n"))
        self.assert_no_lock()

    def test_once_the_lease_is_over(self):
        """As on a share, after a delay; here with the witness of a holder that was not judged by
        it, and of one that nobody runs as."""
        token = self.dead_lock_of(self.CLONE, "-l", "2", "--kill-after", "0.3")
        begun = time.monotonic()
        result = self.ufl("-w", "60", self.lock, "echo", "mine")
        self.assertEqual((result.returncode, result.stdout), (0, "mine\n"), result.stderr)
        self.assertGreaterEqual(time.monotonic() - begun, 3)
        self.assert_one_line(result.stderr, "taken over", "lease")
        self.assert_no_lock()
        self.assertEqual(len(glob.glob(f"/dev/shm/ufl-*-{token[-36:]}")), 1)
        self.forget_witness(token)

    def test_on_this_very_host(self):
        """It mounts what it exports itself: a witness is needed, as for any holder on a share."""
        token = self.dead_lock_of(HERE + SHARE)
        witness = f"/dev/shm/ufl-{os.getuid()}-{token[-36:]}"
        os.unlink(witness)
        self.assert_held("gone")
        os.close(os.open(witness, os.O_CREAT | os.O_EXCL, 0o600))
        self.assert_taken_over()
        self.assertFalse(os.path.lexists(witness))


if __name__ == "__main__":
    unittest.main()
