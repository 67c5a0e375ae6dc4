#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the command gets: everything as ufl got it, and nothing of ufl's."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import termios
import unittest

import support
from commands import UFL, CommandTestCase

BINARY = bytes(range(256)) + b"\0\n\r\n\xff\xfe no newline at the end"


class SignalState(CommandTestCase):
    """Ignored and blocked signals."""

    def state(self, *options, before=None, program=()):
        """SigBlk, SigIgn and SigCgt of the command, as sets of signal numbers."""
        ran = self.raw(*program, UFL, *options, self.lock, "cat", "/proc/self/status",
                       preexec_fn=before)
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        fields = dict(line.split(":", 1) for line in ran.stdout.decode().splitlines())
        result = []
        for name in ("SigBlk", "SigIgn", "SigCgt"):
            mask = int(fields[name], 16)
            result.append({number for number in range(1, 65) if mask >> (number - 1) & 1})
        return result

    def test_by_default_nothing_is_ignored_or_blocked(self):
        self.assertEqual(self.state(), [set(), set(), set()])

    def test_by_default_also_after_a_delay(self):
        self.assertEqual(self.state("-d", "0.05"), [set(), set(), set()])

    def test_nohup_keeps_hangups_ignored(self):
        self.assertEqual(self.state(program=["nohup"]), [set(), {signal.SIGHUP}, set()])

    def test_an_ignored_signal_is_ignored_in_the_command_and_no_other(self):
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1,
                       signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ, signal.SIGTSTP,
                       signal.SIGTTOU, signal.SIGCONT, signal.SIGWINCH, signal.SIGALRM,
                       signal.SIGRTMIN + 1):
            with self.subTest(signal=number):
                ignore = lambda n=number: signal.signal(n, signal.SIG_IGN)  # noqa: E731
                self.assertEqual(self.state(before=ignore), [set(), {number}, set()])

    @support.not_sanitized
    def test_all_ignored_at_once(self):
        numbers = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}

        def ignore():
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)

        self.assertEqual(self.state(before=ignore), [set(), numbers, set()])

    def test_blocked_signals_stay_blocked_and_no_others(self):
        for numbers in ({signal.SIGTERM}, {signal.SIGCHLD}, {signal.SIGPIPE}, {signal.SIGTSTP},
                        {signal.SIGINT, signal.SIGUSR2, signal.SIGXFSZ, signal.SIGRTMIN + 1},
                        signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}):
            with self.subTest(blocked=sorted(numbers)):
                block = lambda s=frozenset(numbers): signal.pthread_sigmask(  # noqa: E731
                    signal.SIG_SETMASK, s)
                self.assertEqual(self.state(before=block), [numbers, set(), set()])

    def test_blocked_and_ignored(self):
        def both():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        numbers = {signal.SIGTERM, signal.SIGCHLD}
        self.assertEqual(self.state(before=both), [numbers, numbers, set()])

    def test_the_status_is_right_with_sigchld_ignored_or_blocked(self):
        def ignore():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})

        for before in (ignore, block):
            for command, status in (("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)):
                with self.subTest(state=before.__name__, command=command):
                    ran = self.raw(UFL, self.lock, "sh", "-c", command, preexec_fn=before)
                    self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (status, b"", b""))
                    self.assert_no_lock()


class Streams(CommandTestCase):
    """stdin, stdout and stderr belong to the command alone."""

    def setUp(self):
        super().setUp()
        self.data = BINARY + os.urandom(3 << 20) + BINARY

    def test_stdin_from_a_pipe_byte_for_byte(self):
        ran = self.raw(UFL, self.lock, "cat", input=self.data)
        self.assertTrue(ran.stdout == self.data, f"{len(ran.stdout)} of {len(self.data)} bytes")
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))

    def test_stdin_from_a_file_byte_for_byte(self):
        with open(self.write("data", self.data), "rb") as file:
            ran = self.raw(UFL, self.lock, "cat", stdin=file)
        self.assertTrue(ran.stdout == self.data, f"{len(ran.stdout)} of {len(self.data)} bytes")
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))

    def test_ufl_reads_nothing_of_stdin(self):
        script = f"{UFL} {self.lock} dd bs=1 count=3 status=none; echo -; {UFL} {self.lock} cat"
        self.assertEqual(self.raw("sh", "-c", script, input=b"onetwo").stdout, b"one-\ntwo")

    def test_stdin_that_nobody_reads_and_nobody_closes(self):
        process = self.start(self.lock, "true", stdin=subprocess.PIPE)
        self.assertEqual(self.wait(process), 0)

    def test_stdout_and_stderr_byte_for_byte(self):
        out = self.write("out", self.data)
        err = self.write("err", self.data[::-1])
        copy = f"cat {out}; cat {err} >&2"
        for words in (["sh", "-c", copy], ["-c", copy]):
            ran = self.raw(UFL, self.lock, *words)
            self.assertTrue(ran.stdout == self.data, f"stdout differs: {words}")
            self.assertTrue(ran.stderr == self.data[::-1], f"stderr differs: {words}")
            self.assertEqual(ran.returncode, 0)

    def test_stdout_and_stderr_are_the_same_open_file(self):
        # As after 2>&1: one offset, and whatever the command writes stays in order.
        with open(self.path("both"), "wb") as file:
            subprocess.run([UFL, self.lock, "sh", "-c", "echo 1; echo 2 >&2; echo 3"], stdout=file,
                           stderr=file, timeout=support.PATIENCE, check=True)
        with open(self.path("both"), "rb") as file:
            self.assertEqual(file.read(), b"1\n2\n3\n")

    def test_a_full_pipe_stays_blocking(self):
        # A stdout that ufl had made non-blocking would lose data of a slow reader.
        process = self.start(self.lock, "cat", self.write("data", self.data))
        pipe = process.stdout.fileno()

        def is_full():
            unread = int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
            return unread == fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)

        support.wait_for(is_full, "a full pipe")
        self.assertTrue(process.stdout.buffer.read() == self.data)
        self.assertEqual(self.wait(process), 0)


