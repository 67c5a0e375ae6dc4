# SPDX-License-Identifier: MIT
"""What a lock file says is believed of nobody: hostile content, and what a person sees of it."""

import itertools
import json
import os
import shlex
import shutil
import subprocess
import unittest

from support import PATIENCE, UFL, UflTestCase, clean_environment, limit_time, not_sanitized

BUSY = 75
LOST = 76
FAILED = 125

UUID = b"0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
ANOTHER = "5e1f8e0c-35a6-4d0b-9c0f-0c6f0f3b8f11"
MOST_MEMORY = 64 * 1024  # KiB


def record(line, token=UUID):
    """A lock file with the second line `line`; a str or a dict is made JSON of."""
    if not isinstance(line, bytes):
        line = json.dumps(line, ensure_ascii=False).encode()
    return token + b"\n" + line + b"\n"


TYPES = {
    "host": (1, [], {}, False), "boot": (1, {}), "netns": ("1", -1, 1.5, 2 ** 64, []),
    "pidns": ("x", -1), "timens": (True, -1), "pid": ("1", 1.5, 2 ** 63, [1], {"pid": 1}, True),
    "start": ("1", -1, 0.5), "uid": ("root", -1), "user": (0, [], {"x": "y"}), "since": (0, []),
    "command": (["rm", "-rf"], 1), "delay": ("1", [], {}), "lease": ("1", False),
    "detached": (1, "true", [])}

# With a whole token, so that a lock it is, but nobody's.
UNKNOWN = (
    *(record({"host": "told-you", key: value})
      for key, values in TYPES.items() for value in values),
    record(b"[" * 3900), record(b'{"host":' * 400), record(b'{"x":' * 300 + b"1" + b"}" * 300),
    record(b'{"host":"told-you"'), record(b'{"host":"told-you"} {}'), record(b'["told-you"]'),
    record(b'{"host":"told-you\xff"}'), record(b'{"host":"\x1b[2J told-you"}'),
    record(b'{"host":"\\ud800 told-you"}'),
    record({"host": "told-you", "v": 10 ** 30}), record({"host": "told-you", "v": "x"}),
    record(b"null"), record(b""), record(b"\0" * 3000), UUID, UUID + b"\r\n",
    record(b"{", token=b"\xff\xfe-" + UUID), record(b"{", token=b"\x1b]0;told-you\x07" + UUID),
    record(b"{", token="\u202e".encode() + UUID), record(b"{", token=b"x" * 3000 + UUID))

# Somebody says so; what of it is shown must be harmless.
SAID = (
    record({"host": "\x1b[2J", "user": "a\nufl: all is well", "command": "\u0007\u202e\u009b1m"}),
    record({"host": "h" * 3000}), record({"user": "\r\t\0"}), record({"command": "ü漢" * 500}),
    record({"host": "\u2028", "user": "\u2066", "since": "\x1b[31m", "pid": -2 ** 63}),
    record({"since": "9999-99-99T99:99:99Z"}), record({"since": "0000-00-00T00:00:00Z"}),
    record({"since": "2999-01-01T00:00:00Z"}), record({"since": "-1"}), record({"since": "0" * 99}),
    record({"since": "1900-01-01T00:00:00Z"}), record({"delay": -1e308, "lease": 1e308}),
    record(b'{"pid":1,"pid":2,"new":[{}]}'), record({"pid": 2 ** 62, "start": 2 ** 63}),
    record(b'{"delay":1e999999999}'), record({}, token=b"\xff\xfe-" + UUID),
    record({"v": 1, "unknown": {"x": [None]}}))

NO_LOCK = (b"\0" * 5000, b"\xff" * 100, b"\x1b[2J\n\x1b[31m\n", b"[" * 4096,
           b'x\n{"host":"told-you"}\n', record(b"{" + b" " * 4096))


SHELLS = (("dash",), ("bash",), ("zsh",), ("mksh",), ("busybox", "ash"))

# Of a lock file, and what stands before its UUID. dash takes the first, in $'...', for a command.
NAMES = (("x\x01\\'; touch ran; #", b"x\x01\\'; touch ran; #"),
         ("it's a lock", b"a b 'c\" $(touch ran) "), ("-n", b"-"), ("$HOME", b"\xff"),
         ("a\nb", b"\x1b[2J\\"), (";touch ran", "ü\u202e".encode()), ("*", b"`id`"),
         ("=ls", b"=ls"), ("soft\u00adhyphen", "a\u200db".encode()), ("!x\t!!", b"-n\x7f%s\\c"))


class UntrustedTestCase(UflTestCase):
    """A test that ends even if ufl does not."""

    def setUp(self):
        super().setUp()
        limit_time(self)

    def assert_harmless(self, text):
        """One line that a terminal shows as it is. A token is shown in full where it is needed."""
        self.assertRegex(text, r"\A[^\n]+\n\Z")
        self.assertTrue(text[:-1].isprintable(), repr(text))
        self.assertLess(len(text), 5000)


