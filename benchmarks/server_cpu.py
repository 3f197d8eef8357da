"""The processor time that a server of the loopback takes for one request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from statistics import median

from benchmarks.report import Effort, Row, main, number
from benchmarks.serving import CONNECTIONS, KINDS, has_peer, send, served


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """This process, and what it starts meanwhile; everywhere where the system can't be told."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _us(kinds: list[str], effort: Effort, *, together: bool) -> dict[str, float]:
    """Microseconds of processor time of each server's process for one request; `together`: on its client's processor.

    They take turns.
    """
    rounds = effort.of(60, 2)
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    with _on_one_processor() if together else nullcontext(), ExitStack() as standing:
        servers = {kind: standing.enter_context(served(kind)) for kind in kinds}
        for server in servers.values():
            send(server.port, effort.of(20, 1))
        for _ in range(effort.of(9, 1)):
            for kind, server in servers.items():
                begun = server.seconds()
                answered = send(server.port, rounds)
                taken[kind].append((server.seconds() - begun) / answered * 1e6)
    return {kind: median(each) for kind, each in taken.items()}


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("A server's processor time for one request", f"A GET over {CONNECTIONS} connections at once, 21 routes, "
              "the last one answers; the server in a process of its own, only that process's time counts: wherever "
              "the system runs it, and on the one processor of its client. TCP echo has a thread for each connection, "
              "answers whatever comes, and reads nothing in it. pytest-httpserver closes every connection.",
              ["", "us", "times the echo", "us, its client's processor"])  # fmt: skip
    kinds = [kind for kind in KINDS if kind != "pytest-httpserver" or has_peer()]
    free = _us(kinds, effort, together=False)
    together = _us(kinds, effort, together=True)
    for kind in kinds:
        row.lines.append([kind, number(free[kind]), number(free[kind] / free["TCP echo"]), number(together[kind])])
    row.goal("at most 35 us", free["netdouble"], 35, effort, unit=" us")
    if "pytest-httpserver" in free:
        ratio = free["pytest-httpserver"] / free["netdouble"]
        row.goal("at least 10 times below pytest-httpserver", ratio, 10, effort, unit=" times", least=True)
    return row


if __name__ == "__main__":
    main(measure)
