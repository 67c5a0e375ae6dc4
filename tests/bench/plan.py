# SPDX-License-Identifier: MIT
"""How much is measured. Budgets are in seconds; where one ends a cell, what it reached is shown."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Plan:
    """The numbers of a full run."""

    # Uncontended: rounds over all tools in turn, because the speed of a machine drifts.
    start_rounds: int = 10
    start_runs: int = 30
    start_budget: float = 20
    memory_runs: int = 11

    hold_ms: int = 20  # long enough that all others wait when it ends
    hand_offs: int = 200
    hand_off_blocks: int = 8
    hand_off_budget: float = 24
    waiters: int = 20

    crowd: int = 16
    crowd_turns: int = 20
    crowd_budget: float = 40
    growth: tuple[int, ...] = (4, 16, 64, 256)
    growth_slow: int = 64  # slow tools: no more processes than these
    growth_turns: int = 1024
    growth_turns_slow: int = 256
    growth_budget: float = 20
    repetitions: int = 3

    delay_rounds: int = 10
    delays: tuple[tuple[str, int], ...] = (("0", 20), ("0.1", 5), ("1", 1))  # runs in each round

    idle_waiters: int = 100
    idle_window: float = 10
    idle_settle: float = 2
    idle_patience: float = 30
    holder_window: float = 60


FULL = Plan()

# Enough to see that everything works: a smoke test.
QUICK = Plan(start_rounds=2, start_runs=3, start_budget=0.5, memory_runs=1, hold_ms=5, hand_offs=6,
             hand_off_blocks=1, hand_off_budget=4, waiters=3, crowd=4, crowd_turns=3,
             crowd_budget=8, growth=(2, 8), growth_slow=2, growth_turns=24, growth_turns_slow=8,
             growth_budget=0.5, repetitions=1, delay_rounds=1, delays=(("0", 3), ("0.1", 2)),
             idle_waiters=4, idle_window=0.3, idle_settle=0.1, idle_patience=2, holder_window=0.3)
