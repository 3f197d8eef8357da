"""The processor time that a server of the loopback takes for one request."""

from __future__ import annotations

from statistics import median

from benchmarks.report import Effort, Row, main, number
from benchmarks.serving import CONNECTIONS, KINDS, has_peer, send, served


def _us(kind: str, rounds: int, effort: Effort, *, alone: bool) -> float:
    """Microseconds of processor time of the server's process for one request."""
    with served(kind, alone=alone) as server:
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
              "the last one answers; the server in a process of its own, only that process's time counts: on one "
              "processor, which is the work alone, and on any, where threads that wake up also fight for the "
              "interpreter's lock. TCP echo answers whatever comes, and reads nothing in it. pytest-httpserver closes "
              "every connection.", ["", "us, one processor", "times the echo", "us, any"])  # fmt: skip
    kinds = [kind for kind in KINDS if kind != "pytest-httpserver" or has_peer()]
    alone = {kind: _us(kind, effort.of(60, 2), effort, alone=True) for kind in kinds}
    free = {kind: _us(kind, effort.of(60, 2), effort, alone=False) for kind in kinds}
    for kind in kinds:
        row.lines.append([kind, number(alone[kind]), number(alone[kind] / alone["TCP echo"]), number(free[kind])])
    why = (
        "To decide and keep the call takes about 5 us, the Request, the bytes and the connection's loop 10; the rest "
        "is recv, send, and threads that are woken one by one: with the client on the same processor it is 23 us"
    )
    row.goal("on one processor at most 35 us", alone["netdouble"], 35, effort, unit=" us", why=why)
    if "pytest-httpserver" in alone:
        ratio = alone["pytest-httpserver"] / alone["netdouble"]
        row.goal("on one processor at least 10 times below pytest-httpserver", ratio, 10, effort, unit=" times",
                 least=True, why=why)  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
