"""A whole pytest run of 200 requests tests, a session in each."""

from __future__ import annotations

from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import is_installed
from benchmarks.suites import TESTS, Suite, seconds

_NET = 'net.get(f"https://api.test/{j}").reply(json={"a": j})'
_WHY = "600 calls over bytes, see the row of requests, and the import of netdouble, are longer than responses' own"
SUITES = {
    "netdouble": Suite("netdouble.pytest_plugin", "requests", "requests.Session", _NET, "net"),
    "netdouble, fast": Suite("netdouble.pytest_plugin", "requests", "requests.Session", _NET, "net",
                             options=("--net-fast=on",)),
    "responses": Suite("", "requests, responses", "requests.Session",
                       'm.get(f"https://api.test/{j}", json={"a": j})', opens="with responses.RequestsMock() as m:"),
}  # fmt: skip


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row(f"A pytest run of {TESTS} requests tests", "The whole process; each test makes a session, declares 3 "
              "routes and makes 3 calls. netdouble at its default (bytes) and with `--net-fast=on`.",
              ["", "s", "times netdouble"])  # fmt: skip
    suites = {name: suite for name, suite in SUITES.items() if name != "responses" or is_installed(name)}
    taken = seconds(suites, effort.of(TESTS, 2), effort.of(7, 1))
    for name, each in taken.items():
        row.lines.append([name, number(each), number(each / taken["netdouble"])])
        if name == "responses":
            row.goal(f"faster than {name}", each / taken["netdouble"], 1, effort, least=True, why=_WHY)
    return row


if __name__ == "__main__":
    main(measure)
