#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verbs at their worst moments, by fault injection: somebody else acts between two system
calls, a call fails, the disk is a share.

Where somebody acts in between, ufl is stopped behind one call (FaultTestCase.stopped), so there is
no race in the tests. Calls that open the lock: of --acquire 1 look, 2 verify (on a share 2 create,
3 verify); of --break 1 first look, 2 look of its claim, 3 second look, 4 for flock, 5 verify.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
import unittest

import support
from faults import FaultTestCase

BUSY, LOST, FAILED = 75, 76, 125

OLD = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
NEW = "11111111-2222-4333-8444-555555555555"
NEW_RECORD = NEW + "\n" + json.dumps({"v": 1, "user": "newcomer", "host": "elsewhere"}) + "\n"

SHARES = ("nfs4", "fuse.rclone")  # create is atomic; or not


class VerbFaultTestCase(FaultTestCase):
    def setUp(self):
        super().setUp()
        support.limit_time(self)

    def somebody_comes(self):
        """The lock is another one's from now on."""
        os.rename(self.write("new", NEW_RECORD), self.lock)

    @contextlib.contextmanager
    def same_content(self):
        """The lock file is byte for byte the same afterwards, and nothing else is there."""
        before = self.read_lock()
        yield
        self.assertEqual(self.read_lock(), before)
        self.assertEqual(os.listdir(self.dir), ["lock"])

    def assert_new_one_survives(self):
        self.assertEqual(self.read_lock(), NEW_RECORD)
        self.assertEqual([n for n in os.listdir(self.dir) if n.startswith(".ufl-")], [])


class AcquireSignals(VerbFaultTestCase):
    """A signal that comes while --acquire has no time for it: status 0 never comes after it."""

    def test_while_the_lock_is_taken(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            name = signal.Signals(number).name
            for fault in ("openat:signal={}:when=1", "linkat:signal={}", "openat:signal={}:when=2"):
                with self.subTest(signal=name, fault=fault):
                    result = self.inject([fault.format(name)], "--acquire", "lock")
                    self.assertEqual((result.returncode, result.stdout, result.stderr),
                                     (-number, "", ""))
                    self.assert_no_lock()

    def test_while_the_lock_is_taken_on_a_share(self):
        for number in (1, 2, 3):
            with self.subTest(open=number):
                result = self.inject([f"openat:signal=SIGTERM:when={number}"], "-d", "0",
                                     "--acquire", "lock", kind="nfs4")
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (-signal.SIGTERM, "", ""))
                self.assert_no_lock()

    def test_while_the_token_is_written(self):
        """It is on stdout by then; but who reads the status knows that there is no lock."""
        out = self.write("out", "")
        command = self.traced(["write:signal=SIGTERM:when=1"], "--acquire", "lock")
        command[command.index("-P") + 1] = out
        with open(out, "wb") as stdout:
            process = self.start(program=command, stdout=stdout)
            self.assertEqual(self.wait(process), -signal.SIGTERM)
        self.assertEqual(process.stderr.read(), "")
        self.assertRegex(self.read_lock(out), rf"\A{support.UUID}\n\Z")  # the signal came there
        self.assert_no_lock()

    def test_when_the_process_has_ended_as_well(self):
        """Of two reasons to give the lock back the signal counts."""
        process = self.start(program=["cat"], stdin=subprocess.PIPE)
        stopped = self.stopped("linkat", "--acquire", "--pid", str(process.pid), "lock")
        process.stdin.close()
        self.wait(process)
        os.kill(stopped[1], signal.SIGTERM)
        self.assertEqual(self.go_on(*stopped), (-signal.SIGTERM, "", ""))
        self.assert_no_lock()

    def test_that_do_not_end_it(self):
        result = self.inject(["linkat:signal=SIGWINCH"], "--acquire", "lock")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.read_lock().splitlines(keepends=True)[0], result.stdout)


