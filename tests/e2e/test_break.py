# SPDX-License-Identifier: MIT
"""ufl --break: a lock that is taken away by hand, and what it refuses to take away."""

import fcntl
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import unittest

from support import (
    PATIENCE, UFL, UflTestCase, clean_environment, limit_time, limited, private_mounts,
    process_state, wait_for)

BUSY = 75
LOST = 76
FAILED = 125

FOREIGN = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
HOLDING = ["sh", "-c", "echo ready; read line; exit 0"]


class BreakTestCase(UflTestCase):
    """A test that ends even if ufl does not."""

    def setUp(self):
        super().setUp()
        limit_time(self)

    def acquire(self, *words, lock=None):
        """A lock that no process holds; returns its token."""
        result = self.ufl("--acquire", *words, lock or self.lock)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def assert_breaks(self, *cases, words=(), **options):
        """`ufl --break` breaks the lock and says what that was, for each (lock, fragment...) of
        `cases`; all at once, because it takes a second.
        """
        started = [(self.start("--break", *words, lock, **options), lock, fragments)
                   for lock, *fragments in cases]
        for process, lock, fragments in started:
            stdout, stderr = process.communicate(timeout=PATIENCE)
            with self.subTest(lock=lock):
                self.assertEqual((process.returncode, stderr), (0, ""))
                self.assertRegex(stdout, r"\A[^\n]+\n\Z")
                for fragment in [lock, "broken", *fragments]:
                    self.assertIn(fragment, stdout)
        for lock, *_ in cases:
            self.assert_no_lock(os.path.join(self.dir, lock))

    def look(self, path):
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            return file.read(), info.st_ino, info.st_mtime_ns, os.listdir(self.dir)

    def assert_refuses(self, status, *words, fragments=(), lock=None, **options):
        """It ends with `status` and one line, and has touched nothing; returns the line."""
        lock = lock or self.lock
        before = self.look(lock)
        result = self.ufl("--break", *words, lock, **options)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        self.assert_one_line(result.stderr, lock, *fragments)
        self.assertEqual(self.look(lock), before)
        return result.stderr


