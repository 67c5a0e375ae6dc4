# SPDX-License-Identifier: MIT
"""The exit statuses of ufl(1) when the command cannot be run, and what has become of the lock."""

import os
import unittest

from support import DirectoryWatch, clean_environment
from test_exit_status import StatusTestCase

NOT_EXECUTABLE = 126
NOT_FOUND = 127


class CannotRunTest(StatusTestCase):
    """126 and 127: the command is there but will not run, or is not there."""

    # A directory in $PATH that may not be searched turns 127 into 126, as with execvp(3).
    PATH = "/usr/bin:/bin"

    def assert_cannot_run(self, status, *words, env=None, **options):
        """No lock is taken, not even for a moment."""
        env = env or clean_environment(PATH=self.PATH)
        with DirectoryWatch(self.dir) as watch:
            result = self.ufl("-w", "10", self.lock, *words, env=env, **options)
            self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
            self.assert_one_line(result.stderr, words[0])
            self.assertEqual(watch.appeared(), [])

    def on_path(self, *directories):
        return clean_environment(PATH=":".join([*directories, self.PATH]))

    def test_watch_sees_a_lock(self):
        """The check above can fail: for a command that runs a lock file does appear."""
        with DirectoryWatch(self.dir) as watch:
            self.assertEqual(self.ufl(self.lock, "true").returncode, 0)
            self.assertIn("lock", watch.appeared())

    def test_not_found(self):
        self.write("file", "")
        for words in (["no-such-command-here"], ["./none"], ["./none", "with", "words"],
                      [self.path("none", "none")], ["./file/x"]):
            with self.subTest(words=words):
                self.assert_cannot_run(NOT_FOUND, *words)

    def test_name_too_long(self):
        for name in ("x" * 300, "./" + "x" * 300, "./" + "x/" * 3000):
            with self.subTest(length=len(name)), DirectoryWatch(self.dir) as watch:
                result = self.ufl(self.lock, name, env=clean_environment(PATH=self.PATH))
                self.assertIn(result.returncode, (NOT_EXECUTABLE, NOT_FOUND))
                self.assert_one_line(result.stderr)
                self.assertEqual(watch.appeared(), [])

    def test_empty_name(self):
        with DirectoryWatch(self.dir) as watch:
            result = self.ufl(self.lock, "")
            self.assertEqual(result.returncode, NOT_FOUND)
            self.assert_one_line(result.stderr, "''")
            self.assertEqual(watch.appeared(), [])

    def test_current_directory_is_not_searched(self):
        self.write("only-here", "#!/bin/sh\n", 0o755)
        self.assert_cannot_run(NOT_FOUND, "only-here")

    def test_empty_element_of_path_is_the_current_directory(self):
        self.write("only-here", "#!/bin/sh\necho ran\n", 0o755)
        for path in ("", ":", "/none:", ":/none", "/none::/none"):
            with self.subTest(PATH=path):
                result = self.ufl(self.lock, "only-here", env=clean_environment(PATH=path))
                self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)

    def test_without_path(self):
        result = self.ufl(self.lock, "true", env=clean_environment(PATH=None))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_cannot_run(NOT_FOUND, "no-such-command", env=clean_environment(PATH=None))

    def test_shell_of_dash_c_not_found(self):
        with DirectoryWatch(self.dir) as watch:
            result = self.ufl(self.lock, "-c", "true", env=clean_environment(SHELL="/no/shell"))
            self.assertEqual(result.returncode, NOT_FOUND)
            self.assert_one_line(result.stderr, "/no/shell")
            self.assertEqual(watch.appeared(), [])

    def test_not_executable(self):
        self.write("plain", "#!/bin/sh\ntouch ran\n", 0o644)
        os.mkdir(self.path("directory"))
        os.mkfifo(self.path("fifo"), 0o755)
        for words in (["./plain"], ["./directory"], ["/"], ["."], ["./fifo"]):
            with self.subTest(words=words):
                self.assert_cannot_run(NOT_EXECUTABLE, *words)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_no_permission(self):
        user = self.as_ordinary_user()
        os.chmod(self.dir, 0o777)
        closed = self.path("closed")
        os.mkdir(closed)
        self.write("closed/tool", "#!/bin/sh\n", 0o755)
        os.chmod(closed, 0o600)
        self.write("denied", "#!/bin/sh\n", 0o070)
        os.chown(self.path("denied"), user.get("user", -1), -1)
        for words in (["./closed/tool"], ["./denied"]):
            with self.subTest(words=words):
                self.assert_cannot_run(NOT_EXECUTABLE, *words, **user)

    def test_search_goes_on_after_one_that_cannot_be_run(self):
        for name, mode in (("a", 0o644), ("b", 0o755)):
            os.mkdir(self.path(name))
            self.write(f"{name}/tool", f"#!/bin/sh\necho {name}\n", mode)
        os.makedirs(self.path("c/tool"))
        a, b, c = (self.path(name) for name in "abc")
        for path, stdout in (([a, b], "b\n"), ([b, a], "b\n"), ([c, "/none", b], "b\n")):
            with self.subTest(path=path):
                result = self.ufl(self.lock, "tool", env=self.on_path(*path))
                self.assertEqual((result.returncode, result.stdout), (0, stdout), result.stderr)
        for path in ([a], [c], [a, "/none"]):
            with self.subTest(path=path):
                self.assert_cannot_run(NOT_EXECUTABLE, "tool", env=self.on_path(*path))

    def test_script_without_interpreter_line(self):
        """Run by sh, as execvp(3) does."""
        self.write("script", 'echo "$# $1"; exit 3\n', 0o755)
        for name in ("./script", self.path("script"), "script"):
            with self.subTest(name=name):
                result = self.ufl(self.lock, name, "a b", "c", env=self.on_path(self.dir))
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (3, "2 a b\n", ""))
        with self.subTest("an empty file"):
            self.write("empty", "", 0o755)
            self.assertEqual(self.ufl(self.lock, "./empty").returncode, 0)

    def test_interpreter_missing(self):
        """Status as timeout(1) and env(1) have it; known only after the lock was taken."""
        self.write("script", "#!/no/such/interpreter\n", 0o755)
        result = self.ufl(self.lock, "./script")
        self.assertEqual((result.returncode, result.stdout), (NOT_FOUND, ""))
        self.assert_one_line(result.stderr, "./script")
        self.assert_no_lock()

    def test_interpreter_missing_is_not_taken_for_a_missing_command(self):
        self.write("script", "#!/no/such/interpreter\n", 0o755)
        self.assertNotIn("no such command", self.ufl(self.lock, "./script").stderr)

    def test_not_a_program(self):
        """Refused by the kernel or by sh, and the lock is given back."""
        for name, content in (("elf", b"\x7fELF" + b"\0" * 200), ("cut", b"\x7fELF\2\1\1")):
            with self.subTest(name=name):
                self.write(name, content, 0o755)
                self.assertNotEqual(self.ufl(self.lock, "./" + name).returncode, 0)
                self.assert_no_lock()

    def test_command_that_the_holder_is_just_building(self):
        """Lookup comes late: when the lock looks free, not when ufl starts to wait."""
        build = ("echo ready; read line; "
                 r"printf '#!/bin/sh\necho built\n' > tool; chmod +x tool")
        holder = self.hold(command=["sh", "-c", build])
        waiters = [self.start("-v", "-r", "20ms", self.lock, "./tool") for _ in range(2)]
        for waiter in waiters:
            self.assertIn("waiting", waiter.stderr.readline())
        self.assertFalse(os.path.exists(self.path("tool")))
        self.assertEqual(self.let_go(holder), 0)
        for waiter in waiters:
            self.assertEqual((self.wait(waiter), waiter.stdout.read()), (0, "built\n"))
        self.assert_no_lock()

    def test_command_that_the_holder_removes(self):
        """127 after the wait, and the lock is free for the next."""
        self.write("tool", "#!/bin/sh\n", 0o755)
        holder = self.hold(command=["sh", "-c", "echo ready; read line; rm tool"])
        waiter = self.start("-v", "-r", "20ms", self.lock, "./tool")
        self.assertIn("waiting", waiter.stderr.readline())
        with DirectoryWatch(self.dir) as watch:
            self.assertEqual(self.let_go(holder), 0)
            self.assertEqual(self.wait(waiter), NOT_FOUND)
            self.assertEqual(watch.appeared(), [])
        self.assertIn("./tool", waiter.stderr.read())
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
