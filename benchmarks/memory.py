"""What 10,000 recorded calls with bodies of 100 kB hold in memory; each case in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.clients import requests_floor  # noqa: F401  # compiled before anything is measured
from benchmarks.report import Effort, Row, main
from benchmarks.routes import is_installed, mended_aioresponses, peers
from netdouble import Network

CALLS = 10_000
SIZE = 100_000
URL = "http://api.test/blob"
ANSWER = b"x" * SIZE

CASES = {"netdouble, requests": "", "netdouble, httpx": "", "netdouble, aiohttp": "", "responses": "responses",
         "requests-mock": "requests-mock", "respx": "respx", "pytest-httpx": "pytest-httpx",
         "aioresponses": "aioresponses"}  # fmt: skip


def _resident() -> float:
    """Megabytes of this process in memory (Linux)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def _netdouble() -> Iterator[None]:
    with Network(unused="off") as net:
        net.post(URL).reply(content=b"ok")
        net.get(URL).reply(content=ANSWER)
        yield


@contextmanager
def _peer(name: str) -> Iterator[None]:
    opened = {"aioresponses": lambda: mended_aioresponses()()}.get(name, lambda: peers(name)[name](1))
    with opened() as mock:
        if name == "responses":
            mock.add("POST", URL, body=b"ok")
            mock.add("GET", URL, body=ANSWER)
        elif name == "requests-mock":
            mock.post(URL, content=b"ok")
            mock.get(URL, content=ANSWER)
        elif name == "respx":
            mock.post(URL).respond(content=b"ok")
            mock.get(URL).respond(content=ANSWER)
        elif name == "pytest-httpx":
            mock.add_response(url=URL, method="POST", content=b"ok")
            mock.add_response(url=URL, method="GET", content=ANSWER)
        else:
            mock.post(URL, body=b"ok", repeat=True)
            mock.get(URL, body=ANSWER, repeat=True)
        yield


def _growth(calls: int, call: Callable[[], object]) -> float:
    for _ in range(50):
        call()
    gc.collect()
    before = _resident()
    for _ in range(calls):
        call()
    gc.collect()
    return _resident() - before


def _body() -> bytes:
    return os.urandom(16) * (SIZE // 16)  # each one its own


def _requests(calls: int, kind: str) -> float:
    import requests

    with requests.Session() as session:
        return _growth(calls, (lambda: session.post(URL, data=_body())) if kind == "sent" else
                       lambda: session.get(URL).content)  # fmt: skip


def _httpx(calls: int, kind: str) -> float:
    import httpx

    with httpx.Client() as client:
        return _growth(calls, (lambda: client.post(URL, content=_body())) if kind == "sent" else
                       lambda: client.get(URL).content)  # fmt: skip


def _aiohttp(calls: int, kind: str) -> float:
    import aiohttp

    loop = asyncio.new_event_loop()

    async def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    async def call(method: str, **options: Any) -> None:
        async with client.request(method, URL, **options) as response:
            await response.read()

    client = loop.run_until_complete(session())
    try:
        return _growth(calls, (lambda: loop.run_until_complete(call("POST", data=_body()))) if kind == "sent" else
                       lambda: loop.run_until_complete(call("GET")))  # fmt: skip
    finally:
        loop.run_until_complete(client.close())


_CLIENTS = {"responses": _requests, "requests-mock": _requests, "respx": _httpx, "pytest-httpx": _httpx,
            "aioresponses": _aiohttp, "netdouble, requests": _requests, "netdouble, httpx": _httpx,
            "netdouble, aiohttp": _aiohttp}  # fmt: skip


def _one(case: str, kind: str, calls: int) -> None:
    with _peer(case) if CASES[case] else _netdouble():
        print(_CLIENTS[case](calls, kind))


def measure(effort: Effort) -> Row:
    """Measure this row."""
    row = Row("Memory of 10,000 recorded calls with 100 kB bodies", "Growth of the process while the mocker is still "
              "active. Sent: 10,000 POSTs with a body of their own each; received: 10,000 GETs.",
              ["", "sent, MB", "received, MB"])  # fmt: skip
    for case, peer in CASES.items():
        if peer and not is_installed(peer):
            continue
        figures = []
        for kind in ("sent", "received"):
            command = [sys.executable, "-m", "benchmarks.memory", case, kind, str(effort.of(CALLS, 20))]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            figures.append(float(done.stdout))
        row.lines.append([case, *(f"{max(0.0, figure):,.0f}" for figure in figures)])
        if not peer:
            row.goal(f"{case}: at most 30 MB", max(figures), 30, effort, unit=" MB")
    return row


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in CASES:
        _one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main(measure)
