#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl in a real terminal: what it shows, and keys."""

import os
import re
import signal
import subprocess
import unittest

import support
from faults import FaultTestCase
from terminals import CTRL_BACKSLASH, CTRL_C, PROMPT, UFL, TerminalTestCase


class Output(TerminalTestCase):
    """What appears on the terminal."""

    def check(self, *words):
        terminal = self.terminal(UFL, *words, self.lock, "sh", "-c", "echo out; echo err >&2")
        self.assertEqual(terminal.rest(), b"out\r\nerr\r\n")
        self.assertEqual(self.wait(terminal.process), 0)
        self.assert_no_lock()

    def test_only_the_commands_output(self):
        self.check()

    def test_only_the_commands_output_after_a_delay(self):
        self.check("-d", "0.2")

    def test_nothing_at_all(self):
        terminal = self.terminal(UFL, self.lock, "true")
        self.assertEqual(terminal.rest(), b"")
        self.assertEqual(self.wait(terminal.process), 0)

    def test_the_command_reads_the_terminal(self):
        terminal = self.terminal(UFL, self.lock, "sh", "-c", 'tty; read line; echo "<$line>"')
        terminal.expect(rb"/dev/pts/\d+\r\n")
        terminal.type(b"hello\n")
        terminal.expect(rb"hello\r\n<hello>\r\n")
        self.assertEqual((terminal.rest(), self.wait(terminal.process)), (b"", 0))

    def test_terminal_settings_are_left_alone(self):
        terminal = self.terminal(
            "sh", "-c", 'stty -a; "$U" "$L" stty -a; stty raw; "$U" "$L" true; stty -a; stty sane')
        blocks = [block for block in re.split(rb"(?=speed )", terminal.rest()) if block]
        self.assertEqual(len(blocks), 3)
        self.assertEqual(blocks[0], blocks[1])
        self.assertIn(b"-icanon", blocks[2])
        self.assertNotIn(b"-icanon", blocks[1])


