# SPDX-License-Identifier: MIT
"""The lock file: what ufl writes into it, and what it leaves alone."""

import datetime
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import unittest

from containers import names_a_machine
from support import UFL, UUID, UflTestCase, clean_environment, limit_time, wait_for

BUSY = 75
FAILED = 125
LIMIT = 4096
KEYS = {"v", "host", "boot", "netns", "pidns", "timens", "pid", "start", "uid", "user", "since",
        "mount", "delay", "lifeline", "command", "child"}
if names_a_machine():
    KEYS.add("machine")

FOREIGN = (
    ("bare UUID", b"0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"),
    ("UUID with a newline", b"0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n"),
    ("upper-case UUID", b"0B0E7A2C-5A53-4F3C-8D8E-3A1F6C1D2E4F"),
    ("UUID with a prefix", b"ci-0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"),
    ("UUID and white space", b"  0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\r\n\r\n"),
    ("UUID and another's JSON", b'0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n{"v":9,"x":[1]}\n'),
    ("UUID and torn JSON", b'0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n{"v":1,"host":"h'),
    ("UUID and JSON of other types", b'0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n'
     b'{"v":"1","host":7,"pid":"x","uid":-1,"since":{},"delay":1e999,"command":null}\n'),
    ("half a UUID", b"0b0e7a2c-5a53"),
    ("words", b"this is no lock\n"),
    ("a pid", b"4242\n"),
    ("one byte", b"x"),
    ("a newline", b"\n"),
    ("a zero byte", b"\0"),
    ("not UTF-8", b"\xff\xfe\x80"),
    ("terminal controls", b"\x1b[31m\x07\r0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n"
     b'{"v":1,"host":"\\u001b[2J","user":"a\\nb","command":"\\u0007\\u202e"}\n'),
    ("1 MiB", b"0123456789abcdef" * 65536),
    ("deep JSON", b"0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f\n" + b"[" * 3000),
)


def read_record(content):
    """Token and holder of a record; fails unless it has the form that ufl promises."""
    if not isinstance(content, bytes):
        content = os.fsencode(content)
    if len(content) > LIMIT:
        raise AssertionError(f"{len(content)} bytes")
    text = content.decode("utf-8")  # strictly
    token, line, rest = text.split("\n")
    if rest:
        raise AssertionError(f"something after line 2: {rest!r}")
    holder = json.loads(line)
    if not isinstance(holder, dict):
        raise AssertionError(f"line 2 is no object: {line!r}")
    return token, holder


def strace_works():
    """Whether strace is there and may trace."""
    return shutil.which("strace") is not None and subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "true"], check=False, stderr=subprocess.DEVNULL,
    ).returncode == 0


class LockFileTestCase(UflTestCase):
    """A test that ends even if ufl does not."""

    def setUp(self):
        super().setUp()
        limit_time(self)


