#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals to a ufl that waits for the lock, or verifies its claim: no lock file is left."""

import os
import random
import signal
import time
import unittest

import support
from signals import (
    FATAL, ROUNDS, SEED, SignalTestCase, blocking, ignoring, members_of_session, with_cores)


class WhileWaiting(SignalTestCase):
    """While another one holds the lock."""

    def check(self, number, **popen):
        holder = self.hold()
        before = self.read_lock()
        waiter = self.start_waiting(**popen)
        os.kill(waiter.pid, number)
        self.assert_dies_of(waiter, number)
        self.assertEqual(waiter.stdout.read(), "")
        self.assertEqual(self.read_lock(), before)
        self.assertIsNone(holder.poll())
        self.let_go(holder)
        self.assert_no_lock()

    def test_a_signal_ends_ufl_and_leaves_the_others_lock(self):
        for number in FATAL:
            with self.subTest(signal=number):
                self.check(number, preexec_fn=with_cores)

    def test_the_same_in_a_session_of_its_own(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(signal=number):
                self.check(number, preexec_fn=with_cores, start_new_session=True)

    def test_a_long_retry_is_cut_short(self):
        holder = self.hold()
        waiter = self.start_waiting("-r", "1h")
        os.kill(waiter.pid, signal.SIGTERM)
        self.assert_dies_of(waiter, signal.SIGTERM)
        self.let_go(holder)

    def test_a_signal_to_the_whole_group(self):
        holder = self.hold()
        waiter = self.start_waiting(start_new_session=True)
        os.killpg(waiter.pid, signal.SIGTERM)
        self.assert_dies_of(waiter, signal.SIGTERM)
        self.let_go(holder)

    def check_is_not_ended(self, waiter, holder, numbers):
        """After `numbers` the waiter still waits, and gets the lock."""
        for number in numbers:
            os.kill(waiter.pid, number)
        self.let_go(holder)
        self.assertEqual(self.wait(waiter), 0)
        self.assertEqual(waiter.stdout.read(), "ran\n")
        self.assert_no_lock()

    def test_a_hangup_does_not_end_a_wait_under_nohup(self):
        holder = self.hold()
        waiter = self.start_waiting(program=["nohup"])
        self.check_is_not_ended(waiter, holder, [signal.SIGHUP])

    def test_ignored_signals_do_not_end_a_wait(self):
        holder = self.hold()
        waiter = self.start_waiting(preexec_fn=ignoring(*FATAL))
        self.check_is_not_ended(waiter, holder, FATAL)

    def test_blocked_signals_do_not_end_a_wait(self):
        holder = self.hold()
        waiter = self.start_waiting(preexec_fn=blocking(signal.SIGTERM, signal.SIGUSR1))
        self.check_is_not_ended(waiter, holder, [signal.SIGTERM, signal.SIGUSR1])

    def test_signals_that_end_nothing_do_not_end_a_wait(self):
        harmless = [signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGCONT]
        holder = self.hold()
        waiter = self.start_waiting()
        self.check_is_not_ended(waiter, holder, harmless)

    def test_other_signals_end_it_though_one_is_ignored(self):
        holder = self.hold()
        waiter = self.start_waiting(program=["nohup"])
        os.kill(waiter.pid, signal.SIGHUP)
        os.kill(waiter.pid, signal.SIGTERM)
        self.assert_dies_of(waiter, signal.SIGTERM)
        self.let_go(holder)

    def test_stopped_and_continued(self):
        holder = self.hold()
        waiter = self.start_waiting()
        os.kill(waiter.pid, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(waiter.pid) == "T", "a stopped ufl")
        self.let_go(holder)
        self.assertEqual(self.ufl(self.lock, "echo", "between").stdout, "between\n")
        self.assertEqual(support.process_state(waiter.pid), "T")
        os.kill(waiter.pid, signal.SIGCONT)
        self.assertEqual(self.wait(waiter), 0)
        self.assertEqual(waiter.stdout.read(), "ran\n")
        self.assert_no_lock()

    def test_its_command_gets_signals_though_it_was_stopped_before(self):
        """It hears of the release and of the holder's end in one moment then."""
        holder = self.hold()
        waiter = self.start("-v", self.lock, "sh", "-c", "trap 'echo got it; exit 3' TERM; "
                            "echo ready; while :; do sleep 0.05; done")
        support.wait_for(lambda: holder.pid in support.watched_processes(waiter.pid),
                         "a watch of the holder")
        os.kill(waiter.pid, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(waiter.pid) == "T", "a stopped ufl")
        self.let_go(holder)
        os.kill(waiter.pid, signal.SIGCONT)
        self.assertEqual(waiter.stdout.readline(), "ready\n")
        waiter.terminate()
        self.assertEqual(waiter.stdout.readline(), "got it\n")
        self.assertEqual(self.wait(waiter), 3)
        self.assert_no_lock()

    def test_in_the_moment_when_the_lock_is_released(self):
        chance = random.Random(SEED)
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=SEED):
                holder = self.hold()
                waiter = self.start_waiting("-r", "0.002", start_new_session=True)
                holder.stdin.close()
                time.sleep(chance.uniform(0, 0.015))
                os.kill(waiter.pid, signal.SIGTERM)
                self.assertIn(self.wait(waiter), (0, -signal.SIGTERM))
                self.assertEqual(members_of_session(waiter.pid), [])
                self.wait(holder)
                self.assert_no_lock()


class WhileVerifying(SignalTestCase):
    """In the verification delay: the claim stands, the command does not run yet."""

    def test_a_signal_removes_the_claim(self):
        for number in FATAL:
            for own_session in (False, True):
                with self.subTest(signal=number, own_session=own_session):
                    claimer = self.start_in_delay(
                        preexec_fn=with_cores, start_new_session=own_session)
                    os.kill(claimer.pid, number)
                    self.assert_dies_of(claimer, number)
                    self.assertEqual((claimer.stdout.read(), claimer.stderr.read()), ("", ""))
                    self.assert_no_lock()

    def test_a_claim_that_somebody_else_replaced_is_left(self):
        claimer = self.start_in_delay()
        self.write("other", "11111111-2222-4333-8444-555555555555\n")
        os.rename(self.path("other"), self.lock)
        os.kill(claimer.pid, signal.SIGTERM)
        self.assert_dies_of(claimer, signal.SIGTERM)
        self.assertEqual(self.read_lock(), "11111111-2222-4333-8444-555555555555\n")

    def test_ignored_and_blocked_signals_do_not_end_it(self):
        for name, before in (("ignored", ignoring(signal.SIGHUP, signal.SIGTERM)),
                             ("blocked", blocking(signal.SIGHUP, signal.SIGTERM))):
            with self.subTest(signals=name):
                claimer = self.start_in_delay(preexec_fn=before)
                os.kill(claimer.pid, signal.SIGHUP)
                os.kill(claimer.pid, signal.SIGTERM)
                os.kill(claimer.pid, signal.SIGINT)
                self.assert_dies_of(claimer, signal.SIGINT)
                self.assert_no_lock()

    def test_stopped_and_ended(self):
        claimer = self.start_in_delay()
        os.kill(claimer.pid, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(claimer.pid) == "T", "a stopped ufl")
        os.kill(claimer.pid, signal.SIGTERM)
        self.assertNotEqual(self.lock_content(), "")
        os.kill(claimer.pid, signal.SIGCONT)
        self.assert_dies_of(claimer, signal.SIGTERM)
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
