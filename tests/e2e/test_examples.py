#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every example of README.md and man/ufl.1, run as printed, in a sandbox.

The commands that the examples run under a lock are stubs, which note that they ran and which lock
files were there. Output is compared but for numbers, names, tokens and times; "..." in the
documentation stands for any text.
"""

import json
import os
import re
import signal
import unittest
from pathlib import Path
from typing import NamedTuple

import support
from examples import MAN, README, ROOT, Sandbox, blocks_of_man, blocks_of_readme
from support import UFL, wait_for

NOT_RUN = {
    '.ci/setup build && cmake --workflow --preset release && build/release/ufl /tmp/demo.lock echo '
    '"only me"': "it installs packages and builds, as the line of .ci/run does",
    ".ci/setup && cmake --workflow --preset test": "it is the line that .ci/run runs",
}


class Setting(NamedTuple):
    """What an example needs around it, and what comes of it."""

    status: int = 0
    ran: tuple = ()  # what the stubs noted
    output: str = ""  # a pattern, where the documentation shows no output
    held: str = ""  # somebody on this host holds this lock,
    command: str = "./sync"  # with this command,
    until: str = ""  # until this pattern was seen (else to the end)
    record: str = ""  # somebody on another host holds this lock,
    prefix: str = ""  # with such a token,
    its_command: str = ""  # and this command
    before: str = ""  # commands that are not shown
    stays: tuple = ()  # locks that are still there afterwards
    terminal: bool = False
    in_order: bool = True
    stops_at_failure: bool = True
    leaves: str = ""  # a file of JSON that is left


DEPLOYS = Setting(record="deploy.lock", prefix="job-17-", its_command="./deploy --to web")
SETTINGS = {
    README: {
        # The two are two processes: what one says last may come after what the other says first.
        "PATH=$PWD/build/release:$PATH": Setting(in_order=False),
        "ufl LOCKFILE COMMAND [ARG]...     # hold LOCKFILE while COMMAND runs": Setting(
            ran=("COMMAND [ARG]...: LOCKFILE", "STRING : LOCKFILE", *4 * ("COMMAND : LOCKFILE",))),
        "$ ufl deploy.lock ./deploy": Setting(
            held="deploy.lock", command="rsync -a site web:", until="waiting for", terminal=True,
            ran=("rsync -a site web:: deploy.lock", "deploy : deploy.lock")),
        "*/5 * * * * ufl -n -E 0 --lease 60 /mnt/share/report.lock make-report": Setting(
            ran=("make-report : /mnt/share/report.lock",)),
        "$ ufl --status deploy.lock": Setting(
            record="deploy.lock", its_command="rsync -a site web:", status=75,
            stays=("deploy.lock",)),
        "$ ufl --report outcome.json deploy.lock ./deploy; cat outcome.json": Setting(
            ran=("deploy : deploy.lock",), leaves="outcome.json"),
    },
    MAN: {
        "$ ufl --status deploy.lock build.lock": DEPLOYS._replace(
            status=75, stays=("deploy.lock",)),
        "token=$(ufl --acquire --pid $$ --lease 60 -w 10m queue.lock) || exit": Setting(
            ran=("handle in/a: queue.lock", "handle in/b: queue.lock")),
        "0 * * * * ufl -n -E 0 --lease 60 /mnt/share/report.lock make-report": Setting(
            ran=("make-report : /mnt/share/report.lock",)),
        'ufl -w 10m -E 0 --lease 60 -p "job-$JOB_ID-" /mnt/share/deploy.lock ./deploy': Setting(
            ran=("deploy : /mnt/share/deploy.lock",)),
        "$ ufl -v dav/lock ./sync": Setting(
            held="dav/lock", until="waiting: ", ran=2 * ("sync : dav/lock",)),
        "$ ufl -n deploy.lock ./deploy": DEPLOYS,
        "ufl -w 10m --report outcome.json deploy.lock ./deploy": Setting(
            ran=("deploy : deploy.lock",), leaves="outcome.json"),
        "ufl --status --json /mnt/share/*.lock >locks.json": Setting(
            before="ufl --acquire /mnt/share/a.lock", status=75, leaves="locks.json"),
        "ufl build.lock -c 'make && make install'": Setting(
            ran=("make : build.lock", "make install: build.lock")),
        "timeout 1h ufl nightly.lock ./nightly": Setting(ran=2 * ("nightly : nightly.lock",)),
        "ufl -n -E 200 queue.lock ./drain": Setting(
            held="queue.lock", ran=("sync : queue.lock",), stops_at_failure=False,
            output="somebody else drains the queue"),
    },
}
WORKED_SCRIPT = Setting(ran=("prepare : deploy.lock", "upload : deploy.lock"))


def is_worked_script(block):
    return block.key == "#!/bin/sh"


BLOCKS = blocks_of_readme() + blocks_of_man()


def without_particulars(text):
    for pattern, word in ((support.UUID, "UUID"),
                          (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "DATE"),
                          (r"[\w.-]+@[\w.-]+", "USER@HOST"),
                          (r"\bpid \d+", "pid PID"),
                          (r"\b\d+(?:\.\d+)?(?:ms|[smhd])(?:\d+[smhd])?\b", "TIME"),
                          (r"\b\d+:\d\d\b", "CLOCK"),
                          (r'(?<="waited":)[\d.]+|(?<="held":)[\d.]+', "SECONDS")):
        text = re.sub(pattern, word, text)
    return text


def pattern_of(expected):
    """A regular expression for lines that differ in particulars only."""
    escaped = re.escape(without_particulars(expected.replace("…", "...")))
    return escaped.replace(re.escape("..."), ".*")


class Examples(Sandbox):
    """Each is run as printed, and does what the documentation says."""

    def test_every_example_was_found(self):
        # What a change of the markup would hide
        self.assertEqual(len(blocks_of_readme()),
                         len(re.findall(r"^```\w+$", (ROOT / README).read_text(), re.M)) - 1)
        for line in (ROOT / MAN).read_text(encoding="utf-8").splitlines():
            self.assertNotRegex(line, r"^\.(Dl .*ufl|Bd (?!-literal))", "blocks_of_man() misses it")
        self.assertGreater(len(BLOCKS), 15)

    def test_every_setting_is_of_an_example(self):
        keys = {README: set(), MAN: set()}
        for block in BLOCKS:
            keys[block.source].add(block.key)
        for source, settings in SETTINGS.items():
            self.assertLessEqual(set(settings), keys[source])
        self.assertLessEqual(set(NOT_RUN), keys[README])

    def compare(self, block, setting):
        shown = without_particulars(self.seen.replace("\r\n", "\n"))
        if setting.output:
            self.assertRegex(shown, setting.output)
        if block.expected is None:
            return
        if setting.terminal:
            # A line that is rewritten, and erased at the end
            drawn = [line.partition("\x1b[K")[0] for line in shown.split("\r")]
            pattern = pattern_of(block.expected.rstrip("\n"))
            self.assertTrue(any(re.fullmatch(pattern, line) for line in drawn), drawn)
            self.assertEqual(drawn[-1], "")
            return
        pattern = pattern_of(block.expected)
        if not setting.in_order:
            self.assertEqual(sorted(shown.splitlines()),
                             sorted(without_particulars(block.expected).splitlines()))
        elif not re.fullmatch(pattern, shown):
            printed = without_particulars(block.expected)
            self.fail(f"{block}\nprinted: {printed}\nbut it says: {shown}")

    def run_example(self, block, setting):
        if setting.terminal and not support.can_open_terminals():
            self.skipTest("no pseudo-terminals here: is devpts mounted?")
        words = self.words(block, setting)
        self.occupy(setting)
        self.begin(words, setting.terminal)
        if setting.until:
            self.see(setting.until)
            self.leave()
        self.see()
        self.assertEqual(self.wait(self.started), setting.status, self.seen)
        self.compare(block, setting)
        if setting.leaves:
            for line in Path(self.work, setting.leaves).read_text(encoding="utf-8").splitlines():
                self.assertIn("lock", json.loads(line))
        self.leave()
        for process in self._processes:
            self.wait(process)
        self.assertEqual(self.ran(), list(setting.ran))
        self.assertEqual(self.locks(), list(setting.stays))


def add_examples():
    """A test for each block."""
    def test(block, setting):
        return lambda self: self.run_example(block, setting)

    for number, block in enumerate(BLOCKS):
        if block.key in NOT_RUN:
            continue
        usual = WORKED_SCRIPT if is_worked_script(block) else Setting()
        setting = SETTINGS[block.source].get(block.key, usual)
        function = test(block, setting)
        function.__doc__ = str(block)
        setattr(Examples, f"test_{number:02}_{Path(block.source).stem}_{block.line}", function)


add_examples()


class WorkedScript(Sandbox):
    """The script that holds a lock over several commands, when something goes wrong."""

    def scripts(self):
        """Begin each with all that it needs; whatever happens, it must leave no lock."""
        found = [block for block in BLOCKS if is_worked_script(block)]
        self.assertEqual({block.source for block in found}, {README, MAN})
        for block in found:
            with self.subTest(block.source):
                Path(self.path("ran")).unlink(missing_ok=True)
                yield self.words(block, WORKED_SCRIPT)
                self.assertEqual(self.locks(), [])

    def end(self):
        self.see()
        return self.wait(self.started)

    def test_a_command_fails(self):
        for words in self.scripts():
            self.begin(words, FAILS="prepare")
            self.assertEqual((self.end(), self.seen), (1, ""))
            self.assertEqual(self.ran(), ["prepare : deploy.lock"])

    def test_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for words in self.scripts():
                hold = self.write("hold", "")
                self.begin(words, HOLD=hold)
                wait_for(self.ran, "the first command")
                os.killpg(self.started.pid, number)
                self.assertEqual(self.end(), 1, self.seen)
                self.assertEqual(len(self.ran()), 1)

    def slow_release(self):
        """A ufl that says that it is to release, and is one only when it may."""
        os.unlink(self.path("tools/ufl"))
        self.write("tools/ufl", f"""#!/bin/sh
