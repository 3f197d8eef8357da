"""The processor time that a server of the loopback takes for one request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
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


def _us(kind: str, effort: Effort, *, together: bool) -> float:
    """Microseconds of processor time of the server's process for one request; `together`: on its client's processor."""
    rounds = effort.of(60, 2)
    with _on_one_processor() if together else nullcontext(), served(kind) as server:
        send(server.port, effort.of(20, 1))
        taken = []
        for _ in range(effort.of(7, 1)):
            begun = server.seconds()
            answered = send(server.port, rounds)
            taken.append((server.seconds() - begun) / answered * 1e6)
        return median(taken)


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("A server's processor time for one request", f"A GET over {CONNECTIONS} connections at once, 21 routes, "
              "the last one answers; the server in a process of its own, only that process's time counts: wherever "
              "the system runs it, and on the one processor of its client, where no thread is woken while another "
              "one holds the interpreter's lock. TCP echo answers whatever comes, and reads nothing in it. "
              "pytest-httpserver closes every connection.",
              ["", "us", "times the echo", "us, its client's processor"])  # fmt: skip
    kinds = [kind for kind in KINDS if kind != "pytest-httpserver" or has_peer()]
    free = {kind: _us(kind, effort, together=False) for kind in kinds}
    together = {kind: _us(kind, effort, together=True) for kind in kinds}
    for kind in kinds:
        row.lines.append([kind, number(free[kind]), number(free[kind] / free["TCP echo"]), number(together[kind])])
    why = (f"{number(together['netdouble'])} us of it are the work: to decide and keep the call about 5, the Request, "
           "the bytes and the connection's loop 10, and recv and send. The rest are threads that wake up one by one "
           "and wait for the interpreter's lock")  # fmt: skip
    row.goal("at most 35 us", free["netdouble"], 35, effort, unit=" us", why=why)
    if "pytest-httpserver" in free:
        ratio = free["pytest-httpserver"] / free["netdouble"]
        row.goal("at least 10 times below pytest-httpserver", ratio, 10, effort, unit=" times", least=True, why=why)
    return row


if __name__ == "__main__":
    main(measure)
