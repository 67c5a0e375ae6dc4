#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A umask that takes away what the owner may do: ufl needs its own files all the same."""

import json
import os
import stat
import subprocess
import unittest

import containers
import support
from faults import CAN_INJECT, FaultTestCase
from leases import SHORT, record
from support import PATIENCE, UFL, clean_environment, wait_for

# Nothing may be written; only read; nothing at all.
STRIPPED = (0o222, 0o377, 0o777)
MODE = {0o222: 0o644, 0o377: 0o600, 0o777: 0o600}


class UmaskTest(support.UflTestCase):
    def setUp(self):
        super().setUp()
        self.user = self.as_ordinary_user()
        os.chmod(self.dir, 0o777)

    def each(self):
        for mask in STRIPPED:
            with self.subTest(umask=oct(mask)):
                yield mask

    def succeed(self, mask, *words, **options):
        result = self.ufl(*words, umask=mask, **self.user, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_command_runs_and_knows_its_own_umask(self):
        for mask in self.each():
            script = 'umask; stat -c %a "$UFL_LOCKFILE"'
            stdout = self.succeed(mask, self.lock, "sh", "-c", script)
            self.assertEqual(stdout.split(), [f"{mask:04o}", f"{MODE[mask]:o}"])
            self.assert_no_lock()

    def test_lease_is_refreshed(self):
        for mask in self.each():
            script = 'b() { sed -n 2p "$UFL_LOCKFILE" | grep -o \'beat":"[0-9]*"\'; }; ' \
                     'old=$(b) && while [ "$(b)" = "$old" ]; do sleep 0.1; done'
            self.succeed(mask, *SHORT, self.lock, "sh", "-c", script)
            self.assert_no_lock()

    def test_verbs(self):
        for mask in self.each():
            token = self.succeed(mask, "--acquire", "--lease", "60", self.lock).strip()
            status = self.ufl("--status", "--json", self.lock, **self.user)
            self.assertEqual(json.loads(status.stdout)["state"], "held")
            for verb in ("--check", "--refresh", "--release"):
                self.succeed(mask, verb, "--token", token, self.lock)
            self.assert_no_lock()

    def test_takeover_and_break(self):
        """Both by a temporary file that takes the place of the lock."""
        for mask in self.each():
            self.write("lock", record())
            os.chmod(self.lock, 0o666)
            result = self.ufl("--break", self.lock, umask=mask, **self.user)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assert_no_lock()

    def test_report_can_be_read(self):
        for mask in self.each():
            self.succeed(mask, "--report", "report", self.lock, "true")
            self.assertEqual(stat.S_IMODE(os.stat(self.path("report")).st_mode), MODE[mask])

    def test_what_was_seen_of_a_lease_is_kept(self):
        place = containers.memory_of_its_own()
        if os.geteuid() != 0 or not containers.works(tuple(place)):
            self.skipTest("cannot mount in a namespace of its own")
        for mask in self.each():
            self.write("lock", record(lease=2, lifeline=None))
            os.chmod(self.lock, 0o666)
            # The second run, later than the lease, knows what the first has seen.
            script = (f'chmod 1777 /dev/shm; umask {mask:o}; '
                      'run() { setpriv --reuid=65534 --regid=65534 --clear-groups -- env -u HOME '
                      '-u XDG_STATE_HOME "$@"; }; run "$@"; [ $? = 75 ] || exit 1; sleep 2.5; '
                      'run "$@"')
            result = subprocess.run(
                [*place, "sh", "-c", script, "sh", self.user.get("executable", os.path.abspath(UFL)),
                 "-n", self.lock, "true"], check=False, cwd=self.dir, env=clean_environment(),
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, timeout=PATIENCE)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("taken over", result.stderr)


@unittest.skipUnless(CAN_INJECT, "strace is missing, or may not trace")
class NameFirstUmaskTest(FaultTestCase):
    """As on a share: the name comes before the content."""

    def test_own_file_is_never_closed_to_its_owner(self):
        for mask in STRIPPED:
            with self.subTest(umask=oct(mask)):
                process = subprocess.Popen(
                    self.traced([], self.lock, "sh", "-c", 'echo ready; read line; exit 0',
                                kind="fuse.sshfs"),
                    cwd=self.dir, env=clean_environment(), text=True, umask=mask,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                try:
                    self.assertEqual(process.stdout.readline(), "ready\n")
                    self.assertEqual(stat.S_IMODE(os.stat(self.lock).st_mode), MODE[mask])
                    _, stderr = process.communicate(timeout=PATIENCE)
                    self.assertEqual((process.returncode, stderr), (0, ""))
                finally:
                    process.kill()
                wait_for(lambda: not os.path.exists(self.lock), "the release")


if __name__ == "__main__":
    unittest.main()
