# SPDX-License-Identifier: MIT
"""The results as Markdown."""

import goals
from figures import ratio


def duration(seconds):
    """`seconds` for people: three digits and a unit."""
    if seconds is None:
        return "–"
    for unit, factor in (("s", 1), ("ms", 1e-3)):
        if abs(seconds) >= factor:
            break
    else:
        unit, factor = "µs", 1e-6
    value = seconds / factor
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f} {unit}"


def times(value):
    """A ratio for people."""
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def percent(part):
    """A part of one, for people."""
    if part is None:
        return "–"
    return "< 0.01 %" if 0 < part < 0.0001 else f"{100 * part:.3g} %"


def _plain(value):
    return "–" if value is None else f"{value:.0f}"


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def _failed(row):
    """In place of the first number of a cell that must not be believed."""
    words = goals.trouble(row)
    return f"**FAILED: {words}** " if words else ""


def _flock(rows, *path):
    value = rows.get("flock")
    for key in path:
        value = value.get(key) if value else None
    return value


def _uncontended(result):
    rows = result["rows"]
    lines = ["## Free lock: `TOOL LOCK true`", "",
             f"The whole process, timed by {result['clock']}. Peak memory is that of the largest "
             "process, system calls are those of all, `true` included.", ""]
    return lines + _table(
        ["tool", "runs", "median", "99 %", "× flock", "processor", "peak memory", "× flock",
         "system calls", "page faults"],
        [[name, str(row["count"]), duration(row["median"]), duration(row["p99"]),
          times(ratio(row["median"], _flock(rows, "median"))), duration(row["processor"]),
          "–" if row["memory_kb"] is None else f"{row['memory_kb'] / 1024:.1f} MiB",
          times(ratio(row["memory_kb"], _flock(rows, "memory_kb"))),
          _plain(row["system_calls"]), _plain(row["faults"])] for name, row in rows.items()])


_KINDS = {
    "pairs": "One holds, one waits, nobody else comes",
    "loops": "{} that come back at once, so {} always",
}


def _hand_off(result):
    rows = result["rows"]
    lines = ["## Hand-off: end of one command to the start of the next", ""]
    for kind in result["kinds"]:
        words = _KINDS["pairs"]
        if kind != "pairs":
            count = int(kind.split()[1])
            words = _KINDS["loops"].format(f"{count + 1} loops",
                                           f"{count} wait{'s' if count == 1 else ''}")
        body = []
        for name, row in rows.items():
            gaps = row[kind]["gaps"]
            body.append([name, str(gaps["count"]), _failed(row[kind]) + duration(gaps["median"]),
                         duration(gaps["p99"]),
                         times(ratio(gaps["median"], _flock(rows, kind, "gaps", "median")))])
            if kind != "pairs":
                body[-1].append(percent(row[kind]["changes"]))
        head = ["tool", "hand-offs", "median", "99 %", "× flock"]
        lines += [words + ":", ""]
        lines += _table(head + ["went to another loop"] * (kind != "pairs"), body)
    return lines


def _throughput(result, waits):
    rows, counts = result["rows"], result["counts"]
    processes, turns = result["crowd"]
    lines = [f"## Throughput: {processes} processes × {turns} acquisitions", ""]
    lines += _table(
        ["tool", "waiting", "acquisitions", "wall time", "for each", "× flock"],
        [[name, waits[name], f"{row['crowd']['turns']} of {row['crowd']['wanted']}",
          _failed(row["crowd"]) + duration(row["crowd"]["seconds"]),
          duration(row["crowd"]["per_turn"]),
          times(ratio(row["crowd"]["per_turn"], _flock(rows, "crowd", "per_turn")))]
         for name, row in rows.items()])
    reference = goals.growth_factor(rows["flock"], counts) if "flock" in rows else None
    for key, title in (("per_turn", "Wall time for each acquisition, by number of processes"),
                       ("gap", "Median gap between two commands, by number of processes")):
        body = []
        for name, row in rows.items():
            cells = [row["growth"].get(str(count)) for count in counts]
            line = [name] + [_failed(cell) + duration(cell[key]) + "*" * (not cell["complete"])
                             if cell else "–" for cell in cells]
            if key == "per_turn":
                factor = goals.growth_factor(row, counts)
                line += [times(factor), times(ratio(factor, reference))]
            body.append(line)
        head = ["tool", *map(str, counts)]
        if key == "per_turn":
            head += [f"growth {counts[0]} to {counts[-1]}", "× flock's"]
        lines += [title + " (*: not all acquisitions in the time for it):", ""]
        lines += _table(head, body)
    return lines


def _delay(result):
    return ["## Acquisition less the delay", "",
            "From the start of the tool to the start of the command; of `--acquire` and `sleep`, "
            "which start none, to their end.", "",
            *_table(["command", "runs", "median", "99 %"],
                    [[name, str(row["count"]), duration(row["median"]), duration(row["p99"])]
                     for name, row in result["rows"].items()])]


def _idle(result):
    return ["## Idle: processor time, as a part of one core", "",
            f"Waiters during {result['window']:g} s (*: not all were asleep before), one holder "
            f"during {result['holder_window']:g} s.", "",
            *_table(["tool", f"{result['waiters']} waiters", "one holder", "its processes"],
                    [[name, percent(row["waiters"]["used"]) + "*" * (not row["waiters"]["settled"]),
                      percent(row["holder"]["used"]), str(row["holder"]["processes"])]
                     for name, row in result["rows"].items()])]


def _goals(found):
    rows = [[goal["goal"], f"≤ {goal['limit']:g} {goal['unit']}",
             "–" if goal["value"] is None else f"{goal['value']:.3g}",
             {True: "met", False: "**missed**", None: "unknown"}[goal["met"]]] for goal in found]
    return ["## Goals", "", *_table(["goal", "limit", "measured", ""], rows)]


def markdown(results):
    """All of `results` (what bench.json holds) as a Markdown document."""
    parts, machine = results["parts"], results["machine"]
    waits = {tool["name"]: tool["waits"] for tool in results["tools"]}
    lines = ["# ufl beside other lock tools", "",
             ", ".join(f"{key} {value}" if key in ("file system", "load at the start") else
                       f"{value} {key}" if key == "cores" else str(value)
                       for key, value in machine.items()) + ".", "",
             "Tools: " + "; ".join(f"{tool['name']} ({tool['version']}; {tool['waits']})"
                                   for tool in results["tools"]) + ".", ""]
    if results["missing"]:
        lines += [f"Not installed, left out: {', '.join(results['missing'])}.", ""]
    if results["quick"]:
        lines += ["A quick run: it shows that the benchmarks work, and measures nothing.", ""]
    lines += [f"**FAILED: {tool}, {part}: {words}**\n" for part, tool, words
              in results["troubles"]]
    if results["checked"]:
        lines += [f"Exclusion was checked in {results['checked']} runs with several processes.", ""]
    lines += _goals(results["goals"])
    writers = {"uncontended": _uncontended, "hand-off": _hand_off,
               "throughput": lambda result: _throughput(result, waits), "delay": _delay,
               "idle": _idle}
    for name, result in parts.items():
        lines += writers[name](result)
    return "\n".join(lines).rstrip() + "\n"
