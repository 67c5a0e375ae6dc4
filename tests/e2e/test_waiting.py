#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a person sees while ufl waits: one line on a terminal, rewritten, gone when it is over."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

import terminals
from screen import Screen

UFL = terminals.UFL
BUSY = 75
DRAWN = rb"\r[^\r\n]*\x1b\[K"  # once
SHOWN = rb"\rufl: [^\r\n]*\x1b\[K"


class WaitingTestCase(terminals.TerminalTestCase):
    """A lock that somebody holds, and a ufl that waits for it in a terminal."""

    def environment(self):
        return {**super().environment(), "TERM": "xterm"}

    def wait_in_terminal(self, *words, columns=80, lock=None, command=("true",), **streams):
        """ufl in a new terminal of that many columns."""
        return self.terminal("sh", "-c", f'stty cols {columns} rows 24 && exec "$U" "$@"', "sh",
                             *words, lock or self.lock, *command, **streams)

    def line(self, terminal):
        """The next line that is drawn."""
        return terminal.expect(SHOWN)[0][1:-3].decode()

    def clock(self, line):
        """The seconds that it shows."""
        minutes, seconds = line.rsplit(" · ", 1)[1].split(":")
        return 60 * int(minutes) + int(seconds)

    def assert_clock(self, line, least, begin):
        """It shows `least` seconds; more, where ufl was late, but no more than since `begin`."""
        self.assertIn(self.clock(line), range(least, int(time.monotonic() - begin) + 1))

    def screen(self, terminal, columns=80):
        """All of the output on a screen, after the end."""
        terminal.rest()
        # The terminal's echo may come late: after ufl's last word.
        return Screen(columns).feed(terminal.output.removesuffix(b"^C"))

    def assert_gone(self, terminal, status=0, columns=80):
        """The line is gone without a trace, and ufl, too."""
        screen = self.screen(terminal, columns)
        self.assertEqual(self.wait(terminal.process), status, terminal.output)
        self.assertEqual(screen.text(), [""], terminal.output)
        self.assertEqual(screen.column, 0)

    def pretend(self, lock=None, **keys):
        """A lock that is held by whoever `keys` say."""
        token = "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f"
        self.write(lock or "lock", f"{token}\n{json.dumps({'v': 1, **keys})}\n")


class LineTest(WaitingTestCase):
    """The line."""

    def test_comes_after_a_second_is_rewritten_and_goes(self):
        holder = self.hold()
        begin = time.monotonic()
        terminal = self.wait_in_terminal(columns=120)
        lines = []
        for least in (1, 2):
            lines.append(self.line(terminal))
            self.assertGreaterEqual(time.monotonic() - begin, least)
            self.assert_clock(lines[-1], least, begin)
        user = subprocess.check_output(["id", "-un"], text=True).strip()
        who = re.escape(f"{user}@{os.uname()[1]} pid {holder.pid}")
        for line in lines:
            self.assertRegex(line, rf"\Aufl: waiting for .*lock · {who} · sh -c 'echo ready; "
                                   r"read line' · held \d+s · 0:\d\d\Z")
        self.let_go(holder)
        self.assertNotIn(b"\n", terminal.rest())
        self.assert_gone(terminal, columns=120)

    def test_nothing_for_a_shorter_wait(self):
        for _ in range(20):
            holder = self.hold()
            begin = time.monotonic()
            terminal = self.wait_in_terminal("-v", "-r", "20ms", columns=1000)
            terminal.expect(rb"waiting: held by [^\n]*\r\n")
            self.let_go(holder)
            screen = self.screen(terminal, 1000)
            self.assertEqual(self.wait(terminal.process), 0)
            if time.monotonic() - begin < 1:
                self.assertNotIn(b"\x1b", terminal.output)
                self.assertEqual(len(screen.text()), 4)  # waiting, got it, released, and the end
                return
        self.skipTest("this machine is too slow for a wait of less than a second")

    def test_ends_with_the_timeout_too(self):
        self.hold()
        self.assert_gone(self.wait_in_terminal("-w", "1.2", "-E", "0"))

    def test_never_on_stdout(self):
        holder = self.hold()
        terminal = self.wait_in_terminal(command=["echo", "out"], stdout=subprocess.PIPE)
        self.line(terminal)
        self.let_go(holder)
        self.assertEqual(terminal.process.stdout.read(), "out\n")
        self.assert_gone(terminal)

    def test_is_gone_before_the_command_speaks(self):
        holder = self.hold()
        terminal = self.wait_in_terminal(command=["echo", "out"])
        self.line(terminal)
        self.let_go(holder)
        self.assertEqual(self.screen(terminal).text(), ["out", ""])

    def test_own_delay(self):
        """Nobody else is waited for; the one second of --delay auto on a share is no wait."""
        begin = time.monotonic()
        terminal = self.wait_in_terminal("-d", "2.3")
        line = self.line(terminal)
        self.assertRegex(line, r"\Aufl: taking .*lock · reading it back after 2\.3s · 0:\d\d\Z")
        self.assert_clock(line, 2, begin)
        self.assert_gone(terminal)

    def test_somebody_who_is_not_known(self):
        self.write("lock", "0b0e7a2c-5a53-4f3c-8d8e-3a1f6c1d2e4f")
        begin = time.monotonic()
        terminal = self.wait_in_terminal("-w", "1.2", "-E", "0")
        line = self.line(terminal)
        self.assertRegex(line, r"\Aufl: waiting for .*lock · unknown holder · 0:\d\d\Z")
        self.assert_clock(line, 1, begin)
        self.assert_gone(terminal)


