#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lock on a share, whose holder ran on this very host: its witness in memory shows that."""

import os
import signal
import subprocess
import unittest
import uuid

import leases
from containers import ContainerTestCase, memory_of_its_own, share
from recovery import wait_for_end
from support import DirectoryWatch

SHARE = share("nfs4")


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
