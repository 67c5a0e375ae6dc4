#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals: no lock file is left, and the command gets what ufl got, once."""

import os
import random
import re
import resource
import select
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from leases import helper_of  # noqa: E402

UFL = os.path.abspath(support.UFL)
# Sent to ufl last: it is passed on last, too, since it has the highest number. So when it has come
# to the command, nothing else is on its way.
MARK = signal.SIGRTMIN + 5
MARK_NAME = "SIGRTMIN+5"
REAL_TIME = signal.SIGRTMIN + 3
FATAL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
         signal.SIGUSR2, signal.SIGALRM, REAL_TIME)
ROUNDS = 50
SEED = int(os.environ.get("UFL_TEST_SEED", random.randrange(1 << 32)))
# Programs that take no notice of signals, but end by themselves should a test leave them behind.
SLEEP = "exec sleep 120"
NO_CORE = "ulimit -c 0; "


def setUpModule():
    support.default_signals()


def ignoring(*numbers):
    """A preexec_fn."""
    def ignore():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return ignore


def blocking(*numbers):
    """A preexec_fn."""
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def with_cores():
    """A preexec_fn: processes may dump core."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def cores_are_plain_files():
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
        return re.fullmatch(r"[\w%.-]+\n", file.read()) is not None


def members_of_session(session):
    """The processes of a session that are not zombies."""
    members = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                state, _, _, sid = file.read().rsplit(")", 1)[1].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(sid) == session and state not in "ZX":
            members.append(int(name))
    return members


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


class SignalTestCase(support.UflTestCase):
    """Helpers for ufl processes that get signals."""

    def setUp(self):
        super().setUp()
        support.limit_time(self)

    def lock_content(self):
        """What is in the lock file: empty when there is none, or nothing in it yet."""
        try:
            return self.read_lock()
        except FileNotFoundError:
            return ""

    def start_waiting(self, *options, program=(), **popen):
        """Start a ufl that has to wait for another holder; its command says "ran"."""
        words = [*program, UFL, "-v", *options, self.lock, "echo", "ran"]
        waiter = self.start(program=words, **popen)
        self.assertIn("waiting", waiter.stderr.readline())
        return waiter

    def start_in_delay(self, **popen):
        """Start a ufl that has claimed the lock and would verify it in an hour."""
        claimer = self.start("-d", "1h", self.lock, "echo", "ran", **popen)
        support.wait_for(lambda: self.lock_content().endswith("\n"), "the claim")
        return claimer

    def start_printing(self, *options, until=MARK, status=0, prefix=(), **popen):
        """Start a ufl whose command prints its signals. Returns ufl and the command's pid."""
        words = support.tool("print_signals.py", "--until", int(until), "--exit", status, *options)
        process = self.start(self.lock, *prefix, *words, **popen)
        return process, self.ready_pid(process)

    def ready_pid(self, process):
        word, pid = process.stdout.readline().split()
        self.assertEqual(word, "ready")
        return int(pid)

    def start_shell(self, script, **popen):
        """Start a ufl whose command is a shell script that says "ready"."""
        process = self.start(self.lock, "sh", "-c", script, **popen)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def assert_dies_of(self, process, number):
        """`process` ends, killed by signal `number`, and dumps no core."""
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, -number, process.stderr.read())
        if cores_are_plain_files():
            self.assertFalse(os.WCOREDUMP(status), "core dumped")
            self.assertEqual([n for n in os.listdir(self.dir) if n.startswith("core")], [])


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


