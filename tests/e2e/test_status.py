#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl --status: who holds a lock, since when, is the holder alive, and what to do next."""

import datetime
import json
import os
import re
import socket
import subprocess
import unittest

from support import (
    PATIENCE, UUID, DirectoryWatch, UflTestCase, can_open_terminals, clean_environment, limit_time)

FREE, USAGE, HELD, CANNOT_TELL = 0, 64, 75, 125
FOREIGN = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"

# The schema of --json: these keys in this order in every object, each of its type or null.
NUMBER = (int, float)
SCHEMA = {
    "lock": str, "state": str, "token": str, "user": str, "uid": int, "host": str, "pid": int,
    "command": str, "since": str, "delay": NUMBER, "lease": NUMBER, "detached": bool,
    "held_for": int, "check": str, "check_text": str, "next": str, "error": str, "litter": list}
STATES = {"free", "held", "unknown_holder", "cannot_tell"}
CHECKS = {"alive", "gone", "dead", "other_host", "other_boot", "other_container", "hidden",
          "untold"}
ALWAYS = {"lock", "state", "litter"}
NEVER_NULL = {"free": ALWAYS, "held": ALWAYS | {"token", "check", "check_text", "next"},
              "unknown_holder": ALWAYS | {"next"}, "cannot_tell": ALWAYS | {"error"}}
IN_TEXT = {"free": "free", "held": "held", "unknown_holder": "held, unknown holder",
           "cannot_tell": "cannot tell"}


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(path)


def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


class StatusTestCase(UflTestCase):
    """Helpers around the two forms of --status."""

    def setUp(self):
        super().setUp()
        limit_time(self)

    def check_schema(self, line):
        pairs = json.loads(line, object_pairs_hook=list, parse_constant=refuse)
        self.assertEqual([key for key, _ in pairs], list(SCHEMA))
        status = dict(pairs)
        for key, value in pairs:
            if value is not None:
                self.assertIsInstance(value, SCHEMA[key], key)
                self.assertEqual(isinstance(value, bool), SCHEMA[key] is bool, key)
        self.assertIn(status["state"], STATES)
        self.assertIn(status["check"], CHECKS | {None})
        for key in NEVER_NULL[status["state"]]:
            self.assertIsNotNone(status[key], key)
        return status

    def statuses(self, *words, expected, **options):
        """What --json says about each of the locks among `words`."""
        result = self.ufl("--status", "--json", *words, **options)
        self.assertEqual((result.returncode, result.stderr), (expected, ""), result.stdout)
        self.assertTrue(result.stdout.endswith("\n"))
        return [self.check_schema(line) for line in result.stdout.split("\n")[:-1]]

    def status(self, lock=None, expected=HELD, **options):
        found = self.statuses(lock or self.lock, expected=expected, **options)
        self.assertEqual(len(found), 1)
        return found[0]

    def text(self, *locks, expected=HELD, **options):
        result = self.ufl("--status", *(locks or [self.lock]), **options)
        self.assertEqual((result.returncode, result.stderr), (expected, ""), result.stdout)
        return result.stdout

    def labels(self, text):
        """{label: value} of what is said to people about one lock."""
        return dict(re.findall(r"^  (\w+(?: \w+)*)  +(\S.*)$", text, re.M))

    def edit(self, lock=None, **changes):
        """Change keys of the record (None: leave it out)."""
        lock = lock or self.lock
        token, line = self.read_lock(lock).splitlines()
        record = {**json.loads(line), **changes}
        record = {key: value for key, value in record.items() if value is not None}
        self.write(lock, f"{token}\n{json.dumps(record)}\n")

    def acquire(self, lock=None, *options):
        result = self.ufl("--acquire", *options, lock or self.lock)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()


class LitterTest(StatusTestCase):
    """What a ufl that was killed has left beside the lock."""

    def test_old_and_ours(self):
        uuid = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
        old, young = f".ufl-{uuid}", f".ufl-1{uuid[1:]}"
        for name in (old, young, ".ufl-notes", ".ufl-report-aB3dE6", f"{old}~"):
            self.write(name, "")
            if name != young:
                os.utime(self.path(name), (1e9, 1e9))
        (lock,) = self.statuses(self.lock, expected=FREE)
        self.assertEqual(lock["litter"], [old])
        text = self.text(self.lock, expected=FREE)
        self.assertIn(old, text)
        for name in (young, ".ufl-notes", ".ufl-report"):
            self.assertNotIn(name, text)


