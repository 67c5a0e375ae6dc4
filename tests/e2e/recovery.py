# SPDX-License-Identifier: MIT
"""What the tests share in which holders die."""

import ctypes
import errno
import fcntl
import json
import os
import re
import signal
import socket
import time

import support
from support import PATIENCE, UFL, wait_for

BUSY, LOST, FAILED = 75, 76, 125

RETRY = 0.1  # the default
TAKEOVER_DELAY = 1.0  # on a local file system
SLACK = 20.0  # for a machine that is busy with something else

# A command that holds until its stdin ends; what it needs is in the environment: $orphan is where a
# process that is left behind writes its number, once it runs, and $gate what it waits at.
READY = "echo ready; read line; true"
LEAVE_BEHIND = "sh -c 'echo $$ > \"$orphan\"; read line < \"$gate\"' > /dev/null 2>&1"

# A command in which two of them are at once if flock(2) on $1 is not free. The kernel lets go of
# that when the last of a command's processes has ended, however it did. It adds its token to $2,
# and holds for $3 seconds.
CRITICAL_SECTION = """\
import fcntl, os, sys, time
inside = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
try:
    fcntl.flock(inside, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    open(sys.argv[1] + ".overlap", "a").write(os.environ["UFL_TOKEN"] + "\\n")
with open(sys.argv[2], "a") as log:
    log.write(os.environ["UFL_TOKEN"] + "\\n")
time.sleep(float(sys.argv[3]))
"""


def has_ended(pid):
    return support.process_state(pid) in (None, "Z", "X")


def wait_for_end(pid):
    wait_for(lambda: has_ended(pid), f"the end of process {pid}")


def lifeline_is_up(uuid):
    """Does anybody keep the socket that unix(7) calls "@ufl/UUID"?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(b"\0ufl/" + uuid.encode())
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:
                raise
            return False
        return True


def wait_for_lifeline_to_end(token):
    """What ufl has just forked may still keep it for a moment when all others have ended."""
    wait_for(lambda: not lifeline_is_up(token[-36:]), f"the end of the lifeline of {token}")


def adopt_orphans(test):
    """Until the end of `test`, whatever its processes leave behind becomes a child of this one."""
    set_child_subreaper = 36  # prctl(2)
    libc = ctypes.CDLL(None)
    libc.prctl(set_child_subreaper, 1, 0, 0, 0)
    test.addCleanup(libc.prctl, set_child_subreaper, 0, 0, 0, 0)


class RecoveryTestCase(support.UflTestCase):
    """A test that ends even if ufl does not, and leaves no orphans."""

    def setUp(self):
        super().setUp()
        support.limit_time(self, 4 * PATIENCE)
        self._gates = []

    def gate(self, name="gate"):
        """What an orphan waits at, in `read line < gate`, until open_gate() or the test's end."""
        path = self.path(name)
        os.mkfifo(path)
        gate = os.open(path, os.O_RDWR)  # so that nobody waits for an end that is never opened
        self._gates.append(gate)
        self.addCleanup(lambda: gate not in self._gates or self.open_gate(gate))
        return path, gate

    def open_gate(self, gate):
        self._gates.remove(gate)
        os.write(gate, b"\n")
        os.close(gate)

    def read_number(self, name):
        """The number that somebody writes into a file, as soon as it is there."""
        def read():
            try:
                with open(self.path(name), encoding="ascii") as file:
                    return re.fullmatch(r"(\d+)\n", file.read())
            except FileNotFoundError:
                return None
        return int(wait_for(read, f"a number in {name}")[1])

    def record(self, lock=None):
        """The token of the lock, and what the file tells of its holder."""
        token, holder = self.read_lock(lock).splitlines()
        return token, json.loads(holder)

    def child(self, lock=None):
        """The process of the command that holds the lock."""
        return self.record(lock)[1]["child"]["pid"]

    def check(self, lock=None, **options):
        """What --status sees of the holder."""
        result = self.ufl("--status", "--json", lock or self.lock, **options)
        self.assertEqual((result.returncode, result.stderr), (BUSY, ""))
        return json.loads(result.stdout)["check"]

    def assert_held(self, check, lock=None):
        """Nobody gets in, nothing is touched, and --status says how the holder is."""
        lock = lock or self.lock
        with self.untouched(lock):
            result = self.ufl("-n", lock, "touch", self.path("ran"))
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
            self.assert_one_line(result.stderr, lock, "held by")
            self.assertEqual(self.check(lock), check)
        self.assertFalse(os.path.exists(self.path("ran")))

    def assert_taken_over(self, *words, lock=None, litter=(), **options):
        """The next one gets in by itself and says so, and nothing is left of either."""
        lock = lock or self.lock
        wait_for(lambda: self.check(lock) == "dead", f"a dead holder of {lock}")
        result = self.ufl("-n", *words, lock, "echo", "mine", **options)
        self.assertEqual((result.returncode, result.stdout), (0, "mine\n"), result.stderr)
        self.assert_one_line(result.stderr, lock)
        self.assert_only_litter(lock, litter)

    def assert_only_litter(self, lock, litter):
        """No lock file, and no temporary file of ufl's but `litter`."""
        self.assertFalse(os.path.lexists(lock), f"{lock} was left behind")
        directory = os.path.dirname(lock)
        self.assertEqual(sorted(n for n in os.listdir(directory) if n.startswith(".ufl-")),
                         sorted(litter))

    def assert_in_time(self, began, *, retry=RETRY, delay=TAKEOVER_DELAY):
        """A takeover that could begin at `began` has taken its delay, and not much longer."""
        took = time.monotonic() - began
        self.assertGreaterEqual(took, delay)
        self.assertLess(took, 1.25 * retry + delay + SLACK)

    def start_waiter(self, *words, lock=None, command=("echo", "mine"), **options):
        """A ufl that waits for the lock."""
        waiter = self.start("-v", *words, lock or self.lock, *command, **options)
        self.assertIn("waiting", waiter.stderr.readline())
        return waiter

    def crash(self, holder):
        """SIGKILL for ufl alone."""
        holder.kill()
        self.assertEqual(self.wait(holder), -signal.SIGKILL)

    def dead_lock(self, lock=None):
        """A lock whose holder and command have been killed; returns its token."""
        holder = self.hold(lock=lock)
        token, record = self.record(lock)
        self.crash(holder)
        os.kill(record["child"]["pid"], signal.SIGKILL)
        wait_for_end(record["child"]["pid"])
        wait_for_lifeline_to_end(token)
        return token

    def overlaps(self):
        """The tokens of the commands that were not alone in the CRITICAL_SECTION."""
        try:
            with open(self.path("inside.overlap"), encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def entries(self):
        """The tokens of the commands that were in the CRITICAL_SECTION, in order."""
        try:
            with open(self.path("log"), encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def nobody_is_inside(self):
        with open(self.path("inside"), "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True


def ufl_words(*words):
    return [os.path.abspath(UFL), *words]
