"""The drivers of httpx, httpx2, httpcore and httpcore2: sync, on asyncio and on trio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import anyio.from_thread
import httpcore
import httpx
from tests.clients.conformance.drivers import Raises, Seen, Send, completed

from netdouble import Fault

if sys.platform != "win32":
    import uvloop

if sys.version_info >= (3, 11):
    import httpcore2
    import httpx2

    PAIRS = [(httpx, httpcore), (httpx2, httpcore2)]
else:
    PAIRS = [(httpx, httpcore)]

Run = Callable[[Callable[[], Awaitable[Any]]], Any]

_UNKNOWN_NAME = r"^\[Errno -2\] Name or service not known$"
_RESET = r"\[Errno 104\] Connection reset by peer$"
_CLOSED = r"^Server disconnected without sending a response\.$"
_SHORT = r"^peer closed connection without sending complete message body \(received 50 bytes, expected 100\)$"


def _raises(module: ModuleType, refused: str, reset: str, late: str, read_late: str, tls: str) -> dict[Fault, Raises]:
    broken, malformed = Raises(module.RemoteProtocolError, _CLOSED), Raises(module.RemoteProtocolError, "^illegal ")
    return completed(
        {
            Fault.DNS: Raises(module.ConnectError, _UNKNOWN_NAME),
            Fault.CONNECT_REFUSED: Raises(module.ConnectError, refused),
            Fault.CONNECT_TIMEOUT: Raises(module.ConnectTimeout, late),
            Fault.TLS: Raises(module.ConnectError, tls),
            Fault.RESET: Raises(module.ReadError, reset),
            Fault.RESET_IN_HEADERS: Raises(module.ReadError, reset),
            Fault.RESET_IN_BODY: Raises(module.ReadError, reset),
            Fault.EMPTY_RESPONSE: Raises(module.RemoteProtocolError, _CLOSED),
            Fault.TRUNCATED_BODY: Raises(module.RemoteProtocolError, _SHORT),
            Fault.READ_TIMEOUT: Raises(module.ReadTimeout, read_late),
            Fault.READ_TIMEOUT_IN_BODY: Raises(module.ReadTimeout, read_late),
            Fault.MALFORMED_RESPONSE: Raises(module.RemoteProtocolError, "^illegal status line: .*this is not HTTP"),
            Fault.CLOSE_IN_HANDSHAKE: Raises(module.ConnectError),
            Fault.RESET_IN_HANDSHAKE: Raises(module.ConnectError, reset),
            Fault.HANDSHAKE_TIMEOUT: Raises(module.ConnectTimeout),
            Fault.GARBAGE_IN_HANDSHAKE: Raises(module.ConnectError),
            Fault.CLOSE_IN_REQUEST: broken,
            Fault.RESET_IN_REQUEST: broken,
            Fault.WRITE_TIMEOUT: Raises(module.WriteTimeout),
            Fault.TRUNCATED_HEADERS: broken,
            Fault.GARBAGE_IN_HEADERS: malformed,
            Fault.CONFLICTING_LENGTHS: Raises(module.RemoteProtocolError, "^conflicting Content-Length headers$"),
            Fault.BAD_CHUNK: malformed,
            **({Fault.BAD_GZIP: Raises(module.DecodingError)} if hasattr(module, "DecodingError") else {}),
        }
    )


def _sync(module: ModuleType) -> dict[Fault, Raises]:
    refused = r"^\[Errno 111\] Connection refused$"
    return _raises(module, refused, f"^{_RESET}", "^timed out$", "^The read operation timed out$", "handshake failure")


def _on_asyncio(module: ModuleType) -> dict[Fault, Raises]:
    raises = _raises(module, "^All connection attempts failed$", "^$", "^$", "^$", "handshake failure")
    reset = Raises(module.ReadError, "^$")  # the transport takes all that is written, and who reads is told
    return {**raises, Fault.CLOSE_IN_REQUEST: reset, Fault.RESET_IN_REQUEST: reset}


def _on_trio(module: ModuleType) -> dict[Fault, Raises]:
    refused = r"^all attempts to connect to api\.test:443 failed$"
    return _raises(module, refused, f"^socket connection broken: {_RESET}", "^$", "^$", "^$")


@contextmanager
def _asyncio(library: str) -> Iterator[Run]:
    loop = uvloop.new_event_loop() if library == "uvloop" else asyncio.new_event_loop()
    try:
        yield lambda work: loop.run_until_complete(work())
        loop.run_until_complete(asyncio.sleep(0))  # generators that were left get to close
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


@contextmanager
def _trio() -> Iterator[Run]:
    with anyio.from_thread.start_blocking_portal("trio") as portal:
        yield portal.call


async def _apieces(chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _content(send: Send, *, is_async: bool) -> Any:
    if isinstance(send.content, tuple):
        return _apieces(send.content) if is_async else iter(send.content)
    return send.content


def _text(raw_headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw_headers)


class Httpx:
    """A client of httpx or httpx2."""

    follows = decodes = keeps_cookies = pools = True

    def __init__(self, module: ModuleType) -> None:
        self.name, self.client, self.module = module.__name__, f"{module.__name__} ", module
        self.raises = _sync(module)

    @contextmanager
    def open(self) -> Iterator[Httpx]:
        opened = type(self)(self.module)
        with self.module.Client(verify=False, trust_env=False) as opened.session:
            yield opened

    def send(self, send: Send) -> Seen:
        response = self.session.request(
            send.method, send.url, headers=list(send.headers), timeout=send.timeout,
            content=_content(send, is_async=False), follow_redirects=send.follow)  # fmt: skip
        return Seen(response.status_code, _text(response.headers.raw), response.content)


class AsyncHttpx:
    """An async client of httpx or httpx2."""

    follows = decodes = keeps_cookies = pools = True

    def __init__(self, module: ModuleType, library: str) -> None:
        self.name, self.client = f"{module.__name__} on {library}", f"{module.__name__} "
        self.module, self.library = module, library
        self.raises = _on_trio(module) if library == "trio" else _on_asyncio(module)

    @contextmanager
    def open(self) -> Iterator[AsyncHttpx]:
        opened = type(self)(self.module, self.library)
        opened.session = self.module.AsyncClient(verify=False, trust_env=False)
        with _trio() if self.library == "trio" else _asyncio(self.library) as opened.run:
            try:
                yield opened
            finally:
                opened.run(opened.session.aclose)

    def send(self, send: Send) -> Seen:
        async def work() -> Any:
            return await self.session.request(
                send.method, send.url, headers=list(send.headers), timeout=send.timeout,
                content=_content(send, is_async=True), follow_redirects=send.follow)  # fmt: skip

        response = self.run(work)
        return Seen(response.status_code, _text(response.headers.raw), response.content)


class Httpcore:
    """A connection pool of httpcore or httpcore2."""

    follows = decodes = keeps_cookies = False
    pools = True

    def __init__(self, module: ModuleType) -> None:
        self.name, self.client, self.module = module.__name__, f"{module.__name__} ", module
        self.raises = _sync(module)

    @contextmanager
    def open(self) -> Iterator[Httpcore]:
        opened = type(self)(self.module)
        with self.module.ConnectionPool(ssl_context=_unverified()) as opened.pool:
            yield opened

    def send(self, send: Send) -> Seen:
        response = self.pool.request(send.method, send.url, **_parts(send, is_async=False))
        return Seen(response.status, _text(response.headers), response.content)


class AsyncHttpcore:
    """An async connection pool of httpcore or httpcore2."""

    follows = decodes = keeps_cookies = False
    pools = True

    def __init__(self, module: ModuleType, library: str) -> None:
        self.name, self.client = f"{module.__name__} on {library}", f"{module.__name__} "
        self.module, self.library = module, library
        self.raises = _on_trio(module) if library == "trio" else _on_asyncio(module)

    @contextmanager
    def open(self) -> Iterator[AsyncHttpcore]:
        opened = type(self)(self.module, self.library)
        opened.pool = self.module.AsyncConnectionPool(ssl_context=_unverified())
        with _trio() if self.library == "trio" else _asyncio(self.library) as opened.run:
            try:
                yield opened
            finally:
                opened.run(opened.pool.aclose)

    def send(self, send: Send) -> Seen:
        response = self.run(lambda: self.pool.request(send.method, send.url, **_parts(send, is_async=True)))
        return Seen(response.status, _text(response.headers), response.content)


def _unverified() -> Any:
    context = httpx.create_ssl_context(verify=False, trust_env=False)
    context.check_hostname = False
    return context


def _parts(send: Send, *, is_async: bool) -> dict[str, Any]:
    """Headers, body and timeouts; httpcore adds a Host, but says how long a body is for bytes only."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in send.headers]
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), send.timeout)
    return {"headers": headers, "content": _content(send, is_async=is_async), "extensions": {"timeout": timeouts}}


DRIVERS = tuple(
    driver
    for high, low in PAIRS
    for driver in (
        Httpx(high), AsyncHttpx(high, "asyncio"), AsyncHttpx(high, "trio"),
        Httpcore(low), AsyncHttpcore(low, "asyncio"), AsyncHttpcore(low, "trio"),
    )
)  # fmt: skip
ON_UVLOOP = [AsyncHttpx(high, "uvloop") for high, _ in PAIRS] if sys.platform != "win32" else []