class Guard(VerbFaultTestCase):
    """Somebody who does not ask for flock(2) puts another lock in its place just before ufl's own
    rename or unlink."""

    def test_of_break(self):
        for words, content in (([], OLD), (["--token", OLD], OLD), ([], OLD + '\n{"v":1}\n')):
            with self.subTest(words=words, content=content):
                self.write("lock", content)
                stopped = self.stopped("flock:when=1", "--break", *words, "lock")
                self.somebody_comes()
                status, stdout, stderr = self.go_on(*stopped)
                self.assertEqual((status, stdout), (BUSY, ""), stderr)
                self.assert_one_line(stderr, self.lock, "not broken", "newcomer@elsewhere")
                self.assert_new_one_survives()

    def test_of_break_when_it_releases(self):
        """What was broken is gone, and said; the lock is somebody's again."""
        self.write("lock", OLD)
        stopped = self.stopped("flock:when=2", "--break", "lock")
        self.somebody_comes()
        status, stdout, stderr = self.go_on(*stopped)
        self.assertIn(OLD, stdout)
        self.assertNotIn(NEW, stdout)
        self.assertEqual((status, stderr), (0, ""))
        self.assert_new_one_survives()

    def test_of_a_release(self):
        for words in (["lock", "true"], ["--release", "--token", OLD, "lock"]):
            with self.subTest(words=words):
                if words[0] == "--release":
                    self.write("lock", OLD)
                stopped = self.stopped("flock:when=1", *words)
                self.somebody_comes()
                status, stdout, stderr = self.go_on(*stopped)
                self.assertEqual((status, stdout), (LOST, ""), stderr)
                self.assert_one_line(stderr, self.lock, "newcomer@elsewhere")
                self.assert_new_one_survives()
                os.unlink(self.lock)

    def test_of_an_acquire_that_takes_back(self):
        """It was told to stop; the lock that it finds then is another one's."""
        stopped = self.stopped("openat:when=2", "--acquire", "lock")
        os.kill(stopped[1], signal.SIGTERM)
        self.somebody_comes()
        status, stdout, _ = self.go_on(*stopped)
        self.assertEqual((status, stdout), (-signal.SIGTERM, ""))
        self.assert_new_one_survives()

    def test_a_lock_that_is_gone_is_not_missed(self):
        self.write("lock", OLD)
        stopped = self.stopped("flock:when=1", "--release", "--token", OLD, "lock")
        os.unlink(self.lock)
        self.assertEqual(self.go_on(*stopped), (0, "", ""))
        self.assert_no_lock()


class Flock(VerbFaultTestCase):
    """flock(2) is asked for where the disk is local, and nowhere else."""

    def test_local(self):
        self.write("lock", OLD)
        for words in (["--break"], ["--release", "--token", OLD]):
            with self.subTest(words=words), self.same_content():
                result = self.inject(["flock:error=ENOLCK"], *words, "lock")
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                self.assert_one_line(result.stderr, self.lock, "No locks available")

    def test_shares(self):
        for kind in SHARES:
            with self.subTest(kind=kind):
                self.write("lock", OLD)
                result = self.inject(["flock:error=ENOLCK"], "--release", "--token", OLD, "lock",
                                     kind=kind)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
                self.assert_no_lock()
                self.write("lock", OLD)
                result = self.inject(["flock:error=ENOLCK"], "--break", "lock", kind=kind)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertIn(OLD, result.stdout)
                self.assert_no_lock()
                # A disk that is busy with somebody else's fsync would make it a late claim.
                result = self.inject(["flock:error=ENOLCK", "fsync:retval=0"], "lock", "echo",
                                     "ran", kind=kind)
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (0, "ran\n", ""))
                self.assert_no_lock()


