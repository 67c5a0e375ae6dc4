# SPDX-License-Identifier: MIT
"""What the tests of signals share: ufls that get some, and a command that prints its own."""

import os
import random
import re
import resource
import signal

import support

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
