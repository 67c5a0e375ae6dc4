# SPDX-License-Identifier: MIT
"""What the tests of losses share: the ways in which a lock is taken away from its holder."""

import concurrent.futures
import json
import os

import support
from leases import OTHER, LeaseTestCase, record


def watches(pid):
    """Does the process watch a directory? inotify, proc_pid_fdinfo(5)."""
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                if "inotify wd:" in info.read():
                    return True
        except FileNotFoundError:
            continue
    return False


class LossTestCase(LeaseTestCase):
    """Holders whose lock file is told to change."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("dir"))
        self.lock = self.path("dir", "lock")

    def hold_at(self, *options, status=0, lock=None):
        """A holder whose command ends with `status`."""
        command = ["sh", "-c", f"echo ready; read line; exit {status}"]
        return self.hold(*options, lock=lock or self.lock, command=command)

    def wait_until_watched(self, *holders):
        """The kernel tells them of changes by now."""
        for holder in holders:
            support.wait_for(lambda holder=holder: watches(holder.pid), "the watch")

    # Ways to lose it: each leaves what it did.

    def deleted(self, lock):
        os.unlink(lock)

    def replaced(self, lock):
        self.put_new(record(), lock)

    def replaced_by_another_implementation(self, lock):
        self.put_in_place(OTHER, lock)

    def written_over(self, lock):
        self.put_in_place(record(), lock)

    def broken(self, lock):
        token = self.read_lock(lock).split("\n")[0]
        result = self.ufl("--break", "--token", token, lock)
        self.assertEqual(result.returncode, 0, result.stderr)

    def broken_and_taken(self, lock):
        self.broken(lock)
        self.assertEqual(self.ufl("--acquire", lock).returncode, 0)

    def assert_left(self, way, lock):
        """What that way has left is there still."""
        way = getattr(way, "__func__", way)
        if way in (LossTestCase.deleted, LossTestCase.broken):
            self.assertFalse(os.path.exists(lock))
        elif way is LossTestCase.broken_and_taken:
            self.assertTrue(json.loads(self.read_lock(lock).split("\n")[1])["detached"])
        else:
            is_record = way is not LossTestCase.replaced_by_another_implementation
            self.assertEqual(self.read_lock(lock), record() if is_record else OTHER)

    QUICK = (deleted, replaced, replaced_by_another_implementation, written_over)
    WAYS = (*QUICK, broken, broken_and_taken)

    def lose(self, ways):
        """All of [(way, lock)] at once: to break a lock takes a while."""
        with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool:
            for done in [pool.submit(way, self, lock) for way, lock in ways]:
                done.result()