class Shares(VerbFaultTestCase):
    """The verbs on a share."""

    def test_every_verb(self):
        for kind in SHARES:
            with self.subTest(kind=kind):
                def run(*words, status=0, kind=kind):
                    result = self.inject([], *words, "lock", kind=kind)
                    self.assertEqual(result.returncode, status, result.stderr)
                    return result

                begin = time.monotonic()
                token = run("--acquire").stdout.strip()
                self.assertGreaterEqual(time.monotonic() - begin, 1)
                self.assertRegex(token, rf"\A{support.UUID}\Z")
                run("--acquire", "-n", status=BUSY)
                status = json.loads(run("--status", "--json", status=BUSY).stdout)
                self.assertEqual((status["token"], status["delay"], status["detached"]),
                                 (token, 1, True))
                run("--check", "--token", token)
                self.assertTrue(self.read_lock().startswith(token))
                run("--release", "--token", token)
                self.assert_no_lock()
                run("--status")
                token = run("--acquire").stdout.strip()
                begin = time.monotonic()
                self.assertIn(token, run("--break").stdout)
                self.assertGreaterEqual(time.monotonic() - begin, 1)
                self.assert_no_lock()
                self.assertIn("nothing to break", run("--break").stderr)

    def test_absence_is_looked_at_twice(self):
        """And so is a lock of somebody else's, which may be the view of a while ago."""
        cases = [(kind, verb, words, least) for kind in SHARES for verb in ("--release", "--check")
                 for words, least in (([], 1), (["-d", "4"], 2))]
        for content in (None, NEW):
            if content:
                self.write("lock", content)
            begin = time.monotonic()
            started = [(self.start(program=self.traced([], verb, *words, "--token", OLD, "lock",
                                                       kind=kind)), least)
                       for kind, verb, words, least in cases]
            for process, least in sorted(started, key=lambda pair: pair[1]):
                with self.subTest(words=process.args[-6:], content=content):
                    stdout, stderr = process.communicate(timeout=support.PATIENCE)
                    self.assertGreaterEqual(time.monotonic() - begin, least)
                    self.assertEqual((process.returncode, stdout), (LOST, ""))
                    self.assert_one_line(stderr, self.lock, "not held")

    def test_a_lock_that_was_hidden_for_a_moment_is_released(self):
        for kind in SHARES:
            for fault in ("openat:error=ENOENT:when=1", "openat:error=EIO:when=1",
                          "openat:error=ESTALE:when=1"):
                with self.subTest(kind=kind, fault=fault):
                    self.write("lock", OLD)
                    result = self.inject([fault], "--release", "--token", OLD, "lock", kind=kind)
                    self.assertEqual((result.returncode, result.stdout, result.stderr),
                                     (0, "", ""))
                    self.assert_no_lock()


class Report(VerbFaultTestCase):
    """`released` of --report."""

    def released(self, faults, *words):
        """What the report says, and ufl's result."""
        report = self.path("report")
        result = self.inject(faults, "--report", report, *words)
        with open(report, encoding="utf-8") as file:
            content = json.load(file)
        os.unlink(report)
        self.assertEqual(content["status"] % 128, abs(result.returncode))
        return content["released"], content["outcome"], result

    def test_a_release_that_fails(self):
        released, outcome, result = self.released(["unlink:error=EIO"], "lock", "sh", "-c",
                                                  "exit 7")
        self.assertEqual((released, outcome, result.returncode), (False, "acquired", 7))
        self.assert_one_line(result.stderr, self.lock, "cannot release it: Input/output error")
        os.unlink(self.lock)
        released, outcome, result = self.released(["unlink:error=EIO"], "lock", "true")
        self.assertEqual((released, outcome, result.returncode), (False, "acquired", 0))
        self.assert_one_line(result.stderr, self.lock, "cannot release it: Input/output error")

    def test_a_release_that_works(self):
        self.assertEqual(self.released(["unlink:error=EIO:when=2"], "lock", "true")[:2],
                         (True, "acquired"))
        self.assert_no_lock()

    def test_acquire_that_is_interrupted(self):
        released, outcome, result = self.released(["openat:signal=SIGTERM:when=2"], "--acquire",
                                                  "lock")
        self.assertEqual((released, outcome, result.stderr), (True, "interrupted", ""))
        self.assert_no_lock()
        released, outcome, result = self.released(
            ["openat:signal=SIGTERM:when=2", "unlink:error=EIO"], "--acquire", "lock")
        self.assertEqual((released, outcome), (False, "interrupted"))
        self.assert_one_line(result.stderr, self.lock, "cannot release it: Input/output error")


