"""httpcore and httpcore2, used directly: their own pool, parser, traces and retries run over connections in memory.

Rule 1: decided once, where a request enters (a pool, or a connection used without one), before a connection is chosen.
Rule 2: a request that is answered here is never written to a real connection: a live one is closed instead.
Rule 3: whatever passes through runs as if we were not there, proxies, TLS and HTTP/2 included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from netdouble._active import Scope, current, is_passing, wants_objects
from netdouble._answering import Unhurried
from netdouble._asking import preview
from netdouble._core.client_objects import ClientObjects
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.urls import join_url
from netdouble._intercept.exchange import Exchange, decided, let_through, retry_pause
from netdouble._intercept.network_stream import AsyncMemoryStream, MemoryStream, aconnect, connect
from netdouble._intercept.seams import marked, original_of, seam
from netdouble._intercept.watched_bodies import WatchedBody, pass_noted, sent_pairs
from netdouble._patch import Undo, UndoStack
from netdouble._stepping_aside import (
    Aside,
    announced,
    coming,
    goes_by_wire,
    leads_to_wire,
    refusal_of,
    speaking,
    stepping_aside,
)

Function = Callable[..., Any]

# Anything else is refused by the pool, in its own words (UnsupportedProtocol).
_SCHEMES = frozenset({b"http", b"https", b"ws", b"wss"})


def install(module: ModuleType) -> Undo:
    """Attach to httpcore or httpcore2; once, also when `httpx2.alias_httpx()` made them one.

    Raises:
        ClientNotSupported: a seam is missing or has changed.
    """
    door = _Door(module)
    # All are looked at before one is replaced: a library is attached whole, or not at all.
    seams = [(*place, seam(*place[:3], client=door.client)) for place in door.seams()]
    undo = UndoStack()
    for owner, name, _, replacement, original in seams:
        if original_of(original) is None:
            undo.replace(owner, name, marked(replacement(original), original))
    return undo.undo


class _Door:
    """What stands at the seams of one of the two libraries."""

    def __init__(self, module: ModuleType) -> None:
        self.module: Any = module
        self.client = f"{module.__name__} {self.module.__version__}"
        # AnyIOBackend and TrioBackend are stand-ins without methods when anyio or trio is not installed; the default
        # AutoBackend calls one of them.
        self.backends = [b for b in (self.module.AnyIOBackend, self.module.TrioBackend) if "connect_tcp" in vars(b)]

    def seams(self) -> Iterator[tuple[Any, str, tuple[str, ...], Callable[[Function], Any]]]:
        """Where to attach: class, method, its parameters, and what makes the replacement from the original."""
        core, request = self.module, ("self", "request")
        for owner in (core.ConnectionPool, core.HTTPConnection):
            yield owner, "handle_request", request, self.entrance
        for owner in (core.AsyncConnectionPool, core.AsyncHTTPConnection):
            yield owner, "handle_async_request", request, self.async_entrance
        # HTTP2Connection is a stand-in too when h2 is not installed.
        for owner in (core.HTTP11Connection, core.HTTP2Connection):
            if owner is core.HTTP11Connection or "handle_request" in vars(owner):
                yield owner, "handle_request", request, self.writer
        for owner in (core.AsyncHTTP11Connection, core.AsyncHTTP2Connection):
            if owner is core.AsyncHTTP11Connection or "handle_async_request" in vars(owner):
                yield owner, "handle_async_request", request, self.async_writer
        yield core.SyncBackend, "connect_tcp", ("self", "host", "port", "timeout"), self.connector
        yield core.SyncBackend, "connect_unix_socket", ("self", "path", "timeout"), self.unix_connector
        yield core.SyncBackend, "sleep", ("self", "seconds"), self.sleeper
        for owner in self.backends:
            yield owner, "connect_tcp", ("self", "host", "port", "timeout"), self.async_connector
            yield owner, "connect_unix_socket", ("self", "path", "timeout"), self.async_unix_connector
            yield owner, "sleep", ("self", "seconds"), self.async_sleeper

    # Where a request enters

    def entrance(self, original: Function) -> Function:
        def handle_request(owner: Any, request: Any) -> Any:
            scope = self.scope_for(owner, request)
            if scope is None:
                return original(owner, request)
            aside = self.aside_of(scope, request, raises=True)
            if aside is not None:
                with stepping_aside(scope, aside), announced(aside.requests[0]):
                    return original(owner, request)
            exchange = self.exchange(scope, request, b"".join(request.stream))
            if _is_unknown_unix(owner, exchange):
                return original(owner, request)
            exchange.decide()
            if _is_given(exchange.answer):
                return self.handed_over(exchange)
            with _carrying_out(exchange, owner):
                return _noted(exchange, original(owner, request))

        return handle_request

    def async_entrance(self, original: Function) -> Function:
        async def handle_async_request(owner: Any, request: Any) -> Any:
            scope = self.scope_for(owner, request)
            if scope is None:
                return await original(owner, request)
            aside = self.aside_of(scope, request, raises=False)
            if aside is not None:
                with stepping_aside(scope, aside), announced(aside.requests[0]):
                    response = await original(owner, request)
                refused = refusal_of(scope, aside)
                if refused is None:
                    return response
                await response.aclose()
                raise refused
            exchange = self.exchange(scope, request, b"".join([chunk async for chunk in request.stream]))
            if _is_unknown_unix(owner, exchange):
                return await original(owner, request)
            await exchange.adecide()
            if _is_given(exchange.answer):
                return self.handed_over(exchange)
            with _carrying_out(exchange, owner):
                return _noted(exchange, await original(owner, request))

        return handle_async_request

    def handed_over(self, exchange: Exchange) -> Any:
        """A response object of the user's, without a connection: what is said in it is not for h11 to judge."""
        answer: Any = exchange.answer
        head, stream = answer.wire["httpx"], answer.stream
        content: Any = answer.body
        if stream is not None:
            content = WatchedBody.around(Unhurried(stream), exchange.call)
        exchange.close()
        extensions = dict(head.extensions)
        return self.module.Response(answer.status, headers=head.lines, content=content, extensions=extensions)

    def scope_for(self, owner: Any, request: Any) -> Scope | None:
        """The scope to ask; None where the request is decided already, or is none of ours."""
        if is_passing() or decided.get() is not None or request.url.scheme not in _SCHEMES:
            return None
        if isinstance(speaking.get(), Aside):  # httpx has stepped aside
            return None
        if not self.reaches_network(owner._network_backend):
            return None
        return current()

    def reaches_network(self, backend: Any) -> bool:
        """The backend is one of httpcore's own, or wraps one; anything else is the user's own double."""
        base = (self.module.NetworkBackend, self.module.AsyncNetworkBackend)
        if not isinstance(backend, base):
            return False
        ours = (self.module.SyncBackend, *self.backends)
        parts = (backend, *vars(backend).values())
        return any(isinstance(part, ours) or type(part).__name__ == "AutoBackend" for part in parts)

    def neutral(self, request: Any, body: bytes) -> Request:
        """The request in our form."""
        url = request.url
        target = url.target.decode("latin-1")
        where = join_url(url.scheme.decode("ascii"), url.host.decode("ascii"), url.port, target)
        headers = Headers(sent_pairs(request.headers))
        made = Request(request.method.decode("ascii").upper(), where, headers, body, self.client, "1.1", target)
        if wants_objects():
            made._memo["native"] = ClientObjects(self.module.__name__, request, None, request.extensions)
        return made

    def aside_of(self, scope: Scope, request: Any, *, raises: bool) -> Aside | None:
        """What is told when the request goes over real sockets; None when it does not."""
        if scope.settings.layer != "wire":
            return None
        neutral = self.neutral(request, b"")
        if not goes_by_wire(scope, neutral.url.host, neutral.url.port):
            return None
        return Aside(self.client, raises, [neutral])

    def exchange(self, scope: Scope, request: Any, body: bytes) -> Exchange:
        """What the router is to be asked."""
        request.stream = _Body(body)
        neutral = self.neutral(request, body)
        return Exchange(self.module, self.client, scope, neutral, own=(self.module.__name__,))

    # Where it is written

    def writer(self, original: Function) -> Function:
        def handle_request(connection: Any, request: Any) -> Any:
            if _must_not_carry(connection):
                with connection._state_lock:  # another thread may be about to use it
                    if connection.is_available():
                        connection.close()
                raise self.module.ConnectionNotAvailable  # the pool then looks for another one
            return original(connection, request)

        return handle_request

    def async_writer(self, original: Function) -> Function:
        async def handle_async_request(connection: Any, request: Any) -> Any:
            if _must_not_carry(connection):
                if connection.is_available():
                    await connection.aclose()
                raise self.module.ConnectionNotAvailable
            return await original(connection, request)

        return handle_async_request

    # Where a connection is made

    def connector(self, original: Function) -> Function:
        def connect_tcp(
            backend: Any, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
        ) -> Any:
            made = connect(_in_memory, host, port, timeout)
            if made is not None:
                return made
            with _retried_for_real():
                return original(backend, host, port, timeout, *args, **kwargs)

        return connect_tcp

    def async_connector(self, original: Function) -> Function:
        async def connect_tcp(
            backend: Any, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
        ) -> Any:
            made = await aconnect(_in_memory, host, port, timeout)
            if made is not None:
                return made
            with _retried_for_real():
                return await original(backend, host, port, timeout, *args, **kwargs)

        return connect_tcp

    def unix_connector(self, original: Function) -> Function:
        def connect_unix_socket(
            backend: Any, path: str, timeout: float | None = None, *args: Any, **kwargs: Any
        ) -> Any:
            return connect(_in_memory, path, 0, timeout) or original(backend, path, timeout, *args, **kwargs)

        return connect_unix_socket

    def async_unix_connector(self, original: Function) -> Function:
        async def connect_unix_socket(
            backend: Any, path: str, timeout: float | None = None, *args: Any, **kwargs: Any
        ) -> Any:
            return await aconnect(_in_memory, path, 0, timeout) or await original(
                backend, path, timeout, *args, **kwargs
            )

        return connect_unix_socket

    def sleeper(self, original: Function) -> Function:
        def sleep(backend: Any, seconds: float) -> None:
            original(backend, _pause(seconds))

        return sleep

    def async_sleeper(self, original: Function) -> Function:
        async def sleep(backend: Any, seconds: float) -> None:
            await original(backend, _pause(seconds))

        return sleep


