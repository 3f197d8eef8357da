"""One stubbed GET and its JSON, over the client's own floor: aiohttp."""

from __future__ import annotations

from benchmarks.clients import aiohttp_calls, aiohttp_floor, mocked
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import netdouble, peers
from benchmarks.timing import Block, in_turns

ROUTES = 10
_WHY = (
    "Ours are: to read the request's bytes and make a Request of them, to decide and record, to see, before a "
    "connection is taken, whether the request may pass or fails to connect, two coroutines more, and the connection "
    "in memory"
)


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("One GET with aiohttp", f"A GET and `await .json()`, session reused, {ROUTES} routes, the last one "
              "answers. Floor: bytes in memory through aiohttp's own pool and parser. aioresponses needs a mend on "
              "aiohttp 3.14 (an argument that it does not pass gets a default).",
              ["", "us", "over the floor, us", "times the floor"])  # fmt: skip
    cases: dict[str, Block] = {"floor": aiohttp_floor, "netdouble": mocked(netdouble, aiohttp_calls, ROUTES)}
    cases |= {name: mocked(mocker, aiohttp_calls, ROUTES) for name, mocker in peers("aioresponses").items()}
    found = in_turns(cases, effort.of(25, 1), effort.of(60, 3))
    row.lines.append(["floor", number(found.us("floor")), "", ""])
    for name in list(cases)[1:]:
        figures = (found.us(name), found.above(name, "floor"), found.ratio(name, "floor"))
        row.lines.append([name, *map(number, figures)])
    row.goal("at most 1.25 times the floor", found.ratio("netdouble", "floor"), 1.25, effort, why=_WHY)
    return row


if __name__ == "__main__":
    main(measure)
