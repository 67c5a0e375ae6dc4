# SPDX-License-Identifier: MIT
"""A real share for tests: one directory, seen through several sshfs mounts, each a client with
connection and caches of its own.

The SFTP server of each is a child of its sshfs, not one behind an ssh daemon: the file system is
the same, it needs neither keys nor a port, and nobody who runs `.ci/setup` gets a daemon.

Nothing of it outlives the test. As root, the mounts are out of everybody else's sight and go with
the test's process; sshfs dies with it, and the server when nobody is at the other end. A share that
hangs is aborted when sshfs is killed: whoever waits for it gets an error.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import unittest

import support

# Debian, Fedora, Arch, openSUSE.
SERVERS = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server",
           "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"]

SLOW_SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slow_server.py")

CLONE_NEWNS, PR_SET_PDEATHSIG = 0x20000, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def server():
    """The path of OpenSSH's SFTP server, or None."""
    return next((path for path in SERVERS if os.access(path, os.X_OK)), None)


def why_not():
    """Why no sshfs can be mounted here, or None if nothing is known against it."""
    if shutil.which("sshfs") is None:
        return "sshfs is not installed"
    if server() is None:
        return "no sftp-server is installed: " + ", ".join(SERVERS)
    if os.geteuid() != 0 and shutil.which("fusermount3") is None:
        return "fusermount3 is not installed"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"FUSE cannot be used here: {error}"
    return None


def hide_mounts():
    """Later mounts of this process are seen by it and its children alone, and end with them.
    Without the power to do so (not root) they are ordinary ones."""
    if os.geteuid() == 0 and LIBC.unshare(CLONE_NEWNS) == 0:
        subprocess.run(["mount", "--make-rprivate", "/"], check=False)


def _die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Mount:
    """One client of the share; `path` is where it sees it."""

    def __init__(self, base, name, options, line):
        self.path = os.path.join(base, name)
        os.mkdir(self.path)
        self._log_path = self.path + ".log"
        self._pid_path = self.path + ".server"
        serve = self.path + ".serve"
        command = f"{sys.executable} -I {SLOW_SERVER} {line} {server()}" if line else server()
        with open(serve, "w", encoding="utf-8") as script:
            # The words that it gets are for ssh. sshfs is not its parent: it forks twice.
            script.write(f'#!/bin/sh\necho $$ >"{self._pid_path}"\nexec {command}\n')
        os.chmod(serve, 0o755)
        options = ["-o", ",".join(options)] if options else []
        with open(self._log_path, "wb") as log:
            self._sshfs = subprocess.Popen(
                ["sshfs", "-f", "-o", f"ssh_command={serve}", *options,
                 f"nobody@nowhere:{os.path.join(base, 'served')}", self.path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                preexec_fn=_die_with_parent)

    def _log(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            return log.read().strip()

    def wait_until_mounted(self):
        def is_mounted():
            if self._sshfs.poll() is not None:
                why = f"sshfs ended with {self._sshfs.returncode}: {self._log()}"
                if "mount failed: Operation not permitted" in why or "Permission denied" in why:
                    raise unittest.SkipTest(why)
                raise AssertionError(why)
            with open("/proc/self/mountinfo", encoding="utf-8") as table:
                return any(line.split()[4] == self.path for line in table)

        support.wait_for(is_mounted, f"the mount of {self.path}")

    def _server(self):
        with open(self._pid_path, encoding="ascii") as pid:
            return int(pid.read())

    def freeze(self, what):
        """Whatever is asked of this mount hangs, until thaw(): its "client", or only its "server",
        as when the network is away, stands still."""
        pid = {"client": self._sshfs.pid, "server": self._server()}[what]
        os.kill(pid, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(pid) == "T", f"{pid} to stop")

    def thaw(self):
        for pid in (self._sshfs.pid, self._server()):
            os.kill(pid, signal.SIGCONT)

    def close(self):
        """Also when it is frozen, half mounted or in use."""
        self._sshfs.kill()
        self._sshfs.wait(timeout=support.PATIENCE)
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
            # Frozen, it does not see that its client is gone.
            os.kill(self._server(), signal.SIGCONT)
        words = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-u", "-z"]
        subprocess.run([*words, self.path], check=False, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=support.PATIENCE)


class Share:
    """The directory `served` and its mounts, below the directory `base`."""

    def __init__(self, base):
        self.base = base
        self.served = os.path.join(base, "served")
        os.mkdir(self.served)
        self._mounts = []

    def mount(self, name, *options, line=0):
        """A new client, with these options of sshfs; what it asks takes `line` seconds to arrive."""
        mount = Mount(self.base, name, options, line)
        self._mounts.append(mount)
        mount.wait_until_mounted()
        return mount

    def close(self):
        """Whatever is asked of it fails from now on."""
        while self._mounts:
            self._mounts.pop().close()
