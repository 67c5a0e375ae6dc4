#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lease fences, whatever ufl itself can do: it cannot run at all, and the next holder must find
the command dead, with all that it has started.

Each command writes a line for each moment in which it runs, by the clock that the lease is counted
on, into a file that the next holder writes to as well: who has run beside whom is seen there.
"""

import os
import re
import shlex
import signal
import unittest

import support
from freezers import Frozen1, Frozen2, Traced
from leases import LOST, LeaseTestCase, children_of, warden_of

WORDS = ("-l", "4", "--kill-after", "1")
# A line of the log: who, and when by CLOCK_BOOTTIME in seconds.
WORK = 'while :; do read now rest </proc/uptime; echo "{who} $now" >>log; sleep 0.01; done'


class FrozenTestCase(LeaseTestCase):
    """Commands whose every moment is seen."""

    # A child by which nothing tells whose it is but its parents.
    CHILD = "env -i PATH=$PATH setsid sh -c '" + WORK.format(who="child") + "' & "
    SCRIPT = f"trap 'echo TERM >&9' TERM; {CHILD} echo ready >&9; " + WORK.format(who="command")

    def begin(self, *words, script=SCRIPT, **popen):
        """A ufl whose command is that script, at work; returns it and its witness."""
        witness = self.witness()
        holder = self.run_witnessed(witness, *(words or WORDS), script=script, **popen)
        support.wait_for(lambda: {who for who, _ in self.log()} >= {"child", "command"}, "work")
        return holder, witness

    def log(self):
        """[(who, when)] of all that was written."""
        if not os.path.exists(self.path("log")):
            return []
        with open(self.path("log"), encoding="ascii") as file:
            return [(line.split()[0], float(line.split()[1])) for line in file
                    if re.fullmatch(r"\w+ [0-9.]+\n", line)]

    def take_over(self):
        """By another host, as it were, which writes a line when it runs."""
        process = self.start("-w", "40", self.lock, "sh", "-c",
                             'read now rest </proc/uptime; echo "next $now" >>log',
                             program=self.in_container())
        self.assertEqual(self.wait(process), 0, process.stderr.read())

    def assert_said(self, holder, fragment):
        """By ufl, and nothing else by it; a shell may tell how one of its processes has ended."""
        lines = holder.stderr.read().splitlines(keepends=True)
        said = "".join(line for line in lines if line not in ("Terminated\n", "Killed\n"))
        self.assert_one_line(said, self.lock, fragment)

    def assert_alone(self):
        """Nothing of the first command has run when the next one did, nor since."""
        log = self.log()
        begun = next(now for who, now in log if who == "next")
        self.assertEqual({who for who, now in log if now > begun}, set())
        self.assertEqual(log[-1][0], "next")


class FrozenTest(FrozenTestCase):
    """ufl alone stands still, and no signal lets it go on."""

    def nothing_runs_beside_the_next(self, freezer):
        if not freezer.works():
            self.skipTest(f"no {freezer.name} here")
        holder, witness = self.begin()
        with freezer(holder.pid):
            self.take_over()
            self.assert_alone()
            witness.wait_for_end()
            self.assertEqual(witness.text.count("TERM"), 1, "it is told, and once")
            self.assertIsNotNone(support.process_state(holder.pid))
        self.assertEqual(self.wait(holder), LOST)
        self.assert_said(holder, "the command is stopped")

    def test_traced(self):
        self.nothing_runs_beside_the_next(Traced)

    def test_frozen_by_cgroups_1(self):
        self.nothing_runs_beside_the_next(Frozen1)

    def test_frozen_by_cgroups_2(self):
        self.nothing_runs_beside_the_next(Frozen2)


    def paused(self, freezer):
        """All of it stands still, as in a container that is paused, or a machine that sleeps: it is
        told nothing when it goes on, but killed, and what it does till then is all that it does."""
        if not freezer.works():
            self.skipTest(f"no {freezer.name} here")
        holder, witness = self.begin()
        with open(f"/proc/{holder.pid}/task/{holder.pid}/children", encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        below = [pid for child in children for pid in children_of(child)]
        with freezer(holder.pid, *children, *below):
            self.take_over()
        witness.wait_for_end()
        self.assertEqual(self.wait(holder), LOST)
        self.assertNotIn("TERM", witness.text)
        self.assert_said(holder, "the command is stopped")

    def test_all_paused_by_cgroups_1(self):
        self.paused(Frozen1)

    def test_all_paused_by_cgroups_2(self):
        self.paused(Frozen2)


class WardenTest(FrozenTestCase):
    """It is there whatever happens to it and around it."""

    def test_replaced_at_once_with_the_same_deadline(self):
        if not Traced.works():
            self.skipTest("nothing may be traced")
        holder, witness = self.begin()
        first = warden_of(holder.pid)
        os.kill(first, signal.SIGKILL)
        support.wait_for(lambda: children_of(holder.pid, "lock-warden") not in ([], [first]),
                         "another one")
        with Traced(holder.pid):
            self.take_over()
            self.assert_alone()
            witness.wait_for_end()
        self.assertEqual(self.wait(holder), LOST)

    def test_replaced_though_nothing_is_to_be_refreshed_for_long(self):
        holder, _ = self.begin("-l", "3h")
        for _ in range(3):
            (warden,) = support.wait_for(lambda: children_of(holder.pid, "lock-warden"), "warden")
            os.kill(warden, signal.SIGKILL)
            support.wait_for(
                lambda old=warden: children_of(holder.pid, "lock-warden") not in ([], [old]),
                "another one")
            self.assertIsNone(support.process_state(warden), "it was waited for")

    def test_there_before_the_command(self):
        """The first that this does is to freeze its ufl."""
        witness = self.witness()
        if not Traced.works():
            self.skipTest("nothing may be traced")
        holder = self.run_witnessed(witness, *WORDS, script="exec " + shlex.join(support.tool("freeze_parent.py")))
        witness.wait_for_end()
        self.assertEqual(witness.text, "1 ready\nTERM\n")
        self.assertEqual(self.wait(holder), LOST)

    def test_not_killed_with_the_group_of_ufl(self):
        """As a script, make or cron may do: the command's group is theirs."""
        witness = self.witness()
        holder = self.run_witnessed(
            witness, "-l", "3h", start_new_session=True,
            script="setsid sh -c 'echo ready >&9; exec sleep 120' & wait")
        os.killpg(holder.pid, signal.SIGKILL)
        witness.wait_for_end()


if __name__ == "__main__":
    unittest.main()
