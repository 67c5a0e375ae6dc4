#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--report FILE: what FILE may be, and what becomes of the run if it cannot be written."""

import contextlib
import os
import shlex
import socket
import subprocess
import unittest

import test_report
from support import PATIENCE, UFL, DirectoryWatch, clean_environment, private_mounts
from test_report import FAILED, USAGE


class RefusedTest(test_report.ReportTestCase):
    """A report that cannot be written is found out before the lock is taken."""

    def look(self, *names):
        """The files, and whether they are still the same; not when they were read (relatime)."""
        found = [os.stat(self.path(name)) for name in names]
        return [(info.st_ino, info.st_size, info.st_mtime_ns) for info in found]

    def assert_refused(self, file, *fragments, **options):
        os.makedirs(self.path("locks"), exist_ok=True)
        os.chmod(self.path("locks"), 0o777)
        for words in (["touch", self.path("locks", "ran")], ["--acquire"]):
            with DirectoryWatch(self.path("locks")) as watch:
                result = self.ufl("--report", file, self.path("locks", "lock"), *words, **options)
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_one_line(result.stderr, file, *fragments)
                self.assertEqual(watch.appeared(), [])

    def test_directory_that_is_not_there(self):
        self.assert_refused(self.path("none", "report"), "No such file", "--report")

    def test_directory_without_permission(self):
        user = self.as_ordinary_user()
        os.chmod(self.path("reports"), 0o555)
        if user:
            self.assert_refused(self.report, "Permission denied", **user)

    def test_file_is_a_directory(self):
        self.assert_refused(self.path("reports"), "Is a directory")
        self.assert_refused(self.path("reports") + "/")
        self.assert_refused(self.path("none") + "/")
        self.assertEqual(os.listdir(self.path("reports")), [])

    def test_links_that_lead_in_a_circle(self):
        os.symlink("report", self.report)
        self.assert_refused(self.report, "symbolic links")

    def test_descriptor_that_cannot_be_written(self):
        self.assert_refused("/dev/fd/77", "/dev/fd/77")
        self.assert_refused("/dev/fd/x")
        with open(os.devnull, "rb") as null:
            self.assert_refused("/dev/stdin", "Bad file descriptor", stdin=null)

    def test_link_that_the_kernel_would_not_follow(self):
        """fs.protected_symlinks: another user's, in a directory like /tmp."""
        with open("/proc/sys/fs/protected_symlinks", encoding="ascii") as setting:
            if setting.read().strip() != "1" or os.geteuid() != 0:
                self.skipTest("must be root, and the kernel refuse it")
        self.write("target", "precious\n")
        os.chmod(self.path("reports"), 0o1777)
        os.symlink(self.path("target"), self.report)
        os.chown(self.report, 65534, 65534, follow_symlinks=False)
        self.assert_refused(self.report, "Permission denied")
        with open(self.path("target"), encoding="ascii") as target:
            self.assertEqual(target.read(), "precious\n")

    def test_another_lock(self):
        """It is somebody's: nothing is removed that was not asked for by --break."""
        self.ufl("--acquire", self.path("other"))
        foreign = self.write("foreign", "ci-8f14e45f-ceea-467f-9b5a-2f1c3e8a7d60")
        os.symlink("other", self.path("link"))
        for file in (self.path("other"), self.path("link"), foreign):
            for words in (["true"], ["--acquire"]):
                with self.subTest(file=file, words=words):
                    before = self.look("other", "foreign")
                    result = self.ufl("--report", file, self.lock, *words)
                    self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
                    self.assert_one_line(result.stderr, file, "holds a lock")
                    self.assert_no_lock()
                    self.assertEqual(self.look("other", "foreign"), before)

    def test_empty_name(self):
        for words in (["--report", ""], ["--report="]):
            result = self.ufl(*words, self.lock, "true")
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
            self.assert_one_line(result.stderr, "--report")
        self.assert_no_lock()

    def test_other_verbs(self):
        for words in (["--status"], ["--check", "--token", "x"], ["--release", "--token", "x"],
                      ["--break"]):
            with self.subTest(words=words):
                result = self.ufl(*words, "--report", self.report, self.lock)
                self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
                self.assert_one_line(result.stderr, "--report", words[0])
                self.assertEqual(os.listdir(self.path("reports")), [])

    def test_stdout_of_acquire(self):
        """The token alone goes there."""
        os.symlink("/dev/stdout", self.path("link"))
        with open(self.path("out"), "w", encoding="ascii") as out:
            files = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", self.path("link")]
            for stdout in (subprocess.PIPE, out):
                for file in files:
                    with self.subTest(file=file, stdout=stdout):
                        result = self.ufl("--acquire", "--report", file, self.lock, stdout=stdout)
                        self.assertEqual((result.returncode, result.stdout or ""), (USAGE, ""))
                        self.assert_one_line(result.stderr, file, "stdout", "token")
                        self.assert_no_lock()
        self.assertEqual(os.path.getsize(self.path("out")), 0)

    def test_lock_file_itself(self):
        """Somebody else's lock must not be removed to make room for a report."""
        holder = self.hold()
        before = self.read_lock()
        os.symlink("lock", self.path("link"))
        os.symlink(".", self.path("here"))
        for file in (self.lock, "lock", "./lock", self.path("link"), self.path("here", "lock")):
            with self.subTest(file=file):
                result = self.ufl("-n", "--report", file, self.lock, "true")
                self.assertIn(result.returncode, (USAGE, FAILED))
                self.assert_one_line(result.stderr, "--report")
                self.assertTrue(os.path.exists(self.lock), "the holder's lock is gone")
                self.assertEqual(self.read_lock(), before)
        self.let_go(holder)
        result = self.ufl("--report", self.lock, self.lock, "true")
        self.assertIn(result.returncode, (USAGE, FAILED))
        self.assert_no_lock()


