# SPDX-License-Identifier: MIT
"""What the tests of the command line share: it runs as it says, or is refused."""

import json

from support import DirectoryWatch, UflTestCase, limit_time

USAGE = 64


class CliTestCase(UflTestCase):
    """Runs ufl in self.dir; `./show` is a command that tells the lock and its own arguments."""

    def setUp(self):
        super().setUp()
        limit_time(self)
        self.write("show", '#!/bin/sh\n'
                   'printf "%s:" "${UFL_LOCKFILE##*/}"\n'
                   'for word do printf "[%s]" "$word"; done\n', 0o755)

    def assert_runs(self, words, stdout, **options):
        """`ufl WORDS` succeeds; all of stdout is the command's, and no lock is left."""
        result = self.ufl(*words, **options)
        self.assertEqual((result.stdout, result.returncode), (stdout, 0), result.stderr)
        for lock in ("L", "-", "-n", "9"):
            self.assert_no_lock(self.path(lock))
        return result

    def assert_refused(self, words, *fragments, env=None):
        """`ufl WORDS` is a usage error that says `fragments`; nothing has happened otherwise."""
        with DirectoryWatch(self.dir) as watch:
            result = self.ufl(*words, env=env)
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), result.stderr)
            self.assert_one_line(result.stderr, *fragments)
            self.assertTrue(result.stderr.rstrip("\n").isprintable(), repr(result.stderr))
            self.assertEqual(watch.appeared(), [])

    def record_of(self, *words, env=None):
        """Line 1 and the JSON of line 2 of the lock file that `ufl WORDS lock` makes."""
        result = self.ufl(*words, self.lock, "cat", self.lock, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        token, holder = result.stdout.splitlines()
        return token, json.loads(holder)
