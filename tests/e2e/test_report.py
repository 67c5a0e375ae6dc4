#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--report FILE: one JSON object about what happened, whatever way ufl ends."""

import json
import os
import signal
import stat
import subprocess
import threading
import time
import unittest

from support import PATIENCE, UFL, UUID, DirectoryWatch, UflTestCase, limit_time, wait_for

USAGE, BUSY, LOST, FAILED, NOT_FOUND = 64, 75, 76, 125, 127

# Each key in this order, of its type or null.
NUMBER = (int, float)
SCHEMA = {"lock": str, "token": str, "outcome": str, "status": int, "exit": int, "signal": int,
          "waited": NUMBER, "held": NUMBER, "released": bool, "holder": dict}
HOLDER = {"token": str, "user": str, "uid": int, "host": str, "pid": int, "command": str,
          "since": str, "delay": NUMBER, "lease": NUMBER, "detached": bool}
OUTCOMES = {"acquired", "not_acquired", "lost", "interrupted", "failed"}
ROUNDED = 0.001  # times are told to the millisecond


def object_of(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), keys
    return dict(pairs)


class ReportTestCase(UflTestCase):
    """A test with a lock, and a report in a directory of its own."""

    def setUp(self):
        super().setUp()
        limit_time(self)
        os.mkdir(self.path("reports"))
        self.report = self.path("reports", "report")

    def check_schema(self, text):
        """One line, one object; returns it."""
        self.assertRegex(text, r"\A\{[^\n]*\}\n\Z")
        report = json.loads(text, object_pairs_hook=object_of)
        for found, schema in ((report, SCHEMA), (report["holder"], HOLDER)):
            if found is None:
                continue
            self.assertEqual(list(found), list(schema))
            for key, value in found.items():
                if value is not None:
                    self.assertIsInstance(value, schema[key], key)
        self.assertIn(report["outcome"], OUTCOMES)
        self.assertIsNotNone(report["status"])
        return report

    def read_report(self, path=None):
        with open(path or self.report, encoding="utf-8") as file:
            return self.check_schema(file.read())

    def assert_report(self, **expected):
        """The report has these values; the only file in its directory is the report."""
        report = self.read_report()
        self.assertEqual({key: report[key] for key in expected}, expected)
        self.assertEqual(os.listdir(self.path("reports")), ["report"])
        return report

    def run_it(self, *words, status, **options):
        result = self.ufl("--report", self.report, *words, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def start_it(self, *words, **options):
        return self.start("--report", self.report, *words, **options)

    def start_waiting(self, *words, **options):
        waiter = self.start_it("-v", "-r", "20ms", *words, **options)
        self.assertIn("waiting", waiter.stderr.readline())
        return waiter


class CommandTest(ReportTestCase):
    """The lock was held while the command ran."""

    def test_status_of_the_command(self):
        for status in (0, 3, 75, 76, 125, 255):
            with self.subTest(status=status):
                result = self.run_it(self.lock, "sh", "-c", f"echo $UFL_TOKEN; exit {status}",
                                     status=status)
                report = self.assert_report(
                    lock=self.lock, token=result.stdout.strip(), outcome="acquired", status=status,
                    exit=status, signal=None, released=True, holder=None)
                self.assertRegex(report["token"], rf"\A{UUID}\Z")
                self.assertGreaterEqual(report["waited"], 0)
                self.assertGreaterEqual(report["held"], 0)

    def test_lock_is_named_as_the_user_did(self):
        self.run_it("./lock", "true", status=0)
        self.assert_report(lock="./lock")

    def test_killed_by_a_signal(self):
        self.run_it(self.lock, "sh", "-c", "kill -9 $$", status=128 + 9)
        self.assert_report(outcome="acquired", status=128 + 9, exit=None, signal=9)

    def test_exit_137_is_no_signal(self):
        self.run_it(self.lock, "sh", "-c", "exit 137", status=137)
        self.assert_report(outcome="acquired", status=137, exit=137, signal=None)

    def test_interrupted_together_with_the_command(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                process = self.start_it(self.lock, "sh", "-c", "echo ready; exec sleep 120",
                                        start_new_session=True)
                self.assertEqual(process.stdout.readline(), "ready\n")
                os.killpg(process.pid, number)
                self.assertEqual(self.wait(process), -number)
                report = self.assert_report(outcome="acquired", status=128 + number, exit=None,
                                            signal=int(number))
                self.assertIsNotNone(report["token"])

    def test_a_signal_that_the_command_handles(self):
        script = "trap 'exit 3' TERM; echo ready; read line"
        process = self.start_it(self.lock, "sh", "-c", script, stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.terminate()
        self.assertEqual(self.wait(process), 3)
        self.assert_report(outcome="acquired", status=3, exit=3, signal=None)

    def test_times(self):
        """waited and held lie between what was seen from inside and from outside."""
        holder = self.hold()
        begin = time.monotonic()
        waiter = self.start_waiting(self.lock, "sh", "-c", "echo ready; read line",
                                    stdin=subprocess.PIPE)
        waits = time.monotonic()
        time.sleep(0.3)
        let_go = time.monotonic()
        self.let_go(holder)
        self.assertEqual(waiter.stdout.readline(), "ready\n")
        has_it = time.monotonic()
        time.sleep(0.2)
        end = time.monotonic()
        self.let_go(waiter)
        report = self.assert_report(outcome="acquired")
        self.assertGreaterEqual(report["waited"], let_go - waits - ROUNDED)
        self.assertLessEqual(report["waited"], has_it - begin + ROUNDED)
        self.assertGreaterEqual(report["held"], end - has_it - ROUNDED)
        self.assertLessEqual(report["held"], time.monotonic() - let_go + ROUNDED)
        self.assertEqual(report["holder"]["pid"], holder.pid)  # the one met

    def test_the_verification_delay_counts_as_waited(self):
        self.run_it("-d", "0.2", self.lock, "true", status=0)
        report = self.assert_report(outcome="acquired", holder=None)
        self.assertGreaterEqual(report["waited"], 0.2)

    def test_lost(self):
        remove = 'rm "$UFL_LOCKFILE"; exit '
        for own, status in ((0, LOST), (3, 3)):
            with self.subTest(own=own):
                self.run_it(self.lock, "sh", "-c", remove + str(own), status=status)
                report = self.assert_report(outcome="lost", status=status, exit=own, signal=None,
                                            released=False)
                self.assertIsNotNone(report["token"])
                self.assertIsNotNone(report["held"])


class NotTakenTest(ReportTestCase):
    """The command did not run."""

    NOTHING = {"token": None, "exit": None, "held": None, "released": None}

    def test_busy_and_timed_out(self):
        holder = self.hold("-p", "job-7-", "-d", "0.1")
        for words, status in ((["-n"], BUSY), (["-w", "0.2"], BUSY), (["-n", "-E", "9"], 9),
                              (["-w", "0.2", "-E", "0"], 0), (["-w", "0"], BUSY)):
            with self.subTest(words=words):
                self.run_it(*words, self.lock, "true", status=status)
                report = self.assert_report(outcome="not_acquired", status=status, signal=None,
                                            **self.NOTHING)
                met = report["holder"]
                self.assertEqual((met["pid"], met["uid"], met["delay"], met["lease"]),
                                 (holder.pid, os.getuid(), 0.1, None))
                self.assertEqual((met["token"], met["host"]),
                                 (self.read_lock().split()[0], os.uname()[1]))
                self.assertEqual(met["command"], "sh -c 'echo ready; read line'")
                if "0.2" in words:
                    self.assertGreaterEqual(report["waited"], 0.2 - ROUNDED)

    def test_holders_that_nobody_knows(self):
        for content, token in (("0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f",) * 2, ("", None)):
            self.write("lock", content)
            self.run_it("-n", self.lock, "true", status=BUSY)
            report = self.assert_report(outcome="not_acquired", **self.NOTHING)
            self.assertEqual(report["holder"], {**dict.fromkeys(HOLDER), "token": token})

    def test_command_that_cannot_run(self):
        self.write("plain", "")
        for command, status in (("no-such-command", NOT_FOUND), ("./plain", 126)):
            self.run_it(self.lock, command, status=status)
            self.assert_report(outcome="failed", status=status, signal=None, holder=None,
                               **self.NOTHING)

    def test_command_that_cannot_run_after_all(self):
        """Known only when the lock is held."""
        self.write("script", "#!/no/such/interpreter\n", 0o755)
        self.run_it(self.lock, "./script", status=NOT_FOUND)
        report = self.assert_report(outcome="failed", status=NOT_FOUND, exit=None, signal=None,
                                    released=True)
        self.assertIsNotNone(report["held"])

    def test_interrupted_while_waiting(self):
        holder = self.hold()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number):
                waiter = self.start_waiting(self.lock, "true")
                begin = time.monotonic()
                waiter.send_signal(number)
                self.assertEqual(self.wait(waiter), -number)
                report = self.assert_report(outcome="interrupted", status=128 + number,
                                            signal=int(number), **self.NOTHING)
                self.assertEqual(report["holder"]["pid"], holder.pid)
                self.assertLess(report["waited"], PATIENCE + time.monotonic() - begin)

    def test_interrupted_in_the_verification_delay(self):
        process = self.start_it("-d", "1h", self.lock, "true")
        wait_for(lambda: os.path.exists(self.lock), "the claim")
        process.terminate()
        self.assertEqual(self.wait(process), -signal.SIGTERM)
        self.assert_report(outcome="interrupted", signal=int(signal.SIGTERM), holder=None,
                           **self.NOTHING)
        self.assert_no_lock()

    def test_already_held(self):
        self.ufl(self.lock, os.path.abspath(UFL), "--report", self.report, self.lock, "true")
        self.assert_report(lock=self.lock, outcome="failed", status=FAILED, signal=None,
                           **self.NOTHING)

    def test_lock_that_cannot_be(self):
        for lock in (self.path("none", "lock"), self.path("reports"), self.path("x" * 300)):
            with self.subTest(lock=lock):
                self.run_it(lock, "true", status=FAILED)
                self.assert_report(lock=lock, outcome="failed", status=FAILED, signal=None,
                                   holder=None, **self.NOTHING)


class AcquireTest(ReportTestCase):
    """--acquire has no command; held is told only if it let go again."""

    def test_acquired(self):
        result = self.run_it("--acquire", self.lock, status=0)
        self.assert_report(lock=self.lock, token=result.stdout.strip(), outcome="acquired",
                           status=0, exit=None, signal=None, held=None, released=None, holder=None)

    def test_busy(self):
        holder = self.hold()
        self.run_it("--acquire", "-n", self.lock, status=BUSY)
        report = self.assert_report(outcome="not_acquired", status=BUSY, token=None, held=None,
                                    released=None)
        self.assertEqual(report["holder"]["pid"], holder.pid)

    def test_interrupted(self):
        self.hold()
        waiter = self.start_waiting("--acquire", self.lock)
        waiter.terminate()
        self.assertEqual(self.wait(waiter), -signal.SIGTERM)
        self.assert_report(outcome="interrupted", status=128 + 15, signal=15, held=None)

    def test_nobody_takes_the_token(self):
        holder = self.hold()
        waiter = self.start_waiting("--acquire", self.lock)
        waiter.stdout.close()
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), FAILED)
        report = self.assert_report(outcome="failed", status=FAILED, exit=None, signal=None,
                                    released=True)
        self.assertIsNotNone(report["held"])
        self.assert_no_lock()

    def test_process_to_live_with_is_gone(self):
        with subprocess.Popen(["true"]) as process:
            pass
        self.run_it("--acquire", "--pid", str(process.pid), self.lock, status=FAILED)
        self.assert_report(outcome="failed", status=FAILED, token=None, held=None)


