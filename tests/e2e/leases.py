# SPDX-License-Identifier: MIT
"""What the tests of leases and of losses share: another host's lock, another host's eyes, and a
command whose every process is seen to end.

Times are counted on this machine's monotonic clock. What was promised to come not before some time
is tested for that; what was promised to come by then, with as much slack as a loaded machine needs.
"""

import contextlib
import ctypes
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import time
import uuid

import support

BUSY, LOST, FAILED, USAGE = 75, 76, 125, 64
OTHER = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"

# Leases of whole runs, short and with little time to be killed in; and the seconds of the first.
SHORT = ("-l", "2", "--kill-after", "0.3")
LEASE = 2
# A takeover waits so long before it verifies, whatever the mount.
TAKEOVER = 1


def record(token=OTHER, **keys):
    """The text of a lock that another host holds and nobody here refreshes; a key that is None is
    left out. The file system is local to that host, too, as in a folder that is kept in step."""
    holder = {"v": 1, "host": "build-9", "boot": "5a9bd0a5-50ad-4e63-8a0b-1d3b2bbd2fd5",
              "netns": 4026532001, "pidns": 4026532002, "timens": 4026531834, "pid": 4242,
              "start": 4711, "uid": 1000, "user": "alice", "since": "2024-05-06T07:08:09Z",
              "mount": "local", "delay": 1, "lease": LEASE, "beat": "0000000007",
              "lifeline": "dgram", **keys}
    return token + "\n" + json.dumps({k: v for k, v in holder.items() if v is not None}) + "\n"


def beat_in(text):
    """The beat that the text of a lock file tells, as a number."""
    return int(json.loads(text.split("\n")[1])["beat"])


def pause(seconds):
    """Let time pass: where a lease is to run out, nothing else tells."""
    time.sleep(seconds)


@functools.lru_cache(maxsize=None)
def container():
    """The unshare(1) words that begin a container of its own network and processes, from which
    nothing of ours is seen to live; or None."""
    if shutil.which("unshare") is None:
        return None
    for words in (["unshare"], ["unshare", "-Ur"]):
        words = [*words, "-n", "-p", "-f", "--mount-proc"]
        if subprocess.run([*words, "true"], check=False, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0:
            return words
    return None


def children_of(pid, name=None):
    """The numbers of the children of process `pid` that call themselves `name`, or of all."""
    def tells(entry):
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as stat:
                comm, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
                return name in (None, comm) and int(rest.split()[1]) == pid
        except (FileNotFoundError, ProcessLookupError):
            return False

    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and tells(entry)]


def helper_of(ufl, name):
    """The number of the process beside ufl that will soon call itself `name`."""
    (helper,) = support.wait_for(lambda: children_of(ufl, name), f"{name} of {ufl}")
    return helper


def warden_of(ufl):
    """Who continues ufl in time, and kills when that has died."""
    return helper_of(ufl, "lock-warden")