class Keys(TerminalTestCase):
    """Ctrl-C and Ctrl-\\ reach the command exactly once, and ufl waits for it."""

    def check_once(self, press, name, stopping=False):
        """`press`(terminal) makes the terminal send `name`, which comes to the command once.

        stopping: ufl is stopped until the command has it. Otherwise a second one could come so
        early that the command takes the two for one.
        """
        terminal = self.terminal(UFL, self.lock, *self.print_signals(status=7))
        terminal.expect(rb"ready \d+\r\n")
        ufl = terminal.process.pid
        self.settle(terminal, ufl)
        if stopping:
            os.kill(ufl, signal.SIGSTOP)
            self.assert_stopped(ufl)
        press(terminal)
        terminal.expect(name + rb" from kernel\r\n")
        if stopping:
            os.kill(ufl, signal.SIGCONT)
        self.assertIsNone(terminal.process.poll())
        self.assertTrue(os.path.exists(self.lock), "the lock is gone while the command runs")
        self.assertEqual(self.mark(terminal, ufl), [])
        self.assertEqual((terminal.rest(), self.wait(terminal.process)), (b"", 7))
        self.assert_no_lock()

    def test_ctrl_c_reaches_the_command_once(self):
        self.check_once(lambda terminal: terminal.type(CTRL_C), b"SIGINT")

    def test_ctrl_c_reaches_the_command_once_when_ufl_is_slow(self):
        self.check_once(lambda terminal: terminal.type(CTRL_C), b"SIGINT", stopping=True)

    def test_ctrl_backslash_reaches_the_command_once(self):
        self.check_once(lambda terminal: terminal.type(CTRL_BACKSLASH), b"SIGQUIT")

    def test_ctrl_backslash_reaches_the_command_once_when_ufl_is_slow(self):
        self.check_once(lambda terminal: terminal.type(CTRL_BACKSLASH), b"SIGQUIT", stopping=True)

    def test_a_resized_window_is_told_once(self):
        self.check_once(lambda terminal: terminal.resize(30, 100), b"SIGWINCH")

    def test_a_resized_window_is_told_once_when_ufl_is_slow(self):
        self.check_once(lambda terminal: terminal.resize(30, 100), b"SIGWINCH", stopping=True)

    def test_each_ctrl_c_reaches_the_command_once(self):
        terminal = self.terminal(UFL, self.lock, *self.print_signals(status=7))
        terminal.expect(rb"ready \d+\r\n")
        for _ in range(3):
            terminal.type(CTRL_C)
            terminal.expect(rb"SIGINT from kernel\r\n")
        self.assertEqual(self.mark(terminal, terminal.process.pid), [])
        self.assertEqual(terminal.output.count(b"SIGINT"), 3)
        self.assertEqual(self.wait(terminal.process), 7)
        self.assert_no_lock()

    def test_a_signal_by_kill_after_a_key_is_passed_on(self):
        terminal = self.terminal(UFL, self.lock, *self.print_signals())
        terminal.expect(rb"ready \d+\r\n")
        ufl = terminal.process.pid
        terminal.type(CTRL_C)
        terminal.expect(rb"SIGINT from kernel\r\n")
        # Until ufl has read the key's signal, a second one would be the same to the kernel.
        self.assertEqual(self.settle(terminal, ufl), [])
        os.kill(ufl, signal.SIGINT)
        terminal.expect(rb"SIGINT from %d\r\n" % ufl)
        self.assertEqual(self.mark(terminal, ufl), [])
        self.assertEqual(self.wait(terminal.process), 0)

    def test_the_command_dies_of_it_and_so_does_ufl(self):
        for key, number in ((CTRL_C, signal.SIGINT), (CTRL_BACKSLASH, signal.SIGQUIT)):
            with self.subTest(signal=number):
                terminal = self.terminal(
                    UFL, self.lock, "sh", "-c", "ulimit -c 0; echo ready; exec sleep 120")
                terminal.expect(rb"ready\r\n")
                terminal.type(key)
                self.assertEqual(self.wait(terminal.process), -number)
                self.assertRegex(terminal.rest(), rb"\A(\^[C\\])?\Z")
                self.assert_no_lock()

    def test_while_waiting_for_the_lock(self):
        for key, number in ((CTRL_C, signal.SIGINT), (CTRL_BACKSLASH, signal.SIGQUIT)):
            with self.subTest(signal=number):
                holder = self.hold()
                before = self.read_lock()
                terminal = self.terminal(UFL, "-v", self.lock, "echo", "ran",
                                         stderr=subprocess.PIPE)
                self.assertIn("waiting", terminal.process.stderr.readline())
                terminal.type(key)
                self.assertEqual(self.wait(terminal.process), -number)
                self.assertNotIn(b"ran", terminal.rest())
                self.assertEqual(self.read_lock(), before)
                self.let_go(holder)
                self.assert_no_lock()

    def test_in_the_verification_delay(self):
        terminal = self.terminal(UFL, "-d", "1h", self.lock, "echo", "ran")
        support.wait_for(lambda: os.path.exists(self.lock) and self.read_lock().endswith("\n"),
                         "the claim")
        terminal.type(CTRL_C)
        self.assertEqual(self.wait(terminal.process), -signal.SIGINT)
        self.assertNotIn(b"ran", terminal.rest())
        self.assert_no_lock()


