# SPDX-License-Identifier: MIT
"""What the tests in a real terminal share: pseudo-terminals, and sessions in them."""

import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import unittest

import support

UFL = os.path.abspath(support.UFL)
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = b"\x03", b"\x04", b"\x1a", b"\x1c"
# Sent to ufl last, and passed on last: see signals.py.
MARK = signal.SIGRTMIN + 5
MARK_NAME = rb"SIGRTMIN\+5"
PROMPT = rb"\[prompt\] "
ECHOES = (b"^C", b"^\\")  # of the keys; an echo may come later than what the key has done


class Terminal:
    """A pseudo-terminal, and the session of the process that was started in it."""

    def __init__(self, test, *words, env=None, **streams):
        self.master, slave = os.openpty()
        self.name = os.ttyname(slave)
        test.addCleanup(self.hang_up)

        def take_terminal():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        streams = {"stdin": slave, "stdout": slave, "stderr": slave, **streams}
        self.process = test.start(
            program=list(words), start_new_session=True, preexec_fn=take_terminal,
            pass_fds=[slave], env=env, **streams)
        os.close(slave)
        self.output = b""  # all of it
        self.seen = 0      # how much of it was asked for

    def read(self):
        """Read what has come, waiting for some. False at the end: nobody has the terminal open."""
        if not select.select([self.master], [], [], support.PATIENCE)[0]:
            raise AssertionError(f"nothing comes after {self.output!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO
            return False
        self.output += data
        return bool(data)

    def expect(self, pattern):
        """Read until `pattern` is found behind what was asked for before; returns the match."""
        while not (match := re.compile(pattern).search(self.output, self.seen)):
            if not self.read():
                raise AssertionError(f"{pattern!r} not found in {self.output[self.seen:]!r}")
        self.seen = match.end()
        return match

    def rest(self):
        """Read to the end; what nobody asked for."""
        while self.read():
            pass
        return self.output[self.seen:]

    def type(self, keys):
        os.write(self.master, keys)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self):
        if self.master is not None:
            os.close(self.master)
            self.master = None


@unittest.skipUnless(support.can_open_terminals(), "no pseudo-terminals here: is devpts mounted?")
class TerminalTestCase(support.UflTestCase):
    """Helpers for sessions in a terminal."""

    def setUp(self):
        super().setUp()
        support.limit_time(self)

    def environment(self):
        return support.clean_environment(
            TERM="dumb", HOME=self.dir, HISTFILE=None, PS1="[prompt] ", PROMPT_COMMAND=None,
            UFL=None, U=UFL, L=self.lock, P=sys.executable,
            W=os.path.join(support.TOOLS, "say_and_wait.py"), BASH_ENV=None, ENV=None)

    def terminal(self, *words, **streams):
        return Terminal(self, *words, env=self.environment(), **streams)

    def interactive_bash(self):
        terminal = self.terminal("bash", "--norc", "--noprofile", "--noediting", "-i")
        terminal.expect(PROMPT)
        return terminal

    def print_signals(self, *options, until=MARK, status=0):
        return support.tool(
            "print_signals.py", "--until", int(until), "--exit", status, *options)

    def type_job(self, terminal, command):
        """At a prompt, run `command` with ufl. Returns the pids: ufl, command."""
        script = rf'printf "%s %s %s\n" pids $PPID $$; exec {command}'
        terminal.type(f'"$U" "$L" sh -c \'{script}\'\n'.encode())
        match = terminal.expect(rb"pids (\d+) (\d+)\r\n")
        return int(match[1]), int(match[2])

    def settle(self, terminal, ufl):
        """Wait until ufl has dealt with all that came before, and is ready for more.

        Two real-time signals go the whole way, one after the other. Returns what else came.
        """
        others = []
        for _ in range(2):
            begin = terminal.seen
            os.kill(ufl, signal.SIGRTMIN + 3)
            match = terminal.expect(rb"SIGRTMIN\+3 from \d+\r\n")
            others += terminal.output[begin:match.start()].splitlines()
        return [line for line in others if line not in ECHOES]

    def mark(self, terminal, ufl):
        """Send the mark; the lines up to it: all signals that came to the command since."""
        others = self.settle(terminal, ufl)
        begin = terminal.seen
        os.kill(ufl, MARK)
        match = terminal.expect(MARK_NAME + rb" from \d+\r\n")
        lines = others + terminal.output[begin:match.start()].splitlines()
        return [line for line in lines if line not in ECHOES]

    def assert_stopped(self, *pids):
        for pid in pids:
            support.wait_for(lambda p=pid: support.process_state(p) == "T", f"{pid} to stop")

    def assert_continued(self, *pids):
        for pid in pids:
            support.wait_for(lambda p=pid: support.process_state(p) in ("S", "R", "D"),
                             f"{pid} to continue")

    def assert_released(self):
        support.wait_for(lambda: not os.path.lexists(self.lock), "the release")
        self.assert_no_lock()
