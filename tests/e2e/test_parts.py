# SPDX-License-Identifier: MIT
"""The lock in parts: --acquire, --release and --check with --token."""

import json
import os
import shlex
import signal
import subprocess
import unittest

from support import (
    PATIENCE, UFL, UUID, DirectoryWatch, UflTestCase, clean_environment, limit_time, wait_for)

USAGE = 64
BUSY = 75
LOST = 76
FAILED = 125

FOREIGN = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def start_of(pid):
    """Field 22 of /proc/PID/stat, proc_pid_stat(5)."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[19])


class PartsTestCase(UflTestCase):
    """A test that ends even if ufl does not."""

    def setUp(self):
        super().setUp()
        limit_time(self)

    def acquire(self, *words, lock=None, **options):
        """Take the lock; returns its token."""
        result = self.ufl("--acquire", *words, lock or self.lock, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.rstrip("\n")

    def run_all(self, *commands, **options):
        """ufl's results for each of `commands`, run at once: absence takes a second to tell."""
        for process in [self.start(*words, **options) for words in commands]:
            stdout, stderr = process.communicate(timeout=PATIENCE)
            yield subprocess.CompletedProcess(process.args[1:], process.returncode, stdout, stderr)


class AcquireTest(PartsTestCase):
    """--acquire: a token on stdout, and a lock that stays."""

    def holder(self):
        return json.loads(self.read_lock().split("\n")[1])

    def test_prints_the_token_alone(self):
        result = self.ufl("--acquire", self.lock)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, rf"\A{UUID}\n\Z")
        self.assertTrue(self.read_lock().startswith(result.stdout))
        self.assertEqual(os.listdir(self.dir), ["lock"])

    def test_record_names_no_process(self):
        self.acquire()
        holder = self.holder()
        self.assertIs(holder["detached"], True)
        self.assertFalse({"pid", "start"} & set(holder), holder)
        self.assertEqual((holder["host"], holder["uid"]), (os.uname().nodename, os.geteuid()))

    def test_record_tells_people_who_called(self):
        script = '"$1" --acquire lock; :'
        shell = self.start(program=["sh", "-c", script, "it's", os.path.abspath(UFL)])
        self.assertEqual(self.wait(shell), 0)
        self.assertEqual(shlex.split(self.holder()["command"]),
                         ["sh", "-c", script, "it's", os.path.abspath(UFL)])

    def test_with_the_process_that_it_lives_with(self):
        script = 'ufl=$1; shift; "$ufl" --acquire --pid $$ "$@"; read line'
        for words, env, told in (([], {}, True), (["--no-command"], {}, False),
                                 ([], {"UFL_NO_COMMAND": "1"}, False)):
            with self.subTest(words=words, env=env):
                lock = self.path(f"lock-{len(words)}-{len(env)}")
                program = ["sh", "-c", script, "it's", os.path.abspath(UFL)]
                shell = self.start(*words, lock, program=program, stdin=subprocess.PIPE,
                                   env=clean_environment(**env))
                token = shell.stdout.readline()
                first, line = self.read_lock(lock).splitlines()
                holder = json.loads(line)
                self.assertEqual((first + "\n", holder["pid"], holder["start"], holder["detached"]),
                                 (token, shell.pid, start_of(shell.pid), True))
                if told:
                    self.assertEqual(shlex.split(holder["command"])[:4],
                                     ["sh", "-c", script, "it's"])
                else:
                    self.assertNotIn("command", holder)

    def test_with_a_process_that_is_not_there(self):
        gone = self.start(program=["true"])
        self.wait(gone)
        with DirectoryWatch(self.dir) as watch:
            result = self.ufl("--acquire", "--pid", str(gone.pid), self.lock)
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
            self.assert_one_line(result.stderr, self.lock, str(gone.pid), "--pid $$")
            for pid in ("0", "-1", "", "x", "1x", "1.5", "99999999999999999999"):
                result = self.ufl("--acquire", "--pid", pid, self.lock)
                self.assertEqual((result.returncode, result.stdout), (USAGE, ""), pid)
                self.assert_one_line(result.stderr, "--pid")
            self.assertEqual(watch.appeared(), [])

    def test_prefix(self):
        for number, (words, env) in enumerate(((["-p", "ci-"], {}), ([], {"UFL_PREFIX": "ci-"}))):
            lock = self.path(f"lock-{number}")
            token = self.acquire(*words, lock=lock, env=clean_environment(**env))
            self.assertRegex(token, rf"\Aci-{UUID}\Z")
            self.assertEqual(self.read_lock(lock).splitlines()[0], token)

    def test_keeps_others_out(self):
        token = self.acquire()
        with self.untouched():
            for words in (["-n"], ["-w", "0"], ["-w", "0.05"]):
                for verb, command in (([], ["touch", self.path("ran")]), (["--acquire"], [])):
                    with self.subTest(verb=verb, words=words):
                        result = self.ufl(*verb, *words, self.lock, *command)
                        self.assertEqual((result.returncode, result.stdout), (BUSY, ""))
                        self.assert_one_line(result.stderr, self.lock, "not acquired",
                                             f"ufl --break --token {token} {self.lock}")
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_conflict_exit_code(self):
        self.acquire()
        result = self.ufl("--acquire", "-E", "9", "-n", self.lock)
        self.assertEqual((result.returncode, result.stdout), (9, ""))
        result = self.ufl("--acquire", "-E", "0", "-n", self.lock)
        self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
        self.assert_one_line(result.stderr, "-E 0", "--acquire")

    def test_only_one_of_many_gets_it(self):
        results = list(self.run_all(*[["-q", "--acquire", "-n", self.lock]] * 12))
        winners = [result.stdout for result in results if result.returncode == 0]
        self.assertEqual(sorted({result.returncode for result in results}), [0, BUSY])
        self.assertEqual(winners, [self.read_lock().splitlines(keepends=True)[0]])

    def test_waiter_gets_it_after_the_release(self):
        token = self.acquire()
        waiters = [self.start("-v", "-r", "20ms", self.lock, "true"),
                   self.start("-v", "-r", "20ms", "--acquire", "--pid", str(os.getpid()),
                              self.path("lock"))]
        for waiter in waiters:
            self.assertIn("waiting", waiter.stderr.readline())
        self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)
        self.assertEqual(self.wait(waiters[1]), 0)
        token = waiters[1].stdout.read()
        self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)
        self.assertEqual(self.wait(waiters[0]), 0)
        self.assert_no_lock()

    def test_nobody_gets_the_token(self):
        """A lock whose token went nowhere would stay for ever."""
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        for redirection in (">&-", ">/dev/full", f">&{writer}", "1</dev/null", "<&- >&- 2>&-"):
            with self.subTest(redirection=redirection), DirectoryWatch(self.dir) as watch:
                process = self.start(
                    "--acquire", "-n", self.lock, pass_fds=[writer],
                    program=["sh", "-c", f'exec "$@" {redirection}', "sh", os.path.abspath(UFL)])
                stdout, stderr = process.communicate(timeout=PATIENCE)
                self.assertEqual((process.returncode, stdout), (FAILED, ""), stderr)
                if "2>&-" not in redirection:
                    self.assert_one_line(stderr, self.lock, "the token")
                if ">&-" in redirection:
                    self.assertEqual(watch.appeared(), [])
                self.assert_no_lock()

    def test_interrupted_while_it_waits(self):
        self.write("lock", FOREIGN)
        with self.untouched():
            for number in ENDING:
                with self.subTest(signal=number):
                    waiter = self.start("--acquire", "-v", self.lock)
                    self.assertIn("waiting", waiter.stderr.readline())
                    waiter.send_signal(number)
                    self.assertEqual((self.wait(waiter), waiter.stdout.read()), (-number, ""))

    def test_interrupted_in_its_own_delay(self):
        for number in ENDING:
            with self.subTest(signal=number):
                process = self.start("--acquire", "-d", "30", self.lock)
                wait_for(lambda: os.path.exists(self.lock), "the claim")
                process.send_signal(number)
                self.assertEqual((self.wait(process), process.stdout.read()), (-number, ""))
                self.assert_no_lock()


