# SPDX-License-Identifier: MIT
"""What the tests of commands share: the same command with ufl and without."""

import os
import subprocess

import support

UFL = os.path.abspath(support.UFL)


class CommandTestCase(support.UflTestCase):
    """Helpers for running a command with ufl and without."""

    def setUp(self):
        super().setUp()
        support.limit_time(self)

    def raw(self, *words, **options):
        """Run a program to its end; its output is bytes."""
        options.setdefault("env", support.clean_environment())
        options.setdefault("cwd", self.dir)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=support.PATIENCE,
            check=False, **options)

    def assert_as_without_ufl(self, *command, **options):
        """`command` ends and prints the same with ufl and without; returns what it printed."""
        without = self.raw(*command, **options)
        with_ufl = self.raw(UFL, self.lock, *command, **options)
        self.assertEqual(with_ufl.stdout, without.stdout)
        self.assertEqual(with_ufl.stderr, without.stderr)
        self.assertEqual(with_ufl.returncode, without.returncode)
        self.assert_no_lock()
        return with_ufl.stdout

    def waiting(self, *words, **options):
        """Start a ufl (-v among its options) that has to wait; returns when it does."""
        process = self.start(program=list(words), **options)
        self.assertIn("waiting", process.stderr.readline())
        return process
