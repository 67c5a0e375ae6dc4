#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A live holder's lock file is emptied, or cut short: by `: > LOCKFILE`, or by an old script for
flock(1), whose `exec 9> LOCKFILE` truncates it. The holder writes its record back, or says that it
has lost; and nobody takes an empty file over as long as its holder is seen to live.

An empty file is given ten seconds, so what must be kept for longer is tried side by side, in
threads.
"""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import signal
import struct
import time
import unittest

import support
from containers import NETWORK, PIDS, works
from recovery import BUSY, LOST, READY, RecoveryTestCase, adopt_orphans, has_ended, wait_for_end
from support import UFL, wait_for

PATIENCE_WITH_EMPTY = 10  # of ufl
TOO_LONG = str(PATIENCE_WITH_EMPTY + 4)  # for a contender that must not get it
WRITTEN_ANEW = "written anew"
RUNS_HERE = "its process runs on this host, and its file was emptied"


def lock_description(file, kind):
    """F_OFD_SETLK on all of `file`."""
    f_ofd_setlk = 37
    fcntl.fcntl(file, f_ofd_setlk, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0))


class EmptiedTestCase(RecoveryTestCase):
    def hold(self, *options, command=None, **popen):  # pylint: disable=arguments-differ
        return super().hold(*options, command=command or ["sh", "-c", READY], **popen)

    def empty(self, lock=None):
        """As `: > LOCKFILE`."""
        with open(lock or self.lock, "r+b") as file:
            file.truncate()

    def wait_for_record(self, record, lock=None):
        wait_for(lambda: self.read_lock(lock) == record, "the record to be written back")

    def stop(self, process):
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: support.process_state(process.pid) == "T", "ufl to stop")

    def assert_lets_go(self, holder, status=0):
        self.assertEqual(self.let_go(holder), status)
        self.assert_no_lock()

    def settled(self, *options, **hold):
        """A holder that has begun to watch its file: it has an inotify(7) instance for that."""
        holder = self.hold(*options, **hold)

        def watches():
            fds = f"/proc/{holder.pid}/fd"
            for name in os.listdir(fds):
                with contextlib.suppress(FileNotFoundError):
                    if os.readlink(f"{fds}/{name}") == "anon_inode:inotify":
                        return True
            return False
        wait_for(watches, "the holder to watch its file")
        return holder


class WrittenBack(EmptiedTestCase):
    def test_emptied(self):
        for options in ((), ("-l", "20"), ("--on-lost", "kill")):
            with self.subTest(options=options):
                holder = self.hold(*options)
                token = self.record()[0]
                self.empty()
                wait_for(lambda: self.read_lock() != "", "the record to be written back")
                self.assertEqual(self.record()[0], token)
                result = self.ufl("-n", self.lock, "echo", "ran")
                self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
                self.assertIn(f"pid {holder.pid}", result.stderr)
                self.assert_lets_go(holder)
                self.assert_one_line(holder.stderr.read(), self.lock, "emptied", WRITTEN_ANEW)

    def test_emptied_by_a_script_that_keeps_it_open(self):
        holder = self.settled()
        record = self.read_lock()
        with open(self.lock, "wb"):
            self.wait_for_record(record)
        self.assert_lets_go(holder)
        self.assert_one_line(holder.stderr.read(), WRITTEN_ANEW)

    def test_cut_short(self):
        holder = self.settled("-q")
        record = self.read_lock()
        for length in (1, 20, len(record.split("\n", maxsplit=1)[0]) + 1, 100, len(record) - 1):
            os.truncate(self.lock, length)
            self.wait_for_record(record)
        self.assert_lets_go(holder)
        self.assertEqual(holder.stderr.read(), "")

    def test_while_it_was_stopped(self):
        holder = self.settled()
        record = self.read_lock()
        self.stop(holder)
        self.empty()
        holder.send_signal(signal.SIGCONT)
        self.wait_for_record(record)
        self.assert_lets_go(holder)

    def test_by_its_own_command(self):
        """Before anybody has seen that: the file is the holder's all the same."""
        for length in (0, 10):
            result = self.ufl(self.lock, "sh", "-c", f'truncate -s {length} "$UFL_LOCKFILE"')
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assert_no_lock()

    def test_other_content_is_left_alone(self):
        holder = self.settled()
        self.put_in_place("4711\n")
        result = self.ufl("-n", self.lock, "echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
        self.assertEqual(self.let_go(holder), LOST)
        self.assertEqual(self.read_lock(), "4711\n")


class NotWrittenBack(EmptiedTestCase):
    def take_by_flock(self, holder):
        """A script that has the file to itself before the holder can look at it."""
        self.stop(holder)
        script = open(self.lock, "wb")  # pylint: disable=consider-using-with
        self.addCleanup(script.close)
        fcntl.flock(script, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.send_signal(signal.SIGCONT)

    def test_warned_of_flock(self):
        holder = self.settled()
        self.take_by_flock(holder)
        self.assertIn("runs on", self.line(holder))
        self.assertEqual(self.let_go(holder), LOST)
        self.assertEqual(self.read_lock(), "", "it is the script's")

    def line(self, holder):
        line = holder.stderr.readline()
        self.assert_one_line(line, self.lock, "the lock was lost", "flock(2)")
        return line

    def test_stopped_for_flock(self):
        holder = self.settled("--on-lost", "kill")
        child = self.child()
        began = time.monotonic()
        self.take_by_flock(holder)
        self.assertIn("is stopped", self.line(holder))
        self.assertGreater(time.monotonic() - began, 0.4, "a taker may have it for as long")
        self.assertEqual(self.wait(holder), LOST)
        self.assertTrue(has_ended(child))
        self.assertEqual(self.read_lock(), "")

    def test_another_empty_file_in_its_place(self):
        holder = self.settled()
        os.rename(self.write("other", b""), self.lock)
        self.assert_one_line(holder.stderr.readline(), self.lock, "the lock was lost")
        self.assertEqual(self.let_go(holder), LOST)
        self.assertTrue(os.path.exists(self.lock), "it is nobody's that we know")


class Kept(EmptiedTestCase):
    """One lock for each method that is called below, of that name."""

    def assert_kept(self, lock):
        """Nobody gets in, and everybody is told why."""
        begin = time.monotonic()
        waiter = self.start("-r", "50ms", "-w", TOO_LONG, lock, "echo", "ran")
        short = self.ufl("-n", lock, "echo", "ran")
        self.assertEqual((short.returncode, short.stdout), (BUSY, ""))
        self.assert_one_line(short.stderr, lock, RUNS_HERE)
        status = self.ufl("--status", "--json", lock)
        self.assertEqual(status.returncode, BUSY)
        told = json.loads(status.stdout)
        self.assertEqual((told["state"], told["check"]), ("unknown_holder", "alive"))
        self.assertIn("wait for it", told["next"])
        self.assertIn(RUNS_HERE, self.ufl("--status", lock).stdout)
        broken = self.ufl("--break", lock)
        self.assertEqual((broken.returncode, broken.stdout), (BUSY, ""))
        self.assert_one_line(broken.stderr, lock, "not broken", RUNS_HERE)
        stdout, stderr = waiter.communicate(timeout=support.PATIENCE)
        self.assertEqual((waiter.returncode, stdout), (BUSY, ""), stderr)
        self.assert_one_line(stderr, lock, RUNS_HERE)
        self.assertGreater(time.monotonic() - begin, PATIENCE_WITH_EMPTY + 2)
        self.assertEqual(os.path.getsize(lock), 0)

    def stopped(self, lock):
        holder = self.hold(lock=lock)
        self.stop(holder)
        self.empty(lock)
        self.assert_kept(lock)
        holder.send_signal(signal.SIGCONT)
        wait_for(lambda: self.read_lock(lock) != "", "the record to be written back")
        self.assertEqual(self.let_go(holder), 0)
        self.assert_no_lock(lock)

    def killed(self, lock, *options, command=None):
        """The command keeps it; then it is left over, and watched from then on."""
        holder = self.hold(*options, lock=lock, command=command)
        child = self.child(lock)
        self.crash(holder)
        self.empty(lock)
        self.assert_kept(lock)
        begin = time.monotonic()
        os.kill(child, signal.SIGKILL)
        result = self.ufl("-w", "60", lock, "echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
        self.assertGreater(time.monotonic() - begin, PATIENCE_WITH_EMPTY - 1)
        self.assert_no_lock(lock)

    def killed_and_closed(self, lock):
        """The command has closed what it inherited: who waits for it keeps the file."""
        self.killed(lock, command=support.tool("close_descriptors.py", "sh", "-c", READY))

    def killed_and_not_inherited(self, lock):
        self.killed(lock, "-o")

    def taken_over_before(self, lock):
        """A holder that has taken the lock over keeps its file like any other."""
        self.dead_lock(lock)
        self.stopped(lock)

    def in_a_container(self, lock):
        """Other PID and network namespaces."""
        if os.geteuid() != 0 or not works((*NETWORK, *PIDS)):
            self.skipTest("needs root, and namespaces")
        holder = self.hold(lock=lock, program=[*NETWORK, *PIDS, os.path.abspath(UFL)])
        with open(f"/proc/{holder.pid}/task/{holder.pid}/children", encoding="ascii") as children:
            ufl = int(children.read())
        os.kill(ufl, signal.SIGSTOP)
        wait_for(lambda: support.process_state(ufl) == "T", "ufl to stop")
        self.empty(lock)
        self.assert_kept(lock)

    def test_side_by_side(self):
        cases = (self.stopped, self.killed, self.killed_and_closed, self.killed_and_not_inherited,
                 self.taken_over_before, self.in_a_container)
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            running = {case.__name__: pool.submit(case, self.path(case.__name__)) for case in cases}
        for name, case in running.items():
            with self.subTest(case=name):
                case.result()


class NotKept(EmptiedTestCase):
    def test_a_reader_cannot_feign_life(self):
        """Whoever may only read the file can lock it for reading alone."""
        self.write("lock", b"")
        with open(self.lock, "rb") as reader:
            lock_description(reader, fcntl.F_RDLCK)
            with self.assertRaises(OSError):
                lock_description(reader, fcntl.F_WRLCK)
            result = self.ufl("-w", "60", self.lock, "echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)
        self.assert_one_line(result.stderr, "taken over")

    def test_flock_stays_free(self):
        holder = self.hold()
        with open(self.lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.assert_lets_go(holder)

    def test_nobody_waits_on_when_the_command_has_ended(self):
        """What keeps the file for the command of a ufl that was killed ends with the command."""
        adopt_orphans(self)
        holder = self.hold(command=support.tool("close_descriptors.py", "sh", "-c", READY))
        child = self.child()

        def bystander():
            for name in os.listdir("/proc"):
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{name}/fd/0").st_ino == os.stat(self.lock).st_ino:
                        return int(name)
            return None
        pid = wait_for(bystander, "somebody who keeps the file")
        self.assertEqual(sorted(os.listdir(f"/proc/{pid}/fd")), ["0", "1"])
        self.crash(holder)
        self.assertFalse(has_ended(pid))
        os.kill(child, signal.SIGKILL)
        wait_for_end(pid)


if __name__ == "__main__":
    unittest.main()