class ExitStatusTest(StatusTestCase):
    """0 all free; 75 any held; 125 cannot tell, which beats 75."""

    def setUp(self):
        super().setUp()
        self.free, self.held = self.path("free"), self.path("held")
        self.acquire(self.held)

    def test_free_and_held(self):
        for words, status in (([self.free], FREE), ([self.held], HELD), ([self.free] * 3, FREE),
                              ([self.free, self.held], HELD), ([self.held, self.free], HELD)):
            with self.subTest(words=words):
                states = [lock["state"] for lock in self.statuses(*words, expected=status)]
                self.assertEqual(states, [os.path.basename(word) for word in words])
        self.assertEqual(self.text(self.free, expected=FREE), f"{self.free}: free\n")

    def test_cannot_tell_beats_held(self):
        none = self.path("none", "lock")
        for words in ([none], [self.held, none], [none, self.held], [self.free, none, self.free]):
            with self.subTest(words=words):
                found = self.statuses(*words, expected=CANNOT_TELL)
                self.assertEqual([lock["lock"] for lock in found], words)

    def assert_cannot_tell(self, lock, *fragments, **user):
        for fragment in fragments:
            self.assertIn(fragment, self.status(lock, CANNOT_TELL, **user)["error"])
        text = self.text(lock, expected=CANNOT_TELL, **user)
        self.assertTrue(text.startswith(f"{lock}: cannot tell\n"), text)
        self.assertIn(fragments[0], self.labels(text)["why"])

    def test_what_is_no_regular_file(self):
        make = {"directory": os.mkdir, "FIFO": os.mkfifo, "device": lambda path: None,
                "symbolic link": lambda path: os.symlink(self.held, path),
                "socket": make_socket}
        for kind, function in make.items():
            with self.subTest(kind=kind):
                path = "/dev/null" if kind == "device" else self.path(kind)
                function(path)
                self.assert_cannot_tell(path, kind)
        os.symlink("nowhere", self.path("dangling"))
        self.assert_cannot_tell(self.path("dangling"), "symbolic link")

    def test_what_cannot_be_reached(self):
        self.assert_cannot_tell(self.path("none", "lock"), "No such file")
        self.assert_cannot_tell(self.path("held", "lock"), "Not a directory")
        self.assert_cannot_tell(self.path("x" * 300), "too long")

    def test_without_permission(self):
        user = self.as_ordinary_user()
        os.chmod(self.held, 0)
        self.assert_cannot_tell(self.held, "Permission denied", "ls -l", **user)
        os.mkdir(self.path("closed"))
        os.chmod(self.path("closed"), 0)
        self.assert_cannot_tell(self.path("closed", "lock"), "Permission denied", **user)

    def test_several_in_order_and_options_behind_them(self):
        names = ["held", "none/x", "free", "held", "./free"]
        for words in (["--status", "--json", *names], ["--status", *names, "--json"],
                      [names[0], "--status", *names[1:], "--json"],
                      ["--status", "--json", "--", *names]):
            with self.subTest(words=words):
                result = self.ufl(*words)
                self.assertEqual((result.returncode, result.stderr), (CANNOT_TELL, ""))
                found = [self.check_schema(line) for line in result.stdout.splitlines()]
                self.assertEqual([lock["lock"] for lock in found], names)
        lines = self.text(*names, expected=CANNOT_TELL).splitlines()
        self.assertEqual([line.split(":")[0] for line in lines if line[0] != " "], names)

    def test_names_that_begin_with_a_minus(self):
        self.acquire(self.path("-x"))
        self.assertEqual(self.status("./-x")["state"], "held")
        self.assertEqual(self.text("--", "-x").splitlines()[0], "-x: held")

    def test_without_lockfile(self):
        for words in ([], ["--json"], ["--"]):
            with self.subTest(words=words):
                result = self.ufl("--status", *words)
                self.assertEqual((result.returncode, result.stdout), (USAGE, ""))
                self.assert_one_line(result.stderr, "LOCKFILE")

    def test_nothing_changes(self):
        self.write("empty", "")
        self.write("garbage", "garbage")

        def everything():
            names = [self.dir] + [entry.path for entry in os.scandir(self.dir)]
            return {name: os.stat(name, follow_symlinks=False)[:7] + (os.stat(name).st_mtime_ns,)
                    for name in names}

        before = everything()
        with DirectoryWatch(self.dir) as watch:
            for words in ([], ["--json"], ["-v"]):
                self.ufl("--status", *words, self.held, self.free, self.path("empty"),
                         self.path("garbage"))
            self.assertEqual(watch.appeared(), [])
        self.assertEqual(everything(), before)


