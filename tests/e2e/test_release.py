# SPDX-License-Identifier: MIT
"""The lock in parts: --release with --token."""

import contextlib
import fcntl
import os
import time
import unittest

from support import PATIENCE, wait_until_it_waits
from test_parts import ENDING, FAILED, FOREIGN, LOST, PartsTestCase


class ReleaseTest(PartsTestCase):
    """--release and --check tell whose lock it is."""

    def test_own(self):
        for verb, left in (("--check", True), ("--release", False)):
            for number, around in enumerate(("{}", "{}\n", " \t{}\r\n\n")):
                with self.subTest(verb=verb, around=around):
                    lock = self.path(f"lock{verb}{number}")
                    token = self.acquire("-p", "a b ", lock=lock)
                    with self.untouched(lock) if left else contextlib.nullcontext():
                        result = self.ufl(verb, "--token", around.format(token), lock)
                    self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
                    self.assertEqual(os.path.exists(lock), left)

    def test_lock_of_another_implementation(self):
        for content in (FOREIGN, f"  {FOREIGN}\r\n", f"{FOREIGN}\n{{torn"):
            self.write("lock", content)
            self.assertEqual(self.ufl("--check", "--token", FOREIGN, self.lock).returncode, 0)
            self.assertEqual(self.ufl("--release", "--token", FOREIGN, self.lock).returncode, 0)
            self.assert_no_lock()

    def test_long_file_that_begins_with_the_token(self):
        """Somebody has appended to it. However it ends, it does end, and silence means released."""
        append = 'head -c 5000 /dev/zero >> "$UFL_LOCKFILE"'
        self.write("long", FOREIGN + "\n" + "x" * 5000)
        for lock, words in (("long", ["--release", "--token", FOREIGN, "long"]),
                            ("grows", ["grows", "sh", "-c", append])):
            with self.subTest(lock=lock):
                _, stderr = self.start(*words).communicate(timeout=PATIENCE / 4)
                self.assertEqual(os.path.exists(self.path(lock)), stderr != "")

    def test_another_token(self):
        token = self.acquire("-p", "ci-")
        others = [FOREIGN, token.upper(), token[3:], token[:-1], token + "x", "x" + token, "ci-",
                  self.read_lock(), token.encode()[:4].decode() + "\x1b[2J\udcff"]
        with self.untouched():
            for verb in ("--check", "--release"):
                for other in others:
                    with self.subTest(verb=verb, token=other):
                        result = self.ufl(verb, "--token", other, self.lock)
                        self.assertEqual((result.returncode, result.stdout), (LOST, ""))
                        self.assert_one_line(result.stderr, self.lock, "not held", "@", "since")
                        self.assertTrue(result.stderr[:-1].isprintable(), result.stderr)
                result = self.ufl("-q", verb, "--token", FOREIGN, self.lock)
                self.assertEqual((result.returncode, result.stderr), (LOST, ""))

    def test_absent(self):
        for result in self.run_all(*[[verb, "--token", FOREIGN, self.lock]
                                     for verb in ("--check", "--release")]):
            with self.subTest(words=result.args):
                self.assertEqual((result.returncode, result.stdout), (LOST, ""))
                self.assert_one_line(result.stderr, self.lock, "not held", "nobody holds it")
        self.assertEqual(os.listdir(self.dir), [])

    def assert_cannot_tell(self, *paths, fragment="", verbs=("--check", "--release"), **options):
        for result in self.run_all(*[[verb, "--token", FOREIGN, path]
                                     for verb in verbs for path in paths], **options):
            with self.subTest(words=result.args):
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_one_line(result.stderr, result.args[-1], fragment)

    def test_no_lock_file(self):
        """Links are not followed, not even to the lock."""
        self.write("file", FOREIGN)
        os.symlink("file", self.path("link"))
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("directory"))
        with self.untouched(self.path("file")):
            self.assert_cannot_tell("link", "fifo", "directory", "directory/", "file/lock", ".")
        self.assertEqual(sorted(os.listdir(self.dir)), ["directory", "fifo", "file", "link"])

    def test_directory_missing(self):
        """A share that is not mounted is no lock that was lost."""
        self.assert_cannot_tell("none/lock", self.path("none", "lock"), fragment="No such file")

    def test_permissions(self):
        user = self.as_ordinary_user()
        self.write("unreadable", FOREIGN, 0o000)
        for name, mode in (("closed", 0o000), ("read-only", 0o555)):
            os.mkdir(self.path(name))
            self.write(f"{name}/lock", FOREIGN)
            os.chmod(self.path(name), mode)
        self.assert_cannot_tell("unreadable", "closed/lock", fragment="Permission denied", **user)
        self.assert_cannot_tell("read-only/lock", fragment="cannot remove it: Permission denied",
                                verbs=["--release"], **user)
        if user:  # /tmp: everybody may make files there, but not remove those of others
            os.chmod(self.path("read-only"), 0o1777)
            self.assert_cannot_tell("read-only/lock", fragment="cannot remove it: Operation not",
                                    verbs=["--release"], **user)
        result = self.ufl("--check", "--token", FOREIGN, "read-only/lock", **user)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.read_lock(self.path("read-only", "lock")), FOREIGN)

    def test_somebody_holds_flock_on_it(self):
        """As a ufl that removes or replaces it does for a moment: the release waits."""
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            token = self.acquire()
            with open(self.lock, "rb") as file:
                fcntl.flock(file, kind)
                self.assertEqual(self.ufl("--check", "--token", token, self.lock).returncode, 0)
                release = self.start("--release", "--token", token, self.lock)
                wait_until_it_waits(release)
                self.assertTrue(os.path.exists(self.lock))
            self.assertEqual((self.wait(release), release.stderr.read()), (0, ""))
            self.assert_no_lock()

    def test_interrupted(self):
        """Nothing has been done by then."""
        def interrupt(number, verb, lock):
            # What waits for a second look does so for a second.
            while True:
                begin = time.monotonic()
                process = self.start(verb, "-d", "100", "--token", FOREIGN, lock)
                wait_until_it_waits(process)
                process.send_signal(number)
                if time.monotonic() - begin < 1:
                    return process
                self.wait(process)

        self.write("busy", FOREIGN)
        with open(self.path("busy"), "rb") as file, self.untouched(self.path("busy")):
            fcntl.flock(file, fcntl.LOCK_EX)
            for number in ENDING:
                for verb, lock in (("--check", "none"), ("--release", "none"),
                                   ("--release", "busy")):
                    with self.subTest(signal=number, verb=verb, lock=lock):
                        process = interrupt(number, verb, lock)
                        self.assertEqual((self.wait(process), process.stderr.read()),
                                         (-number, ""))


if __name__ == "__main__":
    unittest.main()
