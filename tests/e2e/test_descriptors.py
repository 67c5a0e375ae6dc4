#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which descriptors the command gets: every one as ufl got it, and none of ufl's."""

import fcntl
import json
import os
import shlex
import subprocess
import unittest

import support
from commands import UFL, CommandTestCase

LOCK_CONTENT = rf"\A{support.UUID}\n\{{[^\n]*\}}\n\Z"

PLACES = (3, 5, 9, 200)


class Descriptors(CommandTestCase):
    """Inherited descriptors arrive, and no others."""

    def setUp(self):
        super().setUp()
        self.out = self.path("fds.json")
        self.sources = {}
        for place in PLACES:
            path = self.write(f"data{place}", f"{place}: 0123456789abcdef\n")
            low = os.open(path, os.O_RDONLY)
            self.sources[place] = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 300)
            os.close(low)
            self.addCleanup(os.close, self.sources[place])

    def launch(self, *words):
        """The words that run `words` with our sources on the descriptors PLACES; and pass_fds."""
        moves = " ".join(f"{place}<&{fd} {fd}<&-" for place, fd in self.sources.items())
        return ["bash", "-c", f'exec {moves}; exec "$@"', "bash", *words]

    def described(self):
        with open(self.out, encoding="utf-8") as file:
            return json.load(file)

    def assert_same_fds(self, found, lifelines_expected=1, **launch_options):
        """`found` is what the same command finds without ufl, PLACES included."""
        os.unlink(self.out)
        self.raw(*self.launch(*support.tool("describe_fds.py", self.out)),
                 pass_fds=self.sources.values(), **launch_options)
        expected = self.described()["fds"]
        self.assertEqual(sorted(map(int, expected)), [0, 1, 2, *PLACES], "the test itself is wrong")
        # And a lifeline and the lock file for each ufl, far above what a script uses: exec 3>log.
        ours = [fd for fd in found if int(fd) not in (0, 1, 2, *PLACES)]
        lifelines = [fd for fd in ours if found[fd]["target"].startswith("socket:")]
        self.assertEqual(len(lifelines), lifelines_expected)
        files = [found[fd]["target"] for fd in ours if fd not in lifelines]
        self.assertEqual([os.path.dirname(file) for file in files], lifelines_expected * [self.dir])
        self.assertGreaterEqual(min(map(int, ours), default=100), 100)
        rest = set(found) - set(ours)
        self.assertEqual(sorted(map(int, rest)), [0, 1, 2, *PLACES])
        for fd, description in expected.items():
            self.assertEqual(found[fd]["flags"], description["flags"], f"descriptor {fd}")
            if int(fd) in PLACES:
                self.assertEqual(found[fd]["target"], description["target"])
                self.assertEqual(found[fd]["target"], self.path(f"data{fd}"))

    def check(self, *ufl_words, lifelines=1):
        ran = self.raw(*self.launch(UFL, *ufl_words), pass_fds=self.sources.values())
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, b"", b""))
        self.assert_same_fds(self.described()["fds"], lifelines)

    def test_all_inherited_and_none_of_ours_arrive(self):
        self.check(self.lock, *support.tool("describe_fds.py", self.out))

    def test_without_the_lifeline(self):
        for option in ("-o", "--close"):
            self.check(option, self.lock, *support.tool("describe_fds.py", self.out), lifelines=0)

    def test_with_the_shell_form(self):
        words = support.tool("describe_fds.py", self.out)
        self.check(self.lock, "-c", "exec " + shlex.join(words))

    def test_after_a_verification_delay(self):
        self.check("-d", "0.1", self.lock, *support.tool("describe_fds.py", self.out))

    def test_after_waiting_for_another_holder(self):
        holder = self.hold()
        waiter = self.waiting(
            *self.launch(UFL, "-v", self.lock, *support.tool("describe_fds.py", self.out)),
            pass_fds=self.sources.values())
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), 0, waiter.stderr.read())
        self.assert_same_fds(self.described()["fds"])

    def test_under_another_ufl(self):
        inner = [UFL, self.path("inner"), *support.tool("describe_fds.py", self.out)]
        self.check(self.lock, *inner, lifelines=2)

    def test_offsets_are_shared_with_ours(self):
        for fd in self.sources.values():
            self.assertEqual(len(os.read(fd, 5)), 5)
        copy = "; ".join(f"dd bs=1 count=4 status=none <&{place}" for place in PLACES)
        ran = self.raw(*self.launch(UFL, self.lock, "bash", "-c", copy),
                       pass_fds=self.sources.values())
        expected = "".join(f"{place}: 0123456789"[5:9] for place in PLACES)
        self.assertEqual(ran.stdout.decode(), expected)
        for place, fd in self.sources.items():
            self.assertEqual(os.lseek(fd, 0, os.SEEK_CUR), 9, f"descriptor {place}")


