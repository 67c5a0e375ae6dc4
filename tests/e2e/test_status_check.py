#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl --status: is the holder alive, as far as can be told from here, and what to do next."""

import os
import subprocess
import unittest

import test_status
from support import PATIENCE, UFL, clean_environment, private_mounts, process_state, wait_for
from test_status import FOREIGN, FREE, HELD


NEEDS_MOUNTS = unittest.skipUnless(private_mounts() == ["unshare", "-m"], "cannot mount anything")


class CheckTest(test_status.StatusTestCase):
    """Is the holder alive, as far as can be told from here?"""

    def assert_check(self, expected, *fragments, **options):
        status = self.status(**options)
        self.assertEqual((status["state"], status["check"]), ("held", expected))
        for fragment in fragments:
            self.assertIn(fragment, status["check_text"])
        self.assertEqual(self.labels(self.text(**options))["check"], status["check_text"])
        return status

    def test_alive(self):
        holder = self.hold()
        status = self.assert_check("alive", "runs on this host")
        self.assertEqual((status["pid"], status["uid"]), (holder.pid, os.getuid()))
        self.assertNotIn("--break", status["next"])

    def test_dead(self):
        """A killed ufl, then the end of the command, which its lifeline shows."""
        holder = self.hold(command=["sh", "-c", "echo ready; read line"])
        holder.kill()
        wait_for(lambda: process_state(holder.pid) == "Z", "ufl's end")
        self.assert_check("alive", "or what it has started")  # a zombie holds nothing
        self.wait(holder)
        self.assert_check("alive", "or what it has started")
        holder.stdin.close()
        wait_for(lambda: self.status()["check"] != "alive", "the command's end")
        status = self.assert_check("dead", "free for the next ufl on this host")
        self.assertNotIn("--break", status["next"])

    # What an older ufl has left, or one that could not have a lifeline.
    WITHOUT_LIFELINE = {"lifeline": None, "child": None}

    def test_gone(self):
        """Without a lifeline nobody knows what a killed ufl has left running."""
        holder = self.hold()
        holder.kill()
        self.wait(holder)
        self.edit(**self.WITHOUT_LIFELINE)
        self.assertIn("--break", self.assert_check("gone", "gone from this host")["next"])
        self.assertEqual(self.ufl("-n", self.lock, "true").returncode, HELD)

    def test_its_number_is_used_again(self):
        holder = self.hold()
        self.edit(pid=os.getpid(), **self.WITHOUT_LIFELINE)
        self.assert_check("gone")
        self.let_go(holder)

    def test_elsewhere(self):
        self.hold()
        other = "00000000-0000-4000-8000-000000000000"
        content = self.read_lock()
        for check, fragment, changes in (
                ("other_host", "other.example",
                 {"host": "other.example", "boot": other, "machine": None}),
                ("other_host", "other.example",
                 {"host": "other.example", "boot": None, "machine": None}),
                ("other_boot", "before this host was started", {"boot": other, "pidns": 1}),
                ("other_boot", "ufl 0.1", {"boot": other, "machine": None}),
                ("other_container", "container", {"pidns": 1}),
                ("other_container", "container", {"timens": 1}),
                ("untold", "", {"pid": None}), ("untold", "", {"start": None})):
            with self.subTest(changes=changes):
                self.write("lock", content)
                self.edit(**changes, **self.WITHOUT_LIFELINE)
                self.assertIn("--break", self.assert_check(check, fragment)["next"])

    def test_a_lifeline_is_seen_whatever_the_numbers_say(self):
        self.hold()
        content = self.read_lock()
        for changes in ({"pidns": 1}, {"timens": 1}, {"pid": 1}, {"start": 1}, {"child": None}):
            with self.subTest(changes=changes):
                self.write("lock", content)
                self.edit(**changes)
                self.assert_check("alive")

    @NEEDS_MOUNTS
    def test_from_another_container(self):
        self.hold()
        words = ["unshare", "--pid", "--fork", "--mount-proc", os.path.abspath(UFL)]
        for more, check in (["--net"], "other_container"), ([], "alive"):
            with self.subTest(unshare=more):
                result = subprocess.run(
                    [words[0], *more, *words[1:], "--status", "--json", self.lock],
                    stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE)
                self.assertEqual(result.returncode, HELD)
                self.assertEqual(self.check_schema(result.stdout)["check"], check)

    @NEEDS_MOUNTS
    def test_hidden(self):
        self.hold()
        self.edit(**self.WITHOUT_LIFELINE)
        user = self.as_ordinary_user()
        script = "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 " \
                 f'--regid 65534 --clear-groups "$0" --status --json "$1"'
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, user.get("executable", os.path.abspath(UFL)),
             self.lock], stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE)
        self.assertEqual(result.returncode, HELD)
        self.assertEqual(self.check_schema(result.stdout)["check"], "hidden")

    def test_taken_without_a_process(self):
        self.acquire()
        self.assert_check("untold", "--acquire")

    def test_pids_that_are_none(self):
        """0 and negative numbers are groups and everybody, for kill(2)."""
        witness = self.hold(lock=self.path("witness"), start_new_session=True)
        self.hold()
        self.edit(**self.WITHOUT_LIFELINE)
        for pid in (-1, 0, 1 << 40, (1 << 32) + os.getpid(), -(1 << 63), 1 << 63, -witness.pid):
            with self.subTest(pid=pid):
                self.edit(pid=pid)
                for result in (self.ufl("--status", self.lock), self.ufl("-n", self.lock, "true")):
                    self.assertEqual(result.returncode, HELD)
                    self.assertNotIn("runs on this host", result.stdout + result.stderr)
                self.assertNotEqual(self.status()["check"], "alive")
                self.assertIsNone(witness.poll())


