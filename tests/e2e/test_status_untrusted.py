#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl --status of a file with anything in it. test_untrusted.py asks the other verbs."""

import json
import os
import subprocess
import unittest

import test_status
from support import PATIENCE, UFL, clean_environment, not_sanitized
from test_status import FOREIGN, HELD

HOSTILE = "\x1b]0;title\x07\x1b[2J\r\b\x00\x7f\x9b31m\u2028\u202e\n\nfake: free\n"
LONGEST = 4000  # bytes of a record that is read whole


def record(**keys):
    return f"{FOREIGN}\n{json.dumps({'v': 1, **keys})}\n"


class UntrustedTestCase(test_status.StatusTestCase):
    """Helpers that look at all that --status shows of a file."""

    def assert_harmless(self, content, state):
        """Printable, and valid JSON; returns what --json says."""
        self.write("lock", content)
        text = self.text()
        text.encode()  # not UTF-8 if it cannot be
        self.assertTrue(text.replace("\n", "").isprintable(), text)
        first, *labels = text.splitlines()
        self.assertEqual(first, f"{self.lock}: {test_status.IN_TEXT[state]}")
        for line in labels:
            self.assertTrue(line.startswith("  "), text)
        status = self.status()
        self.assertEqual((status["lock"], status["state"]), (self.lock, state))
        for value in status.values():
            self.assertTrue(not isinstance(value, str) or value.isprintable(), value)
        return status


class LineOneTest(UntrustedTestCase):
    """The token."""

    def test_foreign(self):
        for content in (FOREIGN, FOREIGN + "\n", f"  {FOREIGN.upper()}\r\n", "ci-" + FOREIGN,
                        FOREIGN + "\nno JSON\n", FOREIGN + "\n[]", FOREIGN + "\n\n\n"):
            with self.subTest(content=content):
                status = self.assert_harmless(content, "unknown_holder")
                self.assertEqual(status["token"], content.split("\n", maxsplit=1)[0].strip())

    def test_what_is_no_lock(self):
        for content in ("", "garbage", "\n" + FOREIGN, FOREIGN + "x", FOREIGN[1:], "\0" * 100,
                        "x" * 100000, " " * 5000, HOSTILE, HOSTILE * 100, b"\xff\xfe" * 3000,
                        b"\xc3", "-" * 36,
                        b"\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf"):
            with self.subTest(content=content[:60]):
                status = self.assert_harmless(content, "unknown_holder")
                self.assertNotIn("--break", status["next"])

    def test_what_may_have_been_a_lock(self):
        """Cut short, by a full disk or a crash: what is printed takes it away."""
        for content in (FOREIGN[:9], FOREIGN[:-1], "ci '" + FOREIGN[:20],
                        b"\xe2\x82" + FOREIGN.encode()[:-1]):
            with self.subTest(content=content):
                status = self.assert_harmless(content, "unknown_holder")
                command = status["next"].split("any more: ufl ")[1]
                result = subprocess.run(["sh", "-c", f"'{os.path.abspath(UFL)}' {command}"],
                                        check=False, stdout=subprocess.PIPE, timeout=PATIENCE)
                self.assertEqual(result.returncode, 0)
                self.assert_no_lock()

    def test_a_file_of_something_else_is_not_poured_out(self):
        for content in ("x" * 5000, "\0" * 5000, b"\xff" * 4000):
            self.write("lock", content)
            self.assertLess(max(map(len, self.text().splitlines())), 300)

    def test_control_characters_and_what_is_not_utf8(self):
        for before in (HOSTILE.split("\n", maxsplit=1)[0].encode(), b"\xff\xfe\xc3", b"\\x1b"):
            for rest, state in ((b"", "unknown_holder"), (b'\n{"v":1}\n', "held")):
                with self.subTest(before=before, rest=rest):
                    self.assert_harmless(before + FOREIGN.encode() + rest, state)

    def test_bytes_are_shown_as_such(self):
        self.write("lock", b"a\x1bb\xffc" + FOREIGN.encode())
        self.assertEqual(self.labels(self.text())["token"], r"a\x1bb\xffc" + FOREIGN)