class Surroundings(CommandTestCase):
    """Environment, directory, limits and the rest."""

    def environment_of_command(self, entries, *words):
        """Run `words` with exactly `entries` (bytes); the command's entries."""
        file = self.write("environment", b"".join(entry + b"\0" for entry in entries))
        ran = self.raw(*support.tool("exec_environment.py", file), *words, "/bin/cat",
                       "/proc/self/environ")
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        return ran.stdout.split(b"\0")[:-1]

    def test_environment_is_what_it_was_plus_three(self):
        entries = [b"A=1", b"B=", b"A=2", b"=odd", b"no-equals-sign", b"", b"BYTES=\xff\xfe\n\x01",
                   b"LONG=" + b"x" * 100000, b"UFL_RETRY=0.05", b"UFL_DELAY=0", b"SHELL=/bin/sh",
                   b"LC_ALL=de_DE.UTF-8"]
        self.assertEqual(self.environment_of_command(entries), entries, "the test itself is wrong")
        found = self.environment_of_command(entries, UFL, self.lock)
        names = (b"UFL_LOCKFILE=", b"UFL_TOKEN=", b"UFL_TOKENS=")
        ours = [entry for entry in found if entry.startswith(names)]
        self.assertEqual([entry for entry in found if entry not in ours], entries)
        self.assertEqual(len(ours), 3)
        self.assertIn(b"UFL_LOCKFILE=" + os.fsencode(self.lock), ours)

    def test_an_empty_environment(self):
        found = self.environment_of_command([], UFL, self.lock)
        self.assertEqual(sorted(entry.split(b"=")[0] for entry in found),
                         [b"UFL_LOCKFILE", b"UFL_TOKEN", b"UFL_TOKENS"])

    def test_old_lock_and_token_are_replaced(self):
        old = [b"UFL_LOCKFILE=/elsewhere", b"A=1", b"UFL_TOKEN=old"]
        found = self.environment_of_command(old, UFL, self.path("outer"), UFL, self.lock)
        self.assertEqual(len(found), 4)
        self.assertIn(b"A=1", found)
        self.assertIn(b"UFL_LOCKFILE=" + os.fsencode(self.lock), found)
        self.assertRegex(b"\n".join(found), rb"(?m)^UFL_TOKEN=" + support.UUID.encode() + rb"$")

    def test_lockfile_and_token_are_usable_from_anywhere(self):
        for lock in ("lock", "./lock", "sub/../lock", self.lock):
            os.makedirs(self.path("sub"), exist_ok=True)
            ran = self.ufl(lock, "sh", "-c", 'echo "$UFL_TOKEN"; cd / && head -n1 "$UFL_LOCKFILE"')
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertRegex(ran.stdout, rf"\A({support.UUID})\n\1\n\Z")

    def test_working_directory(self):
        os.mkdir(self.path("here"))
        found = self.assert_as_without_ufl("readlink", "/proc/self/cwd", cwd=self.path("here"))
        self.assertEqual(found, os.fsencode(self.path("here")) + b"\n")

    def test_a_removed_working_directory(self):
        def leave_it():
            os.mkdir(self.path("gone"))
            os.chdir(self.path("gone"))
            os.rmdir(self.path("gone"))

        found = self.assert_as_without_ufl("readlink", "/proc/self/cwd", preexec_fn=leave_it)
        self.assertEqual(found, os.fsencode(self.path("gone")) + b" (deleted)\n")

    def test_umask_nice_and_limits(self):
        def unusual():
            os.umask(0o027)
            os.nice(3)
            for limit, soft in ((resource.RLIMIT_NOFILE, 77), (resource.RLIMIT_CORE, 0),
                                (resource.RLIMIT_FSIZE, 1 << 24), (resource.RLIMIT_CPU, 1000),
                                (resource.RLIMIT_STACK, 4 << 20)):
                resource.setrlimit(limit, (soft, resource.getrlimit(limit)[1]))
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write("123")

        script = "umask; nice; cat /proc/self/limits /proc/self/oom_score_adj"
        found = self.assert_as_without_ufl("sh", "-c", script, preexec_fn=unusual)
        self.assertRegex(found, rb"\A0027\n3\n")
        self.assertRegex(found, rb"Max open files +77 ")
        self.assertRegex(found, rb"\n123\n\Z")

    def test_umask_of_ufl_does_not_depend_on_the_lock(self):
        # Whatever mode the lock file gets, it is not by changing the umask.
        script = 'umask; touch made; stat -c %a made; rm made'
        found = self.assert_as_without_ufl("sh", "-c", script, preexec_fn=lambda: os.umask(0o007))
        self.assertEqual(found, b"0007\n660\n")

    def test_process_group_and_session(self):
        script = 'cut -d" " -f5,6,7 /proc/self/stat'
        process = self.start(self.lock, "sh", "-c", script, start_new_session=True)
        group, session, terminal = process.stdout.readline().split()
        self.assertEqual((group, session, terminal), (str(process.pid), str(process.pid), "0"))
        self.assertEqual(self.wait(process), 0)


