#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print "ready PID", then one line for each signal that arrives, with its sender.

    SIGTERM from 4711          sent by process 4711
    SIGINT from kernel         sent by the kernel (a terminal, above all)

It ends on the signal --until, after printing it: with the status --exit, or, with --die, of that
signal. Signals are taken with sigtimedwait(2), so that none is lost between two lines; job control
(Ctrl-Z) and SIGCHLD stay as they are. It gives up after LIFETIME seconds, so that a failed test
leaves nothing behind.
"""

import argparse
import os
import resource
import signal
import sys
import threading
import time

LIFETIME = 120
SI_KERNEL = 128
END = signal.SIGRTMAX  # from ourselves: a line has come on stdin
LEFT_ALONE = {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD,
    signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP,
}


def name_of(number):
    """SIGTERM, SIGRTMIN+5."""
    if signal.SIGRTMIN < number < signal.SIGRTMAX:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
    return signal.Signals(number).name


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=int, default=signal.SIGRTMIN + 5, metavar="NUMBER")
    parser.add_argument("--exit", type=int, default=0, metavar="STATUS")
    parser.add_argument("--die", action="store_true")
    parser.add_argument("--stdin", action="store_true", help="end on a line on stdin, too")
    parser.add_argument("--log", metavar="FILE", help="write to FILE, not to stdout")
    return parser.parse_args()


def watch_stdin():
    sys.stdin.readline()
    os.kill(os.getpid(), END)


def die_of(number):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})


def main():
    options = parse()
    caught = signal.valid_signals() - LEFT_ALONE
    signal.pthread_sigmask(signal.SIG_BLOCK, caught)
    if options.stdin:
        threading.Thread(target=watch_stdin, daemon=True).start()
    deadline = time.monotonic() + LIFETIME
    with (open(options.log, "w", encoding="ascii") if options.log else sys.stdout) as out:
        print("ready", os.getpid(), file=out, flush=True)
        while True:
            info = signal.sigtimedwait(caught, max(0, deadline - time.monotonic()))
            if info is None:
                return 99
            if info.si_pid == os.getpid() and info.si_signo == END:
                return options.exit
            sender = "kernel" if info.si_code == SI_KERNEL else info.si_pid
            print(name_of(info.si_signo), "from", sender, file=out, flush=True)
            if info.si_signo == options.until:
                if options.die:
                    die_of(info.si_signo)
                return options.exit


if __name__ == "__main__":
    sys.exit(main())