class BreakSignals(VerbFaultTestCase):
    def stopped_before_its_release(self):
        """A look that takes 50 ms is taken again: then the fifth open is not yet the last."""
        while True:
            self.write("lock", OLD)
            stopped = self.stopped("openat:when=5", "--break", "lock")
            if not self.read_lock().startswith(OLD):
                return stopped
            self.go_on(*stopped)

    def test_while_the_release_waits(self):
        """Somebody holds flock(2) on the file: ufl ends at once, and says what there is to do."""
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process, pid = self.stopped_before_its_release()
                token = self.read_lock().splitlines()[0]
                with open(self.lock, encoding="ascii") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    os.kill(pid, number)
                    status, stdout, stderr = self.go_on(process, pid)
                self.assertEqual(status, -number)
                self.assertIn(OLD, stdout)
                self.assert_one_line(stderr, self.lock, f"ufl --release --token {token}")
                self.assertEqual(self.read_lock().splitlines()[0], token)
                os.unlink(self.lock)


class BreakLooksAgain(VerbFaultTestCase):
    """What --break says is what stands there now."""

    def test_a_look_that_fails(self):
        for first in (1, 2, 3):
            for words in ([], ["--token", OLD]):
                with self.subTest(first=first, words=words):
                    self.write("lock", OLD)
                    with self.same_content():
                        result = self.inject([f"openat:error=EIO:when={first}+"], "--break",
                                             *words, "lock")
                        self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                        self.assert_one_line(result.stderr, self.lock, "cannot read it",
                                             "Input/output error")

    def test_a_second_look_that_fails_once(self):
        self.write("lock", OLD)
        result = self.inject(["openat:error=EIO:when=3"], "--break", "lock")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn(OLD, result.stdout)
        self.assert_no_lock()

    def test_a_lock_that_goes_in_between(self):
        for fault in ("openat:when=1", "openat:when=2", "openat:when=3", "flock:when=1"):
            for words, expected in (([], 0), (["--token", OLD], LOST)):
                with self.subTest(fault=fault, words=words):
                    self.write("lock", OLD)
                    stopped = self.stopped(fault, "--break", *words, "lock")
                    os.unlink(self.lock)
                    status, stdout, stderr = self.go_on(*stopped)
                    self.assertEqual((status, stdout), (expected, ""), stderr)
                    self.assert_one_line(stderr, self.lock, "nothing to break")
                    self.assert_no_lock()

    def test_a_lock_that_becomes_somebody_elses(self):
        for fault in ("openat:when=1", "openat:when=2", "openat:when=3", "flock:when=1"):
            for words in ([], ["--token", OLD]):
                with self.subTest(fault=fault, words=words):
                    self.write("lock", OLD + '\n{"v":1,"user":"old","host":"gone"}\n')
                    stopped = self.stopped(fault, "--break", *words, "lock")
                    self.somebody_comes()
                    status, stdout, stderr = self.go_on(*stopped)
                    self.assertEqual((status, stdout), (BUSY, ""), stderr)
                    self.assert_one_line(stderr, self.lock, "not broken", "newcomer@elsewhere")
                    self.assertNotIn("old@gone", stderr)
                    self.assert_new_one_survives()

    def test_somebody_takes_it_from_the_breaker(self):
        """What was broken is said all the same."""
        self.write("lock", OLD)
        stopped = self.stopped("openat:when=4", "--break", "-d", "4", "lock")
        os.kill(stopped[1], signal.SIGCONT)
        support.wait_for(lambda: not self.read_lock().startswith(OLD), "the takeover")
        self.somebody_comes()
        stdout, stderr = stopped[0].communicate(timeout=support.PATIENCE)
        self.assertEqual(stopped[0].returncode, BUSY, stderr)
        self.assertIn(OLD, stdout)
        self.assert_one_line(stderr, self.lock, "newcomer@elsewhere")
        self.assert_new_one_survives()


if __name__ == "__main__":
    unittest.main()
