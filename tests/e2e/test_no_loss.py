#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What only looks as if a lock was taken away while the command runs under it."""

import concurrent.futures
import os
import subprocess
import threading
import time
import unittest

import support
from leases import LOST, OTHER, pause
from losses import LossTestCase

INTERVAL_TO_KILL = 5


class NotLostTest(LossTestCase):
    """What passes, and what cannot be told: the command goes on, with a status of its own."""

    def assert_not_lost(self, holder, status=0, *said):
        self.assertEqual(self.let_go(holder), status)
        stderr = holder.stderr.read()
        if said:
            self.assert_one_line(stderr, *said)
        else:
            self.assertEqual(stderr, "")

    def assert_all_run(self, holders):
        """And then let them all go: a release that finds nothing takes a second."""
        self.assertEqual([name for name, holder in holders.items() if holder.poll() is not None],
                         [])
        for holder in holders.values():
            holder.stdin.close()

    def test_absent_for_a_moment(self):
        """The file, or its whole directory; and content that is torn."""
        for attempt in range(5):
            if self.be_absent_for_a_moment(attempt):
                return
        self.skipTest("this machine is too busy: no moment was shorter than a second")

    def be_absent_for_a_moment(self, attempt):
        """False: it took so long that ufl may have seen it absent twice, a second apart."""
        def put_away(path):
            os.rename(path, path + ".away")

        def put_back(path):
            os.rename(path + ".away", path)

        def tear(lock):
            content = self.read_lock(lock)
            self.put_in_place(content[:20], lock)
            whole[lock] = content

        def mend(lock):
            self.put_in_place(whole[lock], lock)

        whole = {}
        cases = {}
        for name, there, back in (("file", put_away, put_back), ("directory", put_away, put_back),
                                  ("torn", tear, mend)):
            directory = self.path(f"{name}-{attempt}")
            os.mkdir(directory)
            lock = os.path.join(directory, "lock")
            cases[name] = (self.hold_at("--on-lost", "kill", lock=lock), lock,
                           directory if name == "directory" else lock, there, back)
        self.wait_until_watched(*[case[0] for case in cases.values()])
        begin = time.monotonic()
        for _, _, path, there, _ in cases.values():
            there(path)
        pause(0.4)  # the first look shows nothing
        for _, _, path, _, back in cases.values():
            back(path)
        if time.monotonic() - begin >= 1:
            return False
        pause(1.2)  # and the second would tell
        for name, (holder, lock, _, _, _) in cases.items():
            with self.subTest(absent=name):
                self.assertIsNone(holder.poll())
                self.assert_not_lost(holder, 0, *(["written anew"] if name == "torn" else []))
                self.assert_no_lock(lock)
        return True

    def test_directory_that_stays_away(self):
        """Nothing was given to anybody; whether the lock was ours to the end cannot be told."""
        holders = {}
        for status in (0, 3):
            os.mkdir(self.path(f"dir-{status}"))
            holders[status] = self.hold_at("--on-lost", "kill", status=status,
                                           lock=self.path(f"dir-{status}", "lock"))
        self.wait_until_watched(*holders.values())
        for status in holders:
            os.rename(self.path(f"dir-{status}"), self.path(f"away-{status}"))
        pause(2.2)  # two looks, a second apart
        self.assert_all_run(holders)
        for status, holder in holders.items():
            with self.subTest(status=status):
                self.assert_not_lost(holder, status, self.path(f"dir-{status}", "lock"))
                self.assertTrue(os.path.exists(self.path(f"away-{status}", "lock")))

    def test_content_that_is_another_at_each_look(self):
        """And none of it a whole lock: what will come of it cannot be told."""
        holder = self.hold()
        begun, ended = threading.Event(), threading.Event()

        def write():
            number = 0
            while not ended.wait(0.01):
                number += 1
                self.put_new(f"x{number}")
                begun.set()

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            try:
                self.assertTrue(begun.wait(support.PATIENCE))
                self.assert_not_lost(holder, 0, self.lock, "cannot release it: it holds something "
                                     "else at each look", "remove it")
            finally:
                ended.set()
            writing.result()

    def test_share_that_is_unmounted(self):
        """What is there then is the bare mount point, or another share: another device."""
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        ends = {"unmounted": 'umount -l "$D"', "hidden": 'mount -t tmpfs y "$D"',
                "hidden by another's": 'mount -t tmpfs y "$D" && echo "$OTHER" > "$D/x"'}
        holders = {}
        for name, end in ends.items():
            directory = self.path(name)
            os.mkdir(directory)
            script = f'echo ready; {end} || exit 99; echo done; read line; exit 3'
            env = support.clean_environment(D=directory, OTHER=OTHER)
            holders[name] = self.start(
                "--on-lost", "kill", os.path.join(directory, "lock"), "sh", "-c", script, env=env,
                stdin=subprocess.PIPE,
                program=[*words, "sh", "-c", 'mount -t tmpfs x "$D" && exec "$@"', "sh",
                         os.path.abspath(support.UFL)])
        for holder in holders.values():
            self.assertEqual([holder.stdout.readline() for _ in range(2)], ["ready\n", "done\n"])
        pause(INTERVAL_TO_KILL + 2.5)  # two looks, a second apart
        self.assert_all_run(holders)
        for name, holder in holders.items():
            with self.subTest(share=name):
                self.assert_not_lost(holder, 3, self.path(name, "lock"))