class WhileRunningTest(ReportTestCase):
    """FILE is absent until it is complete."""

    def test_an_older_one_is_gone_while_this_runs(self):
        self.write(self.report, "of an earlier run")
        process = self.hold("--report", self.report)
        self.assertEqual(os.listdir(self.path("reports")), [])
        self.let_go(process)
        self.assert_report(outcome="acquired")

    def test_none_of_a_killed_ufl(self):
        self.write(self.report, "of an earlier run")
        process = self.hold("--report", self.report)
        process.kill()
        self.wait(process)
        self.assertEqual(os.listdir(self.path("reports")), [])

    def test_atomically(self):
        partial, polls, over = [], [0], threading.Event()

        def poll():
            while not over.is_set():
                try:
                    with open(self.report, encoding="utf-8") as file:
                        text = file.read()
                except FileNotFoundError:
                    continue
                polls[0] += 1
                if not text.endswith("}\n"):
                    partial.append(text)

        watcher = threading.Thread(target=poll)
        watcher.start()
        try:
            with DirectoryWatch(self.path("reports")) as watch:
                for _ in range(20):
                    self.run_it(self.lock, "true", status=0)
                    self.assert_report(outcome="acquired")
                names = watch.appeared()
        finally:
            over.set()
            watcher.join()
        self.assertEqual((partial, polls[0] > 0), ([], True))
        self.assertEqual(names.count("report"), 20)
        for name in names:
            self.assertRegex(name, r"\A(report|\.ufl-report-.+)\Z")

    def test_mode_honours_umask(self):
        for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
            with self.subTest(umask=oct(mask)):
                self.run_it(self.lock, "true", status=0, umask=mask)
                self.assertEqual(stat.S_IMODE(os.stat(self.report).st_mode), mode)


if __name__ == "__main__":
    unittest.main()
