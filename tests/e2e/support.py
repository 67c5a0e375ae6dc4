# SPDX-License-Identifier: MIT
"""What the whole-program tests share.

Tests wait for events (a ready line, a file, a process state), never for a guessed time. The one
limit on every wait, PATIENCE, is there so that a broken ufl fails a test instead of hanging it.
"""

import contextlib
import ctypes
import functools
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

UFL = os.environ.get("UFL_BINARY", "build/dev/ufl")
PATIENCE = 60  # seconds
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools")


def clean_environment(**changes):
    """The environment without UFL_* and with a known language, plus `changes` (None: unset)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UFL_")}
    environment["LC_ALL"] = "C"
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


# Sanitizers need descriptors, threads and signals of their own.
not_sanitized = unittest.skipIf(os.environ.get("UFL_SANITIZED"), "not with sanitizers")


def can_open_terminals():
    try:
        for descriptor in os.openpty():
            os.close(descriptor)
        return True
    except OSError:
        return False


def wait_for(condition, what):
    """Wait until condition() is true; return what it returned."""
    deadline = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain for: {what}")
        time.sleep(0.005)


def _process_stat(pid):
    """The words of /proc/PID/stat from the state on, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
            return stat.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def process_state(pid):
    """The state letter of a process, or None when there is no such process."""
    words = _process_stat(pid)
    return words and words[0]


def parent_of(pid):
    """The PID of the parent of a process, or None when there is no such process."""
    words = _process_stat(pid)
    return words and int(words[1])


def wait_until_it_waits(process):
    """For a time: it has a timerfd that is set, proc_pid_fdinfo(5)."""
    def has_timer():
        if process.poll() is not None:
            return True  # it waits no more
        for name in os.listdir(f"/proc/{process.pid}/fdinfo"):
            with contextlib.suppress(FileNotFoundError), \
                    open(f"/proc/{process.pid}/fdinfo/{name}", encoding="ascii") as info:
                if re.search(r"it_value: \((?!0, 0\))", info.read()):
                    return True
        return False

    wait_for(has_timer, f"a timer of process {process.pid}")


def watched_processes(pid):
    """The numbers of the processes whose end it is told of, pidfd_open(2)."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(f"/proc/{pid}/fdinfo"):
            with contextlib.suppress(FileNotFoundError), \
                    open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
                found.update(map(int, re.findall(r"^Pid:\s+(\d+)$", info.read(), re.MULTILINE)))
    return found


@functools.lru_cache(maxsize=None)
def private_mounts():
    """The unshare(1) words with which a tmpfs can be mounted out of everybody's sight, or None."""
    if shutil.which("unshare") is None:
        return None
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        probe = subprocess.run([*words, "mount", "-t", "tmpfs", "ufl-test", "/mnt"], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if probe.returncode == 0:
            return words
    return None


def limited(limit, value):
    """For preexec_fn: `limit` is at most `value` in the new process."""
    def lower():
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (value, value if hard < 0 else min(value, hard)))
    return lower