class ClosedStandardDescriptors(CommandTestCase):
    """Descriptors 0, 1 and 2 closed, in every combination."""

    COMBINATIONS = [[fd for fd in range(3) if bits & 1 << fd] for bits in range(8)]

    def run_with_closed(self, closed, *options):
        out = self.path("fds.json")

        def close_them():
            for fd in closed:
                os.close(fd)

        command = support.tool("describe_fds.py", out, 7)
        streams = {name: subprocess.PIPE for name in ("stdout", "stderr")}
        self.assertFalse(os.path.lexists(out))
        process = subprocess.run(
            [UFL, *options, self.lock, *command], stdin=subprocess.DEVNULL, cwd=self.dir, **streams,
            env=support.clean_environment(), preexec_fn=close_them, timeout=support.PATIENCE,
            check=False)
        self.assertEqual(process.returncode, 7, process.stderr)
        with open(out, encoding="utf-8") as file:
            found = json.load(file)
        os.unlink(out)
        return process, found

    def check(self, closed, found):
        expected = [fd for fd in range(3) if fd not in closed]
        found_fds = sorted(map(int, found["fds"]))
        # And the lifeline and the kept file, far above what a script uses: exec 3>log.
        self.assertEqual([fd for fd in found_fds if fd < 100], expected)
        self.assertEqual(len(found_fds), len(expected) + 2)
        self.assertRegex(found["lock"], LOCK_CONTENT)
        self.assertEqual(found["lock"].split("\n")[0], found["token"])
        self.assert_no_lock()

    def test_the_command_finds_exactly_those_closed(self):
        for closed in self.COMBINATIONS:
            with self.subTest(closed=closed):
                process, found = self.run_with_closed(closed)
                self.check(closed, found)
                self.assertEqual((process.stdout, process.stderr), (b"", b""))

    def test_messages_of_ufl_land_nowhere_else(self):
        for closed in self.COMBINATIONS:
            with self.subTest(closed=closed):
                process, found = self.run_with_closed(closed, "-v", "-d", "0.01")
                self.check(closed, found)
                self.assertEqual(process.stdout, b"")
                lines = rb"" if 2 in closed else rb"(ufl: [^\n]+\n)+"
                self.assertRegex(process.stderr, rb"\A" + lines + rb"\Z")

    def test_a_failing_ufl_does_not_crash(self):
        # Its message has nowhere to go; the status is right all the same.
        busy = self.path("busy")
        holder = self.hold(lock=busy)
        before = self.read_lock(busy)
        for closed in self.COMBINATIONS:
            with self.subTest(closed=closed):
                def close_them(fds=tuple(closed)):
                    for fd in fds:
                        os.close(fd)

                for words, status in (
                        (["-n", busy, "true"], 75),
                        ([self.lock, self.path("no-such-command")], 127),
                        ([self.path("no-such-directory", "lock"), "true"], 125),
                        (["--bogus"], 64)):
                    ran = self.raw(UFL, *words, preexec_fn=close_them)
                    self.assertEqual(ran.returncode, status, words)
                    self.assertEqual(ran.stdout, b"")
        self.assertEqual(self.read_lock(busy), before)
        self.let_go(holder)

    def test_after_waiting_for_another_holder(self):
        out = self.path("fds.json")
        holder = self.hold()
        waiter = self.waiting(
            "sh", "-c", 'exec "$@" <&- >&-', "sh", UFL, "-v", self.lock,
            *support.tool("describe_fds.py", out))
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), 0)
        with open(out, encoding="utf-8") as file:
            self.check([0, 1], json.load(file))


class Jobserver(CommandTestCase):
    """make's jobserver, the most common user of inherited descriptors."""

    def make(self, recipe):
        version = self.raw("make", "--version").stdout.decode().split("\n")[0]
        self.assertIn("GNU Make", version)
        by_pipe = ["--jobserver-style=pipe"] if " 4.4" in version else []
        self.write("Makefile", f"all:\n\t+{recipe}\n")
        # Each job waits for the other to start: that takes two at once.
        self.write("sub.mk", "all: a b\n.PHONY: all a b\na b:\n\t@sh meet.sh $@\n")
        self.write("meet.sh", """
            touch $1.started
            other=$(echo $1 | tr ab ba)
            tries=0
            until [ -e $other.started ]; do
                tries=$((tries + 1))
                if [ $tries -gt 400 ]; then echo "$1 is alone"; exit 1; fi
                sleep 0.05
            done
            echo $1 met $other
        """)
        env = support.clean_environment(MAKEFLAGS=None, MAKELEVEL=None, MFLAGS=None)
        return self.raw("make", "--no-print-directory", *by_pipe, "-j2", env=env)

    def check(self, recipe):
        ran = self.make(recipe)
        self.assertNotIn(b"jobserver", ran.stderr)
        self.assertEqual(ran.stderr, b"")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn(b"a met b\n", ran.stdout)
        self.assertIn(b"b met a\n", ran.stdout)
        self.assert_no_lock()

    def test_a_sub_make_runs_two_jobs_at_once(self):
        self.check(f"@{UFL} {self.lock} $(MAKE) -f sub.mk")

    def test_with_the_shell_form(self):
        self.check(f"@{UFL} {self.lock} -c '$(MAKE) -f sub.mk'")

    def test_after_a_verification_delay(self):
        self.check(f"@{UFL} -d 0.1 {self.lock} $(MAKE) -f sub.mk")


if __name__ == "__main__":
    unittest.main()