class WhatItBreaksTest(BreakTestCase):
    """Whose holder is not to be seen alive."""

    def test_locks_that_no_process_holds(self):
        user = f"@{os.uname().nodename}"
        tokens = {lock: self.acquire(*words, lock=lock)
                  for lock, words in (("plain", []), ("prefix", ["-p", "a 'b "]))}
        self.write("foreign", FOREIGN)
        self.assert_breaks(("plain", user, tokens["plain"]), ("prefix", user, tokens["prefix"]),
                           ("foreign", FOREIGN))
        self.assertEqual(os.listdir(self.dir), [])

    def test_quiet(self):
        self.acquire()
        result = self.ufl("-q", "--break", self.lock)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_no_lock()

    def test_quiet_refusals(self):
        """Silent, but for failures."""
        for words, status in (((), 0), (("--token", "x"), LOST)):
            result = self.ufl("-q", "--break", *words, self.lock)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (status, "", ""))
        self.hold()
        for words, status in (((), BUSY), (("--token", "x"), LOST)):
            result = self.ufl("-q", "--break", *words, self.lock)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (status, "", ""))
        result = self.ufl("-q", "--break", self.write("data", "no lock\n"))
        self.assertEqual(result.returncode, FAILED)
        self.assert_one_line(result.stderr, "data", "no lock")

    def test_waiter_gets_it_afterwards(self):
        self.acquire()
        waiter = self.start("-v", "-r", "20ms", self.lock, "echo", "ran")
        self.assertIn("waiting", waiter.stderr.readline())
        self.assertEqual(self.ufl("--break", self.lock).returncode, 0)
        self.assertEqual((self.wait(waiter), waiter.stdout.read()), (0, "ran\n"))
        self.assert_no_lock()

    def test_killed_holders(self):
        """Reaped or not; but not while what they have started runs."""
        for name in ("reaped", "zombie"):
            holder = self.hold(lock=self.path(name))
            os.kill(holder.pid, signal.SIGKILL)
            wait_for(lambda: process_state(holder.pid) == "Z", "a zombie")  # pylint: disable=W0640
            self.assert_refuses(BUSY, lock=self.path(name), fragments=["runs on this host"])
            if name == "reaped":
                self.let_go(holder)
            else:
                holder.stdin.close()
            wait_for(lambda: "free for the next" in  # pylint: disable=W0640
                     self.ufl("--status", self.path(name)).stdout, "its end")
        with_process = self.start(program=["sh", "-c", "read line"], stdin=subprocess.PIPE)
        self.acquire("--pid", str(with_process.pid), lock="with-process")
        self.assert_refuses(BUSY, lock=self.path("with-process"),
                            fragments=[f"pid {with_process.pid}", "sh -c"])
        self.let_go(with_process)
        self.assert_breaks(("reaped", "pid "), ("zombie", "pid "), ("with-process", "pid "))

    def test_holders_that_are_not_to_be_seen_from_here(self):
        """Another process of that number, another host, another boot, another container."""
        self.hold(command=HOLDING)
        holder = json.loads(self.read_lock().splitlines()[1])
        cases = {
            "same": {}, "renamed-host": {"host": "elsewhere"},
            "reused-pid": {"start": holder["start"] + 1},
            "other-host": {"host": "elsewhere", "boot": FOREIGN},
            "other-boot": {"boot": FOREIGN}, "no-boot": {"host": "elsewhere", "boot": None},
            "other-pidns": {"pidns": 1}, "other-timens": {"timens": 1},
            "no-start": {"start": None}, "no-pid": {"pid": None}, "all-processes": {"pid": -1},
            "own-group": {"pid": 0}, "huge-pid": {"pid": 2 ** 40}}
        for name, changes in cases.items():
            # A child that runs would show that the lock is alive, whatever the rest says.
            seen = {} if name in ("same", "renamed-host") else {"child": None}
            self.write(name, f"{FOREIGN}\n{json.dumps({**holder, **seen, **changes})}\n")
        for name in ("same", "renamed-host"):  # boot ids are unique, host names are not
            self.assert_refuses(BUSY, lock=self.path(name), fragments=["runs on this host"])
            del cases[name]
        self.assert_breaks(*[(name, changes.get("host") or holder["host"], FOREIGN)
                             for name, changes in cases.items()])

    def test_what_token_insists_on(self):
        """A holder that runs, and what is no lock."""
        holder = self.hold(command=HOLDING)
        self.write("words", "hello, world \nsecond line\n")
        self.write("bytes", b"\xff\x1b[2J\nrest")
        for lock, token in ((self.lock, self.read_lock().splitlines()[0]),
                            ("words", " hello, world\n"), ("bytes", "\udcff\x1b[2J")):
            result = self.ufl("--break", "--token", token, lock)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, r"\A[^\n]+\n\Z")
            self.assertTrue(result.stdout[:-1].isprintable(), result.stdout)
        self.assertEqual(os.listdir(self.dir), [])
        self.assertEqual(self.let_go(holder), LOST)

    def test_long_file_whose_first_line_was_quoted(self):
        """Broken, or a refusal that is true."""
        self.write("lock", FOREIGN + "\n" + "x" * 5000)
        result = self.ufl("--break", "--token", FOREIGN, self.lock)
        self.assertEqual(os.path.exists(self.lock), result.returncode != 0)
        self.assertNotIn("changed", result.stderr)

    def test_nobody_reads_what_was_broken(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        # A closed stdout is known beforehand, the others when it is too late.
        for redirection, broken in ((">/dev/full", True), (f">&{writer}", True), (">&-", False)):
            with self.subTest(redirection=redirection):
                self.acquire()
                token = self.read_lock().splitlines()[0]
                process = self.start(
                    "--break", self.lock, pass_fds=[writer],
                    program=["sh", "-c", f'exec "$@" {redirection}', "sh", os.path.abspath(UFL)])
                stdout, stderr = process.communicate(timeout=PATIENCE)
                self.assertEqual((process.returncode, stdout), (FAILED, ""))
                failure, *told = stderr.splitlines(keepends=True)
                self.assert_one_line(failure, self.lock, "cannot write")
                self.assertEqual(os.path.exists(self.lock), not broken)
                if broken:  # then whose it was is said all the same
                    self.assert_one_line("".join(told), token)
                else:
                    self.assertEqual(told, [])


class WhatItRefusesTest(BreakTestCase):
    """One line, and nothing is touched."""

    def test_holder_that_runs(self):
        holder = self.hold(command=HOLDING)
        token = self.read_lock().splitlines()[0]
        self.assert_refuses(BUSY, "-v")
        line = self.assert_refuses(BUSY, fragments=[
            "not broken", f"pid {holder.pid}", "sh -c", f"@{os.uname().nodename}",
            f"ufl --break --token {token} {self.lock}"])
        # As printed.
        words = shlex.split(re.search(r"ufl (--break .*)\n", line)[1])
        self.assertEqual(self.ufl(*words).returncode, 0)
        self.assertEqual(self.let_go(holder), LOST)
        self.assert_no_lock()

    def test_holder_that_is_stopped(self):
        holder = self.hold(command=HOLDING)
        holder.send_signal(signal.SIGSTOP)
        wait_for(lambda: process_state(holder.pid) == "T", "a stopped ufl")
        self.assert_refuses(BUSY, fragments=[f"pid {holder.pid}"])
        holder.send_signal(signal.SIGCONT)
        self.assertEqual(self.let_go(holder), 0)

    def test_what_is_no_lock(self):
        for content in ("SQLite format 3\0" + "\0" * 5000, "", "\0", "\n", b"\xff\xfe\n" * 50,
                        "hello\n", "4242\n", FOREIGN + " and more\n", "\n" + FOREIGN,
                        FOREIGN[:-1], FOREIGN.replace("-", "")):
            with self.subTest(content=content[:40]):
                self.write("data.db", content)
                line = self.assert_refuses(FAILED, lock=self.path("data.db"),
                                           fragments=["not broken", "no lock"])
                self.assertTrue(line[:-1].isprintable(), line)

    def test_what_is_too_long_for_a_lock(self):
        """Its first line would do."""
        for length in (4096, 4097, 100_000):
            with self.subTest(length=length):
                self.write("lock", (FOREIGN + "\n").ljust(length, "x"))
                line = self.assert_refuses(
                    FAILED, fragments=["not broken", "longer than any lock file"])
                self.assertNotIn("first line", line)

    def test_another_token(self):
        token = self.acquire("-p", "ci-")
        for other in (FOREIGN, token[3:], token[:-1], token.upper(), self.read_lock(), "x\x1b\n"):
            line = self.assert_refuses(LOST, "--token", other, fragments=["not broken", "held by"])
            self.assertTrue(line[:-1].isprintable(), line)

    def test_free(self):
        result = self.ufl("--break", self.lock)
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assert_one_line(result.stderr, self.lock, "free")
        result = self.ufl("--break", "--token", FOREIGN, self.lock)
        self.assertEqual((result.returncode, result.stdout), (LOST, ""))
        self.assert_one_line(result.stderr, self.lock)
        self.assertEqual(os.listdir(self.dir), [])

    def test_what_cannot_be_looked_at(self):
        user = self.as_ordinary_user()
        self.write("file", FOREIGN)
        self.write("unreadable", FOREIGN, 0o000)
        os.symlink("file", self.path("link"))
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("directory"))
        before = sorted(os.listdir(self.dir))
        for lock in ("none/lock", "link", "fifo", "directory", "file/lock", "unreadable"):
            for words in ([], ["--token", FOREIGN]):
                with self.subTest(lock=lock, words=words):
                    result = self.ufl("--break", *words, lock, **user)
                    self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                    self.assert_one_line(result.stderr, lock)
        self.assertEqual(sorted(os.listdir(self.dir)), before)
        self.assertEqual(self.read_lock(self.path("file")), FOREIGN)

    def test_flock_of_somebody_else(self):
        """Another ufl that removes it, or flock(1): in either case it is not ours now."""
        self.acquire()
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            with open(self.lock, "rb") as file:
                fcntl.flock(file, kind)
                line = self.assert_refuses(BUSY)
        self.assertIn("flock", line)
        self.assertNotIn("changed", line)

    def test_directory_not_writable(self):
        user = self.as_ordinary_user()
        os.mkdir(self.path("d"))
        lock = self.write("d/lock", FOREIGN)
        os.chmod(self.path("d"), 0o555)
        self.assert_refuses(FAILED, lock=lock, fragments=["Permission denied"], **user)
        if user:  # /tmp: everybody may make files there, but not replace those of others
            os.chmod(self.path("d"), 0o1777)
            self.assert_refuses(FAILED, lock=lock, fragments=["not permitted"], **user)
        self.assertEqual(os.listdir(self.path("d")), ["lock"])

    def test_file_size_limit(self):
        self.acquire()
        for size in (0, 1, 36, 37, 60):
            self.assert_refuses(FAILED, preexec_fn=limited(resource.RLIMIT_FSIZE, size))

    def test_full_disk(self):
        unshare = private_mounts()
        if unshare is None:
            self.skipTest("neither root nor a user namespace to mount a tmpfs in")
        self.acquire()
        os.mkdir(self.path("t"))
        script = ("mount -t tmpfs -o size=64k ufl-test t && cp lock t && cd t || exit 99\n"
                  "head -c 1M /dev/zero > fill 2>/dev/null; test -s fill || exit 98\n"
                  '"$1" --break lock; status=$?\n'
                  "cmp lock ../lock && ls -A > ../left; exit $status\n")
        result = subprocess.run(
            [*unshare, "sh", "-c", script, "sh", os.path.abspath(UFL)], check=False, text=True,
            capture_output=True, cwd=self.dir, env=clean_environment(), timeout=PATIENCE)
        self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
        self.assert_one_line(result.stderr, "lock", "No space left")
        with open(self.path("left"), encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["fill", "lock"])


