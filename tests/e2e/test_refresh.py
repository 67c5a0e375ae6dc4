#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--acquire --lease and --refresh: a lease that a script keeps up itself."""

import json
import os
import re
import subprocess
import time
import unittest

import support
from leases import (
    BUSY, FAILED, LEASE, LOST, OTHER, TAKEOVER, USAGE, LeaseTestCase, beat_in, pause, record)

UFL = os.path.abspath(support.UFL)
# One that does not run out while a slow machine takes its time.
LONG = "60"


class RefreshTestCase(LeaseTestCase):
    """Locks that were acquired with a lease."""

    def acquire(self, lease, *words, lock=None, **options):
        """Take the lock; returns its token."""
        self.forget_at_the_end(lock or self.lock)
        result = self.ufl("--acquire", "--lease", str(lease), *words, lock or self.lock, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        token = result.stdout.rstrip("\n")
        self.addCleanup(self.forget, token)
        return token

    def forget(self, token):
        """As if this host had never refreshed it."""
        kept = self.kept_observation("refreshed " + token)
        for path in kept:
            os.unlink(path)
        return kept

    def start_refresh(self, token, lock=None, *words, **options):
        """With -v it tells when it has to wait."""
        return self.start("--refresh", "-v", *words, "--token", token, lock or self.lock, **options)

    def refresh(self, token, lock=None, *words, **options):
        """Refresh to its end: (status, stderr)."""
        process = self.start_refresh(token, lock, *words, **options)
        stdout, stderr = process.communicate(timeout=support.PATIENCE)
        self.assertEqual(stdout, "")
        return process.returncode, stderr


class InTimeTest(RefreshTestCase):
    """This host knows that the last refresh was in time: 0, and no more to be done."""

    def test_beat_grows_in_place(self):
        token = self.acquire(LONG)
        before = self.read_lock()
        inode = os.stat(self.lock).st_ino
        for _ in range(3):
            self.assertEqual(self.refresh(token), (0, ""))  # so it has not waited
        after = self.read_lock()
        self.assertEqual(beat_in(after), beat_in(before) + 3)
        self.assertEqual(re.sub(r'"beat":"\d{10}"', "", after),
                         re.sub(r'"beat":"\d{10}"', "", before))
        self.assertEqual(os.stat(self.lock).st_ino, inode)
        self.assertEqual(json.loads(after.split("\n")[1])["lease"], 60)
        self.assertEqual(self.ufl("--check", "--token", token, self.lock).returncode, 0)
        self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)
        self.assert_no_lock()

    def test_lease_from_the_environment(self):
        result = self.ufl("--acquire", self.lock, env=support.clean_environment(UFL_LEASE=LONG))
        self.assertEqual(json.loads(self.read_lock().split("\n")[1])["lease"], 60)
        token = result.stdout.strip()
        self.addCleanup(self.forget, token)
        self.assertEqual(self.refresh(f" {token}\n"), (0, ""))


class DoubtTest(RefreshTestCase):
    """Somebody may be taking it over right now: it is read back after the time that takes."""

    def assert_doubted(self, result, seconds):
        self.assertEqual(result[0], 0, result[1])
        self.assert_one_line(result[1], self.dir)
        self.assertGreaterEqual(seconds, TAKEOVER)

    def test_not_known_here(self):
        token = self.acquire(LONG)
        self.assertTrue(self.forget(token))
        begin = time.monotonic()
        self.assert_doubted(self.refresh(token), time.monotonic() - begin)
        self.assertEqual(self.refresh(token), (0, ""))  # now it is known
        result = self.ufl("--refresh", "--token", token, self.lock)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_known_elsewhere_only(self):
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        hide = ('mount -t tmpfs x /dev/shm; [ ! -d /run/user ] || mount -t tmpfs x /run/user; '
                'exec "$@"')
        env = support.clean_environment(HOME=self.dir, XDG_STATE_HOME=self.path("state"))
        token = self.acquire(LONG)
        begin = time.monotonic()
        self.assert_doubted(self.refresh(token, program=[*words, "sh", "-c", hide, "sh", UFL],
                                         env=env), time.monotonic() - begin)

    def test_late(self):
        """More than two thirds of the lease ago."""
        token = self.acquire(3)
        beat = beat_in(self.read_lock())
        pause(2.1)
        begin = time.monotonic()
        self.assert_doubted(self.refresh(token), time.monotonic() - begin)
        self.assertGreater(beat_in(self.read_lock()), beat)

    def test_taken_over_meanwhile(self):
        ways = {"replaced": lambda lock: self.put_new(record(), lock),
                "written over": lambda lock: self.put_in_place(record(), lock),
                "deleted": os.unlink}
        refreshes = {}
        for name, take in ways.items():
            lock = self.path(name)
            token = self.acquire(LONG, lock=lock)
            self.forget(token)
            refreshes[name] = self.start_refresh(token, lock, "-d", "4")
            refreshes[name].stderr.readline()  # it doubts
            take(lock)
        for name, refresh in refreshes.items():
            with self.subTest(way=name):
                _, stderr = refresh.communicate(timeout=support.PATIENCE)
                self.assertEqual(refresh.returncode, LOST, stderr)
                self.assert_one_line(stderr, self.path(name), "not held")
                if name != "deleted":
                    self.assertEqual(self.read_lock(self.path(name)), record())


