#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs that are too short to see a lease run out: what one of them saw, the next one knows."""

import os
import shutil
import time
import unittest

import support
from containers import TIME, works
from leases import BUSY, LEASE, LeaseTestCase, beat_in, pause, record

UFL = os.path.abspath(support.UFL)


class RememberedTest(LeaseTestCase):
    """Runs that are too short to see a lease run out see it together, as cron's do."""

    def try_once(self, lock=None, **options):
        return self.ufl("-n", lock or self.lock, "echo", "ran", **options)

    def assert_busy(self, result):
        self.assertEqual((result.returncode, result.stdout), (BUSY, ""), result.stderr)

    def assert_got(self, result):
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"), result.stderr)

    def first_run(self):
        """A lock, and the first that see it."""
        self.pretend()
        begin = time.monotonic()
        self.assert_busy(self.try_once())
        result = self.try_once()
        if time.monotonic() - begin < LEASE:
            self.assert_busy(result)

    def test_one_takes_over_in_the_end(self):
        self.first_run()
        before = self.read_lock()
        pause(LEASE + 0.1)
        nobody = self.as_ordinary_user()
        if nobody:  # whose own the observation is not
            self.assert_busy(self.ufl("-n", self.lock, "echo", "ran", **nobody))
        self.assertEqual(self.read_lock(), before)
        self.assert_got(self.try_once())
        self.assert_no_lock()

    def test_observation_of_something_else(self):
        """Another beat, another boot, and times that have not come yet."""
        self.first_run()
        (kept,) = self.kept_observation(self.lock)
        boot = self.read_text("/proc/sys/kernel/random/boot_id").strip()
        self.assertTrue(os.path.basename(kept).startswith(boot + "-"), kept)
        pause(LEASE + 0.1)
        other_boot = os.path.join(os.path.dirname(kept), "5a9bd0a5" + os.path.basename(kept)[8:])
        os.rename(kept, other_boot)
        self.assert_busy(self.try_once())
        os.rename(other_boot, kept)
        lines = self.read_text(kept).split("\n")
        future = lines[:3] + [str(int(lines[3]) + 10 ** 15), ""]
        for content in ("\n".join(future), "", "\n".join(lines[:3]), "\n".join(lines) + "x\n"):
            with open(kept, "w", encoding="utf-8") as file:
                file.write(content)
            self.assert_busy(self.try_once())
        with open(kept, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        self.put_in_place(record(beat="0000000008"))
        self.assert_busy(self.try_once())
        self.assertEqual(beat_in(self.read_lock()), 8)

    def test_clock_of_a_container(self):
        """Which counts from elsewhere: what was seen there would be as old as one likes here."""
        if not works(tuple(TIME)):
            self.skipTest("not permitted to make a time namespace")
        self.first_run()
        there = [*TIME, UFL]
        self.assert_busy(self.ufl("-n", self.lock, "echo", "ran", program=there))
        self.assertEqual(len(self.kept_observation(self.lock)), 2)

    @staticmethod
    def read_text(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_no_home_directory_is_touched(self):
        """It may be on a share that hangs; the lock is on a local disk, and memory can be used."""
        if shutil.which("strace") is None or self.ufl("-o", "/dev/null", "true", program=[
                "strace"]).returncode != 0:
            self.skipTest("strace is missing, or may not trace here")
        home = self.path("home-of-somebody")
        os.mkdir(home)
        trace = self.path("trace")
        env = support.clean_environment(HOME=home, ASAN_OPTIONS="detect_leaks=0")
        self.pretend("leased")
        self.write("held", "11111111-1111-4111-8111-111111111111\n{}\n")
        token = "22222222-2222-4222-8222-222222222222"
        for words, status in ((["lock", "true"], 0), (["-l", "30", "lock", "true"], 0),
                              (["-qn", "held", "true"], 75), (["-qn", "leased", "true"], 75),
                              (["-w", "0.3", "leased", "true"], 75), (["--status", "held"], 75),
                              (["--release", "--token", token, "held"], 76),
                              (["--break", "held"], 0)):
            with self.subTest(words=words):
                program = ["strace", "-f", "-s", "500", "-e", "trace=%file", "-o", trace, UFL]
                result = self.ufl(*words, program=program, env=env)
                self.assertEqual(result.returncode, status, result.stderr)
                text = self.read_text(trace)
                self.assertIn("held" if "held" in words else "l", text)
                paths = [line for line in text.splitlines()
                         if home in line and "execve" not in line]
                self.assertEqual(paths, [])
        self.assertNotEqual(self.kept_observation(self.path("leased")), [])

    def test_what_has_served_is_removed(self):
        """By the next that gives a lease: a free lock without one costs no look at what is kept."""
        self.pretend("lock")
        self.assertEqual(self.ufl("-qn", "lock", "true").returncode, 75)
        self.assertNotEqual(self.kept_observation(self.lock), [])
        os.unlink(self.lock)
        self.assertEqual(self.ufl("-qn", "-l", "9", "lock", "true").returncode, 0)
        self.assertEqual(self.kept_observation(self.lock), [])

    def test_directories_of_others(self):
        """What others can write to is not believed, and the user's own state is kept elsewhere."""
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        os.mkdir(self.path("theirs"), 0o700)
        script = (
            'mount -t tmpfs x /dev/shm; [ ! -d /run/user ] || mount -t tmpfs x /run/user; '
            'd=/dev/shm/ufl-$(id -u); eval "$MAKE"; "$U" -qn lock true; echo $?; '
            'ls -A "$d/" | wc -l; ls -A state/ufl | wc -l; sleep 2.1; "$U" -qn lock true; echo $?')
        cases = {"own": (":", "75\n1\n0\n0\n"),
                 "open to all": ('mkdir -m 777 "$d"', "75\n0\n1\n0\n"),
                 "a link": ('ln -s "$PWD/theirs" "$d"', "75\n0\n1\n0\n"),
                 "nowhere": ('mkdir -m 777 "$d"; echo > state', "75\n0\n0\n75\n")}
        if words == ["unshare", "-m"]:
            cases["another's"] = ('mkdir -m 700 "$d"; chown 65534 "$d"', "75\n0\n1\n0\n")
        runs = {}
        begin = time.monotonic()
        for case, (make, _) in cases.items():
            directory = self.path(case)
            os.mkdir(directory)
            os.mkdir(os.path.join(directory, "theirs"), 0o700)
            self.pretend(os.path.join(case, "lock"))
            env = support.clean_environment(U=UFL, MAKE=make, HOME=directory,
                                            XDG_STATE_HOME=directory + "/state")
            runs[case] = self.start(program=[*words, "sh", "-c", script], cwd=directory, env=env)
        for case, (status, _, stdout, stderr) in self.ends(runs, begin).items():
            with self.subTest(directory=case):
                self.assertEqual((status, stdout), (0, cases[case][1]), stderr)
                self.assertEqual(os.listdir(self.path(case, "theirs")), [])


if __name__ == "__main__":
    unittest.main()
