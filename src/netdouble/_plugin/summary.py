"""What is told at the end of a session: what was reached for real, and who slept in retries.

Rule: plain values only, for pytest-xdist sends them from its workers.
"""

from __future__ import annotations

from collections.abc import Iterable

# test, target, caller, count, refused, place
Attempted = tuple[str, str, str, int, bool, str]
# test, target, why, count
Passed = tuple[str, str, str, int]
# test, seconds
Waited = tuple[str, float]

ROWS = 20
# A wait between retries is worth a line from here on (seconds).
LONG_WAIT = 1.0


def attempts_table(rows: Iterable[Attempted]) -> list[str]:
    """The real connections that nothing allowed and the mode let through; no line when there was none."""
    noted = [row for row in rows if not row[4]]
    if not noted:
        return []
    return [
        "Real connections that no stub answered and nothing allows:",
        *_lines((target, count, test, caller) for test, target, caller, count, _, _ in noted),
        'Stub them, allow them (net_allow), or have them refused: net_guard = "block"',
    ]


def refused_table(rows: Iterable[Attempted]) -> list[str]:
    """What was refused and failed no test: outside of them, or in a thread that is left over."""
    noted = [row for row in rows if row[4] and row[5] != "test"]
    if not noted:
        return []
    return [
        "Real connections that were refused outside of the tests, or in a thread that an earlier test left behind:",
        *_lines((target, count, test, caller) for test, target, caller, count, _, _ in noted),
        'To have them fail: net_swallowed = "fail"',
    ]


def passages_table(rows: Iterable[Passed]) -> list[str]:
    """Every real connection that was let through."""
    told = list(rows)
    if not told:
        return []
    lines = _lines(((target, count, test, why) for test, target, why, count in told), limit=None)
    return ["Real connections that were let through, and why:", *lines]


def _lines(rows: Iterable[tuple[str, int, str, str]], limit: int | None = ROWS) -> list[str]:
    """Target, count, test and one more column."""
    every = [(target, count, test or "outside the tests", last) for target, count, test, last in rows]
    shown = every if limit is None else every[:limit]
    wide, wider = max(len(row[0]) for row in shown), max(len(row[2]) for row in shown)
    lines = [f"{target:<{wide}}  {count:>4}x  {test:<{wider}}  {last}".rstrip() for target, count, test, last in shown]
    return lines if len(shown) == len(every) else [*lines, f"... and {len(every) - len(shown)} more"]


def waits_table(rows: Iterable[Waited]) -> list[str]:
    """The tests that slept long between a client's retries; no line when none did."""
    slow = sorted(rows, key=lambda row: -row[1])
    if not slow:
        return []
    lines = [f"{seconds:6.1f} s  {test}" for test, seconds in slow[:ROWS]]
    return ['Slept between retries (net_retry_wait = "skip" leaves that out):', *lines]