class WhereToTest(test_report.ReportTestCase):
    """What FILE may be besides a new file."""

    def test_symbolic_link(self):
        self.write("target", "of an earlier run")
        os.symlink("../target", self.report)
        self.run_it(self.lock, "true", status=0)
        self.assertTrue(os.path.islink(self.report))
        self.assertFalse(os.path.islink(self.path("target")))
        self.assertEqual(self.read_report(self.path("target"))["outcome"], "acquired")

    def test_symbolic_link_after_a_killed_run(self):
        """Its target is gone; the next run must get over that."""
        self.write("target", "of an earlier run")
        os.symlink("../target", self.report)
        process = self.hold("--report", self.report, lock=self.path("another"))
        process.kill()
        self.wait(process)
        self.run_it(self.lock, "true", status=0)
        self.assertTrue(os.path.islink(self.report))
        self.assertEqual(self.read_report(self.path("target"))["outcome"], "acquired")

    def test_chain_of_links(self):
        """However long; relative to where each of them is; with something at its end, or not yet."""
        os.mkdir(self.path("d"))
        os.symlink("../d/a", self.report)
        os.symlink(self.path("b"), self.path("d", "a"))
        os.symlink("d/c", self.path("b"))
        links = [self.report, self.path("d", "a"), self.path("b")]
        before = [os.readlink(link) for link in links]
        for _ in range(2):
            self.run_it(self.lock, "true", status=0)
            self.assertEqual([os.readlink(link) for link in links], before)
            self.assertFalse(os.path.islink(self.path("d", "c")))
            self.assertEqual(self.read_report(self.path("d", "c"))["outcome"], "acquired")
            self.assertEqual(sorted(os.listdir(self.path("d"))), ["a", "c"])
            self.assertEqual(os.listdir(self.path("reports")), ["report"])

    def test_chain_of_links_to_the_lock(self):
        """Which is not there yet."""
        os.symlink("../a", self.report)
        os.symlink("lock", self.path("a"))
        for words in ([self.lock, "touch", self.path("ran")], ["--acquire", self.lock]):
            result = self.run_it(*words, status=USAGE)
            self.assertEqual(result.stdout, "")
            self.assert_one_line(result.stderr, "--report")
        self.assertEqual(sorted(os.listdir(self.dir)), ["a", "reports"])

    def test_name_without_a_directory(self):
        self.assertEqual(self.ufl("--report", "r", self.lock, "true").returncode, 0)
        self.assertEqual(self.read_report(self.path("r"))["outcome"], "acquired")

    def test_stderr(self):
        for file in ("/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"):
            with self.subTest(file=file):
                result = self.ufl("--report", file, self.lock, "sh", "-c", "echo err >&2")
                self.assertEqual((result.returncode, result.stdout), (0, ""))
                said, report = result.stderr.split("\n", 1)
                self.assertEqual(said, "err")
                self.assertEqual(self.check_schema(report)["outcome"], "acquired")

    def test_stderr_that_is_a_file(self):
        """It is appended to, and still the same file."""
        for file in ("/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"):
            with self.subTest(file=file):
                log = self.write("log", "before\n")
                inode = os.stat(log).st_ino
                with open(log, "a", encoding="utf-8") as stderr:
                    result = self.ufl("--report", file, self.lock, "sh", "-c", "echo err >&2",
                                      stderr=stderr)
                self.assertEqual(result.returncode, 0)
                with open(log, encoding="utf-8") as content:
                    before, said, report = content.read().split("\n", 2)
                self.assertEqual((before, said), ("before", "err"))
                self.assertEqual(self.check_schema(report)["outcome"], "acquired")
                self.assertEqual(os.stat(log).st_ino, inode)

    def test_descriptor_that_others_write_to(self):
        """It has one offset for all: what comes later does not overwrite the report."""
        for file, redirect in (("/dev/stdout", ">log"), ("/dev/stderr", "2>log"),
                               ("/dev/fd/3", "3>log"), ("/proc/self/fd/3", "3>log")):
            for link in (False, True):
                with self.subTest(file=file, link=link):
                    if link:
                        os.symlink(file, self.path("link"))
                    number = {"/dev/stdout": 1, "/dev/stderr": 2}.get(file, 3)
                    name = "link" if link else file
                    script = (f"{{ echo before >&{number}; {UFL} --report {name} lock "
                              f"sh -c 'echo during >&{number}'; echo after >&{number}; }} {redirect}")
                    subprocess.run(["sh", "-c", script], check=True, cwd=self.dir,
                                   env=clean_environment(), stdout=subprocess.DEVNULL,
                                   timeout=PATIENCE)
                    with open(self.path("log"), encoding="utf-8") as log:
                        before, during, report, after = log.read().splitlines()
                    self.assertEqual((before, during, after), ("before", "during", "after"))
                    self.assertEqual(self.check_schema(report + "\n")["outcome"], "acquired")
                    if link:
                        self.assertEqual(os.readlink(self.path("link")), file)
                        os.unlink(self.path("link"))

    def test_stderr_that_is_a_socket(self):
        """As systemd gives one."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                result = self.ufl("--report", "/dev/stderr", self.lock, "true", stderr=theirs)
            self.assertEqual(result.returncode, 0)
            self.assertEqual(self.check_schema(ours.recv(1 << 16).decode())["outcome"], "acquired")

    def test_descriptor_that_is_full(self):
        """It must not hang; the command's status counts."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"." * 4096)
        os.set_blocking(writer, True)
        result = self.ufl("--report", f"/dev/fd/{writer}", self.lock, "sh", "-c", "exit 3",
                          pass_fds=[writer])
        os.close(writer)
        os.close(reader)
        self.assertEqual(result.returncode, 3)
        self.assert_one_line(result.stderr, f"/dev/fd/{writer}", "cannot write the report")

    def test_descriptor(self):
        reader, writer = os.pipe()
        result = self.ufl("--report", f"/dev/fd/{writer}", self.lock, "true", pass_fds=[writer])
        os.close(writer)
        with open(reader, encoding="utf-8") as pipe:
            self.assertEqual(self.check_schema(pipe.read())["outcome"], "acquired")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_dev_null(self):
        result = self.ufl("--report", "/dev/null", self.lock, "true")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_fifo(self):
        os.mkfifo(self.report)
        reader = os.open(self.report, os.O_RDONLY | os.O_NONBLOCK)
        self.run_it(self.lock, "true", status=0)
        with open(reader, encoding="utf-8") as pipe:
            self.assertEqual(self.check_schema(pipe.read())["outcome"], "acquired")

    def test_fifo_that_nobody_reads(self):
        """It must not hang; the command's status counts."""
        os.mkfifo(self.report)
        result = self.run_it(self.lock, "sh", "-c", "exit 3", status=3)
        self.assert_one_line(result.stderr, self.report)