class OverlayTest(LossTestCase):
    """A file may lie on another device than its directory: an overlay over two of them."""

    MOUNT = ('mount -t tmpfs x "$D"; mkdir "$D/lower" "$D/upper" "$D/all"; '
             'mount -t tmpfs y "$D/upper"; mkdir "$D/upper/new" "$D/upper/work"; '
             'mount -t overlay z -o "lowerdir=$D/lower,upperdir=$D/upper/new,'
             'workdir=$D/upper/work" "$D/all"; ')

    def hold_there(self, name, script, *options):
        """A holder below an overlay of its own, whose command is a shell script with the lock in
        $L and a witness; or the test is skipped."""
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        directory = self.path(name)
        os.mkdir(directory)
        lock = os.path.join(directory, "all", "lock")
        words = [*words, "sh", "-ec", self.MOUNT + 'exec "$@"', "sh"]
        env = support.clean_environment(D=directory, L=lock)
        told = subprocess.run([*words, "sh", "-c", ': >"$L"; stat -c %d "$L" "$D/all"'],
                              check=False, env=env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if told.returncode != 0 or len(set(told.stdout.split())) != 2:
            self.skipTest(f"no overlay of two devices here: {told.stdout}")
        witness = self.witness(name + ".fifo")
        holder = self.run_witnessed(witness, *options, script=script, lock=lock, env=env,
                                    program=[*words, os.path.abspath(support.UFL)])
        return holder, witness, lock

    def test_loss_is_told(self):
        for name, options in (("plain", ()), ("leased", ("--lease", "60"))):
            with self.subTest(options=options):
                holder, witness, lock = self.hold_there(
                    name, 'sleep 1.5; rm "$L"; echo ready >&9; sleep 100', "--on-lost", "kill",
                    "--kill-after", "0.3", *options)
                witness.wait_for_end()
                self.assertEqual(self.wait(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "lost", "its file is gone")

    def test_loss_is_told_by_the_release(self):
        holder, _, lock = self.hold_there("short", 'rm "$L"; echo ready >&9')
        self.assertEqual(self.wait(holder), LOST)
        self.assert_one_line(holder.stderr.read(), lock, "lost", "its file is gone")


class ReplacedByNoFileTest(LossTestCase):
    """What stands at the name is told as what it is."""

    def test_told(self):
        for what, make in (("a directory", os.mkdir), ("a FIFO", os.mkfifo),
                           ("a symbolic link", lambda path: os.symlink("nowhere", path))):
            for leased in (False, True):
                lock = self.path(f"{what}-{leased}")
                options = ("-l", "2", "--kill-after", "0") if leased else ()
                with self.subTest(what=what, leased=leased):
                    holder = self.hold_at(*options, lock=lock)
                    os.unlink(lock)
                    make(lock)
                    status = self.wait(holder) if leased else self.let_go(holder)
                    self.assertEqual(status, LOST if leased else 0)
                    self.assert_one_line(holder.stderr.read(), lock, f"there is {what}",
                                         "in its place")


if __name__ == "__main__":
    unittest.main()