class WidthTest(WaitingTestCase):
    """It never wraps."""

    NAMES = ["lock", "l" * 200, "漢字" * 30, "e\u0301" * 60, "😀" * 40, "two words",
             "/".join(["a"] * 60), "ｆｕｌｌ" * 15, "\u0e01\u0e33" * 20, "new\nline\x1b[31m"]

    def test_never_wider_than_the_terminal(self):
        started = []
        for number, name in enumerate(self.NAMES):
            for columns in (120, 40, 20, 1):
                directory = self.path(f"{number}-{columns}")
                lock = os.path.join(directory, name)
                os.makedirs(os.path.dirname(lock))
                self.pretend(lock, host="漢字" * 20, user="é" * 30, pid=1 << 40,
                             since="2026-01-01T00:00:00Z", command=name * 3)
                terminal = self.wait_in_terminal("-w", "4.2", "-E", "0", lock=lock, columns=columns)
                started.append((name, columns, terminal))
        for name, columns, terminal in started:
            with self.subTest(name=name[:20], columns=columns):
                terminal.rest()
                self.assertGreaterEqual(len(re.findall(SHOWN if columns > 20 else DRAWN,
                                                       terminal.output)), 2)
                screen = self.screen(terminal, columns)
                self.assertFalse(screen.wrapped, terminal.output)
                self.assertLess(screen.widest, max(columns, 2))
                self.assert_gone(terminal, columns=columns)

    def test_what_stays_when_it_is_narrow(self):
        """What is waited for (the end of its name) and for how long."""
        lock = self.path("a" * 60, "deploy.lock")
        os.mkdir(os.path.dirname(lock))
        self.pretend(lock, user="alice", host="build-3", pid=4242, command="rsync -a from to")
        begin = time.monotonic()
        for terminal in [
                self.wait_in_terminal("-w", "1.2", "-E", "0", lock=lock, columns=columns)
                for columns in (100, 60, 45)]:
            line = self.line(terminal)
            self.assertRegex(line, r"\Aufl: waiting for \.\.\..*deploy\.lock · .*0:\d\d\Z")
            self.assert_clock(line, 1, begin)
        terminal = self.wait_in_terminal("-w", "1.2", "-E", "0", lock=lock, columns=200)
        self.assertIn(" · alice@build-3 pid 4242 · rsync -a from to · ", self.line(terminal))

    def test_follows_the_size_of_the_terminal(self):
        self.pretend(user="alice", host="build-3", pid=4242, command="rsync " + "x" * 40)
        terminal = self.wait_in_terminal(columns=200)
        wide = self.line(terminal)
        self.assertGreater(len(wide), 60)
        for columns in (40, 200):
            terminal.resize(24, columns)
            self.line(terminal)  # may have been on its way
            line = self.line(terminal)
            self.assertLess(len(line), columns)
        self.assertEqual(line.split(" · ")[:3], wide.split(" · ")[:3])
        self.assertIsNone(terminal.process.poll())
        os.unlink(self.lock)
        self.assertEqual(self.wait(terminal.process), 0)