class AtTheStart(TerminalTestCase, FaultTestCase):
    """A key that is pressed while ufl makes the process of the command."""

    def is_pending(self, pid, number):
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            pending = re.search(r"^ShdPnd:\s*(\w+)$", status.read(), re.MULTILINE)[1]
        return int(pending, 16) >> (number - 1) & 1

    def test_the_key_is_not_lost(self):
        # Before that process is there, before ufl looks at its signals again; and behind that, when
        # the command has been let go and the bystander is made.
        bystander = "clone:when=2"
        for place in ("pipe2:when=1", "clone:when=1", "pidfd_open:when=2", bystander):
            for key, number in ((CTRL_C, signal.SIGINT), (CTRL_BACKSLASH, signal.SIGQUIT)):
                with self.subTest(place=place, signal=number):
                    words = self.stopping(place, self.lock, "sh", "-c", "echo r''an; exec sleep 120")
                    terminal = self.terminal(*words)
                    ufl = self.wait_for_stop(terminal.process, place)
                    terminal.type(key)
                    support.wait_for(lambda: self.is_pending(ufl, number), "the signal")
                    os.kill(ufl, signal.SIGCONT)
                    self.assertEqual(self.wait(terminal.process), -number)
                    if place != bystander:
                        self.assertNotIn(b"ran", terminal.rest())
                    self.assert_no_lock()


class Loops(TerminalTestCase):
    """One Ctrl-C ends a loop of the shell."""

    # Typed words are echoed: what the command prints does not stand in them.
    LOOP = (r"""for i in 1 2 3; do """
            r""""$U" "$L" "$P" -S "$W"; done""")

    def check_script(self, *words):
        terminal = self.terminal(*words)
        terminal.expect(rb"go-now\r\n")
        terminal.type(CTRL_C)
        self.assertEqual(self.wait(terminal.process), -signal.SIGINT)
        self.assertNotIn(b"after", terminal.rest())
        self.assertEqual(terminal.output.count(b"go-now"), 1)
        self.assert_no_lock()

    def test_in_a_string_of_bash(self):
        self.check_script("bash", "-c", self.LOOP + "; echo after")

    def test_in_a_script_of_bash(self):
        self.check_script("bash", self.write("script", self.LOOP + "\necho after\n"))

    def test_with_the_shell_form(self):
        self.check_script("bash", "-c", r"""for i in 1 2 3; do "$U" "$L" """
                          r"""-c 'exec "$P" -S "$W"'; done; echo after""")

    def test_while_waiting_for_the_lock(self):
        holder = self.hold()
        terminal = self.terminal(
            "bash", "-c", 'for i in 1 2 3; do "$U" -v "$L" echo ran; echo after; done',
            stderr=subprocess.PIPE)
        self.assertIn("waiting", terminal.process.stderr.readline())
        terminal.type(CTRL_C)
        self.assertEqual(self.wait(terminal.process), -signal.SIGINT)
        self.assertNotRegex(terminal.rest(), rb"after|ran")
        self.let_go(holder)
        self.assert_no_lock()

    def test_typed_at_a_prompt(self):
        terminal = self.interactive_bash()
        terminal.type(self.LOOP.encode() + b"\n")
        terminal.expect(rb"go-now\r\n")
        terminal.type(CTRL_C)
        terminal.expect(PROMPT)
        terminal.type(b'echo "st"atus=$?\n')
        self.assertEqual(terminal.expect(rb"status=(\d+)\r\n")[1], b"130")
        self.assertEqual(terminal.output.count(b"go-now"), 1)
        self.assert_no_lock()

    def test_a_command_that_handles_it_does_not_end_the_loop(self):
        # As with an editor: the shell sees an ordinary exit, and goes on.
        command = self.print_signals(until=signal.SIGINT)
        terminal = self.terminal(
            "bash", "-c", 'for i in 1 2; do "$U" "$L" "$@"; done; echo after', "bash", *command)
        for _ in range(2):
            terminal.expect(rb"ready \d+\r\n")
            terminal.type(CTRL_C)
            terminal.expect(rb"SIGINT from kernel\r\n")
        self.assertEqual(terminal.rest().removeprefix(b"^C"), b"after\r\n")
        self.assertEqual(self.wait(terminal.process), 0)
        self.assert_no_lock()


if __name__ == "__main__":
    unittest.main()
