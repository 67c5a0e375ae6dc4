#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl in a real terminal: keys, job control, hang-up."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from faults import FaultTestCase  # noqa: E402
from recovery import wait_for_end  # noqa: E402

UFL = os.path.abspath(support.UFL)
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = b"\x03", b"\x04", b"\x1a", b"\x1c"
# Sent to ufl last, and passed on last: see test_signals.py.
MARK = signal.SIGRTMIN + 5
MARK_NAME = rb"SIGRTMIN\+5"
PROMPT = rb"\[prompt\] "
ECHOES = (b"^C", b"^\\")  # of the keys; an echo may come later than what the key has done


def setUpModule():
    support.default_signals()


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


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


class JobControl(TerminalTestCase):
    """Ctrl-Z, fg and bg in an interactive bash."""

    def finish(self, terminal):
        """After the job has ended."""
        terminal.expect(PROMPT)
        self.assert_no_lock()
        terminal.type(b'echo "en"d\n')
        terminal.expect(rb"end\r\n" + PROMPT)
        self.assertNotIn(b"ufl:", terminal.output)
        terminal.type(b"exit 0\n")
        self.assertEqual(self.wait(terminal.process), 0)

    def test_stop_and_foreground(self):
        terminal = self.interactive_bash()
        pids = self.type_job(terminal, "cat")
        before = self.read_lock()
        for _ in range(2):
            terminal.type(CTRL_Z)
            terminal.expect(rb"Stopped")
            terminal.expect(PROMPT)
            self.assert_stopped(*pids)
            self.assertEqual(self.read_lock(), before)
            self.assertEqual(self.ufl("-n", self.lock, "true").returncode, 75)
            terminal.type(b"fg\n")
            self.assert_continued(*pids)
            terminal.type(b"hello\n")
            terminal.expect(rb"hello\r\nhello\r\n")
            self.assertEqual(self.read_lock(), before)
        terminal.type(CTRL_D)
        self.finish(terminal)

    def test_stop_and_background(self):
        terminal = self.interactive_bash()
        os.mkfifo(self.path("gate"))
        pids = self.type_job(terminal, "cat gate")
        terminal.type(CTRL_Z)
        terminal.expect(PROMPT)
        self.assert_stopped(*pids)
        terminal.type(b"bg\n")
        terminal.expect(PROMPT)
        self.assert_continued(*pids)
        self.assertTrue(os.path.exists(self.lock))
        terminal.type(b'echo in "front"\n')
        terminal.expect(rb"in front\r\n" + PROMPT)
        with open(self.path("gate"), "w", encoding="ascii"):
            pass
        self.assert_released()
        terminal.type(b"wait\n")
        self.finish(terminal)

    def test_ctrl_c_after_a_stop(self):
        terminal = self.interactive_bash()
        pids = self.type_job(terminal, "cat")
        terminal.type(CTRL_Z)
        terminal.expect(PROMPT)
        self.assert_stopped(*pids)
        terminal.type(b"fg\n")
        self.assert_continued(*pids)
        terminal.type(b"hello\n")
        terminal.expect(rb"hello\r\nhello\r\n")
        terminal.type(CTRL_C)
        terminal.expect(PROMPT)
        self.assert_no_lock()
        terminal.type(b'echo "st"atus=$?\n')
        self.assertEqual(terminal.expect(rb"status=(\d+)\r\n")[1], b"130")

    def test_kill_of_a_stopped_job(self):
        terminal = self.interactive_bash()
        pids = self.type_job(terminal, "cat")
        terminal.type(CTRL_Z)
        terminal.expect(PROMPT)
        self.assert_stopped(*pids)
        terminal.type(b"kill %1\n")  # bash sends SIGTERM and SIGCONT to the group
        self.assert_released()
        for pid in pids:
            wait_for_end(pid)  # a loaded bash may leave the zombie of ufl for its next command

    def test_stop_and_foreground_while_waiting(self):
        holder = self.hold()
        terminal = self.interactive_bash()
        terminal.type(b'"$U" -v "$L" sh -c \'echo "ra"n\' 2>messages\n')
        support.wait_for(lambda: self.content("messages"), "a waiting ufl")
        before = self.read_lock()
        terminal.type(CTRL_Z)
        terminal.expect(rb"Stopped")
        terminal.expect(PROMPT)
        self.assertEqual(self.read_lock(), before)
        self.let_go(holder)
        self.assert_no_lock()
        terminal.type(b"fg\n")
        terminal.expect(rb"ran\r\n")
        self.finish(terminal)

    def content(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_ctrl_c_reaches_the_command_of_a_job_once(self):
        terminal = self.interactive_bash()
        words = " ".join(self.print_signals(status=3))
        terminal.type(b'"$U" "$L" ' + os.fsencode(words) + b"\n")
        command = int(terminal.expect(rb"ready (\d+)\r\n")[1])
        ufl = parent_of(command)
        terminal.type(CTRL_C)
        terminal.expect(rb"SIGINT from kernel\r\n")
        self.assertEqual(self.mark(terminal, ufl), [])
        terminal.expect(PROMPT)
        self.assert_no_lock()
        terminal.type(b'echo "st"atus=$?\n')
        self.assertEqual(terminal.expect(rb"status=(\d+)\r\n")[1], b"3")


class Groups(TerminalTestCase):
    """Commands that are in another process group than ufl."""

    def test_ctrl_c_reaches_a_command_in_a_session_of_its_own_once(self):
        # The terminal does not reach it: ufl passes it on.
        terminal = self.terminal(UFL, self.lock, "setsid", *self.print_signals(status=7))
        terminal.expect(rb"ready \d+\r\n")
        ufl = terminal.process.pid
        terminal.type(CTRL_C)
        terminal.expect(rb"SIGINT from %d\r\n" % ufl)
        self.assertEqual(self.mark(terminal, ufl), [])
        self.assertEqual(self.wait(terminal.process), 7)
        self.assert_no_lock()

    def test_an_interactive_shell_as_the_command(self):
        # It makes process groups of its own and gives them the terminal.
        terminal = self.terminal(
            UFL, self.lock, "bash", "--norc", "--noprofile", "--noediting", "-i")
        terminal.expect(PROMPT)
        terminal.type(CTRL_C)
        terminal.expect(PROMPT)
        terminal.type(b"cat\n")
        terminal.expect(rb"cat\r\n")
        terminal.type(b"hello\n")
        terminal.expect(rb"hello\r\nhello\r\n")
        terminal.type(CTRL_Z)
        terminal.expect(rb"Stopped")
        terminal.expect(PROMPT)
        terminal.type(b"fg\n")
        terminal.expect(rb"cat\r\n")
        terminal.type(b"again\n")
        terminal.expect(rb"again\r\nagain\r\n")
        terminal.type(CTRL_C)
        terminal.expect(PROMPT)
        self.assertTrue(os.path.exists(self.lock))
        self.assertIsNone(terminal.process.poll())
        terminal.type(b"exit 4\n")
        self.assertEqual(self.wait(terminal.process), 4)
        self.assertNotIn(b"ufl:", terminal.rest())
        self.assert_no_lock()

    def test_kill_of_a_job_reaches_the_command_once(self):
        # bash sends it to the whole group.
        terminal = self.interactive_bash()
        words = " ".join(self.print_signals())
        terminal.type(b'"$U" "$L" ' + os.fsencode(words) + b" &\n")
        ufl = parent_of(int(terminal.expect(rb"ready (\d+)\r\n")[1]))
        self.settle(terminal, ufl)
        terminal.type(b"kill %1\n")
        terminal.expect(rb"SIGTERM from %d\r\n" % terminal.process.pid)
        lines = self.mark(terminal, ufl)
        self.assertEqual([line for line in lines if line.startswith(b"SIG")], [])
        self.assert_released()


class HangUp(TerminalTestCase):
    """The terminal goes away."""

    def log_lines(self, log):
        with open(log, encoding="ascii") as file:
            return file.read().splitlines()

    def test_ufl_as_session_leader_passes_it_on_once(self):
        log = self.path("log")
        terminal = self.terminal(UFL, self.lock, *self.print_signals("--log", log))
        support.wait_for(lambda: os.path.exists(log) and self.log_lines(log), "the command")
        terminal.hang_up()
        ufl = terminal.process
        support.wait_for(lambda: any("SIGHUP" in line for line in self.log_lines(log)), "SIGHUP")
        self.assertIsNone(ufl.poll())
        self.assertTrue(os.path.exists(self.lock))
        self.settle_log(ufl.pid, log)
        os.kill(ufl.pid, MARK)
        self.assertEqual(self.wait(ufl), 0)
        self.assertEqual([line for line in self.log_lines(log)[1:] if "SIGRTMIN" not in line],
                         [f"SIGHUP from {ufl.pid}"])
        self.assert_no_lock()

    def test_a_command_that_dies_of_it(self):
        terminal = self.terminal(UFL, self.lock, "sh", "-c", "echo ready; exec sleep 120")
        terminal.expect(rb"ready\r\n")
        terminal.hang_up()
        self.assertEqual(self.wait(terminal.process), -signal.SIGHUP)
        self.assert_no_lock()

    def test_a_command_that_reads_the_terminal(self):
        terminal = self.terminal(UFL, self.lock, "sh", "-c", "echo ready; exec cat")
        terminal.expect(rb"ready\r\n")
        terminal.hang_up()
        # The command may meet the end of its input before it is told of the hang-up.
        self.assertIn(self.wait(terminal.process), (-signal.SIGHUP, 0, 1))
        self.assert_no_lock()

    def test_while_waiting_for_the_lock(self):
        holder = self.hold()
        before = self.read_lock()
        terminal = self.terminal(UFL, "-v", self.lock, "echo", "ran", stderr=subprocess.PIPE)
        self.assertIn("waiting", terminal.process.stderr.readline())
        terminal.hang_up()
        self.assertEqual(self.wait(terminal.process), -signal.SIGHUP)
        self.assertEqual(self.read_lock(), before)
        self.let_go(holder)

    def test_in_the_verification_delay(self):
        terminal = self.terminal(UFL, "-d", "1h", self.lock, "echo", "ran")
        support.wait_for(lambda: os.path.exists(self.lock) and self.read_lock().endswith("\n"),
                         "the claim")
        terminal.hang_up()
        self.assertEqual(self.wait(terminal.process), -signal.SIGHUP)
        self.assert_no_lock()

    def test_under_nohup_the_command_goes_on(self):
        gate = self.path("gate")
        os.mkfifo(gate)
        script = f"echo ready; read line <{gate}; echo $line >done; exit 0"
        terminal = self.terminal("nohup", UFL, self.lock, "sh", "-c", script,
                                 stdout=subprocess.PIPE)
        self.assertEqual(terminal.process.stdout.readline(), "ready\n")
        terminal.hang_up()
        self.assertIsNone(terminal.process.poll())
        with open(gate, "w", encoding="ascii") as file:
            file.write("finished\n")
        self.assertEqual(self.wait(terminal.process), 0)
        with open(self.path("done"), encoding="ascii") as file:
            self.assertEqual(file.read(), "finished\n")
        self.assert_no_lock()

    def test_of_an_interactive_bash_reaches_its_jobs_once(self):
        # bash signals the group of each job. (The kernel, too, that of the one in the foreground.)
        log = self.path("log")
        terminal = self.interactive_bash()
        words = self.print_signals("--log", log)
        terminal.type(b'"$U" "$L" ' + os.fsencode(" ".join(words)) + b" &\n")
        support.wait_for(lambda: os.path.exists(log) and self.log_lines(log), "the command")
        ufl = parent_of(int(self.log_lines(log)[0].split()[1]))
        self.settle_log(ufl, log)
        terminal.hang_up()
        self.wait(terminal.process)
        support.wait_for(lambda: any("SIGHUP" in line for line in self.log_lines(log)), "SIGHUP")
        self.assertTrue(os.path.exists(self.lock))
        self.settle_log(ufl, log)
        os.kill(ufl, MARK)
        self.assert_released()
        lines = [line.split()[0] for line in self.log_lines(log)[1:]]
        self.assertEqual([name for name in lines if name not in ("SIGCONT", "SIGRTMIN+3")],
                         ["SIGHUP", "SIGRTMIN+5"])

    def settle_log(self, ufl, log):
        """As settle(), for a command that writes to a log."""
        for _ in range(2):
            before = self.count_settled(log)
            os.kill(ufl, signal.SIGRTMIN + 3)
            support.wait_for(lambda n=before: self.count_settled(log) > n, "a passed-on signal")

    def count_settled(self, log):
        return len([line for line in self.log_lines(log) if line.startswith("SIGRTMIN+3 ")])

    def test_of_an_interactive_bash_ends_its_foreground_job(self):
        terminal = self.interactive_bash()
        pids = self.type_job(terminal, "sleep 120")
        terminal.hang_up()
        self.wait(terminal.process)
        self.assert_released()
        for pid in pids:
            wait_for_end(pid)


if __name__ == "__main__":
    unittest.main()
