# SPDX-License-Identifier: MIT
"""Parts 4 and 5: what the verification delay costs beyond itself, and what idle processes cost."""

import contextlib
import dataclasses
import os
import time

import figures
import sessions
from tools import NO_LOCK, Tool, with_delay

# The rows in which no command is started.
ACQUIRE = "ufl --acquire -d "
SLEEP = "sleep(1) "

# A kernel without CONFIG_SCHED_INFO counts in ticks of 10 ms only.
_EXACT = os.path.exists("/proc/self/schedstat")


def _from_spawn_to_command(tool, delay, runs):
    """Seconds from before the start of `tool` to the start of its command, less `delay`."""
    times = []
    with sessions.cell() as here:
        for number in range(runs):
            log = f"{here.logs}/{number}"
            words = tool.command(here.lock, sessions.STAMP, log, "0")
            begin = time.monotonic_ns()
            # Not here.start(): making a new session is no part of what is measured.
            pid = os.posix_spawn(words[0], words, os.environ)
            if os.waitpid(pid, 0)[1]:
                break
            with open(log, encoding="ascii") as file:
                start = figures.parse_stamps(file.read())[0][0]
            times.append((start - begin) / 1e9 - delay)
    return times


def _from_spawn_to_end(tool, delay, runs):
    """Seconds that the whole of `tool` takes without a command, less `delay`."""
    times = []
    with sessions.cell() as here, open(os.devnull, "wb") as nowhere:
        words = tool.command(here.lock)
        for _ in range(runs):
            begin = time.monotonic_ns()
            pid = os.posix_spawn(words[0], words, os.environ,
                                 file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)])
            if os.waitpid(pid, 0)[1]:
                break
            times.append((time.monotonic_ns() - begin) / 1e9 - delay)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(here.lock)
    return times


def _delay_cases(tools, delays):
    """[(name, tool, delay in seconds, runs in each round)]"""
    known = {tool.name: tool for tool in tools}
    cases = []
    if "ufl" in known:
        words = (*known["ufl"].words, "--acquire")
        acquire = dataclasses.replace(known["ufl"], words=words)
        cases = [(f"{ACQUIRE}{text}", with_delay(acquire, text), float(text), runs)
                 for text, runs in delays]
    # What starting a program, and waking up after such a time, costs here: a processor that has
    # slept is slow at first.
    cases += [(f"{SLEEP}{text}", Tool("sleep", (sessions.SLEEP, text), "", "", lockless=True),
               float(text), runs) for text, runs in delays]
    for text, runs in delays:
        if text == "0":
            cases.append((NO_LOCK.name, NO_LOCK, 0.0, runs))
            if "flock" in known:
                cases.append(("flock", known["flock"], 0.0, runs))
        for name, option in (("ufl", "-d "), ("five-step", "")):
            if name in known:
                cases.append((f"{name} {option}{text}", with_delay(known[name], text),
                              float(text), runs))
    return cases


def delay(tools, plan, say):
    """Part 4: acquisition less the delay, for the tools that have one, beside flock and env."""
    cases = _delay_cases(tools, plan.delays)
    times = {name: [] for name, *_ in cases}
    for number in range(plan.delay_rounds):
        say(f"delay: round {number + 1} of {plan.delay_rounds}")
        for name, tool, seconds, runs in cases:
            is_whole = name.startswith((ACQUIRE, SLEEP))
            timed = _from_spawn_to_end if is_whole else _from_spawn_to_command
            times[name] += timed(tool, seconds, runs)
    return {"rows": {name: figures.summary(found) for name, found in times.items()}}


def _processor_ns(pid):
    """Nanoseconds on a processor of all threads of `pid` so far; 0 once it is gone."""
    total = 0
    with contextlib.suppress(OSError):
        if not _EXACT:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf("SC_CLK_TCK")
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def _is_command(pid):
    """Is `pid` the command under the lock, rather than the tool or a helper?"""
    with contextlib.suppress(OSError):
        return os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(sessions.SLEEP)
    return False


def _holder(here, tool):
    """Start a holder that stays; wait until its command runs."""
    here.start(tool.command(here.lock, sessions.SLEEP, "1000"))
    deadline = time.monotonic() + 10
    while not any(map(_is_command, here.members())) and time.monotonic() < deadline:
        time.sleep(0.01)


def _used(pids, window):
    """The part of one core that `pids` use during `window` seconds."""
    begin, before = time.monotonic(), {pid: _processor_ns(pid) for pid in pids}
    time.sleep(window)
    used = sum(max(_processor_ns(pid) - before[pid], 0) for pid in pids)
    return used / 1e9 / (time.monotonic() - begin)


def _waiters(tool, plan):
    """What so many waiters use together. They are measured once all were seen asleep at a time."""
    with sessions.cell() as here:
        _holder(here, tool)
        held = set(here.members())
        for _ in range(plan.idle_waiters):
            here.start(tool.command(here.lock, sessions.SLEEP, "0"))
        deadline = time.monotonic() + plan.idle_patience
        while True:
            time.sleep(0.05)
            pids = [pid for pid in here.members() if pid not in held]
            asleep = sum(_state(pid) == "S" for pid in pids)
            if asleep == len(pids) and asleep >= plan.idle_waiters:
                break
            if time.monotonic() > deadline:
                break
        time.sleep(plan.idle_settle)
        pids = [pid for pid in here.members() if pid not in held]
        return {"waiters": len(pids), "settled": asleep == len(pids) >= plan.idle_waiters,
                "used": _used(pids, plan.idle_window)}


def _holders(tools, plan):
    """What one holder of each tool uses; all at once, each with its own lock."""
    with contextlib.ExitStack() as stack:
        cells = {}
        for tool in tools:
            cells[tool.name] = stack.enter_context(sessions.cell())
            _holder(cells[tool.name], tool)
        time.sleep(plan.idle_settle)
        pids = {name: [pid for pid in here.members() if not _is_command(pid)]
                for name, here in cells.items()}
        begin = time.monotonic()
        before = {name: sum(map(_processor_ns, found)) for name, found in pids.items()}
        time.sleep(plan.holder_window)
        seconds = time.monotonic() - begin
        return {name: {"processes": len(found), "used":
                       (sum(map(_processor_ns, found)) - before[name]) / 1e9 / seconds}
                for name, found in pids.items()}


def idle(tools, plan, say):
    """Part 5: the part of one core that waiters and a holder use."""
    say(f"idle: one holder of each, {plan.holder_window:g} s")
    holders = _holders(tools, plan)
    rows = {}
    for tool in tools:
        say(f"idle: {plan.idle_waiters} waiters of {tool.name}")
        rows[tool.name] = {"holder": holders[tool.name], "waiters": _waiters(tool, plan)}
    return {"waiters": plan.idle_waiters, "window": plan.idle_window,
            "holder_window": plan.holder_window, "rows": rows}
