#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl on a real share: sshfs, mounted twice, and what is asked of the one mount can be made to hang.

Whether two run at once is told by flock(2) on a local file that no share has a part in: every
process of a command inherits it, and another command that cannot have it says so.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]
import sshfs  # noqa: E402
import support  # noqa: E402
from leases import BUSY, LOST, container  # noqa: E402
from support import UFL  # noqa: E402

TWO = 99  # the status of a command that was not alone


def setUpModule():  # pylint: disable=invalid-name
    reason = sshfs.why_not()
    if reason:
        raise unittest.SkipTest(reason)
    sshfs.hide_mounts()


class ShareTestCase(support.UflTestCase):
    """A share with two clients: the mounts `a` and `b`."""

    OPTIONS = ()  # of sshfs
    LINE = 0  # seconds until the server is asked

    def setUp(self):
        super().setUp()
        support.limit_time(self)
        base = tempfile.mkdtemp(prefix="ufl-share-")
        self.addCleanup(self.remove, base)
        self.share = sshfs.Share(base)
        self.addCleanup(self.share.close)
        self.a, self.b = (self.share.mount(name, *self.OPTIONS, line=self.LINE) for name in "ab")

    def tearDown(self):
        # First: what waits for a share that hangs cannot even be killed.
        self.share.close()
        super().tearDown()

    @staticmethod
    def remove(base):
        # Never into a mount that is still there.
        subprocess.run(["rm", "-rf", "--one-file-system", base], check=False)

    def shell_alone(self, lock, script):
        """The words of a shell that holds a local file of `lock`, as all do that it starts; where
        another one holds that, it ends with TWO."""
        return ["sh", "-c", f'exec 9>>"$0"; flock -n 9 || exit {TWO}; {script}',
                self.path(f"alone-{lock}")]

    def assert_nothing_left(self):
        """On the share, where the server has it."""
        self.assertEqual([name for _, _, names in os.walk(self.share.served) for name in names], [])


class CutOffTest(ShareTestCase):
    """The holder's mount hangs, and ufl with it, which cannot refresh its lease: the command is dead
    before somebody on another host begins."""

    LEASE = ("-l", "8", "--kill-after", "2")

    COMMANDS = {
        "obeys": 'echo ready; exec sleep 120',
        "deaf": "trap '' TERM; (setsid sleep 120 &); echo ready; while :; do sleep 1; done",
    }

    def setUp(self):
        super().setUp()
        self.elsewhere = container()
        if self.elsewhere is None:
            self.skipTest("unshare(1) is missing, or may not make a container: nobody is elsewhere")

    def cut_off(self, what):
        holders, takers = {}, {}
        for name, script in self.COMMANDS.items():
            holders[name] = self.hold(*self.LEASE, lock=os.path.join(self.a.path, name),
                                      command=self.shell_alone(name, script))
            takers[name] = self.start(
                "-v", *self.LEASE, os.path.join(self.b.path, name),
                *self.shell_alone(name, "echo ready; read line; :"),
                program=[*self.elsewhere, os.path.abspath(UFL)], stdin=subprocess.PIPE)
        for name, taker in takers.items():
            self.assertIn("waiting", taker.stderr.readline())
        self.a.freeze(what)
        for name, taker in takers.items():
            with self.subTest(command=name):
                self.assertEqual(taker.stdout.readline(), "ready\n",
                                 f"the command of {name} was not alone")
        self.a.thaw()
        for name, holder in holders.items():
            with self.subTest(command=name):
                self.assertEqual(self.wait(holder), LOST)
                self.assert_one_line(holder.stderr.read(), os.path.join(self.a.path, name))
        # What the other did when it woke has not hurt who holds it now.
        for name, taker in takers.items():
            with self.subTest(command=name):
                self.assertEqual(self.let_go(taker), 0, taker.stderr.read())
        self.assert_nothing_left()

    def test_client_hangs(self):
        self.cut_off("client")

    def test_server_is_away(self):
        self.cut_off("server")


