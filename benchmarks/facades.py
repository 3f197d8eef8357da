"""One stubbed GET under a facade, beside its original: the same registrations, the same client, at 1 and 100 routes."""

from __future__ import annotations

from benchmarks.clients import Calls, aiohttp_calls, httpx_calls, mocked, requests_calls
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import FACADES, peers
from benchmarks.timing import Block, in_turns

ROUTES = (1, 100)


def _calls(name: str) -> Calls:
    if name in {"respx", "pytest-httpx"}:
        import httpx

        return httpx_calls(httpx)
    return aiohttp_calls if name == "aioresponses" else requests_calls


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("Facades beside their originals", "A GET and its JSON, session reused; the route that answers is the "
              "last of 1 or of 100. The same registrations with the original and with netdouble's facade of it.",
              ["", "original, us, 1 route", "facade, us, 1 route", "original, us, 100", "facade, us, 100"])  # fmt: skip
    originals = peers(*FACADES)
    cases: dict[str, Block] = {}
    for name, facade in FACADES.items():
        for routes in ROUTES:
            if name in originals:
                cases[f"{name} {routes}"] = mocked(originals[name], _calls(name), routes)
            cases[f"facade of {name} {routes}"] = mocked(facade, _calls(name), routes)
    found = in_turns(cases, effort.of(15, 1), effort.of(40, 3))
    for name in FACADES:
        row.lines.append([name, *(number(found.us(f"{who}{name} {routes}")) if who or name in originals else ""
                                  for routes in ROUTES for who in ("", "facade of "))])  # fmt: skip
        for routes in ROUTES if name in originals else ():
            ratio = found.ratio(f"facade of {name} {routes}", f"{name} {routes}")
            row.goal(f"{name}, {routes} route{'s' * (routes > 1)}: a facade is no slower than its original", ratio,
                     1.0, effort)  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