class RecordTest(LockFileTestCase):
    """Line 1 and line 2, and that they tell the truth."""

    def record_of(self, *words, **options):
        """The record that `ufl WORDS lock` makes, without a command of interest."""
        result = self.ufl(*words, self.lock, "cat", self.lock, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return read_record(result.stdout)

    def test_form(self):
        with open(self.hold_and_lock(), "rb") as file:
            content = file.read()
        self.assertRegex(content, rb"\A%s\n\{[^\n]*\}\n\Z" % UUID.encode())
        read_record(content)

    def hold_and_lock(self):
        self.hold()
        return self.lock

    def test_token_has_the_prefix(self):
        for prefix in ("", "ci-", "a b ", "grün-", "x" * 200):
            with self.subTest(prefix=prefix):
                token, _ = self.record_of("-p", prefix)
                self.assertRegex(token, rf"\A{re.escape(prefix)}{UUID}\Z")

    def test_blank_before_the_token_is_stripped(self):
        """Tokens are compared without white space around them, so none is written."""
        token, _ = self.record_of("-p", "  ci-")
        self.assertRegex(token, rf"\Aci-{UUID}\Z")

    def test_holder_is_true(self):
        before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        words = ["sh", "-c", "echo ready; read line", "it's", "", "$HOME", "ü", "a\\b"]
        ufl = self.hold("-d", "0.05", command=words)
        after = datetime.datetime.now(datetime.timezone.utc)
        _, holder = read_record(self.read_lock())

        self.assertEqual(set(holder), KEYS)
        self.assertEqual(holder["v"], 1)
        self.assertEqual(holder["host"], os.uname().nodename)
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            self.assertEqual(holder["boot"], file.read().strip())
        for key, name in (("netns", "net"), ("pidns", "pid"), ("timens", "time")):
            with self.subTest(key=key):
                self.assertEqual(holder[key], os.stat(f"/proc/{ufl.pid}/ns/{name}").st_ino)
        self.assertEqual(holder["pid"], ufl.pid)
        with open(f"/proc/{ufl.pid}/stat", encoding="latin-1") as file:
            self.assertEqual(holder["start"], int(file.read().rsplit(")", 1)[1].split()[19]))
        self.assertEqual(holder["uid"], os.getuid())
        self.assertEqual(holder["user"], pwd.getpwuid(os.getuid()).pw_name)
        since = datetime.datetime.strptime(holder["since"], "%Y-%m-%dT%H:%M:%SZ")
        self.assertTrue(before <= since.replace(tzinfo=datetime.timezone.utc) <= after, since)
        self.assertAlmostEqual(holder["delay"], 0.05)
        self.assertEqual(shlex.split(holder["command"]), words)

    def test_types(self):
        _, holder = self.record_of()
        for key in ("v", "netns", "pidns", "timens", "pid", "start", "uid"):
            self.assertIs(type(holder[key]), int, key)
        for key in ("host", "boot", "user", "since", "command"):
            self.assertIs(type(holder[key]), str, key)
        self.assertIn(type(holder["delay"]), (int, float))

    def test_auto_delay_is_0_on_a_local_file_system(self):
        if not os.access("/dev/shm", os.W_OK) or not os.path.ismount("/dev/shm"):
            self.skipTest("/dev/shm is no file system of its own that can be written to")
        lock = f"/dev/shm/{os.path.basename(self.dir)}"
        result = self.ufl(lock, "cat", lock)
        self.assertEqual(read_record(result.stdout)[1]["delay"], 0)
        self.assert_no_lock(lock)

    def test_auto_delay_is_a_second_where_others_take_part(self):
        """The Python uuid_filelock, whose record has no line 2, does not create exclusively."""
        self.write("lock", FOREIGN[0][1])
        waiter = self.start("-v", "-r", "20ms", self.lock, "cat", self.lock)
        self.assertIn("waiting", waiter.stderr.readline())
        os.unlink(self.lock)
        self.assertEqual(self.wait(waiter), 0)
        self.assertGreaterEqual(read_record(waiter.stdout.read())[1]["delay"], 1)

    def test_dash_c_is_recorded(self):
        result = self.ufl(self.lock, "-c", f"cat '{self.lock}' # mark")
        self.assertIn("# mark", read_record(result.stdout)[1]["command"])

    def test_no_command(self):
        for words in (["--no-command"], ["--no-command", "-v", "-q"]):
            with self.subTest(words=words):
                _, holder = self.record_of(*words)
                self.assertEqual(set(holder), KEYS - {"command"})
        with self.subTest("nor is it shown to those who wait"):
            self.hold("--no-command", command=["sh", "-c", "echo ready; read line # secret"])
            self.assertNotIn("secret", self.read_lock())
            self.assertNotIn("secret", self.ufl("-n", self.lock, "true").stderr)

    def test_any_command_makes_a_valid_record(self):
        odd = {
            "control characters": ["a\nb", "\x01\x1b[31m", "\t", "\x7f", "\r\n"],
            "not UTF-8": [os.fsdecode(b"\xff\xfe"), os.fsdecode(b"\xc3"), os.fsdecode(b"a\x80z")],
            "quotes": ["\"", "'", "\\", "`", "$(reboot)", "{}", "\\u0041"],
            "more than ASCII": ["grün", "日本語", "\U0001f512", "\u202e", "\u2028"],
            "100 KB in one argument": ["x" * 100_000],
            "100 KB in many": ["x y"] * 25_000,
            "100 KB that must be escaped": ["\x01" * 100_000],
            "100 KB of wide characters": ["\U0001f512" * 25_000],
            "100 KB of quotes": ["\"\\" * 50_000],
            "nothing": [""],
        }
        script = ["sh", "-c", 'cat "$UFL_LOCKFILE"', "sh"]
        for name, words in odd.items():
            for options in ([], ["-p", "p" * 200]):
                with self.subTest(name, options=options):
                    result = self.ufl(*options, self.lock, *script, *words)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    _, holder = read_record(result.stdout)
                    self.assertEqual(set(holder), KEYS)
                    self.assertLessEqual(len(holder["command"].encode()), 500)
                    self.assertTrue(holder["command"].startswith("sh -c"), holder["command"])
                    self.assertTrue(all(c.isprintable() for c in holder["command"]),
                                    repr(holder["command"]))

    def test_short_odd_command_is_quoted_for_a_shell(self):
        for word in ("a b", "", "'", "\"", "\\", "$x", "`x`", "*", "grün", "!", "#", "~", "a=b"):
            with self.subTest(word=word):
                result = self.ufl(self.lock, "sh", "-c", 'cat "$UFL_LOCKFILE"', word)
                self.assertEqual(shlex.split(read_record(result.stdout)[1]["command"]),
                                 ["sh", "-c", 'cat "$UFL_LOCKFILE"', word])
        for word in ("a\nb", "\x01'", os.fsdecode(b"\xff\\")):  # "$(...)"
            with self.subTest(word=word):
                result = self.ufl(self.lock, "sh", "-c", 'cat "$UFL_LOCKFILE"', word)
                command = read_record(result.stdout)[1]["command"]
                echoed = subprocess.run(["sh", "-c", f"printf '%s\\0' {command}"], check=True,
                                        stdout=subprocess.PIPE).stdout
                self.assertEqual(echoed.split(b"\0")[3], os.fsencode(word))

    def test_any_user_name_makes_a_valid_record(self):
        """A uid that /etc/passwd does not know goes by $LOGNAME, which may hold anything."""
        if os.geteuid() != 0:
            self.skipTest("needs root to become a user that /etc/passwd does not know")
        self.as_ordinary_user()
        os.chmod(self.dir, 0o777)
        uid = 54321
        binary = shutil.copy(UFL, self.path("binary"))
        for name in (None, "", "carol", "a\"b\\", "a\nb\x1b", os.fsdecode(b"\xff"), "x" * 10_000):
            with self.subTest(LOGNAME=name and name[:20]):
                _, holder = self.record_of(user=uid, group=uid, extra_groups=[], executable=binary,
                                           env=clean_environment(LOGNAME=name))
                self.assertEqual(holder["uid"], uid)
                if name == "carol":
                    self.assertEqual(holder["user"], name)

    def test_new_token_for_each_run(self):
        tokens = [self.record_of("-p", "x")[0] for _ in range(20)]
        self.assertEqual(len(set(tokens)), len(tokens))

    def test_written_by_one_write_and_opened_with_care(self):
        if not strace_works():
            self.skipTest("strace is missing, or may not trace here")
        trace = self.path("trace")
        environment = clean_environment(ASAN_OPTIONS="detect_leaks=0")  # does not go with ptrace
        process = self.start(self.lock, "true", env=environment, program=[
            "strace", "-f", "-y", "-s", "5000", "-o", trace,
            "-e", "trace=openat,open,write,writev,pwrite64,truncate,ftruncate",
            os.path.abspath(UFL)])
        self.assertEqual(self.wait(process), 0)
        with open(trace, encoding="utf-8", errors="replace") as file:
            # "/dir/#123 (deleted)": a file that has no name yet
            lines = [line for line in file if self.lock in line or f"{self.dir}/#" in line]
        opens = [line for line in lines if re.search(r"\bopen(at)?\(", line)]
        writes = [line for line in lines if re.search(r"write\w*\(\d+<", line)]
        # The claim, and the same with the command's process in it.
        self.assertEqual(len(writes), 2, lines)
        self.assertEqual(*(re.search(r"= (\d+)$", line).group(1) for line in writes))
        self.assertFalse([line for line in lines if "truncate" in line])
        for line in opens:
            self.assertRegex(line, "O_NOFOLLOW|O_TMPFILE")
            self.assertIn("O_CLOEXEC", line)
        creating = [line for line in opens if re.search("O_CREAT|O_TMPFILE", line)]
        self.assertEqual(len(creating), 1, lines)
        self.assertRegex(creating[0], "O_EXCL|O_TMPFILE")

    def test_has_its_content_from_the_beginning(self):
        """On a local disk that can do it the file is never there without its record."""
        if not strace_works():
            self.skipTest("strace is missing, or may not trace here")
        try:
            os.close(os.open(self.dir, os.O_TMPFILE | os.O_WRONLY))
        except OSError:
            self.skipTest("no O_TMPFILE here")
        environment = clean_environment(ASAN_OPTIONS="detect_leaks=0")  # does not go with ptrace
        process = self.start(
            self.lock, "sh", "-c", "read line || :", env=environment, stdin=subprocess.PIPE,
            program=["strace", "-f", "-o", "/dev/null", "-e", "inject=write:delay_exit=300000",
                     "-e", "inject=write:delay_enter=300000", os.path.abspath(UFL)])
        wait_for(lambda: os.path.exists(self.lock), "the lock file")
        content = self.read_lock()
        self.assertEqual(self.let_go(process), 0)
        self.assertTrue(content.endswith("}\n"), content)


class CommandEnvironmentTest(LockFileTestCase):
    """UFL_LOCKFILE and UFL_TOKEN, and ufl under ufl."""

    def test_token_is_line_1(self):
        for prefix in ("", "ci-", "a b ", "  blank"):
            with self.subTest(prefix=prefix):
                result = self.ufl("-p", prefix, self.lock, "sh", "-c",
                                  'printf "%s\\n" "$UFL_TOKEN"; cat "$UFL_LOCKFILE"')
                told, content = result.stdout.split("\n", 1)
                self.assertEqual(told, read_record(content)[0])

    def test_lock_file_is_absolute(self):
        os.makedirs(self.path("sub", "deep"))
        os.symlink("sub", self.path("link"))
        for lock in (self.lock, "lock", "./lock", "sub/lock", "sub/../lock", "link/lock",
                     "link/deep/../lock", "sub//lock", "new\nline", " ", "ü"):
            with self.subTest(lock=lock):
                result = self.ufl(lock, "sh", "-c",
                                  'cd / && cat "$UFL_LOCKFILE" && printf "%s" "$UFL_LOCKFILE"')
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                token, holder, path = result.stdout.split("\n", 2)
                read_record(f"{token}\n{holder}\n")
                self.assertTrue(os.path.isabs(path), path)
                self.assert_no_lock(path)

    def nested(self, outer, inner, *words):
        """`ufl OUTER sh -c 'ufl WORDS INNER echo ran; echo status'`: its result."""
        return self.ufl(outer, "sh", "-c", '"$@"; echo $?', "sh", os.path.abspath(UFL), *words,
                        inner, "echo", "ran")

    def test_nested_on_the_same_lock_fails_at_once(self):
        os.mkdir(self.path("real"))
        os.symlink("real", self.path("link"))
        for outer, inner in ((self.lock, self.lock), ("lock", self.lock), (self.lock, "lock"),
                             ("lock", "./lock"), ("real/lock", "link/lock"),
                             ("link/lock", self.path("real", "lock"))):
            for words in ([], ["-n"], ["-w", "1000"], ["-q"], ["-E", "0"]):
                with self.subTest(outer=outer, inner=inner, words=words):
                    result = self.nested(outer, inner, *words)
                    self.assertEqual((result.stdout, result.returncode), (f"{FAILED}\n", 0))
                    self.assert_one_line(result.stderr, inner, "you already hold it")
                    self.assert_no_lock(self.path(outer))

    def test_nested_on_another_lock_works(self):
        result = self.nested(self.lock, "other")
        self.assertEqual((result.stdout, result.stderr, result.returncode), ("ran\n0\n", "", 0))
        self.assert_no_lock()
        self.assert_no_lock(self.path("other"))

    def test_inner_lock_has_its_own_names(self):
        script = 'echo "$UFL_LOCKFILE $UFL_TOKEN"; head -n 1 "$UFL_LOCKFILE"'
        result = self.ufl(self.lock, os.path.abspath(UFL), "other", "sh", "-c", script)
        told, token = result.stdout.splitlines()
        self.assertEqual(told, f"{os.path.realpath(self.path('other'))} {token}")

    def test_tokens_of_all_that_enclose(self):
        """One on each line, and one's own comes last."""
        show = 'printf "%s\n" "$UFL_TOKENS"; head -qn1 "$@"'
        ufl = [os.path.abspath(UFL), "-p", "a b "]
        for locks in (["a"], ["a", "b"], ["a", "b", "c"]):
            with self.subTest(locks=locks):
                words = [word for lock in locks for word in (*ufl, lock)]
                shown = self.ufl("sh", "-c", show, "sh", *locks, program=words)
                lines = shown.stdout.splitlines()
                self.assertEqual(len(lines), 2 * len(locks), shown)
                self.assertEqual(lines[:len(locks)], lines[len(locks):])

    def test_token_of_a_lock_that_is_over_means_nothing(self):
        old = self.ufl(self.lock, "sh", "-c", 'printf "%s" "$UFL_TOKEN"').stdout
        environment = clean_environment(UFL_TOKEN=old, UFL_LOCKFILE=self.lock)
        with self.subTest("free"):
            self.assertEqual(self.ufl(self.lock, "true", env=environment).returncode, 0)
        with self.subTest("held by another"):
            self.hold()
            self.assertEqual(self.ufl("-n", self.lock, "true", env=environment).returncode, BUSY)


if __name__ == "__main__":
    unittest.main()
