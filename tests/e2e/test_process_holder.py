#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--acquire --pid PID, where PID is not simply a process that runs."""

import json
import os
import platform
import signal
import subprocess
import sys
import unittest

import support

BUSY, FAILED = 75, 125

# exit(2), of one thread: <asm/unistd.h>
SYS_EXIT = {"x86_64": 60, "aarch64": 93, "riscv64": 93, "loongarch64": 93, "ppc64le": 1,
            "s390x": 1}.get(platform.machine())

# Its main thread ends; another one stays until stdin is closed.
THREADED = """\
import ctypes, os, threading
def stay():
    os.read(0, 1)
    os._exit(0)
threading.Thread(target=stay).start()
ctypes.CDLL(None).syscall({})
"""


class ProcessHolderTest(support.UflTestCase):
    def setUp(self):
        super().setUp()
        support.limit_time(self)

    def start_zombie(self):
        """A process that has ended, and that nobody has waited for."""
        process = self.start(program=["true"])
        support.wait_for(lambda: support.process_state(process.pid) == "Z", "a zombie")
        return process

    @unittest.skipIf(SYS_EXIT is None, "the number of exit(2) is not known here")
    def test_main_thread_has_ended(self):
        """To the kernel it is a zombie; but it runs."""
        process = self.start(program=[sys.executable, "-I", "-S", "-c",
                                      THREADED.format(f"{SYS_EXIT}, 0")], stdin=subprocess.PIPE)
        support.wait_for(lambda: support.process_state(process.pid) == "Z", "the end of a thread")
        self.assertIsNone(process.poll())
        result = self.ufl("--acquire", "--pid", str(process.pid), self.lock)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        token = result.stdout.strip()
        self.assertEqual(json.loads(self.read_lock().splitlines()[1])["pid"], process.pid)

        with self.untouched():
            result = self.ufl("--status", "--json", self.lock)
            self.assertEqual((result.returncode, json.loads(result.stdout)["check"]),
                             (BUSY, "alive"))
            self.assertIn("its process runs on this host",
                          self.ufl("--status", self.lock).stdout)
            result = self.ufl("--break", self.lock)
            self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
            self.assert_one_line(result.stderr, "not broken", f"pid {process.pid}")

        process.stdin.close()
        self.assertEqual(self.wait(process), 0)
        self.assertEqual(json.loads(self.ufl("--status", "--json", self.lock).stdout)["check"],
                         "dead")
        result = self.ufl("--break", self.lock)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn(token, result.stdout)
        self.assert_no_lock()

    def test_zombie(self):
        zombie = self.start_zombie()
        with support.DirectoryWatch(self.dir) as watch:
            result = self.ufl("--acquire", "--pid", str(zombie.pid), self.lock)
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
            self.assert_one_line(result.stderr, self.lock, str(zombie.pid), "--pid $$")
            self.assertEqual(watch.appeared(), [])

    def test_ends_while_ufl_waits(self):
        """Reaped or not."""
        for reaped in (True, False):
            with self.subTest(reaped=reaped):
                process = self.start(program=["cat"], stdin=subprocess.PIPE)
                holder = self.hold()
                waiter = self.start("--acquire", "-v", "-r", "20ms", "--pid", str(process.pid),
                                    self.lock)
                self.assertIn("waiting", waiter.stderr.readline())
                process.stdin.close()
                if reaped:
                    self.wait(process)
                else:
                    support.wait_for(lambda: support.process_state(process.pid) == "Z",  # pylint: disable=W0640
                                     "a zombie")
                self.let_go(holder)
                self.assertEqual((self.wait(waiter), waiter.stdout.read()), (FAILED, ""))
                *_, last = waiter.stderr.read().splitlines(keepends=True)
                self.assert_one_line(last, self.lock, f"process {process.pid}", "has ended")
                self.assert_no_lock()

    def test_ends_in_the_own_delay(self):
        process = self.start(program=["cat"], stdin=subprocess.PIPE)
        acquire = self.start("--acquire", "-d", "4", "--pid", str(process.pid), self.lock)
        support.wait_for(lambda: os.path.exists(self.lock), "the claim")
        process.send_signal(signal.SIGKILL)
        self.wait(process)
        self.assertEqual((self.wait(acquire), acquire.stdout.read()), (FAILED, ""))
        self.assert_one_line(acquire.stderr.read(), self.lock, f"process {process.pid}")
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