class HostileTest(WaitingTestCase):
    """Control characters do not reach the terminal."""

    def test_of_the_holder(self):
        hostile = "\x1b]0;x\x07\x1b[31m\r\n\b\x00\x7f\x9b2J\u2028\u202e"
        self.pretend(user=hostile, host=hostile, command=hostile, since=hostile)
        for terminal in [self.wait_in_terminal(*words, "-w", "1.2", columns=1000)
                         for words in ([], ["-v"])]:
            self.assertIn(r"\x1b]0;x\x07\x1b[31m\x0d\x0a", self.line(terminal))
            self.screen(terminal, 1000)  # raises
            self.assertEqual(self.wait(terminal.process), BUSY)

    def test_of_the_name(self):
        lock = self.path("\x1b[31mred\x07\n")
        self.pretend(lock)
        terminal = self.wait_in_terminal("-w", "1.2", lock=lock, columns=1000)
        self.assertIn(r"\x1b[31mred\x07\x0a", self.line(terminal))
        self.screen(terminal, 1000)


class MessagesTest(WaitingTestCase):
    """What else is said comes on a row of its own."""

    def test_not_acquired(self):
        self.hold()
        terminal = self.wait_in_terminal("-w", "1.2", columns=1000)
        self.line(terminal)
        message, rest = self.screen(terminal, 1000).text()
        self.assertRegex(message, rf"\Aufl: {self.lock}: not acquired within 1\.2s: held by \S+ ")
        self.assertEqual(rest, "")
        self.assertEqual(self.wait(terminal.process), BUSY)

    def test_verbose(self):
        holder = self.hold()
        terminal = self.wait_in_terminal("-v", columns=1000)
        terminal.expect(rb"waiting: held by [^\n]*\r\n")
        self.assertIn(self.lock, self.line(terminal))
        self.let_go(holder)
        waiting, got_it, released, rest = self.screen(terminal, 1000).text()
        self.assertRegex(waiting, rf"\Aufl: {self.lock}: waiting: held by .*pid {holder.pid}")
        self.assertRegex(got_it, rf"\Aufl: {self.lock}: got it after \d+\.\ds\Z")
        self.assertRegex(released, rf"\Aufl: {self.lock}: released after ")
        self.assertEqual(rest, "")

    def test_verbose_while_the_line_is_shown(self):
        """With the first look after ten seconds; the line makes room, and comes back."""
        self.hold()
        terminal = self.wait_in_terminal("-v", "-w", "17.5", "-E", "0", columns=1000)
        terminal.expect(rb"waiting for 1[0-7]s now: held by [^\n]*\r\n")
        self.line(terminal)
        rows = self.screen(terminal, 1000).text()
        for row, start in zip(rows, ("waiting: held by", "waiting for 1[0-7]s now: held by",
                                     "not acquired within 17s: held by")):
            self.assertRegex(row, f"\\Aufl: {re.escape(self.lock)}: {start}")
        self.assertEqual(rows[3:], [""])

    def test_command_that_is_not_there(self):
        holder = self.hold()
        terminal = self.wait_in_terminal(columns=1000, command=["no-such-command"])
        self.line(terminal)
        self.let_go(holder)
        message, rest = self.screen(terminal, 1000).text()
        self.assertRegex(message, rf"\Aufl: {self.lock}: cannot run 'no-such-command'")
        self.assertEqual(rest, "")

    def test_lock_that_becomes_something_else(self):
        self.pretend()
        terminal = self.wait_in_terminal(columns=1000)
        self.line(terminal)
        os.symlink("nowhere", self.path("link"))
        os.rename(self.path("link"), self.lock)
        message, rest = self.screen(terminal, 1000).text()
        self.assertRegex(message, rf"\Aufl: {self.lock}: is a symbolic link")
        self.assertEqual(rest, "")
        self.assertEqual(self.wait(terminal.process), 125)