class DirectoryWatch:
    """Which names appear in directories from now on, even for a moment: inotify(7)."""

    IN_MOVED_TO, IN_CREATE = 0x80, 0x100

    def __init__(self, *directories):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = self.IN_MOVED_TO | self.IN_CREATE
        for directory in directories:
            if libc.inotify_add_watch(self._fd, os.fsencode(directory), mask) < 0:
                raise OSError(ctypes.get_errno(), "inotify", directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def appeared(self):
        """The names that appeared since the last call, in order."""
        names = []
        while True:
            try:
                events = os.read(self._fd, 65536)
            except BlockingIOError:
                return names
            while events:
                length = int.from_bytes(events[12:16], sys.byteorder)
                names.append(os.fsdecode(events[16:16 + length].rstrip(b"\0")))
                events = events[16 + length:]


def default_signals():
    """Nothing ignored, nothing blocked, whatever we were started from.

    A command inherits what is ignored, and would not die of it.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) == signal.SIG_IGN and number != signal.SIGPIPE:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def limit_time(test, seconds=2 * PATIENCE):
    """Fail `test` when it takes longer: for reads that would block for ever. Call it in setUp()."""
    def fail(*_):
        raise AssertionError(f"no end after {seconds} s")

    def lift():
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, fail)
    test.addCleanup(lift)
    signal.alarm(seconds)


def tool(name, *arguments):
    """The words that run a program of tools/."""
    return [sys.executable, "-I", "-S", os.path.join(TOOLS, name), *map(str, arguments)]


class UflTestCase(unittest.TestCase):
    """A test with a directory of its own (self.dir), kept when the test fails, and a lock (self.lock)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        default_signals()

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="ufl-test-")
        self.lock = os.path.join(self.dir, "lock")
        self._processes = []

    def tearDown(self):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        # unittest tells the outcome through different members in 3.11 and later.
        outcome = self._outcome
        result = getattr(outcome, "result", None)
        problems = [*getattr(result, "failures", []), *getattr(result, "errors", [])]
        if any(getattr(test, "test_case", test) is self for test, _ in problems):  # subTest
            print(f"{self.id()}: left for inspection: {self.dir}", file=sys.stderr)
        else:
            subprocess.run(["chmod", "-R", "u+rwx", self.dir], check=False)
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, content, mode=0o644):
        """A file in self.dir; returns its path. One that is there gets the content in place, and is
        not emptied before, which a holder would see."""
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
            file.truncate()
        os.chmod(path, mode)
        return path

    def put_in_place(self, content, lock=None):
        """Other content for the same lock file, whose mode stays."""
        lock = lock or self.lock
        self.write(lock, content, os.stat(lock).st_mode & 0o7777)

    def as_ordinary_user(self):
        """Popen options that make a process powerless over permissions; {} when we are so, too."""
        if os.geteuid() != 0:
            return {}
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        os.chmod(self.dir, 0o755)
        try:  # a checkout below /root is out of that user's reach
            subprocess.run([os.path.abspath(UFL), "--version"], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **nobody)
        except PermissionError:
            nobody["executable"] = shutil.copy(UFL, self.path("ufl-for-nobody"))
        return nobody

    def ufl(self, *arguments, program=None, env=None, **options):
        """Run ufl (or `program`) to its end. stdout and stderr are captured as text; stdin is
        empty."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("timeout", PATIENCE)
        options.setdefault("cwd", self.dir)
        words = [os.path.abspath(UFL)] if program is None else program
        return subprocess.run(
            [*words, *arguments],
            env=clean_environment() if env is None else env,
            text=True, errors="surrogateescape", check=False, **options)

    def start(self, *arguments, program=None, env=None, **options):
        """Start ufl (or `program`) in the background; it is killed at the end of the test."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("cwd", self.dir)
        words = [os.path.abspath(UFL)] if program is None else program
        process = subprocess.Popen(
            [*words, *arguments], env=clean_environment() if env is None else env, text=True,
            **options)
        self._processes.append(process)
        return process

    def hold(self, *options, lock=None, command=None, **popen):
        """Start a ufl that holds the lock until its stdin is closed (or `let_go`); waits until it does."""
        command = command or ["sh", "-c", "echo ready; read line"]
        holder = self.start(*options, lock or self.lock, *command, stdin=subprocess.PIPE, **popen)
        self.assertEqual(holder.stdout.readline(), "ready\n")
        return holder

    def let_go(self, holder):
        """End a hold(); returns its exit status."""
        holder.stdin.close()
        return self.wait(holder)

    def wait(self, process):
        """The exit status of `process`, as subprocess tells it (-n: killed by signal n)."""
        return process.wait(timeout=PATIENCE)

    def read_lock(self, lock=None):
        with open(lock or self.lock, encoding="utf-8") as file:
            return file.read()

    @contextlib.contextmanager
    def untouched(self, path=None):
        """The lock file is the same afterwards: content, inode, times; and no other name came."""
        def look():
            with open(path or self.lock, "rb") as file:
                info = os.fstat(file.fileno())
                return file.read(), info.st_ino, info.st_mtime_ns, info.st_ctime_ns

        before = look()
        with DirectoryWatch(self.dir) as watch:
            yield
            self.assertEqual(watch.appeared(), [])
        self.assertEqual(look(), before)

    def assert_no_lock(self, lock=None):
        """No lock file and no litter of ufl's are left."""
        path = lock or self.lock
        self.assertFalse(os.path.lexists(path), f"{path} was left behind")
        litter = [n for n in os.listdir(os.path.dirname(path)) if n.startswith(".ufl-")]
        self.assertEqual(litter, [])

    def assert_one_line(self, stderr, *fragments):
        """stderr is one line of ufl's that contains each of `fragments`."""
        self.assertRegex(stderr, r"\Aufl: [^\n]+\n\Z")
        for fragment in fragments:
            self.assertIn(fragment, stderr)
