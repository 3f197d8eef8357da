"""One mocked `httpx.get()`: the client is made for it, as in most tests."""

from __future__ import annotations

from benchmarks.clients import mocked
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import URL, Mocker, netdouble, peers
from benchmarks.timing import Block, in_turns, timed


def measure(effort: Effort) -> Row:
    """Measure this row."""
    import httpx

    row = Row("One mocked `httpx.get()`", "The client is made in the test, so that its TLS context is, too. While a "
              "network is open, netdouble puts off reading the root certificates until a real handshake needs them.",
              ["", "us", "times netdouble"])  # fmt: skip

    def calls(number_of_calls: int) -> list[int]:
        return timed(lambda: httpx.get(URL).json(), number_of_calls)

    mockers: dict[str, Mocker] = {"netdouble": netdouble, **peers("respx", "pytest-httpx")}
    cases: dict[str, Block] = {name: mocked(mocker, calls, 1) for name, mocker in mockers.items()}
    found = in_turns(cases, effort.of(8, 1), effort.of(8, 1))
    for name in cases:
        row.lines.append([name, number(found.us(name)), number(found.ratio(name, "netdouble"))])
        if name != "netdouble":
            row.goal(f"at least 30 times cheaper than {name}", found.ratio(name, "netdouble"), 30, effort, least=True)
    return row


if __name__ == "__main__":
    main(measure)
