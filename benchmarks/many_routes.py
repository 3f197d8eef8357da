"""10,000 routes against one: a call that the last route answers, and one that none answers."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.clients import httpx_calls, mocked, requests_calls
from benchmarks.report import Effort, Goal, Row, main, number
from benchmarks.routes import HOST, JSON, URL, netdouble, netdouble_mixed, peers
from benchmarks.timing import Block, in_turns, timed
from netdouble import Network, UnmatchedRequest
from netdouble._core.messages import Request
from netdouble._core.routes import Route

MANY = 10_000
_WHY = "The report looks at every route once, for the nearest"
MISSED = f"http://{HOST}/v1/nothing/here"


def evaluated(routes: int, url: str) -> int:
    """How many routes are asked whether they match `url`, of a mix of so many."""
    asked: list[Route] = []
    real = Route.mismatches

    def counted(self: Route, request: Request) -> Any:
        asked.append(self)
        return real(self, request)

    Route.mismatches = counted  # type: ignore[method-assign]
    try:
        with netdouble_mixed(routes) as net:
            net.router.open(Request.to("GET", url))
    finally:
        Route.mismatches = real  # type: ignore[method-assign]
    return len(asked)


def _outer(routes: int) -> Block:
    """A call that misses so many routes, and is answered by the network around them."""
    import httpx

    def block(calls: int) -> list[int]:
        with Network() as outer, netdouble_mixed(routes), httpx.Client() as client:
            outer.get(MISSED).reply(json=JSON)
            return timed(lambda: client.get(MISSED).json(), calls)

    return block


def _missed(routes: int, *, whole: bool) -> Block:
    """Requests that nothing answers: decided only, or sent, with the error and its report."""
    import httpx

    def block(calls: int) -> list[int]:
        with netdouble_mixed(routes) as net, httpx.Client() as client:
            request = Request.to("GET", MISSED)

            def decide() -> None:
                if net.router.open(request) is not None:
                    raise AssertionError(request)

            def send() -> None:
                try:
                    client.get(MISSED)
                except UnmatchedRequest:
                    return
                raise AssertionError

            taken = timed(send if whole else decide, calls)
            net.reset()  # what was missed is known
            return taken

    return block


def measure(effort: Effort) -> Row:
    """Measure this row."""
    import httpx

    many = effort.of(MANY, 200)
    row = Row(f"{MANY:,} routes against 1", "90 % exact routes, 9 % templates, 1 % predicates on a URL, the last one "
              "answers; peers with exact routes only, few calls. respx is left out: it compares each new route with "
              f"all before, and takes minutes to take {MANY:,}.",
              ["", "us, 1 route", f"us, {MANY:,} routes", "times"])  # fmt: skip
    calls = httpx_calls(httpx)
    netdoubles = {"netdouble, httpx": calls, "netdouble, requests": requests_calls}
    cases: dict[str, Block] = {}
    for name, block in netdoubles.items():
        cases |= {f"{name} 1": mocked(netdouble, block, 1), f"{name} many": mocked(netdouble_mixed, block, many)}
    misses = {"a miss, answered by an outer network, httpx": _outer,
              "a miss, refused with its report, httpx": partial(_missed, whole=True)}  # fmt: skip
    for name, missed in {**misses, "a miss, the decision alone": partial(_missed, whole=False)}.items():
        cases |= {f"{name} 1": missed(1), f"{name} many": missed(many)}
    found = in_turns(cases, effort.of(11, 1), effort.of(60, 3))
    peer_cases: dict[str, Block] = {}
    for name, mocker in peers("responses", "requests-mock", "pytest-httpx").items():
        block = calls if name == "pytest-httpx" else requests_calls
        peer_cases |= {f"{name} 1": mocked(mocker, block, 1), f"{name} many": mocked(mocker, block, many)}
    peers_found = in_turns(peer_cases, effort.of(3, 1), 3) if peer_cases else found
    for name in [case.removesuffix(" 1") for case in (*cases, *peer_cases) if case.endswith(" 1")]:
        samples = found if f"{name} 1" in found else peers_found
        figures = (samples.us(f"{name} 1"), samples.us(f"{name} many"), samples.ratio(f"{name} many", f"{name} 1"))
        row.lines.append([name, *map(number, figures)])
    for name in (*netdoubles, *misses):
        text = f"{name}: at most 1.2 times as long with {MANY:,} routes"
        row.goal(text, found.ratio(f"{name} many", f"{name} 1"), 1.2, effort, why=_WHY)
    for peer, ours in (("responses", "netdouble, requests"), ("pytest-httpx", "netdouble, httpx")):
        if f"{peer} many" in peers_found:
            times = peers_found.us(f"{peer} many") / found.us(f"{ours} many")
            row.goal(f"at {MANY:,} routes at least 500 times cheaper than {peer}", times, 500, effort, least=True,
                     why="Most of our call is the client's own, see the row of requests")  # fmt: skip
    counts = [evaluated(routes, url) for routes in (1, MANY) for url in (URL, MISSED)]
    text = f"routes that are asked: a match and a miss at 1, the same at {MANY:,}"
    row.goals.append(Goal(text, ", ".join(map(str, counts)), counts == [1, 0, 1, 0]))
    return row


if __name__ == "__main__":
    main(measure)
