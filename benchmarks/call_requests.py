"""One stubbed GET and its JSON, beside the peers and the client's own floor: requests, with bytes and with objects."""

from __future__ import annotations

from benchmarks.clients import mocked, requests_byte_floor, requests_calls, requests_floor
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import Mocker, netdouble, netdouble_fast, peers
from benchmarks.timing import Block, in_turns

ROUTES = (10, 1)
FLOOR = "floor: a fresh response object"
_WHY = (
    "above it are: to read the request's bytes, decide and record, the file object that http.client reads a socket "
    "through, and urllib3's look at the socket before it is used again"
)


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("One GET with requests", "A GET and `.json()`, session reused, 10 routes or 1, the last one answers. By "
              "default netdouble hands over bytes and all of requests, urllib3 and http.client runs (the byte floor "
              "is that over canned bytes); with `fast=True` it hands over a response object, as the peers do.",
              ["", "us, 10 routes", "us, 1 route", "times the floor, 10", "times the floor, 1"])  # fmt: skip
    mockers: dict[str, Mocker] = {"netdouble": netdouble, "netdouble, fast": netdouble_fast}
    mockers |= peers("responses", "requests-mock")
    cases: dict[str, Block] = {FLOOR: requests_floor, "floor: bytes": requests_byte_floor}
    for name, mocker in mockers.items():
        cases |= {f"{name} {routes}": mocked(mocker, requests_calls, routes) for routes in ROUTES}
    found = in_turns(cases, effort.of(20, 1), effort.of(50, 3))
    for name in (FLOOR, "floor: bytes"):
        row.lines.append([name, number(found.us(name)), "", "", ""])
    for name in mockers:
        us = [number(found.us(f"{name} {routes}")) for routes in ROUTES]
        times = [number(found.ratio(f"{name} {routes}", FLOOR)) for routes in ROUTES]
        row.lines.append([name, *us, *times])
    if "responses" in mockers:
        for name, routes, bound in (("netdouble", 10, 1.0), ("netdouble", 1, 1.35), ("netdouble, fast", 10, 1.0),
                                    ("netdouble, fast", 1, 1.0)):  # fmt: skip
            text = f"{name}, {routes} route{'s' * (routes > 1)}: at most {bound} times responses"
            over = found.ratio("floor: bytes", f"responses {routes}")
            why = f"The floor over bytes, in which nothing is ours, is {number(over)} times responses; {_WHY}"
            row.goal(text, found.ratio(f"{name} {routes}", f"responses {routes}"), bound, effort, why=why)
    row.goal("netdouble, fast, 10 routes: at most 1.15 times the floor", found.ratio("netdouble, fast 10", FLOOR),
             1.15, effort, why="Ours: the request in our form, the decision, the headers in urllib3's")  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
