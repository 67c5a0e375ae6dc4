#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What all programs of a user share, and a crowd of ufl leaves to the others: inotify instances."""

import os
import shutil
import subprocess
import unittest

import support
from support import UFL, tool, wait_for

LIMIT = 24  # instances; most systems have 128
LEFT = 16  # by those who wait
LEFT_BY_HOLDERS = 4
CROWD = 30


@unittest.skipUnless(shutil.which("nsenter"), "no nsenter(1)")
@support.not_sanitized
class InotifyInstances(support.UflTestCase):
    """In a user namespace, which has a limit of its own. Who looks at how many are left makes some,
    as left() does, and may find too few for that reason: how many of a crowd keep theirs is luck."""

    def setUp(self):
        super().setUp()
        support.limit_time(self)
        script = f"echo {LIMIT} > /proc/sys/user/max_inotify_instances && echo ready; read line"
        keeper = self.start(program=["unshare", "--user", "--map-root-user", "sh", "-c", script],
                            stdin=subprocess.PIPE)
        if keeper.stdout.readline() != "ready\n":
            self.skipTest("no user namespace with limits of its own")
        self.inside = ["nsenter", "--user", "--preserve-credentials", f"--target={keeper.pid}"]

    def ufl_inside(self, *words, **options):
        return self.start(*words, program=[*self.inside, os.path.abspath(UFL)], **options)

    def left(self):
        """How many instances can be made now."""
        return int(subprocess.run([*self.inside, *tool("count_inotify.py")], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout)

    @staticmethod
    def instances_of(processes):
        count = 0
        for process in processes:
            for name in os.listdir(f"/proc/{process.pid}/fd"):
                try:
                    count += "inotify" in os.readlink(f"/proc/{process.pid}/fd/{name}")
                except FileNotFoundError:
                    pass
        return count

    def test_those_who_wait_leave_some(self):
        holder = self.hold()
        crowd = [self.ufl_inside("-v", self.lock, "true")]
        wait_for(lambda: self.instances_of(crowd) > 0, "the first waiter to be told")
        crowd += [self.ufl_inside("-v", self.lock, "true") for _ in range(CROWD - 1)]
        for waiter in crowd:
            self.assertIn("waiting", waiter.stderr.readline())
        wait_for(lambda: self.left() >= LEFT, f"{LEFT} of {LIMIT} instances to be left")
        self.let_go(holder)
        for waiter in crowd:
            self.assertEqual(self.wait(waiter), 0)
        self.assert_no_lock()

    def test_those_who_hold_leave_some(self):
        crowd = [self.hold(lock=self.path(f"lock{number}"),
                           program=[*self.inside, os.path.abspath(UFL)])
                 for number in range(CROWD)]
        wait_for(lambda: self.instances_of(crowd) > 0, "one of them to be told")
        # From a second on a holder is told what happens to its lock file; this one is the last.
        last = self.hold(lock=self.path("last"))
        wait_for(lambda: self.instances_of([last]) > 0, "the last holder to be told")
        wait_for(lambda: self.left() >= LEFT_BY_HOLDERS, f"{LEFT_BY_HOLDERS} to be left")
        self.let_go(last)
        for holder in crowd:
            self.let_go(holder)
        for number in range(CROWD):
            self.assert_no_lock(self.path(f"lock{number}"))


if __name__ == "__main__":
    unittest.main()
