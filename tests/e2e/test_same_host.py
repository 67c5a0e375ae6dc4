#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Was it this very host? Reboots, shares, and machines that go on from the same snapshot.

A share and a reboot are faked, by mounts over the files in /proc that tell of them.
"""

import glob
import json
import os
import signal
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import leases  # noqa: E402
import support  # noqa: E402
from containers import (  # noqa: E402
    PIDS, ContainerTestCase, machine, memory_of_its_own, named, share)
from recovery import BUSY, wait_for_end  # noqa: E402
from support import DirectoryWatch  # noqa: E402

ANOTHER_BOOT = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
MACHINE = "3d1219c7c4c5404aaa1f6d2a48adfda4\n"
ANOTHER_MACHINE = "3d1219c7c4c5404aaa1f6d2a48adfda5\n"
HERE = machine(MACHINE)
BEFORE = machine(MACHINE, ANOTHER_BOOT)
SHARE = share("nfs4")


def setUpModule():  # pylint: disable=invalid-name
    support.default_signals()


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


class OnAShare(ContainerTestCase):
    """A witness in this host's memory shows that the holder ran here."""

    def setUp(self):
        super().setUp()
        self.needs(SHARE, memory_of_its_own())

    def witness(self, token, directory="/dev/shm"):
        """The path of the witness of a lock with this token; it is removed after the test."""
        path = f"{directory}/ufl-{os.getuid()}-{token[-36:]}"
        self.addCleanup(lambda: os.path.lexists(path) and os.unlink(path))
        return path

    def dead_on_share(self, kind="nfs4"):
        token = self.dead_lock_of(share(kind))
        return self.witness(token)

    def test_made_first_and_removed_last(self):
        with DirectoryWatch("/dev/shm", self.dir) as watch:
            holder = self.hold_in(SHARE)
            token = self.record()[0]
            witness = self.witness(token)
            names = [name for name in watch.appeared()
                     if name in ("lock", os.path.basename(witness))]
        self.assertEqual(names, [os.path.basename(witness), "lock"])
        self.assertEqual((os.path.getsize(witness), os.stat(witness).st_mode & 0o777), (0, 0o600))
        self.let_go(holder)
        self.assertFalse(os.path.lexists(witness))
        self.assert_no_lock()

    def test_none_for_a_local_lock(self):
        self.hold()
        self.assertFalse(os.path.lexists(self.witness(self.record()[0])))

    def test_killed_here(self):
        for kind in ("nfs4", "unknown-to-ufl"):
            with self.subTest(kind=kind):
                witness = self.dead_on_share(kind)
                self.assertTrue(os.path.exists(witness))
                with self.seen_from(share(kind)):
                    self.assert_taken_over()
                self.assertFalse(os.path.lexists(witness))  # nobody else would remove it

    def test_command_runs_on(self):
        holder = self.hold_in(SHARE)
        token, record = self.record()
        self.witness(token)
        self.crash(holder)
        with self.seen_from(SHARE):
            self.assert_held("alive")
            holder.stdin.close()
            wait_for_end(record["child"]["pid"])
            self.assert_taken_over()

    def test_killed_on_the_other_of_two_twins(self):
        """Both go on from one snapshot: boot id and namespaces are the same, memory is not."""
        self.dead_on_share()
        with self.seen_from(memory_of_its_own() + SHARE):
            self.assert_held("gone")
        with self.seen_from(SHARE):
            self.assert_taken_over()

    def test_two_records_of_one_boot(self):
        """Each of the twins has left one; each can judge its own alone."""
        twin = memory_of_its_own() + SHARE
        other = self.path("other")
        self.dead_lock_of(twin)
        os.rename(self.lock, other)
        self.dead_on_share()
        with self.seen_from(SHARE):
            self.assert_held("gone", other)
            self.assert_taken_over()

    def test_no_witness(self):
        os.unlink(self.dead_on_share())
        with self.seen_from(SHARE):
            self.assert_held("gone")

    def test_not_needed_on_a_local_disk(self):
        self.dead_lock()
        self.assert_taken_over()

    def test_witness_that_a_record_names(self):
        """Whoever takes a lock over, or releases it, leaves the witnesses of others alone, whatever
        the record says: theirs are removed by those who own them."""
        name = str(uuid.uuid4())  # a release by another test, of a token they share, would remove it
        for uid in (65534, os.getuid()):
            witness = f"/dev/shm/ufl-{uid}-{name}"
            os.close(os.open(witness, os.O_CREAT | os.O_EXCL, 0o600))
            self.addCleanup(lambda path=witness: os.path.lexists(path) and os.unlink(path))
            os.chown(witness, uid, uid)
            with self.subTest(uid=uid), self.seen_from(SHARE):
                self.write("lock", leases.record(name, uid=uid, mount="share"))
                result = self.ufl("-w", "60", self.lock, "echo", "mine")
                self.assertEqual((result.returncode, result.stdout), (0, "mine\n"), result.stderr)
                self.assertIn("taken over", result.stderr)
                self.assertTrue(os.path.lexists(witness), "a takeover has removed it")
                self.write("lock", leases.record(name, uid=uid, mount="share"))
                self.assertEqual(self.ufl("--break", self.lock).returncode, 0)
                self.assertTrue(os.path.lexists(witness), "a break has removed it")
        with self.seen_from(SHARE):
            self.write("lock", leases.record(name, uid=65534, mount="share", lease=None))
            self.assertEqual(self.ufl("--release", "--token", name, self.lock).returncode, 0)
        self.assertTrue(os.path.lexists(f"/dev/shm/ufl-65534-{name}"), "a release has removed it")

    def test_witness_of_somebody_else(self):
        """Anybody can make a file of that name, and anything under it."""
        witness = self.dead_on_share()
        os.chown(witness, 65534, 65534)
        with self.seen_from(SHARE):
            self.assert_held("gone")
            os.unlink(witness)
            os.symlink("/etc/passwd", witness)
            self.assert_held("gone")

    def test_no_memory_to_leave_it_in(self):
        """Then it is left in /run; and nowhere, if that cannot be written either."""
        def full(*directories):
            return [*memory_of_its_own()[:3], "-ec", "; ".join(
                f"mount -t tmpfs -o ro ufl-test {path}" for path in directories)
                    + '; exec "$@"', "sh"]

        self.needs(full("/dev/shm", "/run"))
        for place, life in ((full("/dev/shm"), "dead"), (full("/dev/shm", "/run"), "gone")):
            with self.subTest(life=life):
                token = self.dead_lock_of(place + SHARE)
                self.assertEqual(os.path.exists(self.witness(token, "/run")), life == "dead")
                with self.seen_from(SHARE):
                    self.assertEqual(self.check(), life)
                    if life == "gone":
                        self.assert_held(life)
                os.unlink(self.lock)

    def test_share_that_writes_by_path(self):
        """No child can be written into the record there, so nothing is promised."""
        kind = share("fuse.rclone")
        token = self.dead_lock_of_path_store(kind)
        self.witness(token)
        with self.seen_from(kind):
            self.assert_held("gone")

    def dead_lock_of_path_store(self, kind):
        holder = self.hold_in(kind)
        token, record = self.record()
        self.assertNotIn("lifeline", record)
        self.assertIsNone(record.get("child"))
        children = self.children_of(holder.pid)
        self.crash(holder)
        for child in children:
            os.kill(child, signal.SIGKILL)
            wait_for_end(child)
        return token

    def children_of(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def test_acquire_with_a_process(self):
        process = self.start(program=["cat"], stdin=subprocess.PIPE)
        with self.seen_from(SHARE):
            result = self.ufl("--acquire", "--pid", str(process.pid), self.lock)
            witness = self.witness(result.stdout.strip())
            self.assertTrue(os.path.exists(witness))
            self.assert_held("alive")
            process.kill()
            self.wait(process)
            with self.seen_from(memory_of_its_own() + SHARE):
                self.assert_held("gone")
            self.assert_taken_over()

    def test_released_in_parts(self):
        with self.seen_from(SHARE):
            result = self.ufl("--acquire", "--pid", str(os.getpid()), self.lock)
            token = result.stdout.strip()
            self.assertTrue(os.path.exists(self.witness(token)))
            self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)
            self.assertFalse(os.path.exists(self.witness(token)))


if __name__ == "__main__":
    unittest.main()
