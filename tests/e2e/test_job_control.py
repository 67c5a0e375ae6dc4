#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ufl in a real terminal: jobs, groups and hang-up."""

import os
import signal
import subprocess
import unittest

import support
from recovery import wait_for_end
from terminals import CTRL_C, CTRL_D, CTRL_Z, MARK, PROMPT, UFL, TerminalTestCase


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
        ufl = support.parent_of(command)
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
        ufl = support.parent_of(int(terminal.expect(rb"ready (\d+)\r\n")[1]))
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
        ufl = support.parent_of(int(self.log_lines(log)[0].split()[1]))
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
