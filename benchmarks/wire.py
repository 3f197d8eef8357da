"""The wire, with real sockets and verified TLS, beside peers that hand over objects; and what a scope on it costs."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.canned import answering
from benchmarks.clients import WIRE, aiohttp_calls, mocked
from benchmarks.report import Effort, Row, main, number
from benchmarks.routes import HOST, JSON, URL, others, peers
from benchmarks.timing import Block, in_turns, timed
from netdouble import Network
from netdouble._authority import authority
from netdouble._gate import arming, guard
from netdouble._gate.policy import Policy
from netdouble._intercept import catalog

ROUTES = 10
FLOOR = "requests over TLS to canned bytes"
SECURE = URL.replace("http:", "https:")


@contextmanager
def _wire(routes: int) -> Iterator[Network]:
    """A network at the layer `wire`; the route that answers, over http and https, is the last."""
    with Network(unused="off", swallowed="warn", layer="wire") as net, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for url in others(routes):
            net.get(url).reply(json=JSON)
        net.get(URL).reply(json=JSON)
        net.get(SECURE).reply(json=JSON)
        yield net


def _requests_over(url: str) -> Callable[[int], list[int]]:
    def calls(calls: int) -> list[int]:
        import requests

        with requests.Session() as session:
            return timed(lambda: _checked(session.get(url)), calls)

    return calls


def _requests_floor(calls: int) -> list[int]:
    """Over TLS as well, where whatever comes is answered with the same bytes."""
    import requests

    with answering(WIRE) as url, requests.Session() as session:
        return timed(lambda: _checked(session.get(url, verify=authority().file)), calls)


def _checked(response: Any) -> None:
    if response.json()["id"] != 42:
        raise AssertionError(response)


def _scope(connects: bool) -> Block:
    def once() -> None:
        with Network(layer="wire", unused="off") as net:
            if connects:
                net.get(URL).reply(json=JSON)
                socket.create_connection((HOST, 80)).close()

    return lambda calls: timed(once, calls)


def _cases() -> dict[str, Block]:
    import aiohttp  # noqa: F401  # the clients are loaded, and so attached
    import httpx  # noqa: F401
    import requests  # noqa: F401

    cases: dict[str, Block] = {
        "aiohttp on the wire": mocked(_wire, aiohttp_calls, ROUTES),
        "requests on the wire": mocked(_wire, _requests_over(URL), ROUTES),
        "requests on the wire, https": mocked(_wire, _requests_over(SECURE), ROUTES),
        FLOOR: _requests_floor,
    }
    cases |= {f"aiohttp under {name}": mocked(mocker, aiohttp_calls, ROUTES)
              for name, mocker in peers("aioresponses").items()}  # fmt: skip
    cases |= {f"requests under {name}": mocked(mocker, _requests_over(URL), ROUTES)
              for name, mocker in peers("responses").items()}  # fmt: skip
    cases["a scope on the wire"] = _scope(connects=False)
    cases["a scope on the wire, and one connection"] = _scope(connects=True)
    return cases


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("The wire", f"A GET and its JSON over a kept connection of real sockets, {ROUTES} routes, the last one "
              "answers; peers hand over response objects. Canned bytes: the client's own floor, a TLS connection "
              "whose far side reads nothing in a request and always says the same. A scope on the wire is opened and "
              "closed, without a connection and with one.", ["", "us"])  # fmt: skip
    cases = _cases()
    with catalog.kept(), arming.ruled(guard.Rule("warn", Policy(), "as in a pytest run")):
        found = in_turns(cases, effort.of(15, 1), effort.of(50, 3))
    row.lines += [[name, number(found.us(name))] for name in cases]
    if "aiohttp under aioresponses" in cases:
        row.goal("aiohttp on the wire: at most 0.7 times aioresponses",
                 found.ratio("aiohttp on the wire", "aiohttp under aioresponses"), 0.7, effort)  # fmt: skip
    if "requests under responses" in cases:
        floor = found.ratio(FLOOR, "requests under responses")
        row.goal("requests on the wire, https: at most 1.1 times responses",
                 found.ratio("requests on the wire, https", "requests under responses"), 1.1, effort,
                 why=f"requests itself, with urllib3, http.client and OpenSSL, takes {number(floor)} times as long as "
                 "under responses where it only sends over a kept TLS connection and is answered with the same bytes. "
                 "responses stops it above urllib3, where no head is written or parsed. Ours is the rest: the far "
                 "side's TLS and HTTP, the decision and its log, the doors that step aside")  # fmt: skip
    row.goal("a scope on the wire: at most 100 us", found.us("a scope on the wire"), 100, effort, unit=" us")
    return row


if __name__ == "__main__":
    main(measure)
