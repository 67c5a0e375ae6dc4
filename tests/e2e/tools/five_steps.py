#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A contender that follows the five steps of the original UUID lock protocol.

    look     does the lock file exist? Then wait --retry, and look again.
    write    open it for writing and write a new token: whatever is there by then is overwritten
    delay    wait --delay
    read     read it back
    compare  my token: the lock is held. Another one, or no file: wait --retry, begin again.

Release: if the file is there and still holds the token, remove it. Ends with 1 when it does not.

What a test wants to know of it:
  --log DIR    a file for each critical section: when it began and ended, CLOCK_MONOTONIC in ns
  --gaps FILE  a line for each claim: ns from just before the look to just after close
  --tell       a line on stdout for each event: held, absent, written, lost, entered, released
  --stop-at    tell this event, and go on when a line (or the end) comes on stdin
"""

import argparse
import os
import random
import signal
import sys
import time
import uuid

LIFETIME = 600  # seconds: a test that was killed leaves nothing behind
EVENTS = ("held", "absent", "written", "lost", "entered", "released")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lock")
    # The same length for all that fight: of two writes into one file the later covers the earlier.
    parser.add_argument("--prefix", default="five-")
    parser.add_argument("--delay", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--retry", type=float, default=0.1, metavar="SECONDS")
    parser.add_argument("--rounds", type=int, default=1,
                        help="acquisitions, with a pause of --retry between them")
    parser.add_argument("--stretch", type=float, default=0.0, metavar="SECONDS",
                        help="up to so much longer, at random, between look and open")
    parser.add_argument("--log", metavar="DIR")
    parser.add_argument("--gaps", metavar="FILE")
    parser.add_argument("--tell", action="store_true")
    parser.add_argument("--stop-at", action="append", choices=EVENTS, default=[])
    return parser.parse_args()


def read(path):
    """The content of `path`, or None when there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


class Contender:
    def __init__(self, options):
        self.options = options
        self.path = options.lock

    def happened(self, event):
        stops = event in self.options.stop_at
        if self.options.tell or stops:
            print(event, flush=True)
        if stops:
            sys.stdin.readline()

    def claim(self):
        """The five steps, until the lock is held; returns the token."""
        while True:
            token = self.try_to_claim()
            if token is not None:
                return token
            time.sleep(self.options.retry)

    def try_to_claim(self):
        looked = time.monotonic_ns()
        if os.path.exists(self.path):
            self.happened("held")
            return None
        self.happened("absent")
        if self.options.stretch > 0:
            time.sleep(random.uniform(0, self.options.stretch))
        token = self.options.prefix + str(uuid.uuid4())
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(token)
        self.note_gap(time.monotonic_ns() - looked)
        self.happened("written")
        time.sleep(self.options.delay)
        if read(self.path) != token:
            self.happened("lost")
            return None
        return token

    def note_gap(self, gap):
        if self.options.gaps:
            with open(self.options.gaps, "a", encoding="ascii") as file:
                file.write(f"{gap}\n")

    def critical_section(self):
        begin = time.monotonic_ns()
        self.happened("entered")
        time.sleep(0.003)
        end = time.monotonic_ns()
        if self.options.log:
            name = os.path.join(self.options.log, f"{os.getpid()}-{begin}")
            with open(name, "w", encoding="ascii") as file:
                file.write(f"{begin} {end}")

    def release(self, token):
        """True if the lock was still held."""
        if not os.path.exists(self.path) or read(self.path) != token:
            return False
        try:
            os.remove(self.path)
        except FileNotFoundError:
            return False
        self.happened("released")
        return True


def main():
    signal.alarm(LIFETIME)
    options = parse()
    contender = Contender(options)
    status = 0
    for done in range(options.rounds):
        if done > 0:
            time.sleep(options.retry)
        token = contender.claim()
        contender.critical_section()
        if not contender.release(token):
            print(f"five_steps: {token} was gone before its release", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
