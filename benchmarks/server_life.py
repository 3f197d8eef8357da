"""Starting and stopping a server of the loopback: what a test pays that has one of its own."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.report import Effort, Row, main, number
from benchmarks.serving import REQUEST, has_peer


def _ours() -> Any:
    import netdouble

    server = netdouble.serve(unused="off")
    server.get("/bench").reply(text="hello")
    return server


def _peer() -> Any:
    from pytest_httpserver import HTTPServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = HTTPServer(host="127.0.0.1")
    server.expect_request("/bench").respond_with_data("hello")
    return server


def _lives(make: Callable[[], Any], times: int) -> tuple[float, float, float]:
    """Milliseconds until it listens, until its first answer is there, and to stop it: medians."""
    begins, answers, stops = [], [], []
    for _ in range(times):
        server = make()
        begun = time.perf_counter()
        server.start()
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", server.port), 30) as sock:
            sock.sendall(REQUEST)
            sock.recv(65536)
        answered = time.perf_counter()
        server.stop()
        stops.append(time.perf_counter() - answered)
        begins.append(began - begun)
        answers.append(answered - begun)
    return median(begins) * 1e3, median(answers) * 1e3, median(stops) * 1e3


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("Starting and stopping a server", "One route, one GET over a socket; everything is imported. A server of "
              "pytest-httpserver looks for its end twice a second.",
              ["", "start, ms", "start to first answer, ms", "stop, ms"])  # fmt: skip
    cases = {"netdouble": (_ours, effort.of(200, 3))}
    if has_peer():
        cases["pytest-httpserver"] = (_peer, effort.of(10, 1))
    found = {name: _lives(make, times) for name, (make, times) in cases.items()}
    for name, figures in found.items():
        row.lines.append([name, *map(number, figures)])
    started, _, stopped = found["netdouble"]
    row.goal("start: at most 1 ms", started, 1, effort, unit=" ms")
    row.goal("stop: at most 5 ms", stopped, 5, effort, unit=" ms")
    return row


if __name__ == "__main__":
    main(measure)