class InTheMiddleTest(BreakTestCase):
    """For a second, or --delay, the breaker holds the lock itself."""

    def start_breaking(self):
        """A --break that has replaced the lock of somebody else; returns that one's token, too."""
        token = self.acquire()
        before = self.read_lock()
        breaker = self.start("--break", "-d", "4", self.lock)  # longer than this machine stalls
        wait_for(lambda: self.read_lock() != before, "the takeover")
        return breaker, token

    def test_interrupted(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number):
                breaker, _ = self.start_breaking()
                breaker.send_signal(number)
                self.assertEqual(self.wait(breaker), -number)
                self.assert_no_lock()

    def test_interrupted_says_what_is_gone(self):
        """The old lock does not come back."""
        breaker, token = self.start_breaking()
        breaker.send_signal(signal.SIGTERM)
        stdout, stderr = breaker.communicate(timeout=PATIENCE)
        self.assertIn(token, stdout + stderr)

    def test_nobody_gets_in(self):
        breaker, _ = self.start_breaking()
        result = self.ufl("-n", self.lock, "touch", self.path("ran"))
        self.assertEqual(result.returncode, BUSY)
        self.assert_one_line(result.stderr, f"pid {breaker.pid}", "ufl --break")
        self.assert_refuses(BUSY, fragments=[f"pid {breaker.pid}"])
        self.assertEqual(self.wait(breaker), 0)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assert_no_lock()

    def test_breakers_and_contenders(self):
        """Of many breakers one breaks the dead lock, and none of them a live one."""
        section = ("mkdir marker || exit 99; echo ran >> log; sleep 0.01; rmdir marker || exit 98")
        contender = ["-r", "10ms", "-w", "50", self.lock, "sh", "-c", section]
        for _ in range(2):
            self.write("log", "")
            token = self.acquire()
            contenders = [self.start(*contender) for _ in range(5)]
            breakers = [self.start("--break", self.lock) for _ in range(5)]
            wait_for(lambda: os.path.getsize(self.path("log")), "the first run")
            contenders += [self.start(*contender) for _ in range(5)]
            breakers += [self.start("--break", self.lock) for _ in range(10)]
            for process in contenders:
                self.assertEqual((self.wait(process), process.stderr.read()), (0, ""))
            broken = ""
            for process in breakers:
                stdout, stderr = process.communicate(timeout=PATIENCE)
                broken += stdout
                self.assertIn((process.returncode, stdout != "",
                               "not broken" in stderr, "free" in stderr),
                              {(0, True, False, False), (0, False, False, True),
                               (BUSY, False, True, False)}, stdout + stderr)
            self.assertRegex(broken, rf"\A.* broken; .* token {token}\n\Z")
            with open(self.path("log"), encoding="ascii") as log:
                self.assertEqual(log.read(), "ran\n" * 10)
            self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
