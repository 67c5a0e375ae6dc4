# SPDX-License-Identifier: MIT
"""What went wrong in a run, and how ufl stands against its goals."""

from figures import ratio


def _checks(node):
    """All checks of cells below `node`, wherever a part keeps them."""
    if isinstance(node, dict):
        if "overlaps" in node:
            yield node
        else:
            for value in node.values():
                yield from _checks(value)
    elif isinstance(node, list) and node and isinstance(node[0], dict):
        for value in node:
            yield from _checks(value)


def trouble(row):
    """What the checks below `row` found, in words; "" if all is well."""
    words = []
    for key, text in (("overlaps", "two holders at once"), ("failures", "runs that failed"),
                      ("lost", "commands that left no trace")):
        count = sum(check.get(key, 0) for check in _checks(row))
        if count:
            words.append(f"{count} × {text}")
    return ", ".join(words)


def troubles(parts):
    """[(part, tool, words)] of everything that went wrong."""
    return [(part, tool, trouble(row)) for part, result in parts.items()
            for tool, row in result["rows"].items() if trouble(row)]


def count_checks(parts):
    """In how many cells exclusion was checked."""
    return sum(1 for _ in _checks(parts))


def growth_factor(row, counts):
    """How much dearer a turn is among the most than among the fewest processes; None: unknown."""
    cells = [row["growth"].get(str(count)) for count in (counts[0], counts[-1])]
    if None in cells:
        return None
    return ratio(cells[1]["per_turn"], cells[0]["per_turn"])


def _against_flock(rows, *path):
    """The value at `path` of ufl's row against the same of flock's."""
    values = []
    for tool in ("ufl", "flock"):
        value = rows.get(tool)
        for key in path:
            value = value.get(key) if value else None
        values.append(value)
    return ratio(*values)


def goals(parts):
    """[{goal, limit, unit, value, met}] for the parts that were run. A value may be None."""
    found = []

    def add(goal, limit, unit, value):
        met = None if value is None else value <= limit
        found.append({"goal": goal, "limit": limit, "unit": unit, "value": value, "met": met})

    if "uncontended" in parts:
        rows = parts["uncontended"]["rows"]
        add("uncontended: wall time", 0.9, "× flock", _against_flock(rows, "median"))
        add("uncontended: peak memory", 1.5, "× flock", _against_flock(rows, "memory_kb"))
    if "hand-off" in parts:
        rows = parts["hand-off"]["rows"]
        for kind, text in (("pairs", "to one that waits"), ("loops 1", "loops, 1 waiter")):
            add(f"hand-off {text}: median", 1.5, "× flock",
                _against_flock(rows, kind, "gaps", "median"))
    if "throughput" in parts:
        result = parts["throughput"]
        rows, counts = result["rows"], result["counts"]
        add("{} processes × {}: wall time".format(*result["crowd"]), 1.3, "× flock",
            _against_flock(rows, "crowd", "per_turn"))
        factors = [growth_factor(rows[tool], counts) if tool in rows else None
                   for tool in ("ufl", "flock")]
        add(f"growth from {counts[0]} to {counts[-1]} processes", 2, "× flock's growth",
            ratio(*factors))
    if "delay" in parts:
        rows = parts["delay"]["rows"]
        for start, text in (("ufl --acquire -d ", "acquisition less the delay: median"),
                            ("ufl -d ", "the same, with the start of a command")):
            delays = [row["median"] for name, row in rows.items()
                      if name.startswith(start) and name != f"{start}0"]
            value = max(delays, default=None) if None not in delays else None
            add(text, 2, "ms", value and value * 1e3)
    if "idle" in parts:
        result = parts["idle"]
        add(f"{result['waiters']} waiters together", 1, "% of a core",
            100 * result["rows"]["ufl"]["waiters"]["used"])
    return found
