"""What of a call is netdouble's own: to read the request, decide, record, and spell the answer."""

from __future__ import annotations

from functools import partial

from benchmarks.clients import (
    aiohttp_calls,
    aiohttp_floor,
    http_client_calls,
    http_client_floor,
    httpx_calls,
    httpx_floor,
    mocked,
    requests_byte_floor,
    requests_calls,
    requests_floor,
)
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import HOST, URL, netdouble, netdouble_fast, netdouble_mixed
from benchmarks.timing import Block, in_turns, timed
from netdouble import _asking
from netdouble._codec.http1 import RequestParser
from netdouble._codec.spelling import spell
from netdouble._core.messages import Request

MANY = 10_000
SENT = (
    b"GET /v1/users/42 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: x\r\nAccept-Encoding: gzip, deflate\r\n"
    b"Accept: */*\r\nConnection: keep-alive\r\n\r\n"
)


_SOCKET = (
    "The file object over our socket (`socket.makefile`, as over every socket) is a good part of it: the floor has none"
)
_WHY = {
    "http.client": _SOCKET,
    "requests": f"{_SOCKET}, nor the looks at requests' and urllib3's seams, and at the socket before it is used again",
    "aiohttp": "See the row of aiohttp: the request is looked at once before a connection is taken and once on it",
    "requests, fast": "The request in our form, the decision, and the headers in urllib3's",
}


def _decided(number: int) -> list[int]:
    """A request that is read already: decide and record."""

    def call() -> None:
        opened = _asking.open_call(Request.to("GET", URL))
        if opened is None or opened.answer is None:
            raise AssertionError(opened)

    return timed(call, number)


def _whole(number: int) -> list[int]:
    """Read the bytes of a request, decide, record, spell the answer's bytes."""
    parser = RequestParser()

    def call() -> None:
        parser.feed(SENT)
        parsed = parser.next_request()
        opened = _asking.open_call(parsed.to_request("http", HOST, 80)) if parsed else None
        if parsed is None or opened is None:
            raise AssertionError(parsed)
        answer: object = opened.answer
        opened.close(spell(answer, method=parsed.method) and answer)  # type: ignore[arg-type]

    return timed(call, number)


def measure(effort: Effort) -> Row:
    """Measure this row."""
    import httpx

    row = Row("Our own share of a call", f"The first two: netdouble alone, no client. The others: a call over the "
              f"client's floor at the same seam. {MANY:,} routes: 90 % exact, 9 % templates, 1 % predicates.",
              ["", "us, 1 route", f"us, {MANY:,} routes"])  # fmt: skip
    many = effort.of(MANY, 200)
    alone = {"decide, record": _decided, "read bytes, decide, record, spell": _whole}
    calls = httpx_calls(httpx)
    floors: dict[str, Block] = {
        "http.client": http_client_floor, "aiohttp": aiohttp_floor, "httpx": httpx_floor(httpx, calls),
        "requests": requests_byte_floor, "requests, fast": requests_floor}  # fmt: skip
    clients = {"http.client": http_client_calls, "aiohttp": aiohttp_calls, "httpx": calls, "requests": requests_calls}
    cases = {f"{name} floor": block for name, block in floors.items()}
    for routes, opened in ((1, netdouble), (many, netdouble_mixed)):
        cases |= {f"{name} {routes}": mocked(opened, block, routes) for name, block in (alone | clients).items()}
        fast = netdouble_fast if routes == 1 else partial(netdouble_mixed, fast=True)
        cases[f"requests, fast {routes}"] = mocked(fast, requests_calls, routes)
    found = in_turns(cases, effort.of(9, 1), effort.of(100, 3))
    for name in alone:
        row.lines.append([name, number(found.us(f"{name} 1")), number(found.us(f"{name} {many}"))])
    whole = max(found.us(f"read bytes, decide, record, spell {routes}") for routes in (1, many))
    row.goal(f"alone: at most 25 us, at 1 and at {MANY:,} routes", whole, 25, effort, unit=" us")
    for name in floors:
        above = [found.above(f"{name} {routes}", f"{name} floor") for routes in (1, many)]
        row.lines.append([f"{name}, over its floor", *map(number, above)])
        row.goal(f"{name}: at most 25 us over its floor, at 1 and at {MANY:,} routes", max(above), 25, effort,
                 unit=" us", why=_WHY.get(name, ""))  # fmt: skip
    return row


if __name__ == "__main__":
    main(measure)
