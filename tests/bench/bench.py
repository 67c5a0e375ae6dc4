#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Benchmarks of ufl against other lock tools.

    bench.py UFL STAMP [--out DIR] [--quick] [--only PART]... [--tool NAME]... [--dir DIR]

Writes bench.json (everything), bench.md (tables) and bench.svg (a picture, by gnuplot) to --out.
Exit status 1: two held ufl's lock at once, or it failed.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile

import contention
import goals
import machine
import picture
import plan
import report
import sessions
import tools
import uncontended
import waiting

PARTS = {"uncontended": uncontended.run, "hand-off": contention.hand_off,
         "throughput": contention.throughput, "delay": waiting.delay, "idle": waiting.idle}


def _arguments():
    parser = argparse.ArgumentParser(description="Benchmarks of ufl against other lock tools.")
    parser.add_argument("ufl", type=os.path.abspath)
    parser.add_argument("stamp", type=os.path.abspath)
    parser.add_argument("--out", type=os.path.abspath, default=os.path.abspath("build/bench"),
                        help="directory for the results (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="only see whether it works")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; repeatable")
    parser.add_argument("--tool", action="append",
                        help="ufl and this tool; repeatable (all that are installed)")
    parser.add_argument("--dir", type=os.path.abspath,
                        help="where the lock files are (a directory in --out)")
    return parser.parse_args()


def _say(text):
    """Progress, for who waits for it."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _refuse_memory(options):
    """The tests want a disk: a file system in memory would flatter every tool that makes files."""
    kind = machine.file_system(options.dir or options.out)
    if kind in ("tmpfs", "ramfs") and not options.dir:
        sys.exit(f"bench: {options.out} is on a {kind}, in memory; name a directory on a local "
                 "disk with --dir, or that one if you mean it")


def _usable(chosen):
    """(tools that do their work, names of those that fail). Without ufl there is nothing to do."""
    good = [tool for tool in chosen if sessions.works(tool)]
    bad = [tool.name for tool in chosen if tool not in good]
    if "ufl" in bad:
        sys.exit("bench: ufl fails with a free lock")
    for name in bad:
        _say(f"{name} fails with a free lock: left out")
    return good, [f"{name} (it fails)" for name in bad]


def _measure(options, chosen, amount):
    parts = {}
    for name in options.only or PARTS:
        parts[name] = PARTS[name](chosen, amount, _say)
    return parts


def _write(options, results):
    with open(os.path.join(options.out, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, ensure_ascii=False)
    with open(os.path.join(options.out, "bench.md"), "w", encoding="utf-8") as file:
        file.write(report.markdown(results))
    _say(picture.draw(results, options.out))


def main():
    """Measure, and write down what was found."""
    options = _arguments()
    os.makedirs(options.out, exist_ok=True)
    if options.dir:
        os.makedirs(options.dir, exist_ok=True)
    _refuse_memory(options)
    # So that all contenders end when the benchmark is told to.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    chosen, missing = tools.find(options.ufl)
    if options.tool:
        chosen = [tool for tool in chosen if tool.name in ("ufl", *options.tool)]
        missing = [name for name in options.tool if name not in [tool.name for tool in chosen]]
    for name in missing:
        _say(f"{name} is not installed: left out")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir or options.out) as work:
        about = machine.describe(work)
        shutil.copy(options.stamp, os.path.join(work, "stamp"))
        home = os.getcwd()
        os.chdir(work)
        try:
            sessions.set_environment(work)
            chosen, broken = _usable(chosen)
            missing += broken
            parts = _measure(options, chosen, plan.QUICK if options.quick else plan.FULL)
        finally:
            os.chdir(home)
    results = {"machine": about, "quick": options.quick, "missing": missing,
               "tools": [{"name": tool.name, "version": tool.version, "waits": tool.waits}
                         for tool in chosen],
               "checked": goals.count_checks(parts), "troubles": goals.troubles(parts),
               "goals": goals.goals(parts), "parts": parts}
    _write(options, results)
    print(report.markdown(results))
    for part, tool, words in results["troubles"]:
        _say(f"FAILED: {tool}, {part}: {words}")
    sys.exit(1 if any(tool == "ufl" for _, tool, _ in results["troubles"]) else 0)


if __name__ == "__main__":
    main()