class DuelTest(ShareTestCase):
    """Two begin at one moment, one through each mount, on a name that both have seen to be free."""

    DUELS = [f"duel-{number}" for number in range(12)]

    def setUp(self):
        super().setUp()
        self.gate = self.write("gate", "")
        # Creations in one directory wait for each other in the kernel of the client.
        for duel in self.DUELS:
            os.mkdir(os.path.join(self.share.served, duel))

    def duels(self, *words, script):
        """{name: [two contenders]}, who have begun."""
        with open(self.gate, "rb") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            begun = {duel: [self.contender(mount, duel, words, script)
                            for mount in (self.a, self.b)] for duel in self.DUELS}
            waiting = f":{os.stat(self.gate).st_ino} "

            def all_wait():
                with open("/proc/locks", encoding="ascii") as locks:
                    return sum("->" in line and waiting in line for line in locks) == 2 * len(begun)

            support.wait_for(all_wait, "the contenders at the gate")
        return begun

    def contender(self, mount, duel, words, script):
        lock = os.path.join(mount.path, duel, "lock")
        self.assertFalse(os.path.exists(lock))
        return self.start(os.path.abspath(UFL), *words, lock, *self.shell_alone(duel, script),
                          program=["sh", "-c", 'flock -s "$0" true; exec "$@"', self.gate],
                          stdin=subprocess.PIPE)

    def test_one_wins(self):
        for duel, contenders in self.duels("-n", script="echo ready; read line; :").items():
            with self.subTest(duel):
                loser = support.wait_for(
                    lambda c=contenders: next((p for p in c if p.poll() is not None), None),
                    "a loser")
                self.assertEqual(loser.returncode, BUSY, loser.stderr.read())
                (winner,) = [p for p in contenders if p is not loser]
                self.assertEqual(winner.stdout.readline(), "ready\n")
                self.assertEqual(self.let_go(winner), 0)
        self.assert_nothing_left()

    def test_both_get_it_in_turn(self):
        for duel, contenders in self.duels("-w", "60", script="sleep 0.2").items():
            with self.subTest(duel):
                for contender in contenders:
                    self.assertEqual(self.wait(contender), 0, contender.stderr.read())
        self.assert_nothing_left()


class LongCachesDuelTest(DuelTest):
    """Clients that keep for seconds that a name was not there: the server refuses to create it with
    EPERM, and of what is in the way the loser sees nothing. On a slow line, both have asked for the
    file before one has it."""

    OPTIONS = ("dir_cache=yes", "dcache_timeout=20", "negative_timeout=5")
    LINE = 0.05


class StormTest(ShareTestCase):
    """Several on each mount, again and again."""

    # So many acquisitions, one after the other.
    ROUNDS = 'n=$1; shift; while [ $n -gt 0 ]; do "$@" || exit; n=$((n-1)); done'

    def test_one_at_a_time(self):
        contenders = [
            self.start("5", os.path.abspath(UFL), "-w", "60", "-r", "0.05", "-d", "0.1",
                       os.path.join(mount.path, "storm"),
                       *self.shell_alone("storm", "sleep 0.01"),
                       program=["sh", "-c", self.ROUNDS, "sh"])
            for mount in (self.a, self.b) for _ in range(3)]
        for contender in contenders:
            self.assertEqual(self.wait(contender), 0, contender.stderr.read())
        self.assert_nothing_left()


class ReleaseTest(ShareTestCase):
    """What is released through the one mount is free for the other."""

    def test_waiter_gets_it(self):
        holder = self.hold(lock=os.path.join(self.a.path, "lock"))
        waiter = self.start("-v", "-w", "60", os.path.join(self.b.path, "lock"), "true")
        self.assertIn("waiting", waiter.stderr.readline())
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), 0, waiter.stderr.read())
        self.assert_nothing_left()

    def test_with_a_token(self):
        mine, theirs = (os.path.join(mount.path, "lock") for mount in (self.a, self.b))
        acquired = self.ufl("--acquire", mine)
        self.assertEqual(acquired.returncode, 0, acquired.stderr)
        token = acquired.stdout.strip()
        self.assertEqual(self.ufl("--status", theirs).returncode, BUSY)
        self.assertEqual(self.ufl("--check", "--token", token, theirs).returncode, 0)
        released = self.ufl("--release", "--token", token, theirs)
        self.assertEqual(released.returncode, 0, released.stderr)
        self.assertEqual(self.ufl("--status", mine).returncode, 0)
        self.assertEqual(self.ufl("-n", mine, "true").returncode, 0)
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