class RefusedTest(RefreshTestCase):
    """What is not refreshed, and stays as it is."""

    def assert_refused(self, status, token, *fragments, lock=None, **options):
        got, stderr = self.refresh(token, lock, **options)
        self.assertEqual(got, status, stderr)
        self.assert_one_line(stderr, lock or self.lock, *fragments)

    def test_not_ours(self):
        self.write("lock", record())
        with self.untouched():
            self.assert_refused(LOST, OTHER[:-1] + "0", "not held")
        token = self.acquire(LONG, lock=self.path("mine"))
        with self.untouched(self.path("mine")):
            self.assert_refused(LOST, OTHER, "not held", lock=self.path("mine"))
            self.assert_refused(LOST, token[:-1], "not held", lock=self.path("mine"))
        result = self.ufl("--refresh", "-q", "--token", OTHER, self.path("mine"))
        self.assertEqual((result.returncode, result.stderr), (LOST, ""))

    def test_free(self):
        self.assert_refused(LOST, OTHER, "not held")
        self.assertEqual(os.listdir(self.dir), [])

    def test_no_lease(self):
        token = self.ufl("--acquire", self.lock).stdout.strip()
        holder = self.hold("-l", LONG, lock=self.path("running"))  # whose ufl refreshes it
        of_run = self.read_lock(self.path("running")).split("\n")[0]
        foreign = self.write("foreign", OTHER + "\n")
        for lock, its in ((self.lock, token), (self.path("running"), of_run), (foreign, OTHER)):
            with self.subTest(lock=lock), self.untouched(lock):
                self.assert_refused(FAILED, its, lock=lock)
        self.assertEqual(self.let_go(holder), 0)

    def test_cannot_tell(self):
        os.mkdir(self.path("directory"))
        os.symlink("elsewhere", self.path("link"))
        for name in ("directory", "link", "none/lock"):
            with self.subTest(lock=name):
                path = self.path(name)
                got, stderr = self.refresh(OTHER, path)
                self.assertEqual(got, FAILED, stderr)
                self.assert_one_line(stderr, path)

    def test_not_permitted(self):
        """Not to read it; and to read it, but not to write."""
        nobody = self.as_ordinary_user()
        for mode in (0o000, 0o444):
            with self.subTest(mode=oct(mode)):
                content = record(detached=True, lease=60, pid=None)
                lock = self.write(f"lock-{mode}", content, mode)
                self.assert_refused(FAILED, OTHER, lock=lock, **nobody)
                os.chmod(lock, 0o644)
                self.assertEqual(self.read_lock(lock), content)

    def test_usage(self):
        cases = (
            (["--refresh", "L"], {}, ["--token"]),
            (["--refresh", "--token", "", "L"], {}, ["--token"]),
            (["--refresh", "--token", OTHER], {}, ["LOCKFILE"]),
            (["--refresh", "--token", OTHER, "L", "true"], {}, ["true"]),
            (["--refresh", "--token", OTHER, "--lease", "60", "L"], {}, ["--lease"]),
            (["--acquire", "--lease", "1", "L"], {}, ["1", "2s"]),
            (["--acquire", "L"], {"UFL_LEASE": "1"}, ["UFL_LEASE", "2s"]),
            (["--lease", "1", "L", "true"], {}, ["--lease", "2s"]),
            (["--lease", "-5", "L", "true"], {}, ["--lease"]),
            (["--lease", "long", "L", "true"], {}, ["'long'"]),
            (["-l", "5", "L", "true"], {}, ["'5'", "5s", "8s"]),  # --kill-after, and what would do
            (["L", "true"], {"UFL_LEASE": "5"}, ["UFL_LEASE", "5s"]),
            (["-l", "30", "--kill-after", "25", "L", "true"], {}, ["'30'", "25s"]),
            (["--on-lost", "nonsense", "L", "true"], {}, ["--on-lost", "'nonsense'"]),
            (["L", "true"], {"UFL_ON_LOST": "die"}, ["UFL_ON_LOST", "'die'"]),
            (["--kill-after", "x", "L", "true"], {}, ["--kill-after", "'x'"]),
            (["L", "true"], {"UFL_KILL_AFTER": "-1"}, ["UFL_KILL_AFTER"]),
            (["--acquire", "--on-lost", "kill", "L"], {}, ["--on-lost"]),
        )
        with support.DirectoryWatch(self.dir) as watch:
            for words, env, fragments in cases:
                with self.subTest(words=words, env=env):
                    result = self.ufl(*words, env=support.clean_environment(**env))
                    self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
                    self.assert_one_line(result.stderr, *fragments)
            self.assertEqual(watch.appeared(), [])

    def test_what_is_no_mistake(self):
        for words, env in ((["-l", "0", "L", "true"], {}), (["-l", "0", "L", "true"],
                                                           {"UFL_LEASE": "5"}),
                           (["L", "true"], {"UFL_LEASE": "", "UFL_ON_LOST": ""}),
                           (["-l", "5", "--on-lost", "warn", "L", "true"], {}),
                           (["-l", "8", "L", "true"], {}), (["L", "true"], {"UFL_LEASE": "1m"}),
                           (["-l", "2", "--kill-after", "0", "L", "true"], {})):
            with self.subTest(words=words, env=env):
                result = self.ufl(*words, env=support.clean_environment(**env))
                self.assertEqual((result.returncode, result.stderr), (0, ""))