class TextTest(StatusTestCase):
    """What a person reads."""

    def test_all_there_is_to_say(self):
        holder = self.hold("-d", "0.2", command=["sh", "-c", "echo ready; read line"])
        text = self.text()
        self.assertEqual(text.splitlines()[0], f"{self.lock}: held")
        labels = self.labels(text)
        self.assertEqual(len({re.match(r"  \w+(?: \w+)*  +", line).end()
                              for line in text.splitlines()[1:]}), 1, text)
        user = subprocess.run(["id", "-un"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(labels["by"], f"{user.stdout.strip()}@{os.uname()[1]}, pid {holder.pid}")
        self.assertEqual(labels["command"], "sh -c 'echo ready; read line'")
        self.assertRegex(labels["held for"], r"\A\d+s, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertEqual((labels["delay"], labels["lease"]), ("0.2s", "none"))
        self.assertRegex(labels["check"], "runs on this host")
        self.assertRegex(labels["token"], rf"\A{UUID}\Z")
        self.assertIn("next", labels)

    def set_age(self, seconds):
        now = datetime.datetime.now(datetime.timezone.utc)
        since = now - datetime.timedelta(seconds=seconds)
        self.edit(since=f"{since:%Y-%m-%dT%H:%M:%SZ}")
        return f"{since:%Y-%m-%dT%H:%M:%SZ}"

    def test_held_for(self):
        self.acquire()
        for seconds, text in ((2 * 3600 + 3 * 60 + 5, "2h3m"), (3 * 86400 + 7 * 3600 + 5, "3d7h")):
            since = self.set_age(seconds)
            self.assertEqual(self.labels(self.text())["held for"], f"{text}, since {since}")
            status = self.status()
            self.assertEqual(status["since"], since)
            self.assertTrue(seconds <= status["held_for"] <= seconds + PATIENCE, status)

    def test_holders_clock_is_ahead(self):
        self.acquire()
        since = self.set_age(-7200)
        self.assertIsNone(self.status()["held_for"])
        held_for = self.labels(self.text())["held for"]
        self.assertEqual(held_for, f"since {since} by the holder's clock")

    def test_holder_is_named_once(self):
        """Not: by held by."""
        for content in (FOREIGN, "", "garbage"):
            self.write("lock", content)
            self.assertNotRegex(self.text(), r"by +held by")

    @unittest.skipUnless(can_open_terminals(), "no pseudo-terminals here")
    def test_colour_only_where_it_is_wanted(self):
        self.write("lock", FOREIGN)  # no age that changes
        plain = self.text(self.lock, self.path("free"))
        self.assertNotIn("\x1b", plain)

        def on_terminal(*words, **environment):
            master, slave = os.openpty()
            result = self.ufl("--status", *words, self.lock, self.path("free"), stdout=slave,
                              env=clean_environment(**{"NO_COLOR": None, **environment}))
            os.close(slave)
            self.assertEqual((result.returncode, result.stderr), (HELD, ""))
            output = b""
            while not output.endswith(b"free\x1b[0m\r\n"):
                try:
                    output += os.read(master, 65536)
                except OSError:  # EIO: all is read
                    break
            os.close(master)
            return output.decode().replace("\r\n", "\n")

        coloured = on_terminal(TERM="xterm")
        self.assertIn("\x1b[", coloured)
        self.assertEqual(re.sub(r"\x1b\[[\d;]*m", "", coloured), plain)
        self.assertEqual(on_terminal(TERM="xterm", NO_COLOR=""), coloured)
        for words, environment in (([], {"TERM": "xterm", "NO_COLOR": "1"}), ([], {"TERM": "dumb"}),
                                   ([], {"TERM": None}), (["--json"], {"TERM": "xterm"})):
            with self.subTest(words=words, environment=environment):
                self.assertNotIn("\x1b", on_terminal(*words, **environment))


class OutputTest(StatusTestCase):
    """What cannot be written is no status: 125, and a line on stderr."""

    def assert_said(self, **streams):
        for words in ([], ["--json"]):
            for lock in (self.lock, self.path("free")):
                result = self.ufl("--status", *words, lock, **streams)
                self.assertEqual(result.returncode, CANNOT_TELL)
                self.assert_one_line(result.stderr, lock, "cannot write the status")

    def setUp(self):
        super().setUp()
        self.acquire()

    def test_full(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            self.assert_said(stdout=full)

    def test_closed(self):
        self.assert_said(preexec_fn=lambda: os.close(1))

    def test_nobody_reads(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.assert_said(stdout=writer)
        os.close(writer)


if __name__ == "__main__":
    unittest.main()
