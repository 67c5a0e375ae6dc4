#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A lease that cannot be refreshed: the command and all that it has started is dead before somebody
else may run.

The share "goes away" when its directory is renamed: whatever ufl asks of it fails, as when a server
is down.
"""

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from containers import share, works  # noqa: E402
from faults import FaultTestCase  # noqa: E402
from leases import (  # noqa: E402
    FAILED, LEASE, LOST, SHORT, TAKEOVER, LeaseTestCase, beat_in, children_of, go_on, helper_of,
    pause, record, stop, warden_of)

# When it is enough that others, who wait for so long, do not run yet.
LATEST = LEASE + TAKEOVER
STAY = "while :; do read line || sleep 0.05; done"  # and take notice of signals
SLEEP = "exec sleep 120"


def setUpModule():  # pylint: disable=invalid-name
    support.default_signals()


class FenceTestCase(LeaseTestCase):
    """Shares that can go away."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("share"))
        self.lock = self.path("share", "lock")

    def lose_share(self, share="share"):
        """Returns when, on the monotonic clock."""
        os.rename(self.path(share), self.path(share + ".away"))
        return time.monotonic()

    def get_share_back(self, share="share"):
        os.rename(self.path(share + ".away"), self.path(share))

    def token(self, share="share.away"):
        return self.read_lock(self.path(share, "lock")).split("\n")[0]


class ShareTest(FenceTestCase):
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


class UnmountedTest(FenceTestCase):
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


class LateSpawnTest(FaultTestCase, FenceTestCase):
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


class WholeTreeTest(FenceTestCase):
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


class OrderTest(FenceTestCase):
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


