# SPDX-License-Identifier: MIT
"""The exit statuses of ufl(1), and what has become of the lock in each case."""

import os
import pwd
import resource
import shutil
import signal
import subprocess
import unittest

from support import PATIENCE, UFL, UflTestCase, limit_time, wait_for

BUSY = 75
LOST = 76
FAILED = 125

FOREIGN = b"0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"


def wait_status(process):
    """How the process ended, as waitpid(2) tells it, which says more than subprocess."""
    _, status = wait_for(lambda: (lambda found: found if found[0] else None)(
        os.waitpid(process.pid, os.WNOHANG)), "the end of ufl")
    process.returncode = status  # reaped here, so subprocess must not try
    return status


def core_dumps_allowed():
    """For preexec_fn."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


class StatusTestCase(UflTestCase):
    """A test that ends even if ufl does not."""

    def setUp(self):
        super().setUp()
        limit_time(self)


class CommandStatusTest(StatusTestCase):
    """The command's own status comes through."""

    def test_every_status(self):
        for status in range(256):
            with self.subTest(status=status):
                result = self.ufl(self.lock, "sh", "-c", f"exit {status}")
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (status, "", ""))
        self.assert_no_lock()

    def test_with_dash_c(self):
        for status in (0, 1, 64, 75, 76, 125, 126, 127, 128, 255):
            with self.subTest(status=status):
                self.assertEqual(self.ufl(self.lock, "-c", f"exit {status}").returncode, status)

    def test_killed_by_a_signal(self):
        """128+n; ufl did not get that signal, so it ends by itself instead of dying of it, too."""
        numbers = {getattr(signal, "SIG" + name) for name in (
            "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU "
            "XFSZ VTALRM PROF IO SYS").split() if hasattr(signal, "SIG" + name)}
        numbers |= {signal.SIGRTMIN, signal.SIGRTMAX}

        def no_core():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        for number in sorted(numbers):
            with self.subTest(signal=number):
                result = self.ufl(self.lock, "sh", "-c", f"kill -{int(number)} $$",
                                  preexec_fn=no_core)
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (128 + number, "", ""))
                self.assert_no_lock()

    def test_exit_9_is_not_sigkill(self):
        self.assertEqual(self.ufl(self.lock, "sh", "-c", "exit 9").returncode, 9)
        self.assertEqual(self.ufl(self.lock, "sh", "-c", "kill -9 $$").returncode, 128 + 9)
        self.assertEqual(self.ufl(self.lock, "sh", "-c", "exit 137").returncode, 137)

    def test_no_core_of_ufl(self):
        """A core dump of the command is the command's affair: ufl exits, and leaves none itself."""
        for number in (signal.SIGSEGV, signal.SIGQUIT, signal.SIGABRT):
            with self.subTest(signal=number):
                process = self.start(self.lock, "sh", "-c", f"kill -{int(number)} $$",
                                     preexec_fn=core_dumps_allowed)
                status = wait_status(process)
                self.assertTrue(os.WIFEXITED(status), status)
                self.assertEqual(os.WEXITSTATUS(status), 128 + number)
                self.assertFalse(os.WCOREDUMP(status))

    def test_no_core_of_ufl_that_dies_of_the_same_signal(self):
        """SIGQUIT for ufl reaches the command; then ufl dies of it, too, but a core is no use."""
        process = self.start(self.lock, "sh", "-c", "echo ready; read line",
                             stdin=subprocess.PIPE, preexec_fn=core_dumps_allowed)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGQUIT)
        status = wait_status(process)
        self.assertTrue(os.WIFSIGNALED(status), status)
        self.assertEqual(os.WTERMSIG(status), signal.SIGQUIT)
        self.assertFalse(os.WCOREDUMP(status))
        self.assert_no_lock()

    def test_caller_that_ignores_its_children(self):
        """With SIGCHLD ignored the kernel would reap the command, and its status would be lost."""
        result = self.ufl(self.lock, "sh", "-c", "exit 7",
                          preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual((result.returncode, result.stderr), (7, ""))
        self.assert_no_lock()


class NotAcquiredTest(StatusTestCase):
    """75, or what -E says."""

    def setUp(self):
        super().setUp()
        self.holder = self.hold(command=["sh", "-c", "echo ready; read line; exit 5"])

    def assert_not_acquired(self, *words, status=BUSY):
        before = self.read_lock()
        result = self.ufl(*words, self.lock, "touch", self.path("ran"))
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertEqual(self.read_lock(), before)
        return result.stderr

    def test_at_once_with_n_and_after_w(self):
        for words in (["-n"], ["-w", "0"], ["-w", "0.1"], ["-w", "50ms", "-r", "1d"]):
            with self.subTest(words=words):
                self.assert_one_line(self.assert_not_acquired(*words), self.lock, "not acquired")

    def test_dash_capital_e(self):
        for status in (0, 1, 64, 99, 125, 255):
            with self.subTest(status=status):
                self.assert_not_acquired("-n", "-E", str(status), status=status)
                self.assert_not_acquired("-w", "0.05", "-E", str(status), status=status)

    def test_message_names_the_holder(self):
        user = pwd.getpwuid(os.getuid()).pw_name
        for words in (["-n"], ["-w", "0.1"]):
            with self.subTest(words=words):
                self.assert_one_line(self.assert_not_acquired(*words), f"{user}@{os.uname()[1]}",
                                     f"pid {self.holder.pid}", "sh -c", "since")

    def test_missing_command_is_no_matter_while_the_lock_is_held(self):
        for words in (["-n"], ["-w", "0.1"]):
            with self.subTest(words=words):
                result = self.ufl(*words, self.lock, self.path("none"))
                self.assertEqual(result.returncode, BUSY, result.stderr)

    def test_holder_keeps_its_lock_and_its_status(self):
        self.assert_not_acquired("-n")
        self.assertEqual(self.let_go(self.holder), 5)
        self.assert_no_lock()


class LostTest(StatusTestCase):
    """76: the lock was lost while the command ran; a failure of the command's own counts more."""

    def run_all(self, cases):
        """Run `sh -c script` under a lock of its own for each case, all at once, because ufl looks
        twice, a second apart, before it says "lost". Yields the case, the lock and what came out.
        """
        started = []
        for number, (script, *case) in enumerate(cases):
            lock = self.path(f"lock-{number}")
            started.append((case, lock, self.start(lock, "sh", "-c", script)))
        for case, lock, process in started:
            stdout, stderr = process.communicate(timeout=PATIENCE)
            self.assertEqual(stdout, "")
            yield *case, lock, process.returncode, stderr

    def test_lock_file_removed(self):
        remove = 'rm "$UFL_LOCKFILE"; '
        cases = [(remove + "exit 0", LOST), (remove + "exit 3", 3), (remove + "exit 75", 75),
                 (remove + "kill -TERM $$", 128 + signal.SIGTERM)]
        for expected, lock, status, stderr in self.run_all(cases):
            with self.subTest(expected=expected):
                self.assertEqual(status, expected, stderr)
                self.assert_one_line(stderr, lock, "lost")
                self.assert_no_lock(lock)

    def test_lock_file_replaced_is_left_alone(self):
        cases = []
        for number, content in enumerate((
                FOREIGN, FOREIGN + b"\n", b"x-" + FOREIGN + b'\n{"v":1,"host":"h"}\n', b"garbage",
                b"", b"\0", b"\xff\xfe" * 3000)):
            self.write(f"new-{number}", content)
            for how in ("cat new-{0} > $UFL_LOCKFILE; ",
                        "cp new-{0} $UFL_LOCKFILE.new; mv $UFL_LOCKFILE.new $UFL_LOCKFILE; "):
                if not content and how.startswith("cat"):
                    continue  # emptied, which its holder mends: test_emptied_file.py
                script = how.format(number)
                cases += [(script + "exit 0", content, how, LOST),
                          (script + "exit 3", content, how, 3)]
        for content, how, expected, lock, status, stderr in self.run_all(cases):
            with self.subTest(content=content[:50], how=how, expected=expected):
                self.assertEqual(status, expected, stderr)
                self.assert_one_line(stderr, lock, "lost")
                with open(lock, "rb") as file:
                    self.assertEqual(file.read(), content)

    def test_now_held_by_another_ufl(self):
        """The new holder is named, and keeps its lock."""
        loser = self.start(self.lock, "sh", "-c", 'rm "$UFL_LOCKFILE"; echo gone; read line',
                           stdin=subprocess.PIPE)
        self.assertEqual(loser.stdout.readline(), "gone\n")
        holder = self.hold("-p", "other-")
        stderr = loser.communicate("go on\n", timeout=PATIENCE)[1]
        self.assertEqual(loser.returncode, LOST)
        self.assert_one_line(stderr, "lost", f"pid {holder.pid}")
        self.assertTrue(self.read_lock().startswith("other-"))
        self.let_go(holder)
        self.assert_no_lock()

    def test_white_space_around_the_token_changes_nothing(self):
        """Some tools rewrite line ends: it is still our lock."""
        for edit in (r"1s/$/\r/", r"1s/^/  /", "2d"):
            with self.subTest(edit=edit):
                result = self.ufl(self.lock, "sh", "-c", f"sed -i '{edit}' \"$UFL_LOCKFILE\"")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assert_no_lock()


class ReleaseFailsTest(StatusTestCase):
    """It cannot be told whether the lock is still ours: the command's status, and one line."""

    def setUp(self):
        super().setUp()
        self.user = self.as_ordinary_user()
        self.lock = self.path("d", "lock")

    def assert_not_told(self, script, *fragments):
        """A fresh d/lock is held while `script` spoils it."""
        for own in (0, 3):
            with self.subTest(script=script, own=own):
                directory = self.path("d")
                if os.path.exists(directory):
                    os.chmod(directory, 0o755)
                    shutil.rmtree(directory)
                os.mkdir(directory)
                os.chown(directory, self.user.get("user", -1), -1)
                result = self.ufl(self.lock, "sh", "-c", f"{script}; exit {own}", **self.user)
                self.assertEqual((result.returncode, result.stdout), (own, ""), result.stderr)
                self.assert_one_line(result.stderr, self.lock, *fragments)

    def test_lock_file_turned_into_something_else(self):
        """It is not ours to remove, and a FIFO must not hang."""
        for make in ("mkdir d/lock", "mkfifo d/lock", "ln -s x d/lock"):
            self.assert_not_told(f"rm d/lock; {make}")
            self.assertTrue(os.path.lexists(self.lock))

    def test_directory_gone(self):
        os.chmod(self.dir, 0o777)
        self.assert_not_told("mv d gone")

    def test_directory_not_writable_any_more(self):
        self.assert_not_told("chmod 555 d", "Permission denied")

    def test_directory_not_searchable_any_more(self):
        self.assert_not_told("chmod 000 d", "Permission denied")

    def test_lock_file_not_readable_any_more(self):
        """Its token cannot be compared, so it stays."""
        self.assert_not_told("chmod 000 d/lock", "Permission denied")
        self.assertTrue(os.path.exists(self.lock))


class OwnFailureTest(StatusTestCase):
    """125 and 64 are told from the command's statuses by a line on stderr alone."""

    def test_nested_on_the_same_lock(self):
        result = self.ufl(self.lock, os.path.abspath(UFL), self.lock, "true")
        self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
        self.assert_one_line(result.stderr, "you already hold it")
        self.assert_no_lock()

    def test_message_is_told_only_by_ufl(self):
        result = self.ufl(self.lock, "sh", "-c", "exit 125")
        self.assertEqual((result.returncode, result.stderr), (FAILED, ""))
        result = self.ufl(self.path("none", "lock"), "true")
        self.assertEqual(result.returncode, FAILED)
        self.assert_one_line(result.stderr)


if __name__ == "__main__":
    unittest.main()
