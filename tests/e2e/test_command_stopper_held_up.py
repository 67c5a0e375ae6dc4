#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A ufl that is held up itself when its lease runs out: by a reader of its stderr, by a signal that
stops it, by a share that gives no answer.
"""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import termios
import time
import unittest

import support
from faults import FaultTestCase
from leases import LEASE, LOST, SHORT, LeaseTestCase, beat_in, go_on, pause, record, stop, warden_of
from stopping import LATEST, SLEEP, STAY, StoppingTestCase


class SpeakingTest(StoppingTestCase):
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


class StandingStillTest(StoppingTestCase):
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


if __name__ == "__main__":
    unittest.main()