class WhileRunning(SignalTestCase):
    """Signals to ufl reach the command, exactly once; ufl waits for its end."""

    def settle(self, process, ufl=None):
        """Wait until ufl has dealt with all that came before, and is ready for more.

        Two real-time signals go the whole way, one after the other. Returns what else came.
        """
        ufl = ufl or process.pid
        others = []
        for _ in range(2):
            os.kill(ufl, REAL_TIME)
            while not (line := process.stdout.readline()).startswith("SIGRTMIN+3 from "):
                self.assertNotEqual(line, "", f"the command ended after {others}")
                others.append(line.rstrip("\n"))
        return others

    def end(self, process, command):
        """Send the mark and wait for ufl; the lines that the command printed besides ours."""
        others = self.settle(process)
        os.kill(process.pid, MARK)
        lines = process.stdout.read().splitlines()
        self.wait(process)
        self.assertIsNone(support.process_state(command), "the command was not waited for")
        self.assertEqual(lines[-1:], [f"{MARK_NAME} from {process.pid}"])
        return others + lines[:-1]

    def check_passed_on(self, number, name, **popen):
        process, command = self.start_printing(status=7, **popen)
        os.kill(process.pid, number)
        self.assertEqual(process.stdout.readline(), f"{name} from {process.pid}\n")
        self.assertIsNone(process.poll(), "ufl did not wait for the command")
        self.assertTrue(os.path.exists(self.lock), "the lock is gone while the command runs")
        self.assertEqual(self.end(process, command), [])
        self.assertEqual(process.returncode, 7)
        self.assert_no_lock()

    def test_signals_are_passed_on_once(self):
        for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP"),
                             (signal.SIGINT, "SIGINT"), (signal.SIGQUIT, "SIGQUIT"),
                             (signal.SIGUSR1, "SIGUSR1"), (signal.SIGUSR2, "SIGUSR2"),
                             (signal.SIGALRM, "SIGALRM"), (signal.SIGWINCH, "SIGWINCH"),
                             (REAL_TIME, "SIGRTMIN+3")):
            for own_session in (False, True):
                with self.subTest(signal=name, own_session=own_session):
                    self.check_passed_on(number, name, start_new_session=own_session)

    def test_terminate_by_the_parent(self):
        process, _ = self.start_printing(until=signal.SIGTERM, status=9)
        self.assertEqual(os.getpgid(process.pid), os.getpgid(0))
        process.terminate()
        self.assertEqual(process.stdout.read(), f"SIGTERM from {process.pid}\n")
        self.assertEqual(self.wait(process), 9)
        self.assert_no_lock()

    def test_kill_by_a_script_that_started_ufl(self):
        # A script's background process is in the script's own process group.
        script = '"$@" & read word; kill -TERM $!; read word; wait $!; echo "status $?"'
        words = support.tool("print_signals.py", "--until", int(MARK), "--exit", 3)
        shell = self.start(program=["sh", "-c", script, "sh", UFL, self.lock, *words],
                           stdin=subprocess.PIPE)
        command = self.ready_pid(shell)
        ufl = parent_of(command)
        self.assertEqual(os.getpgid(ufl), os.getpgid(shell.pid))
        shell.stdin.write("go\n")
        shell.stdin.flush()
        self.assertEqual(shell.stdout.readline(), f"SIGTERM from {ufl}\n")
        self.assertEqual(self.settle(shell, ufl), [])
        os.kill(ufl, MARK)
        self.assertEqual(shell.stdout.readline(), f"{MARK_NAME} from {ufl}\n")
        shell.stdin.write("go\n")
        shell.stdin.close()
        self.assertEqual(shell.stdout.read(), "status 3\n")
        self.assert_no_lock()

    def test_each_later_signal_is_passed_on_too(self):
        process, command = self.start_printing(status=4)
        sent = [signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGHUP,
                signal.SIGTERM]
        for number in sent:
            os.kill(process.pid, number)
            line = f"{signal.Signals(number).name} from {process.pid}\n"
            self.assertEqual(process.stdout.readline(), line)
        self.assertEqual(self.end(process, command), [])
        self.assertEqual(process.returncode, 4)
        self.assert_no_lock()

    def test_real_time_signals_are_passed_on_each(self):
        # They queue; standard signals do not.
        process, _ = self.start_printing()
        for _ in range(20):
            os.kill(process.pid, REAL_TIME)
        os.kill(process.pid, MARK)
        lines = process.stdout.read().splitlines()
        self.assertEqual(lines, [f"SIGRTMIN+3 from {process.pid}"] * 20
                         + [f"{MARK_NAME} from {process.pid}"])
        self.assertEqual(self.wait(process), 0)

    def check_group(self, number, name, stopping):
        """stopping: ufl is stopped until the command has it, so that two cannot look like one."""
        process, command = self.start_printing(status=2, start_new_session=True)
        self.settle(process)
        for _ in range(3):
            if stopping:
                os.kill(process.pid, signal.SIGSTOP)
                support.wait_for(lambda: support.process_state(process.pid) == "T", "a stop")
            os.killpg(process.pid, number)
            self.assertEqual(process.stdout.readline(), f"{name} from {os.getpid()}\n")
            if stopping:
                os.kill(process.pid, signal.SIGCONT)
            self.assertEqual(self.settle(process), [])
        self.assertEqual(self.end(process, command), [])
        self.assertEqual(process.returncode, 2)
        self.assertEqual(members_of_session(process.pid), [])
        self.assert_no_lock()

    def test_a_signal_to_the_whole_group_reaches_the_command_once(self):
        for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP"),
                             (signal.SIGINT, "SIGINT"), (REAL_TIME + 1, "SIGRTMIN+4")):
            for stopping in (False, True):
                with self.subTest(signal=name, stopping=stopping):
                    self.check_group(number, name, stopping)

    def test_signals_to_the_group_and_to_ufl_in_turn(self):
        process, command = self.start_printing(start_new_session=True)
        self.settle(process)
        for send, sender in ((os.killpg, os.getpid()), (os.kill, process.pid)) * 3:
            send(process.pid, signal.SIGTERM)
            self.assertEqual(process.stdout.readline(), f"SIGTERM from {sender}\n")
            self.assertEqual(self.settle(process), [])
        self.assertEqual(self.end(process, command), [])

    def test_kill_0_by_a_script_reaches_the_command_once(self):
        script = 'trap : TERM; "$@" & read word; kill -TERM 0; wait $!; wait $!; echo "status $?"'
        words = support.tool("print_signals.py", "--until", int(MARK), "--exit", 3)
        shell = self.start(program=["sh", "-c", script, "sh", UFL, self.lock, *words],
                           stdin=subprocess.PIPE, start_new_session=True)
        command = self.ready_pid(shell)
        ufl = parent_of(command)
        self.settle(shell, ufl)
        shell.stdin.close()
        self.assertEqual(shell.stdout.readline(), f"SIGTERM from {shell.pid}\n")
        self.assertEqual(self.settle(shell, ufl), [])
        os.kill(ufl, MARK)
        self.assertEqual(shell.stdout.read(), f"{MARK_NAME} from {ufl}\nstatus 3\n")
        self.assert_no_lock()

    def test_a_signal_in_a_stream_of_others_arrives(self):
        process, command = self.start_printing()
        os.kill(process.pid, signal.SIGTERM)
        output = b""
        for _ in range(1000):
            os.kill(process.pid, signal.SIGUSR1)
            if select.select([process.stdout], [], [], 0.003)[0]:
                output += os.read(process.stdout.fileno(), 65536)
            if b"SIGTERM" in output:
                break
        self.assertIn(b"SIGTERM", output)
        while not output.endswith(b"\n"):
            output += os.read(process.stdout.fileno(), 65536)
        rest = "\n".join(self.end(process, command))
        self.assertEqual((output.decode() + rest).count("SIGTERM"), 1)

    def test_under_two_ufls(self):
        inner = [UFL, self.path("inner")]
        process, command = self.start_printing(prefix=inner, status=8, start_new_session=True)
        middle = parent_of(command)
        self.assertEqual(parent_of(middle), process.pid)
        self.settle(process)
        process.terminate()
        self.assertEqual(process.stdout.readline(), f"SIGTERM from {middle}\n")
        self.assertEqual(self.settle(process), [])
        os.killpg(process.pid, signal.SIGTERM)
        self.assertEqual(process.stdout.readline(), f"SIGTERM from {os.getpid()}\n")
        self.assertEqual(self.settle(process), [])
        os.kill(process.pid, MARK)
        self.assertEqual(process.stdout.read(), f"{MARK_NAME} from {middle}\n")
        self.assertEqual(self.wait(process), 8)
        self.assert_no_lock()
        self.assert_no_lock(self.path("inner"))

    def test_under_timeout_the_command_gets_it_once(self):
        # ufl waits 20 ms for the group's signal: a timeout(1) that is held up for longer makes it
        # two, and twice is better than never (SignalRelay). Not each time.
        once = False
        for _ in range(5):
            once = once or self.gets_it_once_under_timeout()
        self.assertTrue(once)

    def gets_it_once_under_timeout(self):
        # timeout(1) signals ufl and then its whole group. SIGALRM tells it that the time is over.
        words = support.tool("print_signals.py", "--until", int(MARK))
        outer = self.start(program=["timeout", "1000", UFL, self.lock, *words])
        command = self.ready_pid(outer)
        ufl = parent_of(command)
        self.settle(outer, ufl)
        os.kill(outer.pid, signal.SIGALRM)
        lines = [outer.stdout.readline().rstrip("\n"), *self.settle(outer, ufl)]
        os.kill(ufl, MARK)
        lines += outer.stdout.read().splitlines()
        lines = [line for line in lines if not line.startswith("SIGCONT")]
        self.assertEqual(lines[-2:], [f"SIGTERM from {outer.pid}", f"{MARK_NAME} from {ufl}"])
        self.assertIn(lines[:-2], ([], [f"SIGTERM from {ufl}"]))
        self.assertEqual(self.wait(outer), 124)
        self.assert_no_lock()
        return not lines[:-2]

    def test_a_signal_by_name_is_passed_on(self):
        """pkill of ufl's name or command line finds ufl alone, not its bystander too."""
        process, command = self.start_printing()
        self.settle(process)
        bystander = helper_of(process.pid, "lock-bystander")  # until then it goes by ufl's name
        support.wait_for(lambda: self.title(bystander).startswith(b"lock-bystander"), "its title")
        children = f"{os.getpid()},{process.pid}"
        for words in (["pkill", "-TERM", "-P", children, "-x", "ufl"],
                      ["pkill", "-TERM", "-f", f"^{re.escape(os.path.abspath(UFL))} "
                                               f"{re.escape(self.lock)}"]):
            with self.subTest(words=words):
                subprocess.run(words, check=True)
                self.assertEqual(process.stdout.readline(), f"SIGTERM from {process.pid}\n")
        self.end(process, command)

    def title(self, pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()

    def test_under_timeout_the_lock_is_released(self):
        outer = self.start(program=["timeout", "1000", UFL, self.lock, "sh", "-c",
                                    f"echo ready; {SLEEP}"])
        self.assertEqual(outer.stdout.readline(), "ready\n")
        os.kill(outer.pid, signal.SIGALRM)
        self.assertEqual(self.wait(outer), 124)
        self.assert_no_lock()

    def test_ignored_signals_are_ignored_by_ufl_and_the_command(self):
        process = self.start_shell("echo ready; read line; exit 6", stdin=subprocess.PIPE,
                                   preexec_fn=ignoring(*FATAL))
        for number in FATAL:
            os.kill(process.pid, number)
        process.stdin.close()
        self.assertEqual(self.wait(process), 6)
        self.assert_no_lock()

    def test_blocked_signals_do_not_end_ufl(self):
        # The command has them blocked, too; the one pending for ufl must not end it after all.
        process = self.start_shell("echo ready; read line; exit 6", stdin=subprocess.PIPE,
                                   preexec_fn=blocking(signal.SIGTERM))
        os.kill(process.pid, signal.SIGTERM)
        process.stdin.close()
        self.assertEqual(self.wait(process), 6)
        self.assert_no_lock()

    def test_a_stopped_ufl_keeps_the_lock(self):
        process, command = self.start_printing("--stdin", status=3, stdin=subprocess.PIPE)
        before = self.read_lock()
        os.kill(process.pid, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(process.pid) == "T", "a stopped ufl")
        process.stdin.close()
        support.wait_for(lambda: support.process_state(command) == "Z", "the end of the command")
        self.assertEqual(self.ufl("-n", self.lock, "true").returncode, 75)
        self.assertEqual(self.read_lock(), before)
        os.kill(process.pid, signal.SIGCONT)
        self.assertEqual(self.wait(process), 3)
        self.assert_no_lock()

    def test_a_signal_to_a_stopped_ufl_is_passed_on_when_it_continues(self):
        process, command = self.start_printing()
        os.kill(process.pid, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(process.pid) == "T", "a stopped ufl")
        os.kill(process.pid, signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)
        self.assertEqual(process.stdout.readline(), f"SIGTERM from {process.pid}\n")
        self.assertEqual(self.end(process, command), [])
        self.assertEqual(process.returncode, 0)
        self.assert_no_lock()

    def test_a_stopped_command_is_waited_for(self):
        process, command = self.start_printing()
        os.kill(command, signal.SIGSTOP)
        support.wait_for(lambda: support.process_state(command) == "T", "a stopped command")
        os.kill(process.pid, signal.SIGTERM)
        self.assertTrue(os.path.exists(self.lock))
        self.assertIsNone(process.poll())
        os.kill(command, signal.SIGCONT)
        lines = self.end(process, command)
        self.assertEqual([line for line in lines if "SIGCONT" not in line],
                         [f"SIGTERM from {process.pid}"])
        self.assert_no_lock()

    def test_a_command_in_a_session_of_its_own_gets_it_too(self):
        self.check_passed_on(signal.SIGTERM, "SIGTERM", prefix=["setsid"])
        self.check_passed_on(signal.SIGINT, "SIGINT", prefix=["setsid"])


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