class ScriptTest(PartsTestCase):
    """What it is for: a shell script that holds a lock over several commands."""

    SCRIPT = """\
token=$("$ufl" --acquire --pid $$ -r 20ms -w 60 "$lock") || exit
trap '"$ufl" --release --token "$token" "$lock"' EXIT
mkdir marker || exit 99
"$ufl" --check --token "$token" "$lock" || exit
echo ready
read line
rmdir marker
"$ufl" --check --token "$token" "$lock" || exit
exit ${1:-0}
"""

    def script(self, *words):
        path = self.write("script", self.SCRIPT)
        env = {**clean_environment(), "ufl": os.path.abspath(UFL), "lock": self.lock}
        return self.start(*words, program=["sh", path], stdin=subprocess.PIPE, env=env)

    def test_holds_it_over_several_commands(self):
        for status in (0, 3):
            script = self.script(str(status))
            self.assertEqual(script.stdout.readline(), "ready\n")
            result = self.ufl("-n", self.lock, "true")
            self.assertEqual(result.returncode, BUSY)
            self.assert_one_line(result.stderr, f"pid {script.pid}", "script")
            stdout, stderr = script.communicate("\n", timeout=PATIENCE)
            self.assertEqual((script.returncode, stdout, stderr), (status, "", ""))
            self.assert_no_lock()

    def test_many_at_once_take_turns(self):
        scripts = [self.script() for _ in range(4)]
        for script in scripts:
            script.stdin.close()
        for script in scripts:
            self.assertEqual((self.wait(script), script.stderr.read()), (0, ""))
        self.assert_no_lock()

    def test_lock_taken_from_it_halfway(self):
        script = self.script()
        self.assertEqual(script.stdout.readline(), "ready\n")
        self.write("new", FOREIGN)
        os.rename(self.path("new"), self.lock)
        with self.untouched():
            _, stderr = script.communicate("\n", timeout=PATIENCE)
        self.assertEqual(script.returncode, LOST)
        self.assertRegex(stderr, rf"\A(ufl: .*not held.*{FOREIGN}.*\n){{2}}\Z")  # check, release


class InsideTest(PartsTestCase):
    """The verbs in a command that runs under the lock."""

    def inside(self, script):
        return self.ufl(self.lock, "sh", "-c", f"ufl=$0; {script}", os.path.abspath(UFL))

    def test_check(self):
        result = self.inside('"$ufl" --check --token "$UFL_TOKEN" "$UFL_LOCKFILE"; echo $?')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "0\n", ""))

    def test_release_is_a_loss(self):
        """The command may not have been alone from then on."""
        for own, status in ((0, LOST), (3, 3)):
            result = self.inside('"$ufl" --release --token "$UFL_TOKEN" "$UFL_LOCKFILE" || exit 99;'
                                 f' test ! -e "$UFL_LOCKFILE" || exit 98; exit {own}')
            self.assertEqual(result.returncode, status, result.stderr)
            self.assert_one_line(result.stderr, self.lock, "lost")
            self.assert_no_lock()

    def test_acquire_would_wait_for_ever(self):
        result = self.inside('"$ufl" --acquire "$UFL_LOCKFILE"')
        self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
        self.assert_one_line(result.stderr, "you already hold it")
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