class SpeakingTest(FenceTestCase):
    """What ufl has to say holds up nothing."""

    @staticmethod
    def fill(pipe):
        """Write to it until it takes no more."""
        os.set_blocking(pipe, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(pipe, b"." * 4096):
                pass
        os.set_blocking(pipe, True)

    def test_stderr_that_nobody_reads(self):
        """The line waits until the command is dead, and is not lost when somebody reads then."""
        # Who is held up is so for a second each time; a machine that stalls is not.
        for number in range(5):
            took, text = self.say_to_nobody(number)
            if took < LEASE:
                self.assert_one_line(text.lstrip("."), self.lock)
                return
        self.fail("held up each time")

    def say_to_nobody(self, number):
        """Returns the seconds until the command was dead and stderr read; and what was said."""
        os.makedirs(self.path("share"), exist_ok=True)
        out, into = os.pipe()
        self.addCleanup(os.close, out)
        self.fill(into)
        witness = self.witness(f"fifo-{number}")
        holder = self.run_witnessed(witness, *SHORT, stderr=into, script=(
            f"trap '' TERM; echo ready >&9; {STAY}"))
        os.close(into)
        self.wait_for_beat(beat_in(self.read_lock()))
        begin = time.monotonic()  # later than the refresh did
        os.rename(self.path("share"), self.path(f"share.away-{number}"))
        witness.wait_for_end()
        text = os.read(out, 1 << 20)  # there is room
        took = time.monotonic() - begin
        with open(out, "rb", closefd=False) as stderr:
            text += stderr.read()
        self.assertEqual(self.wait(holder), LOST)
        return took, text.decode()

    def test_stderr_that_takes_less_than_there_is_to_say(self):
        """One page is free in the pipe, which is writable then; and nobody ever reads it."""
        self.lock = self.path(*["d" * 249] * 16, "lock")
        os.makedirs(os.path.dirname(self.lock))
        for words in (SHORT, ("--on-lost", "kill", "--kill-after", "0.3")):
            with self.subTest(words=words):
                out, into = os.pipe()
                self.fill(into)
                os.read(out, 4096)
                witness = self.witness(f"fifo-{len(words)}-{words[1]}")
                holder = self.run_witnessed(witness, *words, stderr=into, script=(
                    f"trap '' TERM; echo ready >&9; {STAY}"))
                os.close(into)
                self.put_new(record(), self.lock)
                witness.wait_for_end()
                self.assertEqual(self.wait(holder), LOST)
                text = b""
                while data := os.read(out, 1 << 20):
                    text += data
                os.close(out)
                self.assertIn(b"ufl: " + os.fsencode(self.lock)[:4000], text)
                os.unlink(self.lock)

    @unittest.skipUnless(support.can_open_terminals(), "no pseudo-terminals here")
    def test_terminal_that_stops_who_writes(self):
        """A job in the background, after `stty tostop`."""
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        witness = self.witness()
        self.start(*SHORT, self.lock, "sh", "-c", f"{witness.begin}echo ready >&9; {SLEEP}",
                   program=["bash", "-c", 'stty tostop; set -m; "$@" & wait $!; echo "status $?"',
                            "bash", os.path.abspath(support.UFL)],
                   stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                   preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        os.close(slave)
        witness.wait_for("ready")
        self.lose_share()
        witness.wait_for_end()
        shown = b""
        with contextlib.suppress(OSError):  # EIO: nobody has it open
            while True:
                shown += os.read(master, 65536)
        self.assertRegex(shown.decode(), rf"(?m)^ufl: {re.escape(self.lock)}[^\n]*\n")
        self.assertIn(f"status {LOST}\r\n", shown.decode())


class StandingStillTest(FenceTestCase):
    """SIGSTOP, or a machine that sleeps: ufl wakes after its lease is over."""

    SCRIPT = f"trap 'echo TERM >&9' TERM; echo $$ ready >&9; {STAY}"

    def test_stopped_in_time_and_no_revival(self):
        """The warden does it, and continues ufl, which finds its time gone."""
        holders, witnesses, stopped = {}, {}, {}
        for name in ("ufl", "both"):
            witnesses[name] = self.witness(name)
            holders[name] = self.run_witnessed(witnesses[name], *SHORT, script=self.SCRIPT,
                                               lock=self.path(f"lock-{name}"))
            stop(holders[name].pid)
            stopped[name] = time.monotonic()  # later than its last refresh
        stop(int(witnesses["both"].text.split()[0]))
        beats = {name: beat_in(self.read_lock(self.path(f"lock-{name}"))) for name in holders}
        # The lease is over for others, whoever stands still.
        for name, holder in holders.items():
            with self.subTest(stopped=name):
                self.assertLess(witnesses[name].wait_for_end() - stopped[name], LATEST)
                self.assertEqual(self.wait(holder), LOST)
                self.assertEqual(witnesses[name].text.count("TERM"), 1)
                lock = self.path(f"lock-{name}")
                self.assertEqual(beat_in(self.read_lock(lock)), beats[name])
                self.assert_one_line(holder.stderr.read(), lock)

    def test_no_grace_for_who_wakes_too_late(self):
        """All stand still, as when the machine sleeps."""
        for first in ("ufl", "warden"):
            with self.subTest(first=first):
                lock = self.path(f"lock-{first}")
                witness = self.witness(first)
                holder = self.run_witnessed(witness, *SHORT, script=self.SCRIPT, lock=lock)
                warden, command = warden_of(holder.pid), int(witness.text.split()[0])
                stop(holder.pid, warden, command)
                pause(LEASE)
                go_on(*((holder.pid,) if first == "ufl" else (warden, holder.pid)))
                witness.wait_for_end()
                self.assertNotIn("TERM", witness.text)
                self.assertEqual(self.wait(holder), LOST)
                self.assert_one_line(holder.stderr.read(), lock, "the command is stopped")

    def test_command_that_has_ended_meanwhile(self):
        """Nobody knows whether that was in time. Its warden stands still, too, or would continue
        ufl."""
        holder = self.hold(*SHORT)
        asleep = (warden_of(holder.pid), holder.pid)
        stop(*asleep)
        holder.stdin.close()
        taker = self.hold(program=self.in_container())
        with self.untouched():
            go_on(*asleep)
            self.assertEqual(self.wait(holder), LOST)
        self.assertEqual(holder.stderr.read(), self.overslept(
            "the command has ended, and may not have been alone"))
        self.assertEqual(self.let_go(taker), 0)
        self.assert_no_lock()

    def test_command_alone(self):
        """It may stand still for as long as it likes, as after Ctrl-Z: ufl refreshes."""
        witness = self.witness()
        holder = self.run_witnessed(witness, "-l", "6", "--kill-after", "0.3", script=(
            "echo $$ ready >&9; read line; echo end >&9"))
        pid = int(witness.text.split()[0])
        stop(pid)
        begin = time.monotonic()
        beat = beat_in(self.read_lock())
        while time.monotonic() - begin < 6.1:
            beat = self.wait_for_beat(beat)
        self.assertIsNone(holder.poll())
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.let_go(holder), 0)
        self.assertIn("end", witness.text + ("end" if witness.read() else ""))
        self.assert_no_lock()


class KilledTest(FenceTestCase):
    """ufl itself is killed, or ends."""

    SCRIPT = 'echo ready >&9; while read word; do echo "$word" >&9; done'
    LONGER = ("-l", "6", "--kill-after", "1")  # it must not run out, on a slow machine either

    def test_command_dies_with_it_under_a_lease(self):
        for words in (self.LONGER, (*self.LONGER, "--on-lost", "warn")):
            with self.subTest(words=words):
                witness = self.witness(f"fifo-{len(words)}")
                lock = self.path(f"lock-{len(words)}")
                holder = self.run_witnessed(witness, *words, lock=lock,
                                            script=f"echo ready >&9; {SLEEP}")
                holder.kill()
                witness.wait_for_end()

    def test_so_does_what_it_has_started(self):
        """Nobody is left to refresh the lease, and others will not wait for it."""
        witness = self.witness()
        holder = self.run_witnessed(witness, *self.LONGER, script=(
            f"sleep 120 & setsid sleep 120 & (setsid sh -c 'sleep 120 & echo ready >&9' &); {SLEEP}"))
        holder.kill()
        witness.wait_for_end()

    # For a shell: nothing of the token, nor of the lifeline.
    STRIPPED = ("env -i bash -c 'for fd in /proc/self/fd/*; do fd=${fd##*/}; "
                "[ $fd -le 9 ] || eval \"exec $fd>&-\"; done; echo ready >&9; exec sleep 120'")

    def test_so_does_what_hides(self):
        """Known by any one sign: the token, the lifeline, or whose child it is."""
        plain = f"'{os.path.abspath(support.UFL)}'"
        leased = f"{plain} -l 6 --kill-after 1"
        job = "sh -c 'setsid sleep 120 & echo ready >&9; exec sleep 120'"
        clean = "sh -c 'env -i setsid sleep 120 & echo ready >&9; exec sleep 120'"
        scripts = {
            "no environment": ((), f"env -i setsid sleep 120 & echo ready >&9; {SLEEP}"),
            "no lifeline": (("-o",), f"setsid sleep 120 & echo ready >&9; {SLEEP}"),
            "neither, but a parent": ((), f'setsid sh -c "$STRIPPED & wait" & {SLEEP}'),
            "ufl": ((), f"exec {plain} inner {job}"),
            "ufl with no environment": ((), f"exec {plain} inner {clean}"),
            "ufl with no lifeline": (("-o",), f"exec {plain} -o inner {job}"),
            "ufl in ufl": (("-o",), f"exec {plain} -o inner {plain} -o innermost {job}"),
            "ufl with a lease": ((), f"exec {leased} inner {job}"),
            # Its warden alone can see that.
            "lifeline of ufl with a lease": (("-o",), f"exec {leased} inner {clean}"),
        }
        for number, (name, (words, script)) in enumerate(scripts.items()):
            with self.subTest(hides=name):
                directory = self.path(f"{number}")
                os.mkdir(directory)
                witness = self.witness(f"fifo-{number}")
                holder = self.run_witnessed(
                    witness, *self.LONGER, *words, lock="lock", cwd=directory, script=script,
                    env=support.clean_environment(STRIPPED=self.STRIPPED))
                holder.kill()
                witness.wait_for_end()

    def test_killed_warden_is_replaced(self):
        witness = self.witness()
        holder = self.run_witnessed(witness, *self.LONGER, script=(
            f"setsid sleep 120 & echo ready >&9; {SLEEP}"))
        first = warden_of(holder.pid)
        os.kill(first, signal.SIGKILL)
        support.wait_for(lambda: first not in children_of(holder.pid, "lock-warden"), "its burial")
        warden_of(holder.pid)
        holder.kill()
        witness.wait_for_end()

    def test_command_dies_without_a_warden(self):
        """Of its parent's death."""
        witness = self.witness()
        holder = self.run_witnessed(witness, *self.LONGER, script=f"echo ready >&9; {SLEEP}")
        warden = warden_of(holder.pid)
        stop(warden)
        self.addCleanup(go_on, warden)
        holder.kill()
        witness.wait_for_end()

    def test_command_lives_on_without(self):
        witness = self.witness()
        holder = self.run_witnessed(witness, script=self.SCRIPT)
        holder.kill()
        self.assertEqual(self.wait(holder), -signal.SIGKILL)
        holder.stdin.write("alive\n")
        holder.stdin.flush()
        witness.wait_for("alive")
        self.assertEqual(self.ufl("-n", self.lock, "true").returncode, 75)
        holder.stdin.close()
        witness.wait_for_end()

    def send(self, text, fifo):
        """To whoever reads it; opened as soon as it is read."""
        def try_to_open():
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                return None

        writer = support.wait_for(try_to_open, f"a reader of {fifo}")
        os.write(writer, text.encode())
        os.close(writer)

    def test_what_the_command_leaves_behind_lives_on(self):
        """Nothing is lost when the command ends in the ordinary way."""
        orders = [self.path(name) for name in ("first", "second")]
        for order in orders:
            os.mkfifo(order)
        for words in ((), self.LONGER):
            with self.subTest(words=words):
                witness = self.witness(f"fifo-{len(words)}")
                script = ('exec 2>/dev/null; (read word <first; echo "$word" >&9) & '
                          '(setsid sh -c \'read word <second; echo "$word" >&9\' &); '
                          'echo ready >&9; read line; exit 3')
                holder = self.run_witnessed(witness, *words, script=script)
                self.assertEqual(self.let_go(holder), 3)
                self.assertEqual(holder.stderr.read(), "")
                self.assert_no_lock()
                for order in orders:
                    self.send(os.path.basename(order) + "\n", order)
                    witness.wait_for(os.path.basename(order))
                witness.wait_for_end()

    @staticmethod
    def numbers(witness, count):
        """So many numbers that processes of the command write, each its own."""
        def read():
            witness.read()
            found = [int(pid) for pid in re.findall(r"^\d+$", witness.text, re.MULTILINE)]
            return found if len(found) == count else None

        return support.wait_for(read, f"{count} numbers")

    def test_orphans_are_buried(self):
        """They become ufl's children; a long run must not fill the table of processes, however
        long its lease is."""
        for words in (self.LONGER, ("-l", "1h"), ("--on-lost", "kill")):
            with self.subTest(words=words):
                witness = self.witness(f"fifo-{words[1]}")
                lock = self.path(f"lock-{words[1]}")
                holder = self.run_witnessed(witness, *words, lock=lock, script=(
                    "for i in 1 2 3 4 5; do (sh -c 'echo $$ >&9; exec sleep 0.1' &); done; "
                    "echo ready >&9; read line; :"))
                orphans = self.numbers(witness, 5)
                support.wait_for(lambda: not any(map(support.process_state, orphans)), "burials")
                self.assertEqual(self.let_go(holder), 0)


class DeafShareTest(FaultTestCase, LeaseTestCase):
    """The file is there, and cannot be written: faults of single system calls."""

    def test_kept_trying_and_stopped(self):
        runs = {}
        # Before that: the claim, its verification, and the command's number.
        for fault in ("write:error=EIO:when=2+", "write:error=ESTALE:when=2+",
                      "openat:error=ESTALE:when=4+", "openat:error=EACCES:when=4+",
                      "read:error=EIO:when=5+"):
            self.lock = self.path("lock-" + re.sub(r"\W", "-", fault))
            log = self.lock + ".log"
            witness = self.witness(os.path.basename(self.lock) + ".fifo")
            script = f"trap 'echo TERM >&9; exit' TERM; echo ready >&9; {STAY}"
            program = self.traced([fault], "-l", "6", "--kill-after", "1.8", self.lock, "sh", "-c",
                                  witness.begin + script, log=log)
            runs[fault] = (self.start(program=program, stdin=subprocess.PIPE), witness, self.lock,
                           log)
        for fault, (process, witness, lock, log) in runs.items():
            with self.subTest(fault=fault):
                witness.wait_for("TERM")
                witness.wait_for_end()
                self.assertEqual(self.wait(process), LOST)
                self.assertEqual(witness.text, "ready\nTERM\n")
                self.assert_one_line(process.stderr.read(), lock)
                self.assertTrue(os.path.exists(lock))
                with open(log, encoding="utf-8") as calls:
                    self.assertGreater(calls.read().count("(INJECTED)"), 1)


class NoKillTest(FaultTestCase, LeaseTestCase):
    """A sandbox refuses kill(2), and what stands for it, but not when ufl tries that at its start:
    nothing that ufl has made is ended by it."""

    REFUSED = [word for call in ("kill", "pidfd_send_signal")
               for word in ("-e", f"inject={call}:error=EPERM:when=2+")]

    def under(self, *words):
        return ["strace", "-f", "-o", "/dev/null", *self.REFUSED, os.path.abspath(support.UFL), *words]

    def test_helpers_hold_up_nothing(self):
        for words in ((), ("-l", "3h")):
            with self.subTest(words=words):
                holder = self.hold(*words, program=self.under())
                ufl = json.loads(self.read_lock().split("\n")[1])["pid"]
                helpers = [helper_of(ufl, name) for name in
                           ("lock-bystander", "lock-warden")[:1 + len(words)]]
                self.assertEqual(self.let_go(holder), 0)
                self.assertEqual(holder.stderr.read(), "")
                self.assert_no_lock()
                support.wait_for(lambda: not any(map(support.process_state, helpers)), "their ends")

    def test_what_cannot_be_stopped_is_named(self):
        holder = self.hold("--on-lost", "kill", "--kill-after", "0.3", program=self.under())
        holder_keys = json.loads(self.read_lock().split("\n")[1])
        self.put_new(record())
        # strace(1) ends after all that it traces.
        support.wait_for(lambda: support.process_state(holder_keys["pid"]) in (None, "Z"), "its end")
        self.assertEqual(self.let_go(holder), LOST)
        lines = holder.stderr.read().splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("1 process could not be stopped", lines[1])
        self.assertTrue(lines[1].endswith(f" -p {holder_keys['child']['pid']}"), lines[1])


class SlowKillTest(FaultTestCase, LeaseTestCase):
    """ufl dismisses its warden: it ends the orders, and then kills it, here a moment later."""

    def test_the_warden_kills_no_ufl(self):
        program = ["strace", "-o", "/dev/null", "-e", "inject=kill:delay_enter=500000",
                   os.path.abspath(support.UFL)]
        holder = self.hold("-l", "9", "--kill-after", "0.3", program=program)
        self.put_new(record())
        self.assertEqual(self.wait(holder), LOST, holder.stderr.read())


class OldKernelTest(FaultTestCase, LeaseTestCase):
    """Linux before 5.9, or a sandbox: it closes no range of descriptors."""

    def test_helpers_keep_nothing_open(self):
        for error in ("ENOSYS", "EPERM"):
            with self.subTest(error=error):
                witness = self.witness(error)
                self.lock = self.path(f"lock-{error}")
                script = f"{witness.begin}setsid sleep 120 & echo ready >&9; {SLEEP}"
                program = self.traced([f"close_range:error={error}"], "-l", "6", "--kill-after",
                                      "1", self.lock, "sh", "-c", script)
                self.start(program=program)
                witness.wait_for("ready")
                ufl = json.loads(self.read_lock().split("\n")[1])["pid"]
                self.assertEqual(sorted(os.listdir(f"/proc/{warden_of(ufl)}/fd")), ["0", "1", "2"])
                bystander = helper_of(ufl, "lock-bystander")
                kept = sorted(os.listdir(f"/proc/{bystander}/fd"))
                self.assertEqual(kept, ["0", "1"])  # the lock file, and a pidfd of the command
                self.assertEqual(os.stat(f"/proc/{bystander}/fd/0").st_ino,
                                 os.stat(self.lock).st_ino)
                os.kill(ufl, signal.SIGKILL)
                witness.wait_for_end()


if __name__ == "__main__":
    unittest.main()
