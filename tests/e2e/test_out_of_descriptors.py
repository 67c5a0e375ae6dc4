# SPDX-License-Identifier: MIT
"""When ufl cannot open another file: one line that says so, nothing left behind."""

import os
import resource
import unittest

from support import PATIENCE, UFL, UUID, limited, not_sanitized
from test_failures import FailureTestCase

USAGE = 64
BUSY = 75
FAILED = 125


class DescriptorTest(FailureTestCase):
    """Too few descriptors, and a stderr that nobody reads."""

    @not_sanitized
    def test_few_descriptors(self):
        """Either ufl works or it says why not; there is no third way, and no lock is left."""
        worked = False
        for count in range(4, 40):
            with self.subTest(descriptors=count):
                result = self.ufl("-w", "10", "lock", "echo", "ran",
                                  preexec_fn=limited(resource.RLIMIT_NOFILE, count))
                if "error while loading shared libraries" in result.stderr:
                    self.assertFalse(worked)
                    continue
                if result.returncode == 0:
                    worked = True
                    self.assertEqual((result.stdout, result.stderr), ("ran\n", ""))
                else:
                    self.assertFalse(worked, "worked with fewer")
                    self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                    self.assert_line(result.stderr, "lock", "ulimit -n")
                self.assertEqual(os.listdir(self.dir), [])
        self.assertTrue(worked)

    CASES = (
        (["-w", "soon", "lock", "touch", "ran"], USAGE),
        (["lock"], USAGE),
        (["none/lock", "touch", "ran"], FAILED),
        (["lock", "./none"], 127),
        (["-n", "held", "touch", "ran"], BUSY),
        (["-w", "0.05", "-v", "held", "touch", "ran"], BUSY),
        (["-v", "lock", "true"], 0),
        (["-v", "lock", "sh", "-c", "exit 3"], 3),
        (["lock", "sh", "-c", 'rm "$UFL_LOCKFILE"'], 76),
    )

    def assert_statuses(self, run):
        """Each of CASES ends with its status and leaves no lock, when `run` runs it."""
        self.write("held", "foreign")
        for words, status in self.CASES:
            with self.subTest(words=words):
                returncode, stdout = run(words)
                self.assertEqual((returncode, stdout), (status, ""))
                self.assertEqual(os.listdir(self.dir), ["held"])

    def test_stderr_closed(self):
        def run(words):
            process = self.start(*words, program=["sh", "-c", 'exec "$@" 2>&-', "sh",
                                                  os.path.abspath(UFL)])
            stdout, stderr = process.communicate(timeout=PATIENCE)
            self.assertEqual(stderr, "")
            return process.returncode, stdout

        self.assert_statuses(run)

    def test_stderr_is_a_pipe_without_a_reader(self):
        """SIGPIPE must not kill ufl, least of all while it holds the lock."""
        def run(words):
            reader, writer = os.pipe()
            os.close(reader)
            try:
                result = self.ufl(*words, stderr=writer)
            finally:
                os.close(writer)
            return result.returncode, result.stdout

        self.assert_statuses(run)

    def test_stderr_is_full(self):
        def run(words):
            with open("/dev/full", "w", encoding="ascii") as full:
                result = self.ufl(*words, stderr=full)
            return result.returncode, result.stdout

        self.assert_statuses(run)

    def test_messages_never_land_in_the_lock_file(self):
        """With 0 to 2 closed the lock file could be opened as stderr."""
        for redirection in ("2>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-", "1>&- 2>&-", "0<&-", "1>&-"):
            with self.subTest(redirection=redirection):
                process = self.start(
                    "-v", "lock", "sh", "-c", 'cat "$UFL_LOCKFILE" > copy',
                    program=["sh", "-c", f'exec "$@" {redirection}', "sh", os.path.abspath(UFL)])
                process.communicate(timeout=PATIENCE)
                self.assertEqual(process.returncode, 0)
                with open(self.path("copy"), encoding="utf-8") as file:
                    self.assertRegex(file.read(), rf"\A{UUID}\n\{{[^\n]*\}}\n\Z")
                self.assert_no_lock()

    def test_stdout_without_a_reader_is_the_commands_affair(self):
        """The command dies of SIGPIPE, as it would without ufl."""
        reader, writer = os.pipe()
        os.close(reader)
        result = self.ufl(self.lock, "sh", "-c", "echo x; exit 3", stdout=writer)
        os.close(writer)
        self.assertIn(result.returncode, (3, 141))
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