class FailsAtTheEndTest(test_report.ReportTestCase):
    """The command's status is kept, and one line says that there is no report."""

    def test_directory_gone(self):
        for own in (0, 3):
            os.makedirs(self.path("reports"), exist_ok=True)
            result = self.run_it(self.lock, "sh", "-c", f"rmdir reports; exit {own}", status=own)
            self.assert_one_line(result.stderr, self.report, "cannot write the report")

    def test_disk_full(self):
        unshare = private_mounts()
        if unshare is None:
            self.skipTest("cannot mount anything")
        words = shlex.join([os.path.abspath(UFL), "--report", self.report, self.lock])
        script = ("mount -t tmpfs -o size=64k none reports && "
                  f"{words} sh -c 'head -c 1M /dev/zero >reports/fill 2>/dev/null; exit 3'; "
                  "echo $?; ls -A reports")
        result = subprocess.run([*unshare, "sh", "-c", script], cwd=self.dir, text=True,
                                capture_output=True, check=False, timeout=PATIENCE,
                                env=clean_environment())
        self.assertEqual(result.stdout, "3\nfill\n", result.stderr)
        self.assert_one_line(result.stderr, self.report, "No space left")

    def test_file_size_limit(self):
        """SIGXFSZ must not kill ufl."""
        result = self.run_it(self.lock, "sh", "-c", "prlimit --fsize=0 --pid $PPID; exit 3",
                             status=3)
        self.assert_one_line(result.stderr, self.report, "too large")
        self.assertEqual(os.listdir(self.path("reports")), [])


