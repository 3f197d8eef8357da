"""A whole pytest run of 200 httpx tests, a client in each, with real sockets and verified TLS; respx has objects."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import is_installed
from benchmarks.suite_httpx import SUITES
from benchmarks.suites import TESTS, seconds


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row(f"A pytest run of {TESTS} httpx tests on the wire", "The whole process; each test makes a client, "
              "declares 3 routes and makes 3 calls, over https: netdouble with real sockets and verified TLS "
              "(`--net-layer=wire`), respx with objects.", ["", "s", "times netdouble"])  # fmt: skip
    suites = {"netdouble on the wire": replace(SUITES["netdouble"], options=("--net-layer=wire",))}
    suites |= {name: SUITES[name] for name in ("respx",) if is_installed(name)}
    taken = seconds(suites, effort.of(TESTS, 2), effort.of(3, 0) or 1)
    for name, each in taken.items():
        row.lines.append([name, number(each), number(each / taken["netdouble on the wire"])])
    if "respx" in taken:
        row.goal("at least 3 times faster than respx", taken["respx"] / taken["netdouble on the wire"], 3, effort,
                 least=True)  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
