# SPDX-License-Identifier: MIT
"""The lock tools that are compared: how each is called, and how it waits."""

import dataclasses
import os
import shutil
import subprocess
import sys

FIVE_STEP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "five_step.py")

# The poll of the five steps: a tenth of what scripts usually take, to give it a good chance.
FIVE_STEP_RETRY = "0.01"


@dataclasses.dataclass(frozen=True)
class Tool:
    """A lock tool. `words` come before the lock file, `after` between it and the command."""

    name: str
    words: tuple[str, ...]
    waits: str  # how it waits, for the tables
    version: str
    after: tuple[str, ...] = ()
    slow: bool = False  # polls or starts slowly: fewer runs, and no more than 64 processes
    by_name: bool = False  # wants a name rather than a path (sem)
    lockless: bool = False  # takes no lock (env)

    def command(self, lock, *command):
        """The argument vector that runs `command` under `lock`, a path without blanks."""
        if self.lockless:
            return [*self.words, *command]
        return [*self.words, lock.replace("/", "-") if self.by_name else lock, *self.after,
                *command]


# The least that any wrapper costs: it starts, and starts the command.
NO_LOCK = Tool("env (no lock)", (shutil.which("env"),), "", "", lockless=True)


def _first_line(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip().split("\n")[0]


def _package(name):
    """The version of a Debian package, for tools that do not tell theirs; "" elsewhere."""
    if shutil.which("dpkg-query") is None:
        return ""
    version = _first_line("dpkg-query", "-W", "-f", "${Version}", name)
    return f"{name} {version}" if version else ""


def find(ufl):
    """(tools that are installed, names of those that are not); `ufl` is the path of ours."""
    python = os.path.realpath(sys.executable)
    tools = [Tool("ufl", (ufl,), "woken by inotify(7); looks every 3 s", _first_line(ufl, "--version"))]
    missing = []

    def add(name, program, options, waits, version, **more):
        path = shutil.which(program)
        if path is None:
            missing.append(name)
        else:
            tools.append(Tool(name, (path, *options), waits, version(path), **more))

    add("flock", "flock", (), "blocks in flock(2)", lambda path: _first_line(path, "--version"))
    add("lckdo", "lckdo", ("-w",), "blocks in fcntl(2)", lambda _: _package("moreutils"))
    add("s6-setlock", "s6-setlock", (), "blocks in fcntl(2)", lambda _: _package("s6"))
    # -i 0 looks without any pause, at the cost of a whole core for each waiter.
    add("dotlockfile", "dotlockfile", ("-l", "-p", "-P", "-r", "-1", "-i", "1"),
        "polls every 1 s, the shortest pause it knows", lambda _: _package("liblockfile-bin"),
        slow=True)
    # sem 20221122 lets two in at times: it removes the file whose flock guards its count, so that
    # of two that wait for it one locks the old file and one a new one. The tables say so.
    add("sem", "sem", ("--fg", "--id"), "polls, by chance 0 to 1 ms at first, up to 1 s",
        lambda path: _first_line(path, "--version"), slow=True, by_name=True)
    tools.append(Tool("five-step", (python, "-B", FIVE_STEP), f"polls every {FIVE_STEP_RETRY} s",
                      f"Python {sys.version.split()[0]}", ("0", FIVE_STEP_RETRY), slow=True))
    return tools, missing


def with_delay(tool, delay):
    """`tool` (ufl or five-step) with a verification delay of `delay` seconds."""
    if tool.name == "ufl":
        return dataclasses.replace(tool, words=(*tool.words, "-d", delay))
    return dataclasses.replace(tool, after=(delay, FIVE_STEP_RETRY))
