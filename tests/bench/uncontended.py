# SPDX-License-Identifier: MIT
"""Part 1: `TOOL LOCK true` with nobody in the way. Time, processor time, memory, system calls."""

import json
import os
import shlex
import shutil
import subprocess
import time

import figures
import sessions
from tools import NO_LOCK

_TIME = "/usr/bin/time"


def _timed_by_hyperfine(words, runs):
    """(wall times, mean processor time) of `runs` runs, in seconds."""
    subprocess.run(["hyperfine", "-N", "--style", "none", "--warmup", "2", "--runs", str(runs),
                    "--export-json", "hyperfine.json", shlex.join(words)],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                   text=True, check=True)
    with open("hyperfine.json", encoding="utf-8") as file:
        result = json.load(file)["results"][0]
    return result["times"], result["user"] + result["system"]


def _timed_here(words, runs):
    """The same without hyperfine."""
    times, processor = [], []
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
    try:
        for run in range(-2, runs):  # two to warm up
            begin = time.monotonic()
            pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
            _, status, usage = os.wait4(pid, 0)
            wall = time.monotonic() - begin
            if status:
                raise RuntimeError(f"{shlex.join(words)}: status {status}")
            if run >= 0:
                times.append(wall)
                processor.append(usage.ru_utime + usage.ru_stime)
    finally:
        os.close(null)
    return times, sum(processor) / len(processor)


def _memory(words, runs):
    """(peak memory in kB, page faults): medians; None where GNU time is missing or fails.

    GNU time is small, and that matters: the peak of a process starts with that of its parent.
    """
    if not os.path.exists(_TIME):
        return None, None
    peaks, faults = [], []
    for _ in range(runs):
        done = subprocess.run([_TIME, "-q", "-o", "time.out", "-f", "%M %R %F", *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode:
            return None, None
        with open("time.out", encoding="ascii") as file:
            peak, minor, major = map(int, file.read().split())
        peaks.append(peak)
        faults.append(minor + major)
    return figures.median(peaks), figures.median(faults)


def _system_calls(words):
    """How many system calls `words` and all its children make; None where strace cannot tell."""
    if shutil.which("strace") is None:
        return None
    done = subprocess.run(["strace", "-f", "-c", "-o", "strace.out", *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode:  # no ptrace here, or a sanitizer that refuses it
        return None
    with open("strace.out", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.rstrip().endswith(" total"):
                return int(line.split()[3])
    return None


def run(tools, plan, say):
    """Measure all of `tools`, and env(1), which starts the same command without any lock."""
    clock = _timed_by_hyperfine if shutil.which("hyperfine") else _timed_here
    rows = {}
    with sessions.cell() as here:
        # A lock file for each: what flock leaves, dotlockfile takes for somebody else's.
        cases = {tool.name: tool.command(f"{here.lock}-{number}", sessions.TRUE)
                 for number, tool in enumerate((NO_LOCK, *tools))}
        runs = {}
        for name, words in cases.items():
            begin = time.monotonic()
            _timed_here(words, 1)  # three runs, with those that warm up
            per_run = (time.monotonic() - begin) / 3
            share = plan.start_budget / plan.start_rounds
            runs[name] = max(2, min(plan.start_runs, int(share / per_run)))
            rows[name] = {"values": [], "processor": []}
        for number in range(plan.start_rounds):
            say(f"uncontended: round {number + 1} of {plan.start_rounds}")
            for name, words in cases.items():
                times, processor = clock(words, runs[name])
                rows[name]["values"] += times
                rows[name]["processor"].append(processor)
        say("uncontended: memory and system calls")
        for name, words in cases.items():
            row = rows[name]
            row.update(figures.summary(row["values"]))
            row["processor"] = figures.median(row["processor"])
            row["memory_kb"], row["faults"] = _memory(words, plan.memory_runs)
            row["system_calls"] = _system_calls(words)
    return {"clock": "hyperfine" if clock is _timed_by_hyperfine else "bench.py (posix_spawn)",
            "rows": rows}