class Words(CommandTestCase):
    """argv, scripts and shells."""

    def test_argv_is_as_typed(self):
        os.symlink(shutil.which("sh"), self.path("my-shell"))
        odd = [b"", b"a b", b"\xff\n", b"--", b"-n", b"*", b"'", b"$HOME", b"--delay=3"]
        for name in ("sh", shutil.which("sh"), "./my-shell", self.path("my-shell"),
                     "../" + os.path.basename(self.dir) + "/my-shell"):
            with self.subTest(name=name):
                words = [name, "-c", "cat /proc/$$/cmdline; :", *odd]
                found = self.assert_as_without_ufl(*words)
                expected = [os.fsencode(word) for word in words]
                self.assertEqual(found.split(b"\0")[:-1], expected)

    def test_a_script_is_run_by_its_interpreter(self):
        self.write("script", '#!/bin/sh\necho "$0:$1"\n', 0o755)
        self.assertEqual(self.assert_as_without_ufl("./script", "x y"), b"./script:x y\n")

    def test_a_script_without_an_interpreter_is_run_by_sh(self):
        self.write("script", 'echo "$1"; readlink /proc/$$/exe\n', 0o755)
        ran = self.raw(UFL, self.lock, "./script", "x y")
        expected = f"x y\n{os.path.realpath('/bin/sh')}\n"
        self.assertEqual((ran.stdout.decode(), ran.stderr), (expected, b""))

    def test_the_shell_form_uses_the_users_shell(self):
        shell = self.write("my-shell", '#!/bin/sh\nfor word; do echo "[$word]"; done\n', 0o755)
        ran = self.raw(UFL, self.lock, "-c", "a  b; c", env=support.clean_environment(SHELL=shell))
        self.assertEqual((ran.stdout, ran.returncode), (b"[-c]\n[a  b; c]\n", 0))

    def test_the_shell_form_without_a_shell_uses_sh(self):
        for shell in (None, ""):
            with self.subTest(SHELL=shell):
                ran = self.raw(UFL, self.lock, "-c", "echo $0; readlink /proc/$$/exe",
                               env=support.clean_environment(SHELL=shell))
                expected = f"/bin/sh\n{os.path.realpath('/bin/sh')}\n"
                self.assertEqual((ran.stdout.decode(), ran.returncode), (expected, 0))

    def test_the_shell_form_with_a_shell_that_is_not_there(self):
        env = support.clean_environment(SHELL=self.path("no-such-shell"))
        ran = self.raw(UFL, self.lock, "-c", "echo hi", env=env)
        self.assertEqual((ran.returncode, ran.stdout), (127, b""))
        self.assert_one_line(ran.stderr.decode(), "no-such-shell")
        self.assert_no_lock()

    def test_the_shell_gives_the_status(self):
        for command, status in (("exit 3", 3), ("kill -KILL $$", 137), ("", 0), ("false", 1)):
            with self.subTest(command=command):
                env = support.clean_environment(SHELL="/bin/sh")
                ran = self.raw(UFL, self.lock, "-c", command, env=env)
                self.assertEqual(ran.returncode, status, ran.stderr)