[ "$1" != --release ] || {{
  >"{self.path('releasing')}"
  while [ -e "{self.path('slow')}" ]; do sleep 0.01; done
}}
exec "{os.path.abspath(UFL)}" "$@"
""", 0o755)

    def check_signal_during_release(self, *before, **changes):
        """The release goes on; `before` it come other signals."""
        self.slow_release()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for words in self.scripts():
                Path(self.path("releasing")).unlink(missing_ok=True)
                self.write("slow", "")
                if "HOLD" in changes:
                    self.write("hold", "")
                self.begin(words, **changes)
                for earlier in before:
                    wait_for(self.ran, "the first command")
                    os.killpg(self.started.pid, earlier)
                wait_for(lambda: os.path.exists(self.path("releasing")), "the release")
                os.killpg(self.started.pid, number)
                os.unlink(self.path("slow"))
                self.end()

    def test_a_signal_when_it_releases(self):
        self.check_signal_during_release()

    def test_a_second_signal(self):
        self.check_signal_during_release(signal.SIGHUP, HOLD=self.path("hold"))

    def test_the_lock_is_broken_meanwhile(self):
        for words in self.scripts():
            hold = self.write("hold", "")
            self.begin(words, HOLD=hold)
            wait_for(self.ran, "the first command")
            token = Path(self.work, "deploy.lock").read_text(encoding="utf-8").splitlines()[0]
            refused = self.ufl("--break", "deploy.lock", cwd=self.work)
            self.assertEqual(refused.returncode, 75, "the script, which --pid names, is seen alive")
            self.ufl("--break", "--token", token, "deploy.lock", cwd=self.work)
            self.leave()
            self.assertEqual(self.end(), 76)
            self.assertIn("not held with the token", self.seen)
            self.assertEqual(self.ran(), ["prepare : deploy.lock"])

    def test_the_lock_is_not_acquired(self):
        for words in self.scripts():
            lock = self.write("work/deploy.lock", "8f14e45f-ceea-467f-9b5a-2f1c3e8a7d60")
            script = Path(words[0])
            patience = "-w 10m"
            self.assertIn(patience, script.read_text(encoding="utf-8"))
            script.write_text(script.read_text(encoding="utf-8").replace(patience, "-n"))
            self.begin(words)
            self.assertEqual(self.end(), 75)
            self.assertEqual(self.ran(), [])
            os.unlink(lock)


if __name__ == "__main__":
    unittest.main()
