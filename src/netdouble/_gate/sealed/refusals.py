"""Refusals in words: who wanted where, and which entry would let it.

Rule: secrets in command lines are masked.
"""

from __future__ import annotations

from collections.abc import Iterable

from netdouble._core.masking import masked_text
from netdouble._gate.sealed.messages import Refusal

ROWS = 20


def table(refusals: Iterable[Refusal]) -> list[str]:
    """A line for each."""
    rows = [(f"{each.call} {each.target}", f"{each.times}x", who(each), _where(each)) for each in refusals]
    wide, wider, widest = (max((len(row[column]) for row in rows), default=0) for column in range(3))
    lines = [f"  {a:<{wide}}  {b:>{wider}}  {c:<{widest}}  {d}".rstrip() for a, b, c, d in rows[:ROWS]]
    return lines + [f"  ... and {len(rows) - ROWS} more"] * (len(rows) > ROWS)


def who(refusal: Refusal) -> str:
    """The process, or the thread of this one."""
    if refusal.is_ours:
        return f"pid {refusal.process} (this process), thread {refusal.thread_name!r}"
    return f"pid {refusal.process}: {masked_text(refusal.command) or refusal.thread_name or 'already gone'}"


def _where(refusal: Refusal) -> str:
    if refusal.why:
        return f"could not be judged: {refusal.why}"
    started = f"started in {refusal.spawned_in}" if refusal.spawned_in and refusal.spawned_in != refusal.test else ""
    return ", ".join(filter(None, (f"in {refusal.test}" if refusal.test else "", started)))
