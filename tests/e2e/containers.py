# SPDX-License-Identifier: MIT
"""Places in which a process sees this host in part, or as another one: unshare(1).

Each is a list of words that run what follows them there.
"""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile

from recovery import RecoveryTestCase, wait_for_end, wait_for_lifeline_to_end
from support import PATIENCE, UFL

INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO of Linux

NETWORK = ["unshare", "--net"]
PIDS = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
TIME = ["unshare", "--time", "--boottime", "1000000", "--fork", "--kill-child"]


def mounted(script, *arguments):
    """With mounts of its own, in which `script` was run before; /mnt is free for it."""
    return ["unshare", "--mount", "sh", "-ec",
            f'mount -t tmpfs ufl-test /mnt; {script}; shift {len(arguments)}; exec "$@"', "sh",
            *arguments]


def machine(text, boot=None):
    """As if this were the machine whose /etc/machine-id holds `text`; and, with `boot`, as if it
    had been started under another boot id."""
    script = 'printf "%s" "$1" > /mnt/machine; mount --bind /mnt/machine /etc/machine-id'
    if boot is None:
        return mounted(script, text)
    return mounted(script + '; printf "%s\\n" "$2" > /mnt/boot; '
                   "mount --bind /mnt/boot /proc/sys/kernel/random/boot_id", text, boot)


def names_a_machine():
    """Does machine-id(5) say which machine this is?"""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            return re.fullmatch("(?!0{32})[0-9a-f]{32}\n?", file.read()) is not None
    except FileNotFoundError:
        return False


def named(name):
    """As if this host had that name."""
    return ["unshare", "--uts", "sh", "-ec",
            'echo "$1" > /proc/sys/kernel/hostname; shift; exec "$@"', "sh", name]


def share(kind):
    """As if all files lay on a share of this kind."""
    return mounted('printf "%s\\n" "$1" > /mnt/mounts; mount --bind /mnt/mounts /proc/$$/mountinfo',
                   f"1 0 8:1 / / rw - {kind} x rw")


def memory_of_its_own():
    """Nothing of what this host has in memory is there."""
    return mounted("mount -t tmpfs ufl-test /dev/shm; mount -t tmpfs ufl-test /run")


def another_user(hidden):
    """User 65534, to whom the processes of others are `hidden` or not: proc(5), hidepid."""
    return mounted(f"mount -t proc -o hidepid={2 if hidden else 0} proc /proc") + [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


@functools.lru_cache(maxsize=None)
def works(words):
    try:
        return subprocess.run([*words, "true"], check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=PATIENCE).returncode == 0
    except FileNotFoundError:
        return False


class ContainerTestCase(RecoveryTestCase):
    """A test in which ufl runs in such places."""

    def setUp(self):
        super().setUp()
        self.place = []

    def needs(self, *places):
        """Skip the test where it cannot make these."""
        if os.geteuid() != 0:
            self.skipTest("needs root")
        for words in places:
            if not works(tuple(words)):
                self.skipTest(f"cannot be done here: {' '.join(words)}")

    def needs_initial_pids(self):
        if os.stat("/proc/self/ns/pid").st_ino != INITIAL_PID_NAMESPACE:
            self.skipTest("in a container: nobody can tell a reboot from another one")

    def inside(self, place):
        """The words that run ufl there."""
        return [*place, os.path.abspath(UFL)]

    @contextlib.contextmanager
    def seen_from(self, place):
        """self.ufl() runs there."""
        before, self.place = self.place, place
        try:
            yield
        finally:
            self.place = before

    def ufl(self, *arguments, **options):
        if self.place:
            options.setdefault("program", self.inside(self.place))
        return super().ufl(*arguments, **options)

    def hold_in(self, place, *options, **popen):
        """hold() there."""
        return self.hold(*options, program=self.inside(place), **popen)

    def kill_all(self, holder):
        """SIGKILL for what hold_in() returned and for its command, wherever they are."""
        token, record = self.record()
        if record["pidns"] == os.stat("/proc/self/ns/pid").st_ino:
            pids = [record["pid"], record["child"]["pid"]]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            for pid in pids:
                wait_for_end(pid)
        holder.kill()  # all of a PID namespace, where that is one
        self.wait(holder)
        if record["netns"] == os.stat("/proc/self/ns/net").st_ino:
            wait_for_lifeline_to_end(token)

    def dead_lock_of(self, place, *options):
        """A lock whose holder and command, both there, have been killed; returns its token."""
        holder = self.hold_in(place, *options)
        token = self.record()[0]
        self.kill_all(holder)
        return token

    def ordinary_ufl(self):
        """A ufl in a directory that anybody may use."""
        directory = tempfile.mkdtemp(prefix="ufl-test-")
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        os.chmod(self.dir, 0o777)
        return shutil.copy(UFL, os.path.join(directory, "ufl"))
