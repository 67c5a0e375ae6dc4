#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A share that misbehaves, and a kernel that lacks something: by fault injection."""

import fcntl
import os
import re
import signal
import subprocess
import unittest

import containers
import support
from faults import CAN_MOUNT, NAME_FIRST, FaultTestCase
from support import PATIENCE, UFL, clean_environment

# Somebody who owns nothing here.
SETPRIV = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


class OwnClaim(FaultTestCase):
    """A claim of one's own that a share hides for a moment is neither forgotten nor waited for."""

    def claim(self, fault, *options):
        # open calls on the lock: 1 look, 2 create, 3 verify
        return self.inject([fault], "-d", "0", *options, "lock", "echo", "ran", kind="nfs4")

    def test_taken_back_when_there_is_one_attempt(self):
        result = self.claim("openat:error=ENOENT:when=3", "-n")
        self.assertEqual((result.returncode, result.stdout), (75, ""))
        self.assert_no_lock()

    def test_taken_back_when_nothing_shows_it_at_first(self):
        # 3 verify, 4 the look that is to take it back: neither sees it
        result = self.claim("openat:error=ENOENT:when=3..4", "-n")
        self.assertEqual((result.returncode, result.stdout), (75, ""))
        self.assert_no_lock()

    def test_held_after_all_when_there_is_time(self):
        # 5 is a second create, with the same token: EEXIST
        for calls in ("3", "3..4"):
            with self.subTest(unseen=calls):
                result = self.claim(f"openat:error=ENOENT:when={calls}", "-w", "30")
                self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
                self.assert_no_lock()

    def test_the_same_when_the_read_is_empty(self):
        result = self.claim("read:retval=0:when=1", "-w", "30")
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
        self.assert_no_lock()

    def test_an_unreadable_claim_is_read_again(self):
        result = self.claim("openat:error=EIO:when=3")
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
        self.assert_no_lock()