class NextTest(test_status.StatusTestCase):
    """`next` is a command that can be pasted into a shell as it is printed."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        os.symlink(os.path.abspath(UFL), self.path("bin", "ufl"))
        self.shell = clean_environment(PATH=f"{self.path('bin')}:{os.environ['PATH']}")

    def next_command(self, lock):
        """The command in what is said to people, which is what is said to programs."""
        text = self.labels(self.text("--", lock))["next"]
        result = self.ufl("--status", "--json", "--", lock)
        self.assertEqual(self.check_schema(result.stdout)["next"], text)
        self.assertIn(": ", text)
        return text.split(": ", 1)[1]

    def start_next(self, command, shell="sh"):
        return self.start("-c", command, program=[shell], env=self.shell)

    NAMES = ["lock", "two words", "it's", "-n", "-", "a$b`c`", "$(touch x)", "*", "~", "#x", "a;b",
             "d\u00e9j\u00e0"]

    def assert_frees(self, take, shell="sh", names=None):
        """`take` each lock, then do what --status says: all at once, because --break waits."""
        names = names or [*self.NAMES, *(self.path("absolute", name) for name in self.NAMES[:3])]
        started = []
        os.makedirs(self.path("absolute"), exist_ok=True)
        for number, lock in enumerate(names):
            os.makedirs(self.path(str(number)), exist_ok=True)
            if not lock.startswith("/"):
                lock = os.path.join(str(number), lock) if number % 2 else lock
            take(self.path(lock))
            command = self.next_command(lock)
            self.assertTrue(command.isprintable(), command)
            started.append((lock, command, self.start_next(command, shell)))
        for lock, command, process in started:
            with self.subTest(lock=lock):
                _, stderr = process.communicate(timeout=PATIENCE)
                self.assertEqual(process.returncode, 0, (command, stderr))
                self.assertFalse(os.path.lexists(self.path(lock)), command)

    def test_of_a_lock_that_nobody_can_check(self):
        self.assert_frees(lambda path: self.acquire(path, "-p", "it's $HOME "))

    def test_of_a_lock_whose_holder_is_gone(self):
        def take(path):
            self.lock = path
            holder = self.hold(lock=path)
            holder.kill()
            self.wait(holder)
            self.edit(**CheckTest.WITHOUT_LIFELINE)

        self.assert_frees(take)

    def test_of_a_foreign_lock(self):
        self.assert_frees(lambda path: self.write(path, FOREIGN))

    def test_of_an_empty_file(self):
        """On a local disk: ufl takes it over, and nothing is to be removed by hand."""
        for lock in self.NAMES:
            with self.subTest(lock=lock):
                self.write(lock, "")
                self.assertIn("nobody holds flock(2) on it", self.labels(self.text("--", lock))["next"])
                self.assertRegex(self.next_command(lock), r"\Aufl -w 10m .* COMMAND\Z")

    def test_of_a_holder_that_is_alive(self):
        """It waits; COMMAND is for the user to fill in."""
        for lock in self.NAMES:
            with self.subTest(lock=lock):
                holder = self.hold(lock=self.path(lock))
                command = self.next_command(lock)
                self.assertRegex(command, r"\Aufl -w 10m .* COMMAND\Z")
                command = command.replace("10m", "0.05").replace("COMMAND", "echo ran")
                waiter = self.start_next(command)
                self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], "")
                self.assertEqual(waiter.returncode, HELD)
                self.let_go(holder)
                waiter = self.start_next(command)
                self.assertEqual(waiter.communicate(timeout=PATIENCE)[0], "ran\n")

    def test_of_names_with_control_characters(self):
        """In the quotes of bash."""
        names = ["new\nline", "\x1b[31m", "\x07\x7f1", os.fsdecode(b"\xff\xfe0")]
        self.assert_frees(lambda path: self.write(path, FOREIGN), "bash", names)

    def test_free_locks_need_none(self):
        self.assertIsNone(self.status(expected=FREE)["next"])
        self.assertEqual(self.labels(self.text(expected=FREE)), {})


if __name__ == "__main__":
    unittest.main()