class LineTwoTest(UntrustedTestCase):
    """The JSON object."""

    STRINGS = ("host", "boot", "user", "since", "command")

    def test_hostile_strings(self):
        for keys in (*([key] for key in self.STRINGS), self.STRINGS):
            with self.subTest(keys=keys):
                status = self.assert_harmless(record(**dict.fromkeys(keys, HOSTILE)), "held")
                for key in {*keys} - {"boot"}:
                    self.assertIn(r"\x1b]0;title\x07", status[key])
                self.assertIsNone(status["held_for"])

    def test_long_strings(self):
        for key in self.STRINGS:
            with self.subTest(key=key):
                self.assert_harmless(record(**{key: "x" * (LONGEST - 100)}), "held")

    def test_strings_that_are_not_utf8(self):
        for bad in (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\\ud800", b"\xf0\x9f\x98"):
            with self.subTest(bad=bad):
                self.assert_harmless(FOREIGN.encode() + b'\n{"v":1,"user":"a' + bad + b'b"}\n',
                                     "unknown_holder")

    def test_since_that_is_no_time(self):
        for since in ("yesterday", "", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z",
                      "-001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+01"):
            with self.subTest(since=since):
                status = self.assert_harmless(record(since=since), "held")
                self.assertEqual((status["since"], status["held_for"]), (since, None))
        self.assertGreater(
            self.assert_harmless(record(since="0000-01-01T00:00:00Z"), "held")["held_for"], 0)

    def test_wrong_types(self):
        wrong = {"host": 1, "boot": [], "netns": "x", "pidns": -1, "timens": {}, "pid": "1",
                 "start": "x", "uid": "root", "user": {}, "since": 5, "command": ["a"],
                 "delay": "0", "lease": [], "detached": 1}
        for key, value in wrong.items():
            with self.subTest(key=key):
                status = self.assert_harmless(record(**{"host": "h", key: value}), "unknown_holder")
                self.assertEqual((status["host"], status["token"]), (None, FOREIGN))

    def test_no_object(self):
        for line in ("[]", "1", '"x"', "null", "{", '{"v":1', '{"v":1}}', "{}" * 9, "{'v': 1}",
                     '{"v":NaN}', "[" * 3000, '{"a":' * 500, "[" * 1500 + "]" * 1500,
                     '{"a":' * 600 + "1" + "}" * 600):
            with self.subTest(line=line[:40]):
                self.assert_harmless(f"{FOREIGN}\n{line}\n", "unknown_holder")

    def test_unknown_and_repeated_keys(self):
        for line in ('{}', '{"v":1,"next":"rm -rf /","x":{"y":[1,2,{}]}}', '{"pid":1,"pid":2}',
                     '{"host":null,"pid":null}', '{"lock":"other","state":"free"}'):
            with self.subTest(line=line):
                status = self.assert_harmless(f"{FOREIGN}\n{line}\n", "held")
                self.assertNotIn("rm -rf", status["next"])

    def test_numbers(self):
        """Whatever they are; a process that they name by chance is not the holder."""
        numbers = ("1e300", "-1e300", "1e-300", "1e999", "18446744073709551616", "-1", "0",
                   "9" * 400, "9223372036854775808", "4294967295", "1.5", "-0.0", "-" + "9" * 400)
        for key in ("delay", "lease", "pid", "start", "uid", "pidns"):
            for number in numbers:
                with self.subTest(key=key, number=number[:40]):
                    self.write("lock", f'{FOREIGN}\n{{"v":1,"{key}":{number}}}\n')
                    status = self.status()
                    self.assertIn(status["state"], ("held", "unknown_holder"))
                    self.assertNotEqual(status["check"], "alive")
        for number in numbers:
            self.write("lock", f'{FOREIGN}\n{{"v":1,"delay":{number},"lease":{number}}}\n')
            text = self.text()
            self.assertNotRegex(text, r"\b(inf|nan)")
            self.assertLess(max(map(len, text.splitlines())), 300)


class SizeTest(UntrustedTestCase):
    """At most 4 KiB of a file are read."""

    @not_sanitized
    def test_a_sparse_gibibyte_costs_nothing(self):
        for start in (b"", FOREIGN.encode() + b"\n", record(command="x").encode()):
            self.write("lock", start)
            os.truncate(self.lock, 1 << 30)
            for words in ([], ["--json"]):
                with self.subTest(start=start, words=words):
                    process = subprocess.Popen(
                        [os.path.abspath(UFL), "--status", *words, self.lock],
                        stdout=subprocess.DEVNULL, env=clean_environment())
                    _, status, usage = os.wait4(process.pid, 0)
                    process.returncode = os.waitstatus_to_exitcode(status)
                    self.assertEqual(process.returncode, HELD)
                    self.assertLess(usage.ru_maxrss, 64 << 10)  # KiB

    def test_longer_than_a_record(self):
        """A reader that stops in the middle does not know what follows."""
        status = self.assert_harmless(record(command="x" * 5000), "unknown_holder")
        self.assertIsNone(status["command"])


if __name__ == "__main__":
    unittest.main()
