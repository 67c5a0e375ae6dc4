#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""While ufl waits, the terminal takes nothing, as after Ctrl-S: no line is drawn, and nothing else
is any different."""

import os
import select
import signal
import termios
import time
import unittest

import support
import test_waiting


class HeldUpTest(test_waiting.WaitingTestCase):

    def setUp(self):
        super().setUp()
        self.holder = self.hold()

    def wait_held_up(self, *words):
        """A ufl that waits in a terminal that takes nothing; and that terminal, open."""
        while True:
            begin = time.monotonic()
            terminal = self.wait_in_terminal(*words)
            slave = self.hold_up(terminal)
            if time.monotonic() - begin < 1:  # so no line was drawn before
                return terminal, slave
            terminal.process.kill()

    def hold_up(self, terminal):
        """The terminal takes nothing any more, until its slave, which this returns, lets it."""
        slave = os.open(terminal.name, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, slave)
        termios.tcflow(slave, termios.TCOOFF)
        return slave

    def assert_ends(self, terminal, slave, status):
        """By itself; and nothing was left to be shown."""
        self.assertEqual(self.wait(terminal.process), status)
        termios.tcflow(slave, termios.TCOON)
        self.assertEqual(select.select([terminal.master], [], [], 0)[0], [])

    def test_time_is_over(self):
        self.assert_ends(*self.wait_held_up("-w", "2.2", "-E", "0"), 0)

    def test_lock_comes_free(self):
        terminals = [self.wait_held_up("-r", "20ms") for _ in range(2)]
        time.sleep(2.2)  # lines would have been drawn
        self.let_go(self.holder)
        for terminal, slave in terminals:
            self.assert_ends(terminal, slave, 0)
        self.assert_no_lock()

    def test_signals(self):
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        terminals = [self.wait_held_up() for _ in numbers]
        time.sleep(2.2)
        for number, (terminal, slave) in zip(numbers, terminals):
            with self.subTest(signal=number):
                terminal.process.send_signal(number)
                self.assert_ends(terminal, slave, -number)

    def test_the_refusal_cannot_be_shown(self):
        terminal, _ = self.wait_held_up("-w", "1.5")
        self.assertEqual(self.wait(terminal.process), test_waiting.BUSY)

    def test_signal_while_the_refusal_cannot_be_shown(self):
        terminal, _ = self.wait_held_up("-v")
        terminal.process.terminate()
        self.assertEqual(self.wait(terminal.process), -signal.SIGTERM)

    def test_line_comes_when_the_terminal_goes_on(self):
        terminal, slave = self.wait_held_up()
        support.wait_until_it_waits(terminal.process)
        time.sleep(2.9)  # the second line was due long ago
        termios.tcflow(slave, termios.TCOON)
        self.assertRegex(self.line(terminal), r" · 0:0[3-9]\Z")
        terminal.process.terminate()
        self.assertEqual(self.wait(terminal.process), -signal.SIGTERM)

    def test_held_up_while_the_line_is_shown(self):
        """It cannot be removed then; ufl ends all the same."""
        terminal = self.wait_in_terminal("-w", "3.2", "-E", "0")
        self.line(terminal)
        self.hold_up(terminal)
        self.assertEqual(self.wait(terminal.process), 0)


if __name__ == "__main__":
    unittest.main()
