# SPDX-License-Identifier: MIT
"""What the tests with five-step contenders (tools/five_steps.py) share."""

import os
import subprocess

from support import UUID, UflTestCase, tool


def read_gaps(path):
    """The look-to-write gaps that five-step contenders wrote to `path`, in seconds."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return [int(line) / 1e9 for line in file]


def contents_of(path):
    """The bytes of a file; none if there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class InteropTestCase(UflTestCase):
    """A test with five-step contenders that stop where they are told to."""

    def five_steps(self, *options, lock=None, **popen):
        """Start a five-step contender."""
        return self.start(program=tool("five_steps.py", *options, lock or self.lock),
                          stdin=subprocess.PIPE, **popen)

    def assert_event(self, contender, event):
        """The next thing that `contender` tells is `event`."""
        line = contender.stdout.readline()
        self.assertEqual(line, event + "\n", None if line else contender.stderr.read())

    def go_on(self, contender):
        """Let `contender` go on from where it has stopped."""
        contender.stdin.write("\n")
        contender.stdin.flush()

    def state(self):
        """All of the lock file that a write, a new file or a chmod would change."""
        stat = os.stat(self.lock)
        return (contents_of(self.lock), stat.st_ino, stat.st_mode, stat.st_uid, stat.st_gid,
                stat.st_mtime_ns, stat.st_ctime_ns, stat.st_nlink)

    def hold_by_five_steps(self, *options):
        """Start a five-step contender that holds the lock until let_go(); it, and its token."""
        holder = self.five_steps("--delay", 0, "--stop-at", "entered", *options)
        self.assert_event(holder, "entered")
        token = self.read_lock()
        self.assertRegex(token, rf"\A[a-z-]*{UUID}\Z")
        return holder, token
