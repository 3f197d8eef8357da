"""A whole pytest run of 200 httpx tests, a client in each."""

from __future__ import annotations

from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import is_installed
from benchmarks.suites import TESTS, Suite, seconds

SUITES = {
    "netdouble": Suite("netdouble.pytest_plugin", "httpx", "httpx.Client",
                       'net.get(f"https://api.test/{j}").reply(json={"a": j})', "net"),
    "respx": Suite("respx.plugin", "httpx", "httpx.Client",
                   'respx_mock.get(f"https://api.test/{j}").respond(json={"a": j})', "respx_mock"),
    "pytest-httpx": Suite("pytest_httpx", "httpx", "httpx.Client",
                          'httpx_mock.add_response(url=f"https://api.test/{j}", json={"a": j})', "httpx_mock"),
}  # fmt: skip


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row(f"A pytest run of {TESTS} httpx tests", "The whole process; each test makes a client, declares 3 routes "
              "and makes 3 calls.", ["", "s", "times netdouble"])  # fmt: skip
    suites = {name: suite for name, suite in SUITES.items() if name == "netdouble" or is_installed(name)}
    taken = seconds(suites, effort.of(TESTS, 2), effort.of(3, 0) or 1)
    for name, each in taken.items():
        row.lines.append([name, number(each), number(each / taken["netdouble"])])
        if name != "netdouble":
            row.goal(f"at least 5 times faster than {name}", each / taken["netdouble"], 5, effort, least=True)
    return row


if __name__ == "__main__":
    main(measure)