class StrangeBytesTest(test_report.ReportTestCase):
    """It is JSON, whatever the names are made of."""

    NAMES = ["two words", "quo\"te", "back\\slash", "new\nline", "\x1b[31m\x07\x7f",
             os.fsdecode(b"\xff\xfe\xc3("), "d\u00e9j\u00e0 \u6f22 \U0001f600", "\u2028\u202e"]

    def test_of_the_lock_and_the_command(self):
        for name in self.NAMES:
            with self.subTest(name=name):
                lock = self.path(name)
                holder = self.hold(lock=lock, command=["sh", "-c", "echo ready; read line", name])
                self.run_it("-n", lock, "echo", name, status=75)
                report = self.assert_report(outcome="not_acquired")
                self.assertTrue(report["lock"].startswith(self.dir))
                self.assertIn("echo ready", report["holder"]["command"])
                self.let_go(holder)

    def test_what_json_can_say_is_said_as_it_is(self):
        """So that a program finds the lock again that it named."""
        for name in ("two words", "quo\"te", "back\\slash", "d\u00e9j\u00e0 \u6f22"):
            with self.subTest(name=name):
                self.run_it(self.path(name), "true", status=0)
                self.assert_report(lock=self.path(name))

    def test_of_the_user(self):
        nobody = {"user": 12345, "group": 12345, "extra_groups": []} if os.geteuid() == 0 else {}
        if not nobody:
            self.skipTest("needs root")
        words = self.as_ordinary_user()
        os.chmod(self.dir, 0o777)
        os.chmod(self.path("reports"), 0o777)
        if "executable" in words:
            nobody["executable"] = words["executable"]
        for name in ("o'hara", "new\nline\x1b", os.fsdecode(b"\xff"), "x" * 300, "d\u00e9j\u00e0"):
            with self.subTest(name=name):
                holder = self.hold(env=clean_environment(LOGNAME=name), **nobody)
                self.run_it("-n", self.lock, "true", status=75)
                report = self.assert_report(outcome="not_acquired")
                self.assertEqual(report["holder"]["uid"], 12345)
                self.let_go(holder)


if __name__ == "__main__":
    unittest.main()