class FailedExec(CommandTestCase):
    """An exec that fails in the child leaves one message and no lock."""

    def check(self, process, status, *fragments):
        self.assertEqual(process.returncode, status)
        self.assertEqual(process.stdout, b"")
        self.assert_one_line(process.stderr.decode(), *fragments)
        self.assert_no_lock()

    def test_a_script_whose_interpreter_is_missing(self):
        self.write("script", "#!/no/such/interpreter\necho no\n", 0o755)
        self.check(self.raw(UFL, self.lock, "./script"), 127, "./script")

    def test_a_script_whose_interpreter_is_a_directory(self):
        self.write("script", f"#!{self.dir}\necho no\n", 0o755)
        self.check(self.raw(UFL, self.lock, "./script"), 126, "./script")

    def test_a_command_that_vanishes_before_it_is_executed(self):
        for spoil, status in ((os.unlink, 127), (lambda path: os.chmod(path, 0o644), 126)):
            with self.subTest(status=status):
                command = self.write("command", "#!/bin/sh\necho no\n", 0o755)
                process = self.start("-d", "3", self.lock, command)
                support.wait_for(lambda: self.is_claimed(self.lock), "the claim")
                spoil(command)
                stdout, stderr = process.communicate(timeout=support.PATIENCE)
                self.assertEqual((process.returncode, stdout), (status, ""))
                self.assert_one_line(stderr, command)
                self.assert_no_lock()

    @staticmethod
    def is_claimed(lock):
        try:
            with open(lock, encoding="utf-8") as file:
                return file.read().endswith("\n")
        except FileNotFoundError:
            return False

    def test_no_output_is_doubled(self):
        # All that ufl has in a buffer when it forks would be written twice, and exit handlers would
        # run twice, in a child that calls exit(3).
        self.write("script", "#!/no/such/interpreter\n", 0o755)
        with open(self.path("log"), "wb") as log:
            ran = subprocess.run([UFL, "-v", "-d", "0.01", self.lock, "./script"], stdout=log,
                                 stderr=log, cwd=self.dir, env=support.clean_environment(),
                                 timeout=support.PATIENCE, check=False)
        self.assertEqual(ran.returncode, 127)
        with open(self.path("log"), encoding="utf-8") as log:
            lines = log.read().splitlines()
        self.assertEqual(len(lines), len(set(lines)), lines)
        self.assertEqual(len([line for line in lines if "script" in line]), 1, lines)
        for line in lines:
            self.assertRegex(line, r"\Aufl: .")
        self.assert_no_lock()


class BackgroundProcesses(CommandTestCase):
    """What the command leaves running does not keep ufl."""

    def check(self, script):
        process = self.start(self.lock, "sh", "-c", script)
        left = int(process.stdout.readline())
        try:
            self.assertEqual(self.wait(process), 4)
            self.assertIn(support.process_state(left), ("S", "R", "D"), "it ended, too")
            self.assert_no_lock()
        finally:
            os.kill(left, signal.SIGKILL)

    def test_detached(self):
        self.check("sleep 120 </dev/null >/dev/null 2>&1 & echo $!; exit 4")

    def test_with_our_stdout_and_stderr_open(self):
        self.check("sleep 120 & echo $!; exit 4")

    def test_in_a_session_of_its_own(self):
        self.check("setsid sleep 120 & echo $!; exit 4")


if __name__ == "__main__":
    unittest.main()
