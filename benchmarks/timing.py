"""Timing in turns: block A, block B, block A, ...; a drift of the machine hits all of them alike.

Rule: a figure is a median of blocks; a ratio or difference is taken within a round, and then the median over rounds.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from statistics import median
from typing import Any

# Makes so many calls, and gives the nanoseconds of each.
Block = Callable[[int], list[int]]

_WARM_UP = 3


def timed(call: Callable[[], object], calls: int) -> list[int]:
    """The nanoseconds of each of `calls` calls, after a few that do not count."""
    clock, taken = time.perf_counter_ns, []
    for _ in range(_WARM_UP):
        call()
    for _ in range(calls):
        begun = clock()
        call()
        taken.append(clock() - begun)
    return taken


async def atimed(call: Callable[[], Awaitable[object]], calls: int) -> list[int]:
    """As `timed`."""
    clock, taken = time.perf_counter_ns, []
    for _ in range(_WARM_UP):
        await call()
    for _ in range(calls):
        begun = clock()
        await call()
        taken.append(clock() - begun)
    return taken


class Samples:
    """The medians of each case's blocks, round by round, in microseconds."""

    def __init__(self) -> None:
        self._rounds: dict[str, list[float]] = {}

    def add(self, case: str, taken: list[int]) -> None:
        """Note one block."""
        self._rounds.setdefault(case, []).append(median(taken) / 1e3)

    def __contains__(self, case: str) -> bool:
        return case in self._rounds

    def us(self, case: str) -> float:
        """Microseconds of one call."""
        return median(self._rounds[case])

    def above(self, case: str, floor: str) -> float:
        """Microseconds that a call of `case` takes longer than one of `floor`."""
        return median(a - b for a, b in zip(self._rounds[case], self._rounds[floor], strict=False))

    def ratio(self, case: str, other: str) -> float:
        """How many times as long a call of `case` takes as one of `other`."""
        return median(a / b for a, b in zip(self._rounds[case], self._rounds[other], strict=False))


def in_turns(cases: Mapping[str, Block], rounds: int, calls: int) -> Samples:
    """Run the blocks in turns, each round beginning with another one."""
    samples, names = Samples(), list(cases)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            gc.freeze()
            samples.add(name, cases[name](calls))
            gc.unfreeze()
    return samples


_loops: list[asyncio.AbstractEventLoop] = []


def run(work: Coroutine[Any, Any, list[int]]) -> list[int]:
    """Run `work` on the one loop of this process, as a test session with a loop of its own does."""
    if not _loops:
        _loops.append(asyncio.new_event_loop())
    return _loops[0].run_until_complete(work)
