#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How ufl ends after a signal, whenever that came."""

import os
import random
import signal
import subprocess
import time
import unittest

import support
from signals import (
    FATAL, NO_CORE, REAL_TIME, ROUNDS, SEED, SLEEP, UFL, SignalTestCase, members_of_session,
    with_cores)


class HowItEnds(SignalTestCase):
    """The status that tells of signals."""

    def test_ufl_dies_of_the_signal_that_both_got(self):
        for number in FATAL:
            for own_session in (False, True):
                with self.subTest(signal=number, own_session=own_session):
                    process = self.start_shell(
                        f"{NO_CORE} echo ready; {SLEEP}", preexec_fn=with_cores,
                        start_new_session=own_session)
                    os.kill(process.pid, number)
                    self.assert_dies_of(process, number)
                    self.assertEqual(process.stderr.read(), "")
                    self.assert_no_lock()

    def test_also_when_the_whole_group_got_it(self):
        process = self.start_shell(f"echo ready; {SLEEP}", start_new_session=True)
        os.killpg(process.pid, signal.SIGTERM)
        self.assert_dies_of(process, signal.SIGTERM)
        self.assert_no_lock()

    def test_also_when_the_command_was_dead_first(self):
        # ufl finds both at once: the end of the command, and the signal. As it may with Ctrl-C.
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process, command = self.start_printing("--die", until=number)
                os.kill(process.pid, signal.SIGSTOP)
                support.wait_for(lambda: support.process_state(process.pid) == "T", "a stop")
                os.kill(command, number)
                support.wait_for(lambda: support.process_state(command) == "Z", "its end")
                os.kill(process.pid, number)
                os.kill(process.pid, signal.SIGCONT)
                self.assert_dies_of(process, number)
                self.assert_no_lock()

    def test_a_signal_that_ufl_did_not_get_is_a_status(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                       signal.SIGSEGV, signal.SIGPIPE, signal.SIGABRT, REAL_TIME):
            with self.subTest(signal=number):
                script = f"{NO_CORE} kill -{int(number)} $$; {SLEEP}"
                ran = self.ufl(self.lock, "sh", "-c", script, preexec_fn=with_cores)
                self.assertEqual((ran.returncode, ran.stderr), (128 + number, ""))
                self.assert_no_lock()

    def test_a_core_dump_of_the_command_does_not_change_the_status(self):
        # WCOREDUMP is a bit of the status that wait(2) tells.
        ran = self.ufl(self.lock, "sh", "-c", f"kill -QUIT $$; {SLEEP}", preexec_fn=with_cores)
        self.assertEqual(ran.returncode, 128 + signal.SIGQUIT)

    def test_another_signal_than_the_one_that_ufl_got_is_a_status(self):
        script = "trap 'kill -KILL $$' TERM; echo ready; while :; do sleep 0.05; done"
        process = self.start_shell(script)
        process.terminate()
        self.assertEqual(self.wait(process), 128 + signal.SIGKILL)
        self.assert_no_lock()

    def test_a_command_that_handles_the_signal_gives_the_status(self):
        for number in FATAL:
            with self.subTest(signal=number):
                process, _ = self.start_printing(until=number, status=5)
                os.kill(process.pid, number)
                self.assertEqual(self.wait(process), 5)
                self.assert_no_lock()

    def test_a_shell_that_traps_the_signal_gives_the_status(self):
        process = self.start_shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")
        process.terminate()
        self.assertEqual(self.wait(process), 5)
        self.assert_no_lock()

    def test_a_command_that_handles_the_signal_and_dies_of_it(self):
        # As a well-behaved program does after its clean-up.
        process, _ = self.start_printing("--die", until=signal.SIGTERM)
        process.terminate()
        self.assert_dies_of(process, signal.SIGTERM)
        self.assertEqual(process.stdout.read(), f"SIGTERM from {process.pid}\n")
        self.assert_no_lock()

    def test_a_ufl_whose_command_is_a_ufl(self):
        inner = [UFL, self.path("inner"), "sh", "-c", f"echo ready; {SLEEP}"]
        outer = self.start(self.lock, *inner)
        self.assertEqual(outer.stdout.readline(), "ready\n")
        outer.terminate()
        self.assert_dies_of(outer, signal.SIGTERM)
        self.assert_no_lock()
        self.assert_no_lock(self.path("inner"))


class AtAnyMoment(SignalTestCase):
    """One signal at a random time: in the end there is neither a lock file nor a command."""

    def time_to_start(self, *options):
        """How long ufl takes from its start to the command's, at the least."""
        def once():
            begin = time.monotonic()
            process = self.start(*options, self.lock, "echo", "ran")
            self.assertEqual(process.stdout.readline(), "ran\n")
            result = time.monotonic() - begin
            self.wait(process)
            return result
        return min(once() for _ in range(5))

    def rounds(self, number, *options):
        longest = 2 * self.time_to_start(*options)
        chance = random.Random(SEED)
        for count in range(ROUNDS):
            offset = chance.uniform(0, longest)
            with self.subTest(round=count, seed=SEED, offset=offset):
                process = self.start(*options, self.lock, "sleep", "120", start_new_session=True)
                time.sleep(offset)
                os.kill(process.pid, number)
                self.assertEqual(self.wait(process), -number)
                self.assertEqual(process.stderr.read(), "")
                self.assertEqual(members_of_session(process.pid), [])
                self.assert_no_lock()

    def test_at_the_start(self):
        self.rounds(signal.SIGTERM)

    def test_at_the_start_with_another_signal(self):
        self.rounds(signal.SIGINT)

    def test_at_the_start_with_a_delay(self):
        self.rounds(signal.SIGHUP, "-d", "0.02")

    def test_to_the_whole_group_at_the_start(self):
        longest = 2 * self.time_to_start()
        chance = random.Random(SEED)
        for count in range(ROUNDS):
            offset = chance.uniform(0, longest)
            with self.subTest(round=count, seed=SEED, offset=offset):
                process = self.start(self.lock, "sleep", "120", start_new_session=True)
                time.sleep(offset)
                os.killpg(process.pid, signal.SIGTERM)
                self.assertEqual(self.wait(process), -signal.SIGTERM)
                self.assertEqual(members_of_session(process.pid), [])
                self.assert_no_lock()

    def test_at_the_end(self):
        chance = random.Random(SEED)
        for count in range(ROUNDS):
            with self.subTest(round=count, seed=SEED):
                process = self.start_shell("echo ready; read line; exit 0", stdin=subprocess.PIPE,
                                           start_new_session=True)
                process.stdin.close()
                time.sleep(chance.uniform(0, 0.004))
                os.kill(process.pid, signal.SIGTERM)
                self.assertIn(self.wait(process), (0, -signal.SIGTERM))
                self.assertEqual(members_of_session(process.pid), [])
                self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
