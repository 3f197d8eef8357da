"""What is stubbed: one small JSON behind one URL, and other routes declared before it.

Rule: every mocker gets the same routes, in the same order; the one that answers is declared last.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from netdouble import Network

HOST = "api.test"
URL = f"http://{HOST}/v1/users/42"
JSON = {"id": 42, "name": "Alice", "tags": ["a", "b", "c"]}
BODY = b'{"id": 42, "name": "Alice", "tags": ["a", "b", "c"]}'
HEADERS = {"Content-Type": "application/json", "Content-Length": str(len(BODY))}

# Opens a mocker with so many routes.
Mocker = Callable[[int], AbstractContextManager[Any]]


def others(routes: int) -> Iterator[str]:
    """The URLs of all routes but the one that answers."""
    return (f"http://{HOST}/v1/other/{i}" for i in range(routes - 1))


# netdouble


def netdouble(routes: int, *, fast: bool = False) -> AbstractContextManager[Network]:
    """A network with so many exact routes."""
    return _opened([("GET", url, {}) for url in others(routes)], fast=fast)


def netdouble_fast(routes: int) -> AbstractContextManager[Network]:
    """As `netdouble`, with response objects for requests and urllib3."""
    return netdouble(routes, fast=True)


def netdouble_mixed(routes: int, *, fast: bool = False) -> AbstractContextManager[Network]:
    """A network with 90 % exact routes, 9 % templates and 1 % predicates; the one that answers is the last."""
    return _opened([_mixed(i) for i in range(routes - 1)], fast=fast)


def _mixed(i: int) -> tuple[str, str, dict[str, Any]]:
    if i % 100 == 50:
        return "GET", f"http://{HOST}/v1/other/{i}", {"where": lambda request: len(request.body) > i}
    if i % 100 < 9:
        return "GET", f"http://{HOST}/v1/t{i}/{{id}}/items", {}
    return "GET", f"http://{HOST}/v1/other/{i}", {}


@contextmanager
def _opened(declared: list[tuple[str, str, dict[str, Any]]], *, fast: bool) -> Iterator[Network]:
    with Network(unused="off", swallowed="warn", fast=fast) as net, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, url, conditions in declared:
            net.route(method, url, **conditions).reply(json=JSON)
        net.get(URL).reply(json=JSON)
        yield net


# Peers


@contextmanager
def _responses(routes: int, library: str = "responses") -> Iterator[Any]:
    responses: Any = import_module(library)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for url in (*others(routes), URL):
            mock.add(responses.GET, url, json=JSON)
        yield mock


@contextmanager
def _requests_mock(routes: int, library: str = "requests_mock") -> Iterator[Any]:
    requests_mock: Any = import_module(library)
    with requests_mock.Mocker() as mock:
        for url in (*others(routes), URL):
            mock.get(url, json=JSON)
        yield mock


@contextmanager
def _respx(routes: int, using: str = "httpcore", library: str = "respx") -> Iterator[Any]:
    respx: Any = import_module(library)
    with respx.mock(assert_all_called=False, using=using) as mock:
        for url in (*others(routes), URL):
            mock.get(url).respond(json=JSON)
        yield mock


@contextmanager
def _pytest_httpx2(routes: int) -> Iterator[Any]:
    import pytest_httpx2._plugin  # noqa: F401  # tells respx of httpcore2

    with _respx(routes, using="httpcore2") as mock:
        yield mock


@contextmanager
def _pytest_httpx(routes: int) -> Iterator[Any]:
    """Its fixture, asked for what it does outside of pytest (pytest-httpx 0.36, `__init__.py`)."""
    import pytest_httpx
    from pytest import MonkeyPatch  # noqa: PT013  # as the peer's fixture is given it

    options = pytest_httpx._options._HTTPXMockOptions(
        assert_all_responses_were_requested=False, can_send_already_matched_responses=True
    )
    mock = pytest_httpx.HTTPXMock(options)
    with MonkeyPatch.context() as patch:
        import httpx

        async def handle_async(transport: Any, request: Any) -> Any:
            return await mock._handle_async_request(transport, request)

        patch.setattr(httpx.HTTPTransport, "handle_request", lambda self, request: mock._handle_request(self, request))
        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async)
        for url in (*others(routes), URL):
            mock.add_response(url=url, json=JSON)
        yield mock
        mock.reset()


@contextmanager
def _aioresponses(routes: int, library: str = "") -> Iterator[Any]:
    opened = import_module(library).aioresponses if library else mended_aioresponses()
    with opened() as mock:
        for url in (*others(routes), URL):
            mock.get(url, payload=JSON, repeat=True)
        yield mock


def mended_aioresponses() -> Any:
    """`aioresponses.aioresponses`, able to run on aiohttp 3.14.

    Its responses (0.7.9) lack a keyword that `ClientResponse` wants since 3.14; here that one gets a default, which
    costs nothing at a call.
    """
    import aiohttp
    import aioresponses

    init: Any = aiohttp.ClientResponse.__init__
    if "stream_writer" in (init.__kwdefaults__ or {}) or "stream_writer" in init.__code__.co_varnames:
        writer = type("Writer", (), {"output_size": 0})()
        init.__kwdefaults__ = {"stream_writer": writer, **(init.__kwdefaults__ or {})}
    return aioresponses.aioresponses


_PEERS: dict[str, tuple[str, Mocker]] = {
    "responses": ("responses", _responses),
    "requests-mock": ("requests_mock", _requests_mock),
    "respx": ("respx", _respx),
    "pytest-httpx": ("pytest_httpx", _pytest_httpx),
    "pytest-httpx2": ("pytest_httpx2", _pytest_httpx2),
    "aioresponses": ("aioresponses", _aioresponses),
}


@contextmanager
def _facade_of_pytest_httpx(routes: int) -> Iterator[Any]:
    """Its fixture, asked for what it does outside of pytest."""
    from netdouble.facades.pytest_httpx import HTTPXMock
    from netdouble.facades.pytest_httpx.expectations import Options

    mock = HTTPXMock(Options(can_send_already_matched_responses=True))
    scope = mock._open()
    try:
        for url in (*others(routes), URL):
            mock.add_response(url=url, json=JSON)
        yield mock
    finally:
        mock._close(scope)


# The same with our facades.
FACADES: dict[str, Mocker] = {
    "responses": partial(_responses, library="netdouble.facades.responses"),
    "requests-mock": partial(_requests_mock, library="netdouble.facades.requests_mock"),
    "respx": partial(_respx, library="netdouble.facades.respx"),
    "pytest-httpx": _facade_of_pytest_httpx,
    "aioresponses": partial(_aioresponses, library="netdouble.facades.aioresponses"),
}


def is_installed(peer: str) -> bool:
    """That peer is there to be compared with."""
    return importlib.util.find_spec(_PEERS[peer][0]) is not None


def peers(*names: str) -> dict[str, Mocker]:
    """The mockers of those peers that are installed."""
    return {name: _PEERS[name][1] for name in names if is_installed(name)}