class SilenceTest(WaitingTestCase):
    """Where nobody watches, nothing is drawn."""

    def test_quiet_and_terminals_that_cannot(self):
        self.hold()
        cases = ((["-q"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": ""}))
        started = [terminals.Terminal(self, UFL, *words, "-w", "1.2", "-E", "0", self.lock, "true",
                                      env={**self.environment(), **changes})
                     for words, changes in cases]
        for case, terminal in zip(cases, started):
            with self.subTest(case=case):
                self.assertEqual(terminal.rest(), b"")
                self.assertEqual(self.wait(terminal.process), 0)

    def test_stderr_that_is_no_terminal(self):
        self.hold()
        terminal = self.wait_in_terminal("-w", "1.2", "-E", "0", stderr=subprocess.PIPE)
        self.assertEqual((terminal.process.stderr.read(), terminal.rest()), ("", b""))
        self.assertEqual(self.wait(terminal.process), 0)

    def test_verbose_without_a_terminal(self):
        holder = self.hold()
        waiter = self.start("-v", "-r", "20ms", self.lock, "true")
        first = waiter.stderr.readline()
        self.assert_one_line(first, f"{self.lock}: waiting: held by", f"pid {holder.pid}")
        time.sleep(1.2)  # longer than it takes the line of a terminal to come
        self.let_go(holder)
        got_it, released = waiter.stderr.read().splitlines()
        self.assertRegex(got_it, rf"\Aufl: {self.lock}: got it after \d+\.\ds\Z")
        self.assertIn("released after", released)
        self.assertEqual(self.wait(waiter), 0)

    def test_in_the_background(self):
        """Not drawn, and not stopped by the terminal."""
        self.hold()
        for stty in ("-tostop", "tostop"):
            with self.subTest(stty=stty):
                terminal = self.terminal(
                    "bash", "-c", f'stty {stty}; set -m; "$U" -w 2.2 -E 0 "$L" true & '
                                  "exec 2>/dev/null; wait $!; echo $?")
                self.assertEqual(terminal.rest(), b"0\r\n")

    def test_in_the_foreground_it_is_drawn(self):
        """The check above can fail."""
        self.hold()
        terminal = self.terminal(
            "bash", "-c", 'stty tostop; set -m; "$U" -w 1.2 -E 0 "$L" true; echo $?')
        self.line(terminal)
        self.assertEqual(self.screen(terminal).text(), ["0", ""])


class SignalTest(WaitingTestCase):
    """ufl is ended, or stopped, while the line is shown."""

    def test_line_is_gone(self):
        holder = self.hold()
        before = self.read_lock()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
        terminals = [self.wait_in_terminal() for _ in numbers]
        for number, terminal in zip(numbers, terminals):
            with self.subTest(signal=number):
                self.line(terminal)
                os.kill(terminal.process.pid, number)
                self.assert_gone(terminal, -number)
        self.assertEqual(self.read_lock(), before)
        self.let_go(holder)
        self.assert_no_lock()

    def test_in_the_own_delay(self):
        terminal = self.wait_in_terminal("-d", "1h")
        self.line(terminal)
        terminal.process.terminate()
        self.assert_gone(terminal, -signal.SIGTERM)
        self.assert_no_lock()

    def test_ctrl_c(self):
        self.hold()
        terminal = self.wait_in_terminal()
        self.line(terminal)
        terminal.type(terminals.CTRL_C)
        self.assert_gone(terminal, -signal.SIGINT)

    def test_stopped_and_continued(self):
        """No burst of lines to make up for the time that was missed."""
        holder = self.hold()
        terminal = self.interactive_bash()
        terminal.type(b'"$U" "$L" echo "ra"n\n')
        self.line(terminal)
        terminal.type(terminals.CTRL_Z)
        terminal.expect(rb"Stopped")
        terminal.expect(terminals.PROMPT)
        time.sleep(2.5)
        terminal.type(b"fg\n")
        clocks = [self.clock(self.line(terminal)) for _ in range(3)]
        self.assertEqual(clocks, sorted(set(clocks)))
        self.let_go(holder)
        terminal.expect(rb"\r\x1b\[Kran\r\n")


if __name__ == "__main__":
    unittest.main()
