#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A ufl that is killed: under a lease its warden kills the command; and what keeps it from that."""

import json
import os
import re
import signal
import unittest

import support
from faults import FaultTestCase
from leases import LOST, LeaseTestCase, children_of, go_on, helper_of, record, stop, warden_of
from stopping import SLEEP, StoppingTestCase


class KilledTest(StoppingTestCase):
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
