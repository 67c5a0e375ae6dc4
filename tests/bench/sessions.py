# SPDX-License-Identifier: MIT
"""Running contenders: each cell in a session of its own, so that all of it can be ended.

Everything runs in one work directory, and names in it are relative and without blanks, because
sem hands its command to a shell. Logs lie beside the directory of the lock, not in it: a tool that
watches that directory is not to be woken by the benchmark.
"""

import contextlib
import itertools
import os
import select
import shutil
import signal
import subprocess
import time

import figures

STAMP = "./stamp"
TRUE = shutil.which("true")
SLEEP = shutil.which("sleep")

# PROCESSES loops, each doing TURNS turns (0: without end), as `command LOG.k HOLD`.
_LOOPS = r"""
processes=$1 turns=$2 log=$3 hold=$4; shift 4
k=0
while [ $k -lt $processes ]; do
  (
    i=0
    while [ $turns -eq 0 ] || [ $i -lt $turns ]; do
      "$@" $log/$k $hold || { echo $? >>$log/failed; exit 1; }
      i=$((i + 1))
    done
  ) &
  k=$((k + 1))
done
wait
"""


def _members(sessions):
    """The processes of `sessions`, a set, that still run."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[3]) in sessions and fields[0] not in "ZX":
                found.append(int(name))
    return found


class Cell:
    """A lock of its own, a directory for the logs, and the processes that were started for it."""

    def __init__(self, name):
        self.name = name
        self.lock = f"{name}/lock"
        self.logs = f"{name}.logs"
        self._started = []
        self._stopped = None
        os.mkdir(name)
        os.mkdir(self.logs)

    def start(self, words):
        """Start `words` in a session of its own, with no input and no output."""
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        self._started.append(process)
        return process

    def start_loops(self, tool, processes, turns, hold):
        """Start loops that run the stamp under `tool`; see _LOOPS. `hold` in ms."""
        return self.start(["/bin/sh", "-c", _LOOPS, "loops", str(processes), str(turns), self.logs,
                           str(hold), *tool.command(self.lock, STAMP)])

    def turns(self):
        """All turns so far, in order; none that ended after stop() began to kill.

        It kills one process after the other: a tool that sees that a holder is dead may take its
        lock while the command of that holder still runs, and would be blamed for it.
        """
        found = []
        for name in os.listdir(self.logs):
            if name != "failed":
                with open(f"{self.logs}/{name}", encoding="ascii") as file:
                    found += figures.parse_stamps(file.read(), int(name))
        return sorted(turn for turn in found if self._stopped is None or turn[1] < self._stopped)

    def failures(self):
        """How many loops gave up because the tool failed."""
        try:
            with open(f"{self.logs}/failed", encoding="ascii") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def members(self):
        """The ids of all processes of this cell that still run."""
        return _members({process.pid for process in self._started})

    def forget(self):
        """Nothing more is to be ended: what was started has been waited for."""
        self._started.clear()

    def stop(self):
        """Kill what still runs; the logs stay."""
        self._stopped = time.monotonic_ns()
        # More than once: one that forks may be faster than the look at /proc.
        while left := self.members():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        for process in self._started:
            process.wait()
        self._started.clear()

    def end(self):
        """Kill what still runs, and remove the directories."""
        self.stop()
        for directory in (self.name, self.logs):
            shutil.rmtree(directory, ignore_errors=True)


_serial = itertools.count(1)


@contextlib.contextmanager
def cell():
    """A new Cell, ended at the end of the block whatever happens."""
    made = Cell(f"cell-{next(_serial)}")
    try:
        yield made
    finally:
        made.end()


def set_environment(directory):
    """Give all contenders the same environment: no UFL_*, and a home in `directory`."""
    for name in list(os.environ):
        if name.startswith(("UFL_", "PARALLEL", "XDG_")):
            del os.environ[name]
    parallel = os.path.join(directory, "parallel")
    os.makedirs(parallel, exist_ok=True)
    with open(os.path.join(parallel, "will-cite"), "w", encoding="ascii"):
        pass
    os.environ.update(LC_ALL="C", HOME=directory, TMPDIR=directory, SHELL="/bin/sh",
                      PARALLEL_HOME=parallel, PARALLEL_SHELL="/bin/sh")


def ended_within(process, seconds):
    """Wait for `process`, exactly: Popen.wait looks only every 50 ms when it has a timeout."""
    descriptor = os.pidfd_open(process.pid)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def works(tool):
    """Does `tool` run a command under a free lock?"""
    with cell() as here:
        process = here.start(tool.command(here.lock, TRUE))
        return ended_within(process, 30) and process.wait() == 0


def start_up(tool, runs=3):
    """Seconds that `tool` takes around a command that does nothing: the median of some runs."""
    times = []
    with cell() as here:
        for _ in range(runs):
            begin = time.monotonic()
            here.start(tool.command(here.lock, TRUE)).wait()
            times.append(time.monotonic() - begin)
    return figures.median(times)
