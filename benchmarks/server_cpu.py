"""The processor time that a server of the loopback takes for one request."""

from __future__ import annotations

from statistics import median

from benchmarks.report import Effort, Row, main, number
from benchmarks.serving import CONNECTIONS, KINDS, has_peer, send, served


def _us(kind: str, rounds: int, effort: Effort) -> float:
    """Microseconds of processor time of the server's process for one request."""
    with served(kind) as server:
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
              "the last one answers; the server in a process of its own, only that process's time counts. TCP echo "
              "answers whatever comes, and reads nothing in it. pytest-httpserver closes every connection.",
              ["", "us", "times the echo"])  # fmt: skip
    kinds = [kind for kind in KINDS if kind != "pytest-httpserver" or has_peer()]
    found = {kind: _us(kind, effort.of(60, 2), effort) for kind in kinds}
    for kind, us in found.items():
        row.lines.append([kind, number(us), number(us / found["TCP echo"])])
    row.goal("at most 35 us", found["netdouble"], 35, effort, unit=" us",
             why="Deciding and keeping the call takes about 5 us, making the Request and reading, saying and the "
             "connection's own loop 10; the rest is recv and send, and threads that wait for the interpreter's lock "
             "after each")  # fmt: skip
    if "pytest-httpserver" in found:
        ratio = found["pytest-httpserver"] / found["netdouble"]
        row.goal("at least 10 times below pytest-httpserver", ratio, 10, effort, unit=" times", least=True)
    return row


if __name__ == "__main__":
    main(measure)
