"""Refusals in words: who wanted where, and which entry would let it.

Rule: secrets in command lines are masked.
"""

from __future__ import annotations

from collections.abc import Iterable

from netdouble._core.masking import masked_text
from netdouble._core.native_clients import ways_in
from netdouble._gate.sealed.messages import Refusal
from netdouble._gate.sealed.native import loaded

ROWS = 20
# What refused it where the run is sealed from outside: the rules are those of its command line.
OUTER = "netdouble run --sealed"


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


def report(refusal: Refusal, caller: str, rule: str) -> str:
    """The whole of it, as the guard in the process would say it.

    Args:
        caller: `FILE:LINE in FUNCTION` of the Python code behind it, or `""`. rule: what refused it.
    """
    what = "a name lookup" if refusal.target.endswith((":53", ":853")) else "a real connection"
    often = f" ({refusal.times} times)" if refusal.times > 1 else ""
    lines = [
        f"{what} was refused by the kernel's guard before anything was sent",
        f"    {refusal.call} {refusal.target}",
    ]
    if caller:
        lines[-1] += f"        called from {caller}"
    thread = "its main thread" if refusal.thread == refusal.process else f"thread {refusal.thread_name!r}"
    by = f"native code of this process, {thread}" if refusal.is_ours else who(refusal)
    lines.append(f"    by {by}{often}")
    lines.append(f"    {_where(refusal)}" if _where(refusal) else "")
    if refusal.older:
        began = "The thread" if refusal.is_ours else "The process"
        lines.append(
            f"{began} was there before this test began: something left over from an earlier one, or a fixture's"
        )
    lines.append(f"Refused by: {rule}")
    lines += _ways_out(refusal, rule)
    return "\n".join(filter(None, lines))


def _ways_out(refusal: Refusal, rule: str) -> list[str]:
    if refusal.why:
        return []
    lines = []
    if refusal.is_ours and refusal.target.endswith((":80", ":443")):
        lines.append(f"To answer it:  native code opens connections where no layer stands: {ways_in(loaded())}")
    elif not refusal.is_ours and refusal.target.endswith((":80", ":443")):
        lines.append(
            "To answer it:  give the process net_server's address, or run it in the environment net.proxy().env"
        )
    entry = refusal.target[3:].lower() if refusal.target.startswith("AF_") else refusal.target
    if rule == OUTER:
        return [*lines, f"To allow it:   {OUTER} --allow {entry} -- ..."]
    places = f'@pytest.mark.net("{entry}"), or net_allow in the pytest settings, or Network(allow="{entry}")'
    return [*lines, f"To allow it:   {places}"]