class EmptyForAMoment(FaultTestCase):
    """A file that has its name before its content may be taken for a left-over meanwhile."""

    def test_not_filled_while_somebody_takes_it_over(self):
        # The taker holds flock(2) on it, has seen that it is empty, and will rename over it.
        claim = self.stopped("openat:when=2", "-n", "lock", "echo", "ran", others=[NAME_FIRST])
        with open(self.lock, "rb") as taker:
            fcntl.flock(taker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status, stdout, _ = self.go_on(*claim)
        self.assertEqual((status, stdout), (75, ""))
        self.assertEqual(os.path.getsize(self.lock), 0)


class Failures(FaultTestCase):
    def test_a_failed_write_leaves_nothing(self):
        for error in ("EIO", "ENOSPC", "EDQUOT"):
            with self.subTest(error=error):
                result = self.inject([NAME_FIRST, f"write:error={error}:when=1"], "lock", "echo",
                                     "ran")
                self.assertEqual((result.returncode, result.stdout), (125, ""))
                self.assert_one_line(result.stderr, "lock", "cannot write it")
                self.assert_no_lock()

    def test_a_failed_close_leaves_nothing(self):
        """On a share, that is: on a local disk the file is kept open."""
        # Without the paths that strace cannot tell there: which close is that of the create?
        untraced = "fsync:retval=0"
        log = self.path(".log")
        subprocess.run(self.traced([untraced], "lock", "true", kind="nfs4", log=log), check=True,
                       cwd=self.dir, timeout=support.PATIENCE)
        with open(log, encoding="utf-8") as file:
            before = re.split(re.escape(f'"{self.lock}", ') + "[^)]*O_EXCL", file.read())[0]
        os.unlink(log)
        nth = len(re.findall(r"\bclose\(", before)) + 1
        result = self.inject([untraced, f"close:error=EIO:when={nth}"], "lock", "echo", "ran",
                             kind="nfs4")
        self.assertEqual((result.returncode, result.stdout), (125, ""), result.stderr)
        self.assert_one_line(result.stderr, "lock", "Input/output error")
        self.assert_no_lock()

    def test_a_failed_fsync_on_a_share_leaves_nothing(self):
        result = self.inject(["fsync:error=EIO"], "lock", "echo", "ran", kind="nfs4")
        self.assertEqual((result.returncode, result.stdout), (125, ""), result.stderr)
        self.assert_one_line(result.stderr, "lock", "Input/output error")
        self.assert_no_lock()

    def test_a_failed_release_is_one_line_and_the_commands_status(self):
        result = self.inject(["unlink:error=EIO"], "lock", "sh", "-c", "exit 7")
        self.assertEqual(result.returncode, 7)
        self.assert_one_line(result.stderr, "lock", "cannot release it: Input/output error")

    def test_an_unreadable_lock_is_held(self):
        result = self.inject(["openat:error=EIO"], "-n", "lock", "echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (75, ""))
        self.assert_one_line(result.stderr, "lock", "Input/output error")

    def test_without_pidfds_no_lock_is_taken_that_would_have_to_stop_its_command(self):
        with support.DirectoryWatch(self.dir) as watch:
            result = self.inject(["pidfd_open:error=ENOSYS"], "--on-lost", "kill", "lock", "echo",
                                 "ran")
            self.assertEqual((result.returncode, result.stdout), (125, ""))
            self.assert_one_line(result.stderr, "lock", "pidfd_open")
            self.assertEqual(watch.appeared(), [])


class Share(FaultTestCase):
    """What stands for a share here is the local disk; what is slow or denied is so by injection."""

    def test_the_delay_of_a_share_is_a_second(self):
        result = self.inject([], "lock", "sh", "-c", 'cat "$UFL_LOCKFILE"', kind="nfs4")
        self.assertIn('"delay":1', result.stdout)
        result = self.inject([], "lock", "sh", "-c", 'cat "$UFL_LOCKFILE"', kind="ext4")
        self.assertIn('"delay":0', result.stdout)

    def test_eperm_of_an_exclusive_create_is_a_lock_that_was_faster(self):
        """sshfs says EPERM where EEXIST is meant."""
        self.write("lock", "foreign")
        # The look does not see the file yet; the create is refused; the next look sees it.
        result = self.inject(["openat:error=ENOENT:when=1", "openat:error=EPERM:when=2"], "-n",
                             "lock", "echo", "ran", kind="fuse.sshfs")
        self.assertEqual((result.returncode, result.stdout), (75, ""), result.stderr)
        self.assertEqual(self.read_lock(), "foreign")

    # open calls on the lock: 1 look, 2 create, 3 look again; from 4 on the same.

    def test_eperm_where_files_can_be_made_is_a_lock_that_is_not_seen(self):
        """sshfs with a negative cache, davfs2: the name is absent for us until the cache ends."""
        for words in (["-n"], ["-w", "3"]):
            with self.subTest(words=words), support.DirectoryWatch(self.dir) as watch:
                result = self.inject(["openat:error=EPERM:when=2+3"], *words, "lock", "echo", "ran",
                                     kind="fuse.sshfs")
                self.assertEqual((result.returncode, result.stdout), (75, ""), result.stderr)
                self.assert_one_line(result.stderr, "lock", "not acquired")
                self.assertEqual(len([n for n in watch.appeared() if n.startswith(".ufl-")]), 1)
                self.assertEqual(os.listdir(self.dir), [])

    def test_eperm_that_ends_is_a_wait(self):
        result = self.inject(["openat:error=EPERM:when=2..8+3"], "lock", "echo", "ran",
                             kind="fuse.sshfs")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "ran\n", ""))
        self.assertEqual(os.listdir(self.dir), [])

    def test_eperm_for_half_a_minute_is_said_once(self):
        waiter = self.start(program=self.traced(["openat:error=EPERM:when=2+3"], "-w", "34", "lock",
                                                "echo", "ran", kind="fuse.sshfs"))
        line = waiter.stderr.readline()
        self.assert_one_line(line, "lock", "Operation not permitted", "still waiting")
        self.assertEqual(waiter.wait(timeout=2 * PATIENCE), 75)
        self.assert_one_line(waiter.stderr.read(), "lock", "not acquired within 34s")

    def test_a_directory_that_cannot_be_written_is_an_error(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        user = self.as_ordinary_user()
        os.chmod(self.dir, 0o555)
        result = subprocess.run(
            [*containers.share("fuse.sshfs"), *SETPRIV, user.get("executable", os.path.abspath(UFL)),
             "-n", self.lock, "echo", "ran"], check=False, env=clean_environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE)
        os.chmod(self.dir, 0o755)
        self.assertEqual((result.returncode, result.stdout), (125, ""), result.stderr)
        self.assert_one_line(result.stderr, "lock", "Permission denied", "make files")

    def test_a_release_that_finds_the_file_in_use_tries_again(self):
        result = self.inject(["unlink:error=EBUSY:when=1..3"], "-d", "0", "lock", "echo", "ran",
                             kind="fuse.smbnetfs")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "ran\n", ""))
        self.assert_no_lock()

    def test_estale_of_the_file_is_free_while_its_directory_opens(self):
        result = self.inject(["openat:error=ESTALE:when=1"], "-d", "0", "lock", "echo", "ran",
                             kind="nfs4")
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)

    def test_a_slow_share_releases_its_lock(self):
        result = self.inject(["openat:delay_enter=360000"], "-d", "0", "lock", "echo", "ran",
                             kind="nfs4")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "ran\n", ""))
        self.assert_no_lock()

    def test_a_share_too_slow_to_overwrite_safely_is_an_error(self):
        result = self.inject(["openat:delay_enter=360000"], "lock", "echo", "ran",
                             kind="fuse.rclone")
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assert_one_line(result.stderr, "lock", "--delay")
        self.assert_no_lock()

    def test_a_late_claim_that_may_have_overwritten_says_why_it_waits(self):
        """It is kept for 35 s; told to stop meanwhile, ufl must leave it, and says so."""
        process = self.start(program=self.traced(["fsync:delay_enter=200000"], "-d", "0.3", "lock",
                                                 "echo", "ran", kind="fuse.rclone"))
        line = process.stderr.readline()
        self.assert_one_line(line, "lock", "more than a third of the --delay", "waiting for 35s")
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
            os.kill(int(children.read().split()[0]), signal.SIGTERM)  # strace's child: ufl
        self.wait(process)
        self.assert_one_line(process.stderr.read(), "lock", "may be left")
        self.assertEqual(process.stdout.read(), "")
        self.assertRegex(self.read_lock(), support.UUID)

    def test_no_claim_starts_after_the_deadline(self):
        """The look hangs, and comes back with "absent" when the time is over."""
        self.write("lock", "foreign")
        result = self.inject(
            ["openat:error=ENOENT:delay_enter=2000000:when=2"], "-w", "1", "lock", "echo", "ran",
            kind="nfs4")
        self.assertEqual((result.returncode, result.stdout), (75, ""), result.stderr)
        self.assertEqual(self.read_lock(), "foreign")


@unittest.skipUnless(CAN_MOUNT, "must be root, and able to mount in a namespace of its own")
class Unmounted(support.UflTestCase):
    def test_an_unmounted_share_is_not_a_lost_lock(self):
        os.mkdir(self.path("m"))
        script = 'mount -t tmpfs x m && exec "$0" m/lock sh -c "umount -l m; exit 0"'
        result = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, os.path.abspath(UFL)], check=False, cwd=self.dir,
            env=clean_environment(), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_one_line(result.stderr, "m/lock", "cannot release it", "another device")


if __name__ == "__main__":
    unittest.main()
