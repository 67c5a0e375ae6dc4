#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A sandbox refuses system calls, or a kernel does not have them: another way is taken, or one line
names the call; and nothing stays.

Each system call that ufl makes is in one of the three lists below. A new one that is in none of
them fails a test.
"""

import errno
import json
import os
import re
import signal
import unittest

import sandbox
import support
from faults import CAN_INJECT
from leases import LOST, children_of, warden_of
from recovery import adopt_orphans
from support import PATIENCE, UFL

# Without them no program starts, ends or says anything, or that of glibc and libstdc++ does not; or
# they cannot fail, and what they tell is for people.
EVERY_PROGRAM = set("""
    access arch_prctl brk clock_gettime close execve exit exit_group faccessat fstat futex
    getcwd mmap mprotect munmap newfstatat openat pread64 prlimit64 read readv rseq rt_sigreturn
    restart_syscall set_robust_list set_tid_address sigaltstack sysinfo write writev
    """.split())

# There is another way, or ufl goes without. fsync(2) is for shares.
OTHER_WAY = set("""
    bind clone3 close_range connect dup2 dup3 eventfd2 faccessat2 fchmod fcntl fsync getdents64 getegid
    geteuid getgid getgroups getpeername getpgid getpgrp getrandom getsockname gettid getuid
    inotify_add_watch inotify_init1 inotify_rm_watch linkat mkdir mkdirat pause poll ppoll readlink
    readlinkat rt_sigsuspend rt_sigtimedwait setsid shutdown socket statfs tgkill timer_create
    timer_delete timer_settime umask uname
    """.split())

# There is none, and these say so.
EVERYBODY = {"run", "lease", "acquire", "release", "status", "busy"}
WRITERS = EVERYBODY - {"status"}
RUNNERS = {"run", "lease", "busy"}
NO_OTHER_WAY = {
    "clone": {"run", "lease"},
    "epoll_create1": EVERYBODY,  # ENOSYS: an older call does
    "epoll_ctl": EVERYBODY,
    "epoll_pwait": EVERYBODY,
    "epoll_wait": EVERYBODY,
    "flock": WRITERS,
    "getpid": EVERYBODY,
    "getppid": EVERYBODY,
    "ioctl": EVERYBODY,
    "kill": RUNNERS,
    "lseek": WRITERS,
    "pidfd_open": {"lease"},
    "pidfd_send_signal": {"lease"},
    "pipe2": {"run", "lease"},
    "prctl": {"lease"},
    "rename": WRITERS,
    "renameat": WRITERS,
    "rt_sigaction": EVERYBODY,
    "rt_sigprocmask": EVERYBODY,
    "signalfd4": EVERYBODY,
    "timerfd_create": EVERYBODY,
    "timerfd_settime": EVERYBODY,
    "unlink": WRITERS,
    "unlinkat": WRITERS,
    "wait4": RUNNERS,
    "waitid": RUNNERS,
}

NAMES = {"epoll_pwait": "epoll_wait", "renameat": "rename", "unlinkat": "unlink", "clone": "fork"}

FAILED, BUSY = 125, 75


def is_used(call):
    """On this machine: others have unlinkat(2) alone, and glibc uses it there."""
    older = {"dup3": "dup2", "epoll_pwait": "epoll_wait", "mkdirat": "mkdir", "ppoll": "poll",
             "readlinkat": "readlink", "renameat": "rename", "unlinkat": "unlink",
             "rt_sigsuspend": "pause"}
    numbers = sandbox.call_numbers()
    return call in numbers and older.get(call) not in numbers


TOKEN = "2bd5f2c8-5d2c-4f6a-9d0a-6e1b5f3b7a11"


@unittest.skipUnless(sandbox.can_refuse(), "no seccomp filters here")
@support.not_sanitized
class SandboxTestCase(support.UflTestCase):
    def setUp(self):
        super().setUp()
        support.limit_time(self, 10 * PATIENCE)
        adopt_orphans(self)

    def refused(self, calls, error, *words, **options):
        """Run ufl WORDS where `calls` are refused with `error`."""
        return self.ufl(*words, close_fds=False, preexec_fn=sandbox.refusal(calls, error),
                        **options)

    def start_refused(self, calls, error, *words, **options):
        """The same in the background."""
        return self.start(*words, close_fds=False, preexec_fn=sandbox.refusal(calls, error),
                          **options)

    def assert_nothing_runs(self):
        """Of what this test has started: orphans are ours."""
        def is_alone():
            try:
                while os.waitpid(-1, os.WNOHANG)[0] != 0:
                    pass
                return False
            except ChildProcessError:
                return True

        support.wait_for(is_alone, "all processes of ufl to end")


class Table(SandboxTestCase):
    # What is asked of ufl, its status where that works, and what it prints then.
    VERBS = {
        "run": (["lock", "echo", "ran"], 0, r"ran\n"),
        "lease": (["--lease", "30", "lock", "echo", "ran"], 0, r"ran\n"),
        "acquire": (["--acquire", "lock"], 0, support.UUID + r"\n"),
        "release": (["--release", "--token", TOKEN, "lock"], 0, ""),
        "status": (["--status", "lock"], BUSY, r"(?s:lock: held.*)"),
        "busy": (["-n", "lock", "echo", "ran"], BUSY, ""),
    }

    def perform(self, verb, call, error):
        """Returns the result, and asserts that nothing stays that should not."""
        words, success, _ = self.VERBS[verb]
        is_held_before = verb in ("release", "status", "busy")
        if is_held_before:
            self.write("lock", TOKEN + "\n")
        result = self.refused([call], error, *words)
        self.assert_nothing_runs()
        changes = verb in ("acquire", "release") and result.returncode == success
        is_held = is_held_before != changes
        self.assertEqual(os.listdir(self.dir), ["lock"] if is_held else [], result.stderr)
        if is_held:
            os.unlink(self.lock)
        return result

    def results_of(self, calls):
        """What each verb does without each of the calls; the first text says which that was."""
        for call in sorted(filter(is_used, calls)):
            for verb in self.VERBS:
                for error in (errno.EPERM, errno.ENOSYS):
                    result = self.perform(verb, call, error)
                    case = f"{verb} without {call} ({errno.errorcode[error]}): {result}"
                    yield case, call, verb, error, result

    def assert_works(self, case, verb, result):
        _, status, stdout = self.VERBS[verb]
        self.assertEqual(result.returncode, status, case)
        self.assertRegex(result.stdout, r"\A" + stdout + r"\Z", case)
        if verb == "busy":
            self.assert_one_line(result.stderr, "lock", "not acquired")
        else:
            self.assertEqual(result.stderr, "", case)

    def test_another_way_is_taken(self):
        for case, _, verb, _, result in self.results_of(OTHER_WAY):
            self.assert_works(case, verb, result)

    def test_where_there_is_none_one_line_names_the_call(self):
        for case, call, verb, error, result in self.results_of(NO_OTHER_WAY):
            if verb not in NO_OTHER_WAY[call] or (call, error) == ("epoll_create1", errno.ENOSYS):
                self.assert_works(case, verb, result)
                continue
            self.assertEqual((result.returncode, result.stdout), (FAILED, ""), case)
            self.assert_one_line(result.stderr, NAMES.get(call, call), os.strerror(error),
                                 "sandbox", "seccomp")

    def test_old_container_engine(self):
        """What Docker 19.03 answers with EPERM, because it does not know it."""
        unknown = ["clone3", "close_range", "faccessat2", "pidfd_open", "pidfd_getfd", "openat2",
                   "epoll_pwait2", "rseq"]
        known = [call for call in unknown if call in sandbox.call_numbers()]
        result = self.refused(known, errno.EPERM, "lock", "sh", "-c", "echo ran; exit 7")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (7, "ran\n", ""))
        self.assert_nothing_runs()
        self.assert_no_lock()


class Warden(SandboxTestCase):
    """In the table the command has ended before its warden has done anything."""

    def start_leased(self, call, *lease):
        """A command that runs until it can read a line, and whose warden is at work."""
        process = self.start_refused([call], errno.ENOSYS, *lease, self.lock, "head", "-n", "1",
                                     "gate")
        warden = warden_of(process.pid)
        support.wait_for(lambda: support.process_state(warden) in ("S", None), "the warden to wait")
        return process

    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("gate"))
        self.gate = os.open(self.path("gate"), os.O_RDWR)  # waits for no reader
        self.addCleanup(os.close, self.gate)

    def test_a_command_is_left_alone_as_long_as_ufl_lives(self):
        for call in sorted(filter(is_used, OTHER_WAY)):
            process = self.start_leased(call, "--lease", "30")
            os.write(self.gate, b"ran\n")
            stdout, stderr = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, stdout, stderr), (0, "ran\n", ""), call)
            self.assert_nothing_runs()

    def test_a_command_is_stopped_in_time_when_ufl_is_not_there_to_do_it(self):
        for call in ("dup2", "fcntl", "poll"):
            if not is_used(call):
                continue
            process = self.start_leased(call, "--lease", "6", "--kill-after", "0.3")
            process.send_signal(signal.SIGSTOP)
            (command,) = support.wait_for(lambda: children_of(process.pid, "head"), "the command")
            support.wait_for(lambda: support.process_state(command) in ("Z", None),
                             f"the end of the command, without {call}")
            self.assertEqual(self.wait(process), LOST, call)
            self.assert_nothing_runs()
            os.unlink(self.lock)


class WithoutPidfd(SandboxTestCase):
    """The end of the command is told by SIGCHLD then."""

    def run_without(self, *words):
        result = self.refused(["pidfd_open"], errno.ENOSYS, *words)
        self.assert_nothing_runs()
        self.assert_no_lock()
        return result

    def test_status_of_the_command(self):
        for script, status in (("exit 0", 0), ("exit 9", 9), ("kill -9 $$", 128 + signal.SIGKILL)):
            self.assertEqual(self.run_without(self.lock, "-c", script).returncode, status)

    def test_command_that_cannot_be_run(self):
        self.write("no-interpreter", "#!/nowhere/sh\n", mode=0o755)
        result = self.run_without(self.lock, "./no-interpreter")
        self.assertEqual(result.returncode, 127)
        self.assert_one_line(result.stderr, "no-interpreter", "interpreter")

    def test_command_that_is_stopped_and_continued_has_not_ended(self):
        script = "(sleep 0.2; kill -CONT $$) & kill -STOP $$; echo went on; exit 3"
        result = self.run_without(self.lock, "-c", script)
        self.assertEqual((result.returncode, result.stdout), (3, "went on\n"))

    def test_other_children_end_before_the_command(self):
        # Children that the shell had, and hands on to ufl by exec.
        script = f'sleep 0.1 & sleep 0.2 & exec "{os.path.abspath(UFL)}" lock sh -c "sleep 0.5; exit 4"'
        result = self.ufl("-c", script, program=["sh"], close_fds=False,
                          preexec_fn=sandbox.refusal(["pidfd_open"], errno.EPERM))
        self.assertEqual(result.returncode, 4)
        self.assert_no_lock()

    def test_command_gets_signals_as_they_were(self):
        """SIGCHLD, which ufl holds back for itself, is not held back in the command."""
        words = ["grep", "Sig[BI]", "/proc/self/status"]
        outside = self.ufl(program=words).stdout
        self.assertEqual(self.run_without(self.lock, *words).stdout, outside)

    def test_signal_to_ufl_reaches_the_command(self):
        process = self.start_refused(
            ["pidfd_open"], errno.EPERM, self.lock, "sh", "-c",
            "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.terminate()
        self.assertEqual(process.stdout.readline(), "got it\n")
        self.assertEqual(self.wait(process), 5)
        self.assert_nothing_runs()
        self.assert_no_lock()


# That can be refused, all at once: fcntl(2) is what pidfd_open(2) is done without.
EVERYTHING = [call for call in OTHER_WAY - {"fcntl"} | {"pidfd_open"} if is_used(call)]


class Waiting(SandboxTestCase):
    def wait_refused(self, calls, error):
        """A ufl that waits for a lock, and who holds that."""
        holder = self.hold()
        waiter = self.start_refused(calls, error, "-v", self.lock, "echo", "ran")
        line = waiter.stderr.readline()
        self.assertIn("lock: waiting", line)
        return waiter, holder

    def test_whoever_is_told_nothing_looks_again(self):
        """The kernel tells neither of a release nor of a death."""
        for calls, error in ((["inotify_init1", "pidfd_open"], errno.ENOSYS),
                             (["inotify_add_watch"], errno.EPERM), (EVERYTHING, errno.EPERM),
                             (EVERYTHING, errno.ENOSYS)):
            waiter, holder = self.wait_refused(calls, error)
            self.let_go(holder)
            stdout, stderr = waiter.communicate(timeout=PATIENCE)
            self.assertEqual((waiter.returncode, stdout), (0, "ran\n"), stderr)
            self.assert_nothing_runs()
            self.assert_no_lock()

    def test_signal_ends_the_wait(self):
        waiter, holder = self.wait_refused(EVERYTHING, errno.EPERM)
        waiter.terminate()
        self.assertEqual(self.wait(waiter), -signal.SIGTERM)
        self.let_go(holder)
        self.assert_nothing_runs()
        self.assert_no_lock()


class Links(SandboxTestCase):
    def test_a_directory_that_may_be_a_link_is_no_local_disk(self):
        """It may lead to a share, and whoever cannot see that waits as on one."""
        os.mkdir(self.path("directory"))
        lock = self.path("directory", "lock")
        result = self.refused(["readlink", "readlinkat"], errno.EPERM, lock, "cat", lock)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout.splitlines()[1])["delay"], 1)


@unittest.skipUnless(CAN_INJECT, "strace is missing, or may not trace")
@support.not_sanitized
class Complete(support.UflTestCase):
    """Every call that ufl makes is in a list."""

    def calls_of(self, *words, status=0):
        """The system calls of ufl WORDS, without those of its command; and what it printed."""
        log = self.path(".log")
        result = self.ufl(*words, program=["strace", "-f", "-qq", "-o", log, os.path.abspath(UFL)])
        self.assertEqual(result.returncode, status, result.stderr)
        calls, execs = set(), {}
        with open(log, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed)", line)
                if match is None:
                    continue
                pid, call = match.groups()
                # strace's own child executes ufl; another process that executes is the command.
                execs.setdefault(pid, 1 if not execs else 0)
                if execs[pid] < 2:
                    calls.add(call)
                if call == "execve" and line.rstrip().endswith("= 0"):
                    execs[pid] += 2 if execs[pid] == 0 else 0
        os.unlink(log)
        return calls, result.stdout

    def test_each_call_is_in_a_list(self):
        lock = self.lock
        seen = set()

        def see(*words, status=0):
            calls, stdout = self.calls_of(*words, status=status)
            seen.update(calls)
            return stdout.strip()

        see(lock, "true")
        see("--report", self.path("report"), lock, "-c", "exit 3", status=3)
        see("--lease", "30", lock, "true")
        token = see("--acquire", "--pid", str(os.getpid()), lock)
        see("--check", "--token", token, lock)
        see("--status", lock, status=BUSY)
        see("--status", "--json", lock, status=BUSY)
        see("-w", "0.5", lock, "true", status=BUSY)
        see("--release", "--token", token, lock)
        token = see("--acquire", "--lease", "30", lock)
        see("--refresh", "--token", token, lock)
        see("-n", lock, "true", status=BUSY)
        see("--break", lock)
        # A holder whose lock is taken away while its command runs; and one who is gone.
        see("--on-lost", "kill", lock, "-c", "rm lock; sleep 60", status=76)
        holder = self.hold()
        holder.kill()
        holder.stdin.close()
        self.wait(holder)
        see(lock, "true")
        self.assertGreater(len(seen), 40)
        self.assertEqual(seen - EVERY_PROGRAM - OTHER_WAY - set(NO_OTHER_WAY), set())


if __name__ == "__main__":
    unittest.main()
