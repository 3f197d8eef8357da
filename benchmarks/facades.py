"""One stubbed GET under a facade, beside its original: the same registrations, the same client, at 1 and 100 routes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.clients import Calls, aiohttp_calls, httpx_calls, mocked, requests_calls
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import FACADES, JSON, peers
from benchmarks.serving import has_peer
from benchmarks.timing import Block, in_turns, timed

ROUTES = (1, 100)
SERVER = "pytest-httpserver"


def _calls(name: str) -> Calls:
    if name in {"respx", "pytest-httpx"}:
        import httpx

        return httpx_calls(httpx)
    return aiohttp_calls if name == "aioresponses" else requests_calls


def _served(library: str, routes: int) -> Block:
    """A block that starts a server with so many routes, and asks the last of them over the loopback."""

    def block(calls: int) -> list[int]:
        import requests

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server: Any = import_module(library).HTTPServer(host="127.0.0.1")
        for path in (*(f"/v1/other/{n}" for n in range(routes - 1)), "/v1/users/42"):
            server.expect_request(path).respond_with_json(JSON)
        with server, requests.Session() as session:
            url = server.url_for("/v1/users/42")
            return timed(lambda: _checked(session.get(url).json()), calls)

    return block


def _checked(body: Any) -> None:
    if body["id"] != 42:
        raise AssertionError(body)


def _pairs() -> dict[str, tuple[Callable[[int], Block] | None, Callable[[int], Block]]]:
    """Each peer -> a block with so many routes, of the original (None where it is not installed) and of its facade."""

    def under(mocker: Any, name: str) -> Callable[[int], Block]:
        return lambda routes: mocked(mocker, _calls(name), routes)

    originals = peers(*FACADES)
    pairs: dict[str, tuple[Callable[[int], Block] | None, Callable[[int], Block]]]
    pairs = {name: (under(originals[name], name) if name in originals else None, under(facade, name))
             for name, facade in FACADES.items()}  # fmt: skip
    if has_peer():
        pairs[SERVER] = (lambda routes: _served("pytest_httpserver", routes),
                         lambda routes: _served("netdouble.facades.pytest_httpserver", routes))  # fmt: skip
    return pairs


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("Facades beside their originals", "A GET and its JSON, session reused; the route that answers is the "
              "last of 1 or of 100. The same registrations with the original and with netdouble's facade of it; "
              "pytest-httpserver over the loopback, asked by requests.",
              ["", "original, us, 1 route", "facade, us, 1 route", "original, us, 100", "facade, us, 100"])  # fmt: skip
    pairs = _pairs()
    cases: dict[str, Block] = {}
    for name, (original, facade) in pairs.items():
        for routes in ROUTES:
            if original is not None:
                cases[f"{name} {routes}"] = original(routes)
            cases[f"facade of {name} {routes}"] = facade(routes)
    found = in_turns(cases, effort.of(15, 1), effort.of(40, 3))
    for name, (original, _) in pairs.items():
        row.lines.append([name, *(number(found.us(f"{who}{name} {routes}")) if who or original is not None else ""
                                  for routes in ROUTES for who in ("", "facade of "))])  # fmt: skip
        for routes in ROUTES if original is not None else ():
            ratio = found.ratio(f"facade of {name} {routes}", f"{name} {routes}")
            row.goal(f"{name}, {routes} route{'s' * (routes > 1)}: a facade is no slower than its original", ratio,
                     1.0, effort)  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
