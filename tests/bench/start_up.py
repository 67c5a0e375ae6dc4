#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Benchmark: from the start of ufl to the start of the command, for a free lock.

For each verification delay: the time until the command runs, less the delay, next to what env(1)
needs to start the same command. Nothing is asserted; the table goes to stdout.

    start_up.py UFL [RUNS]
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

# The command tells when it began; perl or python would add their own start-up. date(1) is small.
COMMAND = ["date", "+%s%N"]


def time_to_command(words):
    """Seconds from before the fork of `words` to when the command at their end looks at the clock."""
    begin = time.time_ns()
    out = subprocess.run([*words, *COMMAND], stdout=subprocess.PIPE, check=True).stdout
    return (int(out) - begin) / 1e9


def main():
    ufl = os.path.abspath(sys.argv[1])
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    environment = [name for name in os.environ if name.startswith("UFL_")]
    for name in environment:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="ufl-bench-") as directory:
        lock = os.path.join(directory, "lock")
        cases = [
            ("env (no lock)", ["env"], 0.0, runs),
            ("flock LOCK", ["flock", lock + ".flock"], 0.0, runs),
            ("ufl LOCK (-d auto: 0)", [ufl, lock], 0.0, runs),
            ("ufl -d 0.1 LOCK", [ufl, "-d", "0.1", lock], 0.1, max(runs // 4, 1)),
            ("ufl -d 1 LOCK", [ufl, "-d", "1", lock], 1.0, max(runs // 20, 1)),
        ]
        print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}")
        print()
        print("| wrapper | runs | median, less the delay | 99 % |")
        print("|---|---|---|---|")
        for name, words, delay, count in cases:
            times = sorted(time_to_command(words) - delay for _ in range(count))
            high = times[min(int(len(times) * 0.99), len(times) - 1)]
            median = statistics.median(times)
            print(f"| `{name}` | {count} | {median * 1e3:.2f} ms | {high * 1e3:.2f} ms |")


if __name__ == "__main__":
    main()
