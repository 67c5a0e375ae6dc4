# SPDX-License-Identifier: MIT
"""The examples that README.md and man/ufl.1 print, and the sandbox that they are run in."""

import fcntl
import json
import os
import re
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import NamedTuple, Optional

import support
from support import UFL, clean_environment, private_mounts, wait_for

ROOT = Path(__file__).resolve().parents[2]
README = "README.md"
MAN = "man/ufl.1"
CRONTAB = re.compile(r"(?:[\d*/,-]+ ){5}")

STUBS = ("COMMAND", "STRING", "make", "make-report", "rsync")  # found in PATH
STUBS_HERE = ("deploy", "drain", "handle", "nightly", "prepare", "sync", "upload")  # ./deploy
STUB = """#!/bin/sh
name=${0##*/}
locks=$(ls -d LOCKFILE *.lock */lock /mnt/share/*.lock 2>/dev/null)
echo "$name $*:" $locks >>"$RAN"
while [ -e "$HOLD" ]; do sleep 0.05; done
[ "$name" != "$FAILS" ]
"""

SLEEP = """#!/bin/sh
[ "$1" != 1 ] || until [ -e demo.lock ]; do /bin/sleep 0.05; done
exec /bin/sleep "$@"
"""


class Block(NamedTuple):
    """An example as it is printed."""

    source: str
    line: int
    text: str
    output: Optional[str]  # a block of output that follows it

    def __str__(self):
        return f"{self.source}:{self.line}: {self.key}"

    @property
    def key(self):
        return self.text.splitlines()[0]

    @property
    def is_transcript(self):
        return self.text.startswith("$ ")

    @property
    def script(self):
        """What a reader types."""
        if self.is_transcript:
            lines = [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
            return "\n".join(lines) + "\n"
        return CRONTAB.sub("", self.text) if CRONTAB.match(self.text) else self.text

    @property
    def expected(self):
        """What the reader sees then; None: nothing is said about that."""
        if not self.is_transcript:
            return self.output
        lines = [line for line in self.text.splitlines() if not line.startswith("$ ")]
        return "\n".join(lines) + "\n" if lines else None


def blocks_of_readme():
    found = []
    fence = re.compile(r"^```(\w*)\n(.*?)^```\n", re.M | re.S)
    text = (ROOT / README).read_text(encoding="utf-8")
    end = None
    for match in fence.finditer(text):
        language, content = match.groups()
        follows = end is not None and not text[end:match.start()].strip()
        end = match.end()
        if language == "text" and follows:
            found[-1] = found[-1]._replace(output=content)
        else:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(README, line, content, None))
    return found


def plain(roff):
    """A line of a literal display, as it is shown."""
    text = re.sub(r"\\(?:e|&|-)", lambda match: {"e": "\\", "&": "", "-": "-"}[match[0][1]], roff)
    left = re.sub(r"\\e", "", roff).replace("\\&", "").replace("\\-", "")
    assert "\\" not in left, f"an escape that this test does not know: {roff}"
    assert not roff.startswith((".", "'")), f"a request in a literal display: {roff}"
    return text


def blocks_of_man():
    found = []
    page = (ROOT / MAN).read_text(encoding="utf-8")
    for match in re.finditer(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", page, re.M):
        text = "".join(plain(line) + "\n" for line in match.group(1).splitlines())
        found.append(Block(MAN, page.count("\n", 0, match.start()) + 1, text, None))
    return found


NAMESPACE = private_mounts()


def record(setting):
    """The lock file of a holder on another host."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 163))
    holder = {"v": 1, "host": "build-3", "boot": "1f0c5b5e-7a52-4e8c-9c5a-6a1f3d2b7e90",
              "pid": 4242, "start": 1, "uid": 1000, "user": "alice", "since": since, "delay": 1,
              "command": setting.its_command}
    return f"{setting.prefix}8f14e45f-ceea-467f-9b5a-2f1c3e8a7d60\n{json.dumps(holder)}\n"


class Sandbox(support.UflTestCase):
    """A directory with all that the examples find around them."""

    def setUp(self):
        super().setUp()
        support.limit_time(self)
        self.work = self.path("work")
        self.started = None
        for directory in ("tools", "work/dav", "work/in", "work/build/release"):
            os.makedirs(self.path(directory))
        for name in ("a", "b"):
            self.write("work/in/" + name, "")
        for place in ("tools", "work/build/release"):
            os.symlink(os.path.abspath(UFL), self.path(place, "ufl"))
        for directory, names in (("tools/", STUBS), ("work/", STUBS_HERE)):
            for name in names:
                self.write(directory + name, STUB, 0o755)
        # The example with two contenders: the first must be there when the second comes.
        self.write("work/build/release/sleep", SLEEP, 0o755)
        self.environment = clean_environment(
            PATH=self.path("tools") + ":" + os.environ["PATH"], RAN=self.path("ran"), JOB_ID="17",
            SHELL="/bin/sh", TERM="xterm", HOLD="", FAILS="")

    def words(self, block, setting):
        """The command that runs an example as printed."""
        with_shebang = block.script.startswith("#!")
        script = self.write("example", block.script, 0o755)
        fails_early = setting.stops_at_failure and not block.is_transcript
        words = [script] if with_shebang else ["sh", *(["-e"] if fails_early else []), script]
        if "/mnt/" not in block.script:
            return words
        if NAMESPACE is None:
            self.skipTest("it uses /mnt, and we may not mount something there for ourselves")
        prepare = "mount -t tmpfs x /mnt && mkdir /mnt/share && "
        prepare += f"{setting.before or ':'} >/dev/null && exec \"$@\""
        return [*NAMESPACE, "sh", "-c", prepare, "sh", *words]

    def occupy(self, setting):
        """Let somebody else hold a lock, if the example wants that."""
        if setting.record:
            self.write("work/" + setting.record, record(setting))
        if setting.held:
            hold = self.write("hold", "")
            command = setting.command.split()
            self.start(setting.held, *command, cwd=self.work, env=self.environment | {"HOLD": hold})
            wait_for(self.ran, "the other holder")

    def leave(self):
        """The other holder's command ends."""
        Path(self.path("hold")).unlink(missing_ok=True)

    def begin(self, words, terminal=False, **changes):
        """Start an example; its output is for see()."""
        self.seen = ""
        if terminal:
            self.output, end = os.openpty()
            fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        else:
            self.output, end = os.pipe()
        self.addCleanup(os.close, self.output)
        self.started = subprocess.Popen(
            words, cwd=self.work, env=self.environment | changes, stdin=subprocess.DEVNULL,
            stdout=end, stderr=end, start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0)) if terminal else None)
        self._processes.append(self.started)
        os.close(end)

    def see(self, pattern=None):
        """Read on until `pattern` was seen, or to the end."""
        while pattern is None or not re.search(pattern, self.seen):
            try:
                more = os.read(self.output, 4096)
            except OSError:  # EIO: the terminal was closed
                more = b""
            if not more:
                self.assertIsNone(pattern, f"not seen in: {self.seen}")
                break
            self.seen += more.decode()
        return self.seen

    def ran(self):
        """What the stubs have noted."""
        path = self.path("ran")
        return Path(path).read_text(encoding="utf-8").splitlines() if os.path.exists(path) else []

    def locks(self):
        """The lock files, and what ufl may have left, below the working directory."""
        found = []
        for directory, _, names in os.walk(self.work):
            for name in names:
                if name.endswith(("lock", "LOCKFILE")) or name.startswith(".ufl-"):
                    found.append(os.path.relpath(os.path.join(directory, name), self.work))
        return sorted(found)
