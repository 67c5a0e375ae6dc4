#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl as the first process of a container: orphans become its children, and it waits for them."""

import os
import unittest

import support
from containers import PIDS, works
from support import PATIENCE, UFL, wait_for

# Leaves an orphan behind that ends soon, prints its number, and goes on when it is gone for good.
ORPHAN = ("number=$(sleep 0.1 > /dev/null & echo $!); "
          "tries=0; while [ -e /proc/$number ]; do "
          "tries=$((tries + 1)); [ $tries -lt 400 ] || exit 9; sleep 0.05; done; "
          "echo reaped; exit 7")


@unittest.skipUnless(os.geteuid() == 0 and works(tuple(PIDS)), "no PID namespaces here")
class Init(support.UflTestCase):
    def run_as_init(self, *words, **options):
        return self.ufl(*words, program=[*PIDS, os.path.abspath(UFL)], **options)

    def test_reaps_orphans_of_its_command(self):
        for options in ([], ["--on-lost", "kill"], ["--lease", "30"]):
            result = self.run_as_init(*options, self.lock, "sh", "-c", ORPHAN)
            self.assertEqual((result.returncode, result.stdout), (7, "reaped\n"), result.stderr)
            self.assert_no_lock()

    def test_tells_the_status_of_a_command_beside_many_orphans(self):
        script = "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.0$i &) ; done; sleep 0.05; exit 5"
        for _ in range(5):
            self.assertEqual(self.run_as_init(self.lock, "sh", "-c", script).returncode, 5)
            self.assert_no_lock()

    def test_reaps_orphans_while_it_waits(self):
        holder = self.hold()
        script = '(sleep 0.3 > /dev/null 2>&1 &); exec "$0" -v "$@"'
        waiter = self.start("sh", "-c", script, os.path.abspath(UFL), self.lock, "true",
                            program=PIDS)
        self.assertIn("waiting", waiter.stderr.readline())
        children = f"/proc/{waiter.pid}/task/{waiter.pid}/children"
        with open(children, encoding="ascii") as numbers:
            init = int(numbers.read())

        def has_none():
            with open(f"/proc/{init}/task/{init}/children", encoding="ascii") as numbers:
                return numbers.read() == ""

        wait_for(has_none, "the orphan to be waited for")
        self.let_go(holder)
        self.assertEqual(waiter.wait(timeout=PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()