class ContentTest(UntrustedTestCase):
    """Seen through run, --check, --release and --break."""

    def assert_told(self, content, *fragments):
        self.write("lock", content)
        with self.untouched():
            for status, words in ((BUSY, ["-n", "lock", "touch", "ran"]),
                                  (BUSY, ["--acquire", "-w", "0.01", "lock"]),
                                  (LOST, ["--check", "--token", ANOTHER, "lock"]),
                                  (LOST, ["--break", "--token", ANOTHER, "lock"])):
                with self.subTest(content=content[:120], words=words):
                    result = self.ufl(*words)
                    self.assertEqual((result.returncode, result.stdout), (status, ""),
                                     result.stderr)
                    self.assert_harmless(result.stderr)
                    for fragment in ("ufl: lock: ", *fragments):
                        self.assertIn(fragment, result.stderr)
                    for in_token in ("]0;told-you", r"0\073told-you"):
                        result.stderr = result.stderr.replace(in_token, "")
                    self.assertNotIn("told-you", result.stderr)

    def test_nobody_knows_who(self):
        for content in UNKNOWN:
            self.assert_told(content, "unknown holder")

    def test_somebody_says_who(self):
        for content in SAID:
            self.assert_told(content)

    def test_what_is_no_lock(self):
        for content in NO_LOCK:
            self.assert_told(content, "unknown holder")
            with self.untouched():
                result = self.ufl("--break", "lock")
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""), result.stderr)
                self.assert_harmless(result.stderr)

    def test_escapes_are_shown(self):
        self.write("lock", record({"host": "\x1b[2J", "user": "a\nb", "command": "é\u009b\u202e"},
                                  token=b"\xff-" + UUID))
        stderr = self.ufl("-n", "lock", "true").stderr
        for fragment in (r"a\x0ab@\x1b[2J", r"é\xc2\x9b\xe2\x80\xae", r"$(printf '\377-"):
            self.assertIn(fragment, stderr)

    def test_breaks_them(self):
        """All that have a whole token; with --token, too, whatever its bytes."""
        started = []
        for number, content in enumerate((*UNKNOWN[::4], *UNKNOWN[-4:], *SAID)):
            lock = os.path.basename(self.write(f"lock-{number}", content))
            token = os.fsdecode(content.split(b"\n")[0].strip())
            words = ["--token", token] if number % 2 else []
            started.append((content, self.start("--break", *words, lock)))
        for content, process in started:
            stdout, stderr = process.communicate(timeout=PATIENCE)
            with self.subTest(content=content[:120]):
                self.assertEqual((process.returncode, stderr), (0, ""))
                self.assert_harmless(stdout)
        self.assertEqual(os.listdir(self.dir), [])

    def advice(self, lock, source, env):
        """The command that tells how to break a lock, out of a message or of --status."""
        if source == "message":
            text = self.ufl("-n", lock, "true", env=env).stderr
        elif source == "status":
            text = self.ufl("--status", lock, env=env).stdout
            text = next(line for line in text.splitlines() if line.startswith("  next "))
        else:
            text = json.loads(self.ufl("--status", "--json", lock, env=env).stdout)["next"]
        return text[text.index("ufl --break "):]

    def test_advice_works_as_printed(self):
        """Whatever token and path are called, every shell gets them as they are."""
        os.symlink(os.path.abspath(UFL), self.path("ufl"))
        env = clean_environment(PATH=f"{self.dir}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
        sources = itertools.cycle(("message", "status", "json"))
        for shell in SHELLS:
            if shutil.which(shell[0]) is None:
                continue  # test_every_shell_was_asked says so
            started = []
            for lock, token in NAMES:
                self.write(lock, record({}, token=token + UUID))
                advice = self.advice("./" + lock, next(sources), env)
                self.assertNotIn("$'", advice.replace("'$'", "").replace("$''", ""))
                started.append(self.start(program=[*shell, "-c", advice], env=env))
            for process in started:
                stdout, stderr = process.communicate(timeout=PATIENCE)
                with self.subTest(advice=shlex.join(process.args)):
                    self.assertEqual((process.returncode, stderr), (0, ""))
                    self.assert_harmless(stdout)
            self.assertEqual(os.listdir(self.dir), ["ufl"])

    def test_every_shell_was_asked(self):
        missing = [shell[0] for shell in SHELLS if shutil.which(shell[0]) is None]
        if missing:
            self.skipTest(f"not installed: {', '.join(missing)}")

    def test_a_name_that_no_shell_would_read_gets_no_command(self):
        """A line break at its end is lost in $(...): another file would be removed."""
        for content in (record({}), b""):
            self.write("lock\n", content)
            told = self.ufl("-n", "lock\n", "true").stderr + self.ufl("--status", "lock\n").stdout
            told += self.ufl("--break", "lock\n").stderr if not content else ""
            self.assertNotRegex(told, r"ufl --break [^\n]*lock|\brm\b")
            self.assertNotIn("printf", told)


class SizeTest(UntrustedTestCase):
    """No more than 4 KiB of it is ever read."""

    @not_sanitized
    def test_huge_file_costs_nothing(self):
        for content in (b"", UUID + b"\n", record({"host": "h"})):
            self.write("lock", content)
            os.truncate(self.lock, 1 << 30)
            for status, words in ((BUSY, ["-n", "lock", "true"]),
                                  (LOST, ["--check", "--token", ANOTHER, "lock"]),
                                  (LOST, ["--release", "--token", ANOTHER, "lock"]),
                                  (FAILED, ["--break", "lock"]),
                                  (LOST, ["--break", "--token", ANOTHER, "lock"])):
                with self.subTest(content=content[:40], words=words):
                    process = self.start(*words, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
                    _, wait_status, usage = os.wait4(process.pid, 0)
                    process.returncode = os.waitstatus_to_exitcode(wait_status)
                    self.assertEqual(process.returncode, status)
                    self.assertLess(usage.ru_maxrss, MOST_MEMORY)
            self.assertEqual(os.stat(self.lock).st_size, 1 << 30)


if __name__ == "__main__":
    unittest.main()
