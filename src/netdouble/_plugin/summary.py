"""What is told at the end of a session: what was reached for real, and who slept in retries.

Rule: plain values only, for pytest-xdist sends them from its workers.
"""

from __future__ import annotations

from collections.abc import Iterable

# test, target, caller, count, refused
Attempted = tuple[str, str, str, int, bool]
# test, seconds
Waited = tuple[str, float]

ROWS = 20
# A wait between retries is worth a line from here on (seconds).
LONG_WAIT = 1.0


def attempts_table(rows: Iterable[Attempted]) -> list[str]:
    """The real connections that nothing allowed; no line when there was none."""
    noted = [row for row in rows if not row[4]]
    if not noted:
        return []
    shown = [(target, count, test or "outside the tests", caller) for test, target, caller, count, _ in noted[:ROWS]]
    wide, wider = max(len(row[0]) for row in shown), max(len(row[2]) for row in shown)
    lines = [
        f"{target:<{wide}}  {count:>4}x  {test:<{wider}}  {caller}".rstrip() for target, count, test, caller in shown
    ]
    if len(noted) > ROWS:
        lines.append(f"... and {len(noted) - ROWS} more")
    return [
        "Real connections that no stub answered and nothing allows:",
        *lines,
        'Stub them, allow them (net_allow), or have them refused: net_guard = "block"',
    ]


def waits_table(rows: Iterable[Waited]) -> list[str]:
    """The tests that slept long between a client's retries; no line when none did."""
    slow = sorted(rows, key=lambda row: -row[1])
    if not slow:
        return []
    lines = [f"{seconds:6.1f} s  {test}" for test, seconds in slow[:ROWS]]
    return ['Slept between retries (net_retry_wait = "skip" leaves that out):', *lines]