def stop(*pids):
    """Until all of them are stopped."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        support.wait_for(lambda pid=pid: support.process_state(pid) == "T", f"{pid} to stop")


def go_on(*pids):
    """Those that run again end the others, perhaps before their turn."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Opened:
    """Was a file read since? inotify(7)."""

    IN_CLOSE_NOWRITE = 0x10

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(path),
                                                  self.IN_CLOSE_NOWRITE) < 0:
            raise OSError(ctypes.get_errno(), "inotify", path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def _clear(self):
        with contextlib.suppress(BlockingIOError):
            return len(os.read(self._fd, 65536))
        return 0

    def wait(self):
        """Until somebody has read all of it from now on. inotify joins equal events that wait, so
        each is taken as it comes: the first may be the end of a look that began before."""
        self._clear()
        for _ in range(2):
            support.wait_for(self._clear, "a look at the file")


class Witness:
    """A FIFO that all processes of a command hold open for writing, as descriptor 9 of a shell, and
    write to: its end shows that the last of them is gone."""

    def __init__(self, path):
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.path = path
        self.begin = f'exec 9>"{path}"; '  # of a shell script
        self.text = ""

    def close(self):
        os.close(self._fd)

    def read(self):
        """Take what was written; True when nobody can write any more."""
        while True:
            try:
                data = os.read(self._fd, 65536)
            except BlockingIOError:
                return False
            if not data:
                return True
            self.text += data.decode()

    def wait_for(self, word):
        """Until `word` was written."""
        def is_there():
            ended = self.read()
            if not ended or word in self.text:
                return word in self.text
            raise AssertionError(f"ended without {word!r}: {self.text!r}")

        deadline = time.monotonic() + support.PATIENCE
        while self.text == "" and self.read() and time.monotonic() < deadline:
            time.sleep(0.005)  # nobody has opened it yet
        support.wait_for(is_there, f"{word!r} of the command")

    def wait_for_end(self):
        """Until nobody has it open; returns when that was, on the monotonic clock."""
        support.wait_for(self.read, "the end of the whole command")
        return time.monotonic()

    def is_open(self):
        """Does any of the command live?"""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        self.read()
        return not any(event & select.POLLHUP for _, event in poll.poll(0))


class LeaseTestCase(support.UflTestCase):
    """Locks that others hold, contenders of this host and of others, commands with a witness."""

    def overslept(self, fate):
        """What a ufl says that stood still until its lease was over."""
        return (f"ufl: {self.lock}: its lease of {LEASE}s could not be refreshed in time: ufl, or "
                f"the share, stood still for too long; {fate}; give a longer --lease\n")

    def setUp(self):
        super().setUp()
        support.limit_time(self)
        self._locks = {self.lock}  # of which ufl may have kept what it has seen

    def forget_at_the_end(self, lock):
        """What ufl may have seen of a lock that no method of this class has made."""
        self._locks.add(lock)

    def tearDown(self):
        for lock in self._locks:
            self.kept_observation(lock)
        super().tearDown()

    def write(self, name, content, mode=0o644):
        self._locks.add(self.path(name))
        return super().write(name, content, mode)

    def pretend(self, name="lock", **keys):
        """A lock that another host holds; returns its path."""
        return self.write(name, record(**keys))

    def put_new(self, content, lock=None):
        """Another file at the same name, as a takeover puts it."""
        path = self.write(f".new-{uuid.uuid4()}", content)
        os.rename(path, lock or self.lock)

    def in_container(self):
        container_words = container()
        if container_words is None:
            self.skipTest("unshare(1) is missing, or may not make a container")
        return [*container_words, os.path.abspath(support.UFL)]

    def hold(self, *options, lock=None, command=None, **popen):
        """As elsewhere; its command succeeds."""
        self._locks.add(lock or self.lock)
        command = command or ["sh", "-c", "echo ready; read line; :"]
        return super().hold(*options, lock=lock, command=command, **popen)

    def ends(self, processes, begin):
        """Wait for all of {key: process}; {key: (status, seconds since `begin`, stdout, stderr)}.
        Take `begin`, of the monotonic clock, before the first is started."""
        ended = {}

        def look():
            for key, process in processes.items():
                if key not in ended and process.poll() is not None:
                    ended[key] = (process.returncode, time.monotonic() - begin)
            return len(ended) == len(processes)

        support.wait_for(look, "the end of all")
        return {key: (status, seconds, processes[key].stdout.read(), processes[key].stderr.read())
                for key, (status, seconds) in ended.items()}

    def witness(self, name="fifo"):
        witness = Witness(self.path(name))
        self.addCleanup(witness.close)
        return witness

    def run_witnessed(self, witness, *options, script, lock=None, **popen):
        """A ufl whose command is a shell script below a witness; waits until that says "ready"."""
        process = self.start(*options, lock or self.lock, "sh", "-c", witness.begin + script,
                             stdin=subprocess.PIPE, **popen)
        witness.wait_for("ready")
        return process

    def wait_for_beat(self, after, lock=None):
        """Until the beat is higher than `after`; returns it."""
        def look():
            with contextlib.suppress(FileNotFoundError, ValueError, IndexError, KeyError):
                beat = beat_in(self.read_lock(lock))
                return beat if beat > after else None
            return None

        return support.wait_for(look, f"a beat after {after}")

    def kept_observation(self, key):
        """Where ufl has kept what it has seen of `key` (a lock's path, or "refreshed TOKEN");
        removed at the end of the test."""
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
        uid = os.geteuid()
        found = []
        for directory in {f"/run/user/{uid}/ufl", f"/dev/shm/ufl-{uid}", "/dev/shm/ufl-65534",
                          os.path.expanduser("~/.local/state/ufl")}:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                found += [os.path.join(directory, n) for n in os.listdir(directory)
                          if n.endswith(name)]
        for path in found:
            self.addCleanup(lambda path=path: os.path.exists(path) and os.unlink(path))
        return found
