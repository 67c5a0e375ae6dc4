#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Contenders for one lock, some of which are killed at random, and half of which have a lease, for
longer than which some stand still.

UFL_TEST_SEED=N draws what a run that failed has drawn; the clock makes it another run all the same.
UFL_TEST_ROUNDS=N: so many rounds.
"""

import concurrent.futures
import json
import os
import random
import signal
import sys
import time
import unittest

from leases import children_of
from recovery import CRITICAL_SECTION, LOST, RecoveryTestCase
from support import PATIENCE, parent_of

CONTENDERS = 8
ROUNDS = int(os.environ.get("UFL_TEST_ROUNDS", "30"))
AT_ONCE = 3  # a round is mostly spent in the delays of takeovers
SEED = int(os.environ.get("UFL_TEST_SEED", random.randrange(10**6)))
PAUSE = 0.1  # seconds, at most, from one kill to the next, and from SIGSTOP to SIGKILL
STAY = 0.1  # seconds, at most, that a command stays inside

LEASE = 6  # a ufl that is held up for a third of it loses it
LEASED = ("-l", str(LEASE), "--kill-after", "0.3")
SLEEP = LEASE + 1.5  # enough for a takeover by lease, were that allowed

WAYS = ["ufl", "command", "both", "stopped", "asleep", "TERM", "anybody"]

# How one may end who was sent a signal, or whose command was, or who stood still.
ENDS_OF_VICTIMS = {0, -signal.SIGKILL, 128 + signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM,
                   LOST}


def setUpModule():  # pylint: disable=invalid-name
    print(f"UFL_TEST_SEED={SEED}", file=sys.stderr)


def kill_child(pid, parent, number):
    """Send a signal to process `pid` if it is a child of `parent`; never to whoever comes later."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if parent_of(pid) == parent:
            signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


class Round:
    """One lock, its contenders, and what is done to them."""

    def __init__(self, test, number):
        self.random = random.Random(SEED * 1000 + number)
        self.test = test
        self.directory = test.path(f"round-{number}")
        os.mkdir(self.directory)
        self.lock = self.path("lock")
        self.contenders = []
        self.done = []  # what was done to whom
        self.victims = set()
        self.problems = []
        self.takeovers = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, *words):
        """A contender; its token begins with its index."""
        stay = f"{self.random.uniform(0, STAY):.3f}"
        contender = self.test.start(
            "-p", f"{len(self.contenders)}:", "-r", "20ms", *words, self.lock, sys.executable, "-I",
            "-S", "-c", CRITICAL_SECTION, self.path("inside"), self.path("log"), stay)
        self.contenders.append(contender)
        return contender

    def holder(self):
        """The process numbers in the lock file, of ufl and of its command."""
        try:
            with open(self.lock, encoding="utf-8") as file:
                record = json.loads(file.read().splitlines()[1])
        except FileNotFoundError:
            return None, None
        return record["pid"], (record.get("child") or {}).get("pid")

    def kill_somebody(self):
        """The holder, its command, both, or any contender."""
        way = self.random.choice(WAYS)
        anybody = self.random.random()
        alive = [index for index, process in enumerate(self.contenders) if process.poll() is None]
        if not alive:
            return
        ufl, command = self.holder()
        by_pid = {self.contenders[index].pid: index for index in alive}
        if way == "anybody" or ufl not in by_pid:
            index, command = alive[int(anybody * len(alive))], None
        else:
            index = by_pid[ufl]
        self.victims.add(index)
        self.done.append(f"{way} {index}")
        contender = self.contenders[index]
        if way == "asleep":
            return self.put_to_sleep(contender, command)
        if way == "stopped":
            contender.send_signal(signal.SIGSTOP)
            time.sleep(self.random.uniform(0, PAUSE))
        if way in ("command", "both", "stopped") and command:
            kill_child(command, contender.pid, signal.SIGKILL)
        if way != "command":
            contender.send_signal(signal.SIGTERM if way == "TERM" else signal.SIGKILL)

    def put_to_sleep(self, contender, command):
        """With its command and its warden, if it has them, for longer than its lease. The command
        stays inside meanwhile, and the lifeline keeps others out."""
        helpers = [command] if command else []
        helpers += children_of(contender.pid, "lock-warden")
        contender.send_signal(signal.SIGSTOP)
        for pid in helpers:
            kill_child(pid, contender.pid, signal.SIGSTOP)
        time.sleep(SLEEP)
        for pid in helpers:
            kill_child(pid, contender.pid, signal.SIGCONT)
        contender.send_signal(signal.SIGCONT)

    def play(self):
        """Returns this round, with its problems."""
        for index in range(CONTENDERS):
            self.start(*LEASED[:len(LEASED) * (index % 2)])
        for _ in range(self.random.randint(1, 6)):
            time.sleep(self.random.uniform(0, PAUSE))
            self.kill_somebody()
        for index, contender in enumerate(self.contenders):
            self.judge(index, contender)
        fresh = self.start("-w", "30")
        self.judge(CONTENDERS, fresh)
        self.judge_files()
        return self

    def judge(self, index, contender):
        _, stderr = contender.communicate(timeout=PATIENCE)
        allowed = ENDS_OF_VICTIMS if index in self.victims else {0}
        self.takeovers += contender.returncode == 0 and self.lock in stderr
        if contender.returncode not in allowed:
            self.problems.append(f"{index} ended with {contender.returncode}: {stderr}")

    def judge_files(self):
        if os.path.exists(self.path("inside.overlap")):
            self.problems.append("two at once")
        with open(self.path("log"), encoding="ascii") as file:
            entries = [int(token.split(":")[0]) for token in file.read().split()]
        if len(entries) != len(set(entries)):
            self.problems.append(f"twice: {entries}")
        lost = set(range(len(self.contenders))) - set(entries) - self.victims
        if lost:
            self.problems.append(f"never got it: {lost}")
        # A taker that is killed may leave a temporary file. Everybody else cleans up.
        names = set(os.listdir(self.directory)) - {"inside", "inside.overlap", "log"}
        litter = [name for name in names if name.startswith(".ufl-")]
        if len(litter) > len(self.victims) or names - set(litter):
            self.problems.append(f"left behind: {names}")


class RandomKills(RecoveryTestCase):
    def test_the_lock_always_comes_free_again(self):
        rounds = [Round(self, number) for number in range(ROUNDS)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for played in pool.map(Round.play, rounds):
                with self.subTest(directory=played.directory, done=played.done, seed=SEED):
                    self.assertEqual(played.problems, [])
        if ROUNDS < 30:
            return
        # Or the test does less than it says.
        ways = {done.split()[0] for played in rounds for done in played.done}
        self.assertEqual(ways, set(WAYS))
        self.assertGreater(sum(played.takeovers for played in rounds), 0)


if __name__ == "__main__":
    unittest.main()