class ForgottenTest(RefreshTestCase):
    """What this host remembers of a lock is gone with it."""

    def acquired(self, lease=LONG):
        token = self.acquire(lease)
        self.assertEqual(len(self.remembered(token)), 1)
        return token

    def remembered(self, token):
        return self.kept_observation("refreshed " + token)

    def test_released(self):
        token = self.acquired()
        self.assertEqual(self.ufl("--check", "--token", token, self.lock).returncode, 0)
        self.assertEqual(len(self.remembered(token)), 1)
        self.assertEqual(self.ufl("--release", "--token", token, self.lock).returncode, 0)
        self.assertEqual(self.remembered(token), [])

    def test_found_to_be_lost(self):
        for verb in ("--release", "--check", "--refresh"):
            with self.subTest(verb=verb):
                token = self.acquired()
                os.unlink(self.lock)
                self.assertEqual(self.ufl(verb, "--token", token, self.lock).returncode, LOST)
                self.assertEqual(self.remembered(token), [])

    def test_broken(self):
        token = self.acquired()
        self.assertEqual(self.ufl("--break", self.lock).returncode, 0)
        self.assertEqual(self.remembered(token), [])

    def test_taken_over(self):
        token = self.acquired(LEASE)
        result = self.ufl("-w", "60", self.lock, "true")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.remembered(token), [])


class OthersTest(RefreshTestCase):
    """What others see of it."""

    def contend(self, name, wait, program=None):
        return self.start("-r", "50ms", "-w", str(wait), self.path(name), "echo", "ran",
                          program=program)

    def elsewhere(self, name):
        """The lock, as if another host had acquired it."""
        lock = self.path(name)
        text = self.read_lock(lock)
        boot = json.loads(text.split("\n")[1])["boot"]
        self.put_in_place(text.replace(boot, "5a9bd0a5" + boot[8:])
                          .replace('"pidns":', '"pidns":1'), lock)

    def test_taken_over_only_when_it_is_not_refreshed(self):
        names = ("here", "elsewhere", "kept")
        tokens = {name: self.acquire(LEASE if name != "kept" else 2 * LEASE, lock=self.path(name))
                  for name in names}
        self.elsewhere("elsewhere")
        begin = time.monotonic()
        contenders = {name: self.contend(name, 60) for name in ("here", "elsewhere")}
        contenders["kept"] = self.contend("kept", 3 * LEASE)
        while contenders["kept"].poll() is None:
            status, stderr = self.refresh(tokens["kept"], self.path("kept"))
            self.assertEqual(status, 0, stderr)
            pause(0.3)
        results = self.ends(contenders, begin)
        self.assertEqual((results["kept"][0], results["kept"][2]), (BUSY, ""), results["kept"][3])
        for name in ("here", "elsewhere"):
            with self.subTest(lock=name):
                status, seconds, stdout, stderr = results[name]
                self.assertEqual((status, stdout), (0, "ran\n"), stderr)
                self.assert_one_line(stderr, self.path(name), "taken over")
                self.assertGreaterEqual(seconds, LEASE + TAKEOVER)
        lost = {verb: self.start(verb, "--token", tokens["here"], self.path("here"))
                for verb in ("--refresh", "--check", "--release")}
        for verb, (status, _, _, stderr) in self.ends(lost, begin).items():
            with self.subTest(verb=verb):
                self.assertEqual(status, LOST)
                self.assert_one_line(stderr, self.path("here"), "not held")

    def test_script_in_a_loop(self):
        """What it is for: a long job that reports from time to time."""
        script = ('t=$("$U" --acquire -l 6 -w 60 lock) || exit; for i in 1 2 3; do sleep 0.1; '
                  '"$U" --refresh --token "$t" lock || exit; done; echo "$t"; '
                  'exec "$U" --release --token "$t" lock')
        env = {**support.clean_environment(), "U": UFL}
        done = subprocess.run(["sh", "-c", script], cwd=self.dir, env=env, text=True, check=False,
                              capture_output=True, timeout=support.PATIENCE)
        self.forget(done.stdout.strip())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