def _is_given(answer: Any) -> bool:
    """It is a Response of httpx's or httpx2's that is to be handed over as it stands (`httpx_library.kept`)."""
    head = answer.wire.get("httpx") if isinstance(answer, Response) and answer.wire else None
    return head is not None and head.is_given


class _Body:
    """A request's body that can be sent again: by httpcore's own second try on another connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


@contextmanager
def _carrying_out(exchange: Exchange, owner: Any) -> Iterator[None]:
    """For the time that httpcore takes to get a response's head."""
    with _in_hand(exchange) if exchange.in_memory else let_through(exchange.request.url, owner):
        try:
            yield
        except BaseException as error:
            exchange.close(error)
            raise


@contextmanager
def _in_hand(exchange: Exchange) -> Iterator[None]:
    token = decided.set(exchange)
    try:
        yield
    finally:
        decided.reset(token)


def _is_unknown_unix(owner: Any, exchange: Exchange) -> bool:
    """It goes to a unix socket, which the guard allows, and its invented host is named by no route."""
    return getattr(owner, "_uds", None) is not None and preview(exchange.request) is None


def _noted(exchange: Exchange, response: Any) -> Any:
    whole = None
    if exchange.in_memory:
        exchange.close()
    else:
        whole = pass_noted(exchange.call, response.status, response.headers)
    response.stream = WatchedBody.around(response.stream, exchange.call, whole)
    return response


def _in_memory() -> Exchange | None:
    """What a connection in memory is to carry out here."""
    return None if is_passing() else decided.get()


@contextmanager
def _retried_for_real() -> Iterator[None]:
    """A retry by httpcore of a connect that failed in memory was let through; anything else is as it was."""
    exchange = _in_memory()
    if exchange is None:
        yield
    else:
        with let_through(exchange.request.url, None):
            yield


def _must_not_carry(connection: Any) -> bool:
    """The connection is older than the scope, or of another layer, and the request is answered here."""
    if isinstance(speaking.get(), Aside) and coming.get() is not None:
        return not leads_to_wire(connection._network_stream.get_extra_info("socket"))
    exchange = _in_memory()
    real = not isinstance(connection._network_stream, (MemoryStream, AsyncMemoryStream))
    return exchange is not None and exchange.in_memory and real


def _pause(seconds: float) -> float:
    exchange = decided.get()
    return seconds if exchange is None else retry_pause(exchange.scope, seconds)
