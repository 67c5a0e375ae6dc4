#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lease that cannot be refreshed: the command and all that it has started is dead before somebody
else may run.
"""

import json
import os
import re
import signal
import time
import unittest

import support
from containers import share, works
from faults import FaultTestCase
from leases import FAILED, LEASE, LOST, SHORT, TAKEOVER, beat_in, pause
from stopping import LATEST, SLEEP, STAY, StoppingTestCase


class ShareTest(StoppingTestCase):
    """As if it really was one."""

    def test_nothing_is_left_in_memory(self):
        """Whoever takes it over may run on another host."""
        place = share("nfs4")
        if not works(tuple(place)):
            self.skipTest("needs root, and mounts of its own")
        holder = self.run_witnessed(
            self.witness(), *SHORT, "-d", "0", script=f"echo ready >&9; {SLEEP}",
            program=[*place, os.path.abspath(support.UFL)])
        path = f"/dev/shm/ufl-{os.getuid()}-{self.token('share')[-36:]}"
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        self.assertTrue(os.path.exists(path))
        self.lose_share()
        self.assertEqual(self.wait(holder), LOST)
        self.assertFalse(os.path.exists(path))


class UnmountedTest(StoppingTestCase):
    """The file system of the lock is not there any more: that is said, and nothing of slowness."""

    def test_why(self):
        words = support.private_mounts()
        if words is None:
            self.skipTest("needs private mounts")
        ends = {"unmounted": 'umount -l "$D"', "hidden": 'mount -t tmpfs y "$D"'}
        holders = {}
        for name, end in ends.items():
            os.mkdir(self.path(name))
            holders[name] = self.start(  # it must have time to ask for its file
                "-l", "6", "--kill-after", "0.3", self.path(name, "lock"), "sh", "-c",
                f'{end} && echo done; {SLEEP}',
                env=support.clean_environment(D=self.path(name)),
                program=[*words, "sh", "-c", 'mount -t tmpfs x "$D" && exec "$@"', "sh",
                         os.path.abspath(support.UFL)])
        for name, holder in holders.items():
            with self.subTest(share=name):
                self.assertEqual(holder.stdout.readline(), "done\n")
                self.assertEqual(self.wait(holder), LOST)
                stderr = holder.stderr.read()
                self.assert_one_line(stderr, self.path(name, "lock"),
                                     "check the file system of " + self.path(name))
                # What the last look at the file has found, or that at its directory.
                self.assertRegex(stderr, "its file is gone, and perhaps its file system|"
                                         "another file system is mounted there now, or none")


class LateSpawnTest(FaultTestCase, StoppingTestCase):
    """The command cannot be started, and that takes until the lease is over."""

    def test_leaves_the_file(self):
        fault = "clone:error=EAGAIN:when=1"
        stopped = self.stopped(fault, *SHORT, "lock", "true")
        pause(LEASE)
        with self.untouched():
            status, _, stderr = self.go_on(*stopped)
        self.assertEqual(status, FAILED, stderr)
        self.assertIn("cannot start a process", stderr)
        self.assertIn("not released", stderr)


class WholeTreeTest(StoppingTestCase):
    """Whatever a command has started."""

    # Each says "ready" to descriptor 9, which is open for as long as anything of it lives.
    COMMANDS = {
        "by itself": f"echo ready >&9; {SLEEP}",
        "background": f"sleep 120 & echo ready >&9; {SLEEP}",
        "group of its own": f"set -m; sleep 120 & set +m; echo ready >&9; {SLEEP}",
        "session of its own": f"setsid sleep 120 & echo ready >&9; {SLEEP}",
        "daemon": f"(setsid sh -c 'sleep 120 & echo ready >&9' &) ; {SLEEP}",
        "deaf": f"trap '' TERM; sleep 120 & echo ready >&9; {STAY}",
        "deaf child": f"(trap '' TERM; echo ready >&9; {STAY}) & {SLEEP}",
        "stopped child": f"(kill -STOP $(sh -c 'echo $PPID')) & echo ready >&9; {SLEEP}",
        "deaf stopped child": "(trap '' TERM; echo ready >&9; kill -STOP $(sh -c 'echo $PPID'); "
                              f"{STAY}) & {SLEEP}",
        # A process that is another one all the time; it ends when nobody reads.
        "runs away": "run() { echo . >&9 || exit; sleep 0.01; run & }; trap '' TERM; run & "
                     f"echo ready >&9; {STAY}",
        "starts another when told": "trap 'setsid sleep 120 & echo TERM >&9; exit' TERM; "
                                    f"echo ready >&9; {STAY}",
    }

    def test_nothing_survives(self):
        holders, witnesses, tokens = {}, {}, {}
        for number, (name, script) in enumerate(self.COMMANDS.items()):
            share = f"share-{number}"
            os.mkdir(self.path(share))
            witnesses[name] = self.witness(f"fifo-{number}")
            words = ("-l", "3", "--kill-after", "1.5") if "when told" in name else SHORT
            holders[name] = self.run_witnessed(witnesses[name], *words, script=script,
                                               lock=self.path(share, "lock"))
        begin = self.lose_share("share-0")
        for number in range(1, len(holders)):
            begin = self.lose_share(f"share-{number}")
        tokens = [self.token(f"share-{number}.away") for number in range(len(holders))]
        # Of some the end shows late to a test that is busy with another: watched side by side.
        dead = {}

        def look():
            for name, witness in witnesses.items():
                if name not in dead and witness.read():
                    dead[name] = time.monotonic() - begin
            return len(dead) == len(witnesses)

        support.wait_for(look, "the end of all")
        for number, (name, holder) in enumerate(holders.items()):
            with self.subTest(command=name):
                self.assertEqual(self.wait(holder), LOST)
                self.assertLess(dead[name], LATEST + ("when told" in name))  # its lease is longer
                self.assertIn(self.path(f"share-{number}"), holder.stderr.read())
                self.assertEqual(self.token(f"share-{number}.away"), tokens[number])
        self.assertIn("TERM", witnesses["starts another when told"].text)

    def test_what_is_none_of_its(self):
        """Children that ufl had before it was ufl: exec keeps them."""
        stranger, witness = self.witness("stranger"), self.witness()
        script = (f'(exec 9>"{stranger.path}"; echo ready >&9; {SLEEP}) & exec "$@"')
        holder = self.run_witnessed(
            witness, *SHORT, script=f"echo ready >&9; {SLEEP}",
            program=["sh", "-c", script, "sh", os.path.abspath(support.UFL)])
        stranger.wait_for("ready")
        self.lose_share()
        self.assertEqual(self.wait(holder), LOST)
        witness.wait_for_end()
        self.assertTrue(stranger.is_open())
        # It has not been killed with the test's processes either: they know it not.
        for pid in self.processes_that_write_to(stranger.path):
            os.kill(pid, signal.SIGKILL)

    @staticmethod
    def processes_that_write_to(path):
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/fd/9") == path:
                    yield int(name)
            except OSError:
                continue


class OrderTest(StoppingTestCase):
    """First it is asked, then it is killed; and not before time."""

    def test_asked_first(self):
        witnesses = {name: self.witness(name) for name in ("obeys", "asks for time", "fails")}
        ends = {"obeys": "exit", "asks for time": "sleep 30", "fails": "exit 3"}
        holders = {}
        for name, witness in witnesses.items():
            os.mkdir(self.path(f"share-{name}"))
            holders[name] = self.run_witnessed(
                witness, "-l", "3", "--kill-after", "1", lock=self.path(f"share-{name}", "lock"),
                script=f"trap 'read up rest </proc/uptime; echo TERM $up >&9; {ends[name]}' TERM; "
                       f"echo ready >&9; {STAY}")
        for name in holders:
            self.lose_share(f"share-{name}")
        begin = time.clock_gettime(time.CLOCK_BOOTTIME)
        slow = witnesses["asks for time"]
        slow.wait_for_end()
        killed = time.clock_gettime(time.CLOCK_BOOTTIME)
        for name, witness in witnesses.items():
            witness.wait_for("TERM")
            self.assertEqual(self.wait(holders[name]), LOST)
        self.assertLess(killed - begin, 3 + TAKEOVER)
        # Of the 1 s that it was given; by its own clock, however late that is seen here.
        told = float(re.search(r"TERM (\S+)", slow.text)[1])
        self.assertGreater(killed - told, 0.2)
        for witness in witnesses.values():
            self.assertEqual(witness.text.count("TERM"), 1)

    def test_share_that_comes_back_in_time(self):
        """It is asked again and again: at a third of the lease, and then every second."""
        witness = self.witness()
        holder = self.run_witnessed(
            witness, "-l", "9", "--kill-after", "0.5", "-v",
            script="trap 'echo TERM >&9; exit' TERM; echo ready >&9; read line; echo end >&9")
        beat = beat_in(self.read_lock())
        self.lose_share()
        pause(9 / 3 + 0.5)  # one refresh has failed
        self.get_share_back()
        self.assertGreater(self.wait_for_beat(beat), beat)
        self.assertEqual(self.let_go(holder), 0)
        witness.wait_for_end()
        self.assertEqual(witness.text, "ready\nend\n")
        self.assertNotIn("lost", holder.stderr.read())
        self.assert_no_lock()

    def test_warn(self):
        """With --on-lost warn the command goes on, and 76 is for one that has succeeded."""
        holders = {}
        os.mkdir(self.path("reports"))
        for status in (0, 5):
            os.mkdir(self.path(f"share-{status}"))
            holders[status] = self.hold(
                *SHORT, "--on-lost", "warn", "--report", self.path("reports", f"{status}"),
                lock=self.path(f"share-{status}", "lock"),
                command=["sh", "-c", f"echo ready; read line; echo end; exit {status}"])
            self.lose_share(f"share-{status}")
        for status, holder in holders.items():
            with self.subTest(status=status):
                line = holder.stderr.readline()
                self.assert_one_line(line, self.path(f"share-{status}", "lock"))
                self.get_share_back(f"share-{status}")
                with self.untouched(self.path(f"share-{status}", "lock")):
                    self.assertEqual(self.let_go(holder), status or LOST)
                self.assertEqual(holder.stdout.read(), "end\n")
                with open(self.path("reports", f"{status}"), encoding="utf-8") as report:
                    self.assertEqual(json.load(report)["outcome"], "lost")
                self.assertEqual(holder.stderr.read(), "")


if __name__ == "__main__":
    unittest.main()
