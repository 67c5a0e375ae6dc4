#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From one holder to the next on a local disk: whoever waits is woken by the release, and by the
death of the holder, whatever the retry interval. And what a free lock does not need is not done."""

import contextlib
import ctypes
import os
import re
import select
import subprocess
import time
import unittest

import faults
import support
from recovery import RecoveryTestCase, wait_for_end
from support import UFL, wait_for

NEVER = "10d"  # a retry interval that no test lives to see the end of
TOKEN = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"


def watches(pid, begun=True):
    """Does the process watch a directory, proc_pid_fdinfo(5)? Not `begun`: or is it about to?"""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(f"/proc/{pid}/fd/{name}") != "anon_inode:inotify":
                    continue
                with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                    if not begun or "inotify wd:" in info.read():
                        return True
    return False


def ufl_below(pid):
    """The number of the ufl that strace(1) has started: its first children only try ptrace(2)."""
    def find():
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            for child in children.read().split():
                with contextlib.suppress(FileNotFoundError), \
                        open(f"/proc/{child}/comm", encoding="ascii") as name:
                    if name.read() == "ufl\n":
                        return int(child)
        return None
    return wait_for(find, f"a ufl below {pid}")


def exchange(one, other):
    """Two names are exchanged, and neither is free for a moment: renameat2(2)."""
    at_cwd, rename_exchange = -100, 2
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), rename_exchange) != 0:
        raise OSError(ctypes.get_errno(), "renameat2", one)


class WakeTest(support.UflTestCase):
    """The retry interval never comes: only being woken helps."""

    def waiter(self, *words):
        waiter = self.start("--retry", NEVER, *(words or (self.lock, "true")))
        wait_for(lambda: watches(waiter.pid), "its watch")
        return waiter

    def pretend(self):
        """A lock that somebody else holds."""
        self.write("lock", f"{TOKEN}\n")

    def test_by_a_release(self):
        holder = self.hold()
        waiter = self.waiter(self.lock, "echo", "mine")
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), 0)
        self.assertEqual(waiter.communicate(), ("mine\n", ""))
        self.assert_no_lock()

    def test_one_after_the_other(self):
        holder = self.hold()
        waiters = [self.waiter() for _ in range(8)]
        self.let_go(holder)
        self.assertEqual([self.wait(waiter) for waiter in waiters], [0] * 8)
        self.assert_no_lock()

    def test_by_a_removal(self):
        self.pretend()
        waiter = self.waiter()
        os.unlink(self.lock)
        self.assertEqual(self.wait(waiter), 0)

    def test_by_a_new_name(self):
        self.pretend()
        waiter = self.waiter()
        os.rename(self.lock, self.path("old"))
        self.assertEqual(self.wait(waiter), 0)

    def test_of_a_verb(self):
        holder = self.hold()
        waiter = self.waiter("--acquire", self.lock)
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), 0)
        self.assertRegex(waiter.stdout.read(), rf"\A{support.UUID}\n\Z")

    def test_by_a_directory_that_is_made_anew(self):
        os.mkdir(self.path("d"))
        lock = self.path("d", "lock")
        with open(lock, "w", encoding="ascii") as file:
            file.write(f"{TOKEN}\n")
        waiter = self.waiter(lock, "true")
        os.mkdir(self.path("new"))
        os.link(lock, self.path("new", "lock"))
        exchange(self.path("d"), self.path("new"))
        wait_for(lambda: self.watched_inode(waiter.pid) == os.stat(self.path("d")).st_ino,
                 "a watch of the new directory")
        os.unlink(lock)
        self.assertEqual(self.wait(waiter), 0)

    @staticmethod
    def watched_inode(pid):
        """Of the directory that the process watches, proc_pid_fdinfo(5)."""
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(f"/proc/{pid}/fdinfo"):
                with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                    found = re.search(r"^inotify wd:.* ino:([0-9a-f]+) ", info.read(), re.MULTILINE)
                    if found:
                        return int(found[1], 16)
        return None

    def test_not_by_other_names(self):
        self.pretend()
        waiter = self.waiter()
        os.unlink(self.write("lock2", ""))
        os.unlink(self.write("loc", ""))
        self.assertIsNone(waiter.poll())
        self.assertEqual(self.read_lock(), f"{TOKEN}\n")
        os.unlink(self.lock)
        self.assertEqual(self.wait(waiter), 0)


class DeathTest(RecoveryTestCase):
    """Who dies removes nothing. Again the retry interval never comes."""

    def contender(self, *words):
        return self.start("--retry", NEVER, *words, self.lock, "sh", "-c",
                          "echo ready; read line; :", stdin=subprocess.PIPE)

    @staticmethod
    def wait_for_watch(contenders, pid):
        for contender in contenders:
            wait_for(lambda ufl=contender.pid: pid in support.watched_processes(ufl),
                     f"a watch of {pid}")

    def kill(self, holder, waiters):
        """First ufl; and its command, once all know that this is left."""
        self.wait_for_watch(waiters, holder.pid)
        child = self.child()
        with open(f"/proc/{holder.pid}/task/{holder.pid}/children", encoding="ascii") as children:
            helpers = [pid for pid in map(int, children.read().split()) if pid != child]
        self.crash(holder)
        self.wait_for_watch(waiters, child)
        os.kill(child, 9)
        for pid in helpers:
            wait_for_end(pid)

    def next_of(self, contenders):
        """Which of them has got the lock."""
        (stdout, *others), _, _ = select.select([each.stdout for each in contenders], [], [],
                                                support.PATIENCE)
        self.assertEqual((stdout.readline(), others), ("ready\n", []))
        return next(each for each in contenders if each.stdout is stdout)

    def test_one_dies_after_another(self):
        contenders = [self.contender() for _ in range(4)]
        while contenders:
            holder = self.next_of(contenders)
            contenders.remove(holder)
            if contenders:
                self.kill(holder, contenders)
        self.assertEqual(self.let_go(holder), 0)
        self.assert_one_line(holder.stderr.read(), self.lock, "taken over")
        self.assert_no_lock()

    def test_whoever_tells_for_whom_he_waits(self):
        holder = self.hold()
        waiters = [self.contender("-v"), self.contender("--report", "/dev/null")]
        self.kill(holder, waiters)
        while waiters:
            taker = self.next_of(waiters)
            waiters.remove(taker)
            self.assertEqual(self.let_go(taker), 0)
        self.assert_no_lock()

    def test_of_an_acquired_lock(self):
        process = self.start(program=["sleep", "1000"])
        result = self.ufl("--acquire", "--pid", str(process.pid), self.lock)
        self.assertEqual(result.returncode, 0, result.stderr)
        contender = self.contender()
        self.wait_for_watch([contender], process.pid)
        process.kill()
        self.wait(process)
        self.assertIs(self.next_of([contender]), contender)
        self.assertEqual(self.let_go(contender), 0)

    def test_whom_nobody_can_watch(self):
        """No process is named, or can be read; or none is any more, where one was."""
        holder = self.hold()
        contender = self.contender()
        self.wait_for_watch([contender], holder.pid)
        self.put_in_place(f"{TOKEN}\n")  # as five steps do
        self.crash(holder)
        self.assertIsNone(contender.poll())
        self.assertEqual(self.read_lock(), f"{TOKEN}\n")
        os.unlink(self.lock)
        self.next_of([contender])
        self.assertEqual(self.let_go(contender), 0)
        os.chmod(self.write("lock", f"{TOKEN}\n"), 0)
        result = self.ufl("-w", "0.5", self.lock, "true", **self.as_ordinary_user())
        self.assertEqual(result.returncode, 75, result.stderr)
        self.assert_one_line(result.stderr, self.lock, "Permission denied")

    def test_who_came_by_a_release(self):
        contenders = [self.contender() for _ in range(3)]
        first = self.next_of(contenders)
        contenders.remove(first)
        self.wait_for_watch(contenders, first.pid)
        self.assertEqual(self.let_go(first), 0)
        second = self.next_of(contenders)
        contenders.remove(second)
        self.kill(second, contenders)
        self.assertIs(self.next_of(contenders), contenders[0])
        self.assertEqual(self.let_go(contenders[0]), 0)
        self.assert_no_lock()


class HerdTest(faults.FaultTestCase):
    """What the many do for whom a release comes too late; and those who cannot be woken."""

    def looks_in_a_wait(self, *options):
        """The times between looks, in seconds, of a ufl with the default retry interval."""
        log = self.path(f"log-{len(os.listdir(self.dir))}")
        self.start("-f", "-ttt", "-o", log, *options, os.path.abspath(UFL), self.lock, "true",
                   program=["strace"])

        def looks():
            with contextlib.suppress(FileNotFoundError), \
                    open(log, encoding="utf-8", errors="replace") as file:
                found = re.findall(r"^\d+ +([\d.]+) openat\(AT_FDCWD, \"[^\"]*/lock\"", file.read(),
                                   re.MULTILINE)
                return found if len(found) >= 6 else None
            return None

        times = [float(time) for time in wait_for(looks, "looks")]
        return [after - before for before, after in zip(times, times[1:])]

    def test_the_interval_is_long_for_those_who_are_woken(self):
        for holder in ("foreign", "of ours"):
            with self.subTest(holder=holder):
                if holder == "foreign":
                    self.write("lock", f"{TOKEN}\n")
                else:
                    os.unlink(self.lock)
                    self.hold()
                # A look; one behind the watch; one that knows who is there; and one interval that had
                # begun before he was watched.
                self.assertGreater(min(self.looks_in_a_wait()[3:]), 2)

    def test_the_interval_is_short_for_others(self):
        self.hold()
        for refused in ("inotify_init1:error=EMFILE", "pidfd_open:error=EMFILE:when=2+"):
            with self.subTest(refused=refused):
                gaps = self.looks_in_a_wait("-e", f"inject={refused}")
                self.assertLess(min(gaps[3:]), 2)

    def test_a_glance_does_not_judge_who_is_there(self):
        for name in ("lock", "other"):
            self.write(name, f"{TOKEN}\n" + '{"v":1,"pid":1,"start":1}\n')
        log = self.path("log")
        tracer = self.start("-f", "-o", log, os.path.abspath(UFL), "--retry", NEVER, self.lock,
                            "true", program=["strace"])
        waiter = ufl_below(tracer.pid)

        def calls():
            with open(log, encoding="utf-8", errors="replace") as file:
                return re.findall(r"^\d+ +(\w+)\((.*)", file.read(), re.MULTILINE)

        def glances():
            return len([1 for name, rest in calls() if name == "openat" and "/lock" in rest])

        wait_for(lambda: watches(waiter) and support.process_state(waiter) == "S", "its watch")
        wait_for(lambda: glances() >= 2, "the look after the watch")
        for number in range(5):
            before = glances()
            exchange(self.lock, self.path("other"))
            wait_for(lambda: glances() > before, f"glance {number}")  # pylint: disable=cell-var-from-loop
        os.unlink(self.lock)
        self.assertEqual(self.wait(tracer), 0)
        # What an event of inotify(7) about the lock begins, up to the next read of events or wait. A
        # look that comes in its time may stand between.
        turns = []
        for name, rest in calls():
            if name == "read" and r"lock\0" in rest:
                turns.append([])
            elif name.startswith("epoll_") and "wait" in name or name == "read" and "= 8" in rest:
                turns.append(None)
            elif turns and turns[-1] is not None:
                turns[-1].append((name, rest))
        glanced = [turn for turn in turns if turn and not any("ENOENT" in rest for _, rest in turn)]
        self.assertGreaterEqual(len(glanced), 3)
        for turn in glanced:
            names = [name for name, _ in turn]
            self.assertEqual(names.count("openat"), 1)
            self.assertLessEqual(set(names), {
                "read", "openat", "newfstatat", "fstat", "close", "epoll_ctl", "timerfd_settime",
                "clock_gettime"})

    def test_a_removal_before_the_watch_is_seen(self):
        self.write("lock", f"{TOKEN}\n")
        tracer = self.start("-f", "-o", "/dev/null", "-e",
                            "inject=inotify_add_watch:delay_enter=4000000", os.path.abspath(UFL),
                            "--retry", NEVER, self.lock, "true", program=["strace"])
        waiter = ufl_below(tracer.pid)
        wait_for(lambda: watches(waiter, begun=False), "its descriptor")
        self.assertFalse(watches(waiter))
        os.unlink(self.lock)
        self.assertEqual(self.wait(tracer), 0)

    def test_without_a_watch_the_interval_is_there(self):
        for call in ("inotify_init1:error=EMFILE", "inotify_add_watch:error=ENOSPC"):
            self.write("lock", f"{TOKEN}\n")
            log = self.path("log-" + call.split(":", 1)[0])
            tracer = self.start("-f", "-o", log, "-e", f"inject={call}", os.path.abspath(UFL),
                                "--retry", "0.1", self.lock, "true", program=["strace"])

            def refused():
                with contextlib.suppress(FileNotFoundError), open(log, encoding="utf-8") as file:
                    return "INJECTED" in file.read()
                return False

            wait_for(refused, "a refusal")
            os.unlink(self.lock)
            self.assertEqual(self.wait(tracer), 0)
            self.assertEqual(tracer.stderr.read(), "")

    def test_on_a_share_nobody_is_told(self):
        self.write("lock", f"{TOKEN}\n")
        log = self.path("log")
        words = self.traced([], "-w", "0.5", "--retry", "0.1", "lock", "true", kind="nfs", log=log)
        at = words.index("-P")  # what is watched is the directory
        del words[at:at + 2]
        run = self.ufl(program=words)
        self.assertEqual(run.returncode, 75, run.stderr)
        with open(log, encoding="utf-8") as file:
            self.assertNotIn("inotify", file.read())


class FreeLockTest(faults.FaultTestCase):
    """What is not needed for a free lock is not looked for."""

    def test_nothing_more_than_it_needs(self):
        log = self.path("log")
        for _ in range(5):
            begin = time.monotonic()
            run = self.ufl("-f", "-o", log, os.path.abspath(UFL), self.lock, "/bin/true",
                           program=["strace"])
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""))
            if time.monotonic() - begin < 1:  # a lock that is held for longer is watched
                break
        else:
            self.skipTest("here that takes a second, and a lock that is held for so long is watched")
        with open(log, encoding="utf-8") as file:
            text = file.read()
        for unneeded in ("inotify", "locale", "nsswitch", "gconv", "/dev/shm", "/run/", "connect(",
                         "/etc/localtime"):
            self.assertNotIn(unneeded, text)
        self.assertEqual(len(re.findall(r"\b(?:clone3?|v?fork)\(", text)), 2,
                         "the command and the bystander")


if __name__ == "__main__":
    unittest.main()
