#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An empty lock file: the leftover of flock(1), of a power cut, or of a kill, which nobody would
ever remove. On a local file system it is taken over when it has stood for long enough.

That is ten seconds and more, so all that can happen to one happens side by side, in threads.
"""

import concurrent.futures
import os
import shutil
import subprocess
import time
import unittest

import support
from faults import CAN_MOUNT
from leases import BUSY, OTHER, TAKEOVER, LeaseTestCase, Opened, pause

PATIENCE = 10  # of ufl, with an empty file
DELAYS = 10    # and so many delays
TOO_LONG = str(PATIENCE + 4)  # for a contender that must not get it
UFL = os.path.abspath(support.UFL)


class EmptyFileTest(LeaseTestCase):
    """One lock for each method that is called below, of that name."""

    def make(self, name):
        return self.write(name, "")

    def contend(self, name, *options, wait="60", program=None):
        """Returns its status, the seconds that it took, stdout and stderr."""
        begin = time.monotonic()
        process = self.start("-r", "50ms", "-w", wait, *options, self.path(name), "echo", "ran",
                             program=program)
        stdout, stderr = process.communicate(timeout=support.PATIENCE)
        return process.returncode, time.monotonic() - begin, stdout, stderr

    def attempt(self, name):
        return self.ufl("-n", self.path(name), "echo", "ran")

    def assert_taken_over(self, name, result, least=PATIENCE + TAKEOVER):
        status, seconds, stdout, stderr = result
        self.assertEqual((status, stdout), (0, "ran\n"), stderr)
        self.assert_one_line(stderr, self.path(name), "taken over")
        self.assertGreaterEqual(seconds, least)
        self.assert_no_lock(self.path(name))

    def assert_kept(self, name, result, inode):
        status, _, stdout, stderr = result
        self.assertEqual((status, stdout), (BUSY, ""), stderr)
        self.assert_one_line(stderr, self.path(name), "not acquired")
        info = os.stat(self.path(name))
        self.assertEqual((info.st_ino, info.st_size), (inode, 0))

    def in_background(self, function, *arguments):
        """A future of what it returns."""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        try:
            return pool.submit(function, *arguments)
        finally:
            pool.shutdown(wait=False)

    # Taken over.

    def plain(self, name):
        self.make(name)
        self.assert_taken_over(name, self.contend(name))

    def old(self, name):
        """Whatever its times say."""
        os.utime(self.make(name), (0, 0))
        self.assert_taken_over(name, self.contend(name, "-l", "30", "-d", "0.1"))

    def long_delay(self, name):
        self.make(name)
        self.assert_taken_over(name, self.contend(name, "-d", "1.5"), DELAYS * 1.5 + 1.5)

    def left_by_flock(self, name):
        if shutil.which("flock") is None:
            self.skipTest("flock(1) is missing")
        subprocess.run(["flock", self.path(name), "true"], check=True)
        self.assert_taken_over(name, self.contend(name))

    def acquire(self, name):
        begin = time.monotonic()
        result = self.ufl("--acquire", "-w", "60", self.make(name))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreaterEqual(time.monotonic() - begin, PATIENCE + TAKEOVER)
        self.assertEqual(self.read_lock(self.path(name)).split("\n")[0], result.stdout.strip())

    def two_contenders(self, name):
        """One after the other: the first takes over; the second gets what the first releases, be
        that early in its own watch."""
        begin = time.monotonic()
        self.make(name)

        def contend():
            status, _, _, stderr = self.contend(name)
            return status, time.monotonic() - begin, stderr

        both = [self.in_background(contend) for _ in range(2)]
        for each in both:
            status, seconds, stderr = each.result()
            self.assertEqual(status, 0, stderr)
            self.assertGreaterEqual(seconds, PATIENCE + TAKEOVER)
        self.assert_no_lock(self.path(name))

    # Watched anew.

    def another_inode(self, name):
        self.make(name)
        contender = self.in_background(self.contend, name)
        pause(PATIENCE / 2)
        # Made while the first one is there: of another number.
        begin = time.monotonic()
        os.rename(self.make(name + ".new"), self.path(name))
        self.assert_taken_over(name, contender.result())
        self.assertGreaterEqual(time.monotonic() - begin, PATIENCE + TAKEOVER)

    def emptied_again(self, name):
        self.make(name)
        contender = self.in_background(self.contend, name)
        pause(PATIENCE / 2)
        with Opened(self.path(name)) as watch:
            self.put_in_place(OTHER + "\n", self.path(name))
            watch.wait()  # it has been seen
        begin = time.monotonic()
        self.put_in_place("", self.path(name))
        self.assert_taken_over(name, contender.result())
        self.assertGreaterEqual(time.monotonic() - begin, PATIENCE + TAKEOVER)

    # Kept.

    def filled(self, name):
        """Its writer was only slow."""
        self.make(name)
        contender = self.in_background(lambda: self.contend(name, wait=TOO_LONG))
        pause(PATIENCE / 2)
        self.put_in_place(OTHER + "\n", self.path(name))
        status, _, stdout, stderr = contender.result()
        self.assertEqual((status, stdout), (BUSY, ""), stderr)
        self.assertEqual(self.read_lock(self.path(name)), OTHER + "\n")

    def used_by_flock(self, name):
        if shutil.which("flock") is None:
            self.skipTest("flock(1) is missing")
        inode = os.stat(self.make(name)).st_ino
        holder = self.start(program=["flock", self.path(name), "sh", "-c",
                                     "echo ready; read line; :"], stdin=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), "ready\n")
        contender = self.in_background(lambda: self.contend(name, wait=TOO_LONG))
        begin = time.monotonic()
        result = self.attempt(name)
        self.assertEqual((result.returncode, result.stdout), (BUSY, ""), result.stderr)
        self.assertLess(time.monotonic() - begin, PATIENCE)
        self.assert_kept(name, contender.result(), inode)
        # Whoever lets go of it may use it again: from then on it is watched anew.
        self.assertEqual(self.let_go(holder), 0)
        again = self.attempt(name)
        self.assert_kept(name, (again.returncode, 0, again.stdout, again.stderr), inode)

    def on_a_share(self, name):
        """A server that has crashed may have emptied the file of a holder that lives."""
        if not CAN_MOUNT:
            self.skipTest("must be root, and able to mount in a namespace of its own")
        inode = os.stat(self.make(name)).st_ino
        script = ("mount -t tmpfs x /proc && mkdir /proc/self && "
                  "echo '1 0 8:1 / / rw - nfs4 x rw' > /proc/self/mountinfo && exec \"$@\"")
        result = self.contend(name, wait=TOO_LONG,
                              program=["unshare", "-m", "sh", "-c", script, "sh", UFL])
        self.assert_kept(name, result, inode)

    # Runs that do not wait recover it together.

    def remembered(self, name):
        self.make(name)
        begin = time.monotonic()
        self.assertEqual(self.attempt(name).returncode, BUSY)
        result = self.attempt(name)
        self.assertEqual(result.returncode, BUSY)
        pause(PATIENCE / 2)
        result = self.attempt(name)
        if time.monotonic() - begin < PATIENCE:
            self.assertEqual(result.returncode, BUSY)
        pause(PATIENCE / 2 + 0.5)
        result = self.attempt(name)
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
        self.assert_one_line(result.stderr, self.path(name), "taken over")
        self.assert_no_lock(self.path(name))

    def remembered_of_another_inode(self, name):
        self.make(name)
        self.assertEqual(self.attempt(name).returncode, BUSY)
        pause(PATIENCE / 2)
        os.rename(self.make(name + ".new"), self.path(name))
        begin = time.monotonic()
        pause(PATIENCE / 2 + 0.5)
        result = self.attempt(name)
        if time.monotonic() - begin < PATIENCE:
            self.assertEqual(result.returncode, BUSY)

    def test_side_by_side(self):
        cases = (self.plain, self.old, self.long_delay, self.left_by_flock, self.acquire,
                 self.two_contenders, self.another_inode, self.emptied_again, self.filled,
                 self.used_by_flock, self.on_a_share, self.remembered,
                 self.remembered_of_another_inode)
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            running = {case.__name__: pool.submit(case, case.__name__) for case in cases}
        for name, case in running.items():
            with self.subTest(case=name):
                case.result()


if __name__ == "__main__":
    unittest.main()
