# SPDX-License-Identifier: MIT
"""The arithmetic of the benchmarks: order statistics, and what the stamps of a lock say.

A turn is (start, end, loop): one run of the command under the lock, in nanoseconds, and which of
the competing loops had it.
"""

import math
import statistics


def median(values):
    """The median of `values`; None without any."""
    return statistics.median(values) if values else None


def percentile(values, part):
    """The smallest of `values` that at least `part` of them do not exceed; None without any."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(part * len(values)) - 1, 0)]


def p99(values):
    """The 99th percentile of `values`; None without any."""
    return percentile(values, 0.99)


def summary(values):
    """What the tables show of `values`, which are kept for those who want to count differently."""
    return {"count": len(values), "median": median(values), "p99": p99(values), "values": values}


def ratio(value, reference):
    """`value` / `reference`; None where one is missing."""
    return value / reference if value is not None and reference else None


def parse_stamps(text, loop=0):
    """The turns in what `stamp` wrote. A last line that is cut off is left out."""
    turns = []
    for line in text.split("\n")[:-1]:
        _pid, start, end = line.split()
        turns.append((int(start), int(end), loop))
    return turns


def overlaps(turns):
    """How many of `turns` began while an earlier one had not ended: two holders at once."""
    found, latest = 0, None
    for start, end, _loop in sorted(turns):
        if latest is not None and start < latest:
            found += 1
        latest = end if latest is None else max(latest, end)
    return found


def gaps(turns):
    """From the end of each turn to the start of the next, in order; negative where they overlap."""
    ordered = sorted(turns)
    return [after[0] - before[1] for before, after in zip(ordered, ordered[1:])]


def changes(turns):
    """The part of the hand-offs that went to another loop than the one before; None without any."""
    ordered = sorted(turns)
    if len(ordered) < 2:
        return None
    moved = sum(before[2] != after[2] for before, after in zip(ordered, ordered[1:]))
    return moved / (len(ordered) - 1)
