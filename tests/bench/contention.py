# SPDX-License-Identifier: MIT
"""Parts 2 and 3: handing the lock over, and many processes that want it.

In every cell all intervals of the command are kept, so that each run checks the lock, too.
"""

import time

import figures
import sessions

# While the loops of a cell are still being started not all of them compete.
_HEAD = 3


def _check(name, turns, failures):
    """What went wrong in a cell: two holders at once, and runs of the tool that failed."""
    return {"cell": name, "overlaps": figures.overlaps(turns), "failures": failures}


def _loops(tool, waiters, hand_offs, plan, budget):
    """(turns, check) of waiters + 1 endless loops, until there were so many hand-offs.

    All are ended together while all still compete: there is no tail with fewer waiters.
    """
    with sessions.cell() as here:
        here.start_loops(tool, waiters + 1, 0, plan.hold_ms)
        deadline = time.monotonic() + budget
        failures = 0
        while time.monotonic() < deadline and not failures:
            time.sleep(0.05)
            failures = here.failures()
            if len(here.turns()) > hand_offs + _HEAD:
                break
        here.stop()
        turns = here.turns()
        return turns[_HEAD:][:hand_offs + 1], _check(f"{waiters} waiters", turns, failures)


def _pairs(tool, start_up, hand_offs, plan, budget):
    """(turns, check): one holds, one waits, and nobody else comes, again and again.

    In the loops the one that has just released comes back at once, and with a tool that polls it
    often wins; this is what one that waits gets.
    """
    # The holder must hold until the waiter waits, however slowly both start.
    head = 1.5 * start_up
    hold = max(plan.hold_ms, int(1000 * (2 * head + start_up)))
    pairs, failures = [], 0
    deadline = time.monotonic() + budget
    with sessions.cell() as here:
        for number in range(hand_offs):
            if time.monotonic() > deadline or failures:
                break
            logs = f"{here.logs}/{2 * number}", f"{here.logs}/{2 * number + 1}"
            first = here.start(tool.command(here.lock, sessions.STAMP, logs[0], str(hold)))
            time.sleep(head)
            begun = time.monotonic_ns()
            second = here.start(tool.command(here.lock, sessions.STAMP, logs[1], "0"))
            failures += bool(first.wait()) + bool(second.wait())
            here.forget()
            turns = here.turns()[-2:] if not failures else []
            # Else the holder was late, or the other had not begun to wait when it ended.
            if (len(turns) == 2 and turns[0][2] == 2 * number
                    and turns[0][1] > begun + start_up * 1e9):
                pairs.append(turns)
        return pairs, _check("pairs", here.turns(), failures)


def hand_off(tools, plan, say):
    """Part 2: from the end of one command to the start of the next."""
    cells = {tool.name: {} for tool in tools}
    kinds = [("pairs", 0), ("loops 1", 1), (f"loops {plan.waiters}", plan.waiters)]
    start_ups = {tool.name: sessions.start_up(tool) for tool in tools}
    for kind, waiters in kinds:
        for tool in tools:
            cells[tool.name][kind] = {"gaps": [], "changes": [], "checks": []}
        for block in range(plan.hand_off_blocks):
            say(f"hand-off, {kind}: block {block + 1} of {plan.hand_off_blocks}")
            for tool in tools:
                found = cells[tool.name][kind]
                share = -(-plan.hand_offs // plan.hand_off_blocks)
                budget = plan.hand_off_budget / plan.hand_off_blocks
                if kind == "pairs":
                    pairs, check = _pairs(tool, start_ups[tool.name], share, plan, budget)
                    found["gaps"] += [gap for pair in pairs for gap in figures.gaps(pair)]
                else:
                    turns, check = _loops(tool, waiters, share, plan, budget)
                    found["gaps"] += figures.gaps(turns)
                    found["changes"].append(figures.changes(turns))
                found["checks"].append(check)
    for row in cells.values():
        for found in row.values():
            found["gaps"] = figures.summary([gap / 1e9 for gap in found["gaps"]])
            found["changes"] = figures.median([c for c in found["changes"] if c is not None])
    return {"kinds": [kind for kind, _ in kinds], "rows": cells}


def _crowd(tool, processes, turns_each, budget):
    """One run of so many processes: the seconds for each turn, and the median gap."""
    with sessions.cell() as here:
        begin = time.monotonic()
        loops = here.start_loops(tool, processes, turns_each, 0)
        complete = sessions.ended_within(loops, budget)
        seconds = time.monotonic() - begin
        failures = here.failures()
        here.stop()
        turns = here.turns()
        wanted = processes * turns_each
        check = _check(f"{processes} processes", turns, failures)
        check["lost"] = wanted - len(turns) if complete and not failures else 0
        return {"seconds": seconds, "turns": len(turns), "wanted": wanted, "complete": complete,
                "per_turn": seconds / len(turns) if turns else None,
                "gap": figures.median([gap / 1e9 for gap in figures.gaps(turns)]),
                "check": check}


def _merged(runs):
    """Several runs of the same cell as one: medians, and all checks."""
    def middle(key):
        return figures.median([run[key] for run in runs if run[key] is not None])
    return {"seconds": middle("seconds"), "per_turn": middle("per_turn"), "gap": middle("gap"),
            "turns": min(run["turns"] for run in runs), "wanted": runs[0]["wanted"],
            "complete": all(run["complete"] for run in runs), "runs": len(runs),
            "checks": [run["check"] for run in runs]}


def throughput(tools, plan, say):
    """Part 3: a crowd, and how the price of one turn grows with the number of processes."""
    crowd = {tool.name: [] for tool in tools}
    growth = {tool.name: {} for tool in tools}
    for repetition in range(plan.repetitions):
        say(f"throughput: repetition {repetition + 1} of {plan.repetitions}")
        for tool in tools:
            if not (tool.slow and repetition):
                crowd[tool.name].append(_crowd(tool, plan.crowd, plan.crowd_turns,
                                               plan.crowd_budget))
        for processes in plan.growth:
            say(f"throughput: {processes} processes")
            for tool in tools:
                if tool.slow and (repetition or processes > plan.growth_slow):
                    continue
                turns = plan.growth_turns_slow if tool.slow else plan.growth_turns
                growth[tool.name].setdefault(processes, []).append(
                    _crowd(tool, processes, turns // processes, plan.growth_budget))
    return {"crowd": [plan.crowd, plan.crowd_turns], "counts": list(plan.growth),
            "rows": {tool.name: {"crowd": _merged(crowd[tool.name]),
                                 "growth": {str(count): _merged(runs) for count, runs
                                            in growth[tool.name].items()}} for tool in tools}}
