# SPDX-License-Identifier: MIT
"""Fault injection: a share that misbehaves, a kernel that lacks something.

strace(1) makes single system calls fail or take long, for the lock file alone. A private mount
namespace in which /proc/self/mountinfo tells of one file system only makes ufl take the disk for a
share.
"""

import os
import re
import signal
import subprocess
import unittest

import support
from support import PATIENCE, UFL, clean_environment


def succeeds(words):
    """Quietly; a program that is missing does not."""
    try:
        return subprocess.run(words, check=False, stdin=subprocess.DEVNULL, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode == 0
    except FileNotFoundError:
        return False


CAN_INJECT = succeeds(["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EPERM",
                       "true"])
CAN_MOUNT = os.geteuid() == 0 and succeeds(["unshare", "-m", "mount", "-t", "tmpfs", "x", "/proc"])


# As if a file that has been written could not be given its name: it gets the name first, then.
NAME_FIRST = "linkat:error=ENOENT"


@unittest.skipUnless(CAN_INJECT, "strace is missing, or may not trace")
@support.not_sanitized
class FaultTestCase(support.UflTestCase):
    def traced(self, faults, *words, kind=None, log="/dev/null"):
        """The command that runs ufl WORDS with `faults` (strace's inject=...) on the lock file; with
        `kind`, as if its file system were of that kind."""
        tracer = ["strace", "-f", "-o", log]
        for fault in faults:
            # The first flock(2) only asks whether a sandbox allows it, on no file.
            fault = re.sub(r"^(flock:.*when=)(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1}", fault)
            tracer += ["-e", f"inject={fault}"]
        elsewhere = ("bind", "clone", "close_range", "connect", "flock", "fsync", "pidfd_open",
                     "pipe2", "socket")
        if not any(fault.startswith(elsewhere) for fault in faults):
            tracer += ["-P", self.lock]
        words = [self.lock if word == "lock" else word for word in words]
        command = [*tracer, os.path.abspath(UFL), *words]
        if kind is None:
            return command
        if not CAN_MOUNT:
            self.skipTest("must be root, and able to mount in a namespace of its own")
        mountinfo = f"1 0 8:1 / / rw - {kind} x rw\n"
        script = ("mount -t tmpfs x /proc && mkdir /proc/self && printf %s \"$0\" > "
                  "/proc/self/mountinfo && exec \"$@\"")
        return ["unshare", "-m", "sh", "-c", script, mountinfo, *command]

    def inject(self, faults, *words, kind=None):
        """Run traced() to its end; returns the CompletedProcess."""
        return subprocess.run(
            self.traced(faults, *words, kind=kind), check=False, cwd=self.dir,
            env=clean_environment(), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE)

    def stopped(self, fault, *words, kind=None, others=(), **options):
        """A ufl that is stopped behind the system call that `fault` ("openat:when=2") selects, and
        whose `others` are faults as traced() takes them. Call go_on() with what this returns: the
        process of strace, and the number of ufl."""
        process = self.start(program=self.stopping(fault, *words, kind=kind, others=others),
                             **options)
        return process, self.wait_for_stop(process, fault)

    def stopping(self, fault, *words, kind=None, others=()):
        """The command that runs a ufl which is stopped() at `fault`."""
        call, _, when = fault.partition(":")
        stop = ":".join(filter(None, [call, "signal=SIGSTOP", when]))
        return self.traced([*others, stop], *words, kind=kind, log=self.path(".log"))

    def wait_for_stop(self, process, fault):
        """Wait until the ufl that stopping() has started in `process` is stopped; its number."""
        log = self.path(".log")

        def find_stop():
            try:
                with open(log, encoding="utf-8", errors="replace") as file:
                    stop = re.search(r"^(\d+) .*stopped by SIGSTOP", file.read(), re.MULTILINE)
            except FileNotFoundError:
                return None
            if stop is None and process.poll() is not None:
                self.fail(f"ended with {process.returncode}: {process.stderr.read()}")
            return stop

        number = int(support.wait_for(find_stop, f"ufl to stop at {fault}")[1])
        os.unlink(log)
        return number

    def go_on(self, process, number):
        """Let a stopped() ufl go on; returns its status, stdout and stderr."""
        os.kill(number, signal.SIGCONT)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return process.returncode, stdout, stderr
