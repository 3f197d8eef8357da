"""httpx and httpx2, one source for both: the transport is answered, everything above it runs as ever.

Rule 1: `HTTPTransport` and `AsyncHTTPTransport` only. A transport of the user's own (MockTransport, ASGITransport, a
class of his) is his business; a subclass that calls `super()` is answered there.
Rule 2: a plain reply is handed over as a genuine Response. Whatever goes wrong, or is said wrongly on purpose, runs
through the library's own httpcore over a connection in memory: exceptions and texts are the real ones.
Rule 3: library and client are those of the request at hand: with both installed, each gets its own objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from netdouble import _answering
from netdouble._active import Scope, current, is_passing
from netdouble._asking import ask, preview
from netdouble._core.messages import Response
from netdouble._core.replies import PassThrough
from netdouble._core.websockets import Conversation
from netdouble._intercept.conversing import AsyncStream, Stream
from netdouble._intercept.exchange import asleep, let_through, retry_pause, wait
from netdouble._intercept.httpx_library import from_native, library_of, named, to_native
from netdouble._intercept.seams import marked, original_of, seam
from netdouble._patch import Undo, UndoStack
from netdouble._stepping_aside import Aside, announced, goes_by_wire, refusal_of, stepping_aside

__all__ = ["from_native", "httpx_transport", "install", "to_native"]

Function = Callable[..., Any]

# Anything else is refused by httpcore, in its own words (UnsupportedProtocol).
_SCHEMES = frozenset({"http", "https", "ws", "wss"})

# The waits of a transport that does not retry.
_NO_RETRY = (None,)


def install(module: ModuleType) -> Undo:
    """Attach to httpx or httpx2; once, also when `httpx2.alias_httpx()` made them one.

    Raises:
        ClientNotSupported: a seam is missing or has changed.
    """
    client, parameters = f"{module.__name__} {module.__version__}", ("self", "request")
    original = seam(module.HTTPTransport, "handle_request", parameters, client=client)
    async_original = seam(module.AsyncHTTPTransport, "handle_async_request", parameters, client=client)
    undo = UndoStack()
    if original_of(original) is None:
        undo.replace(module.HTTPTransport, "handle_request", _sync_door(original))
        undo.replace(module.AsyncHTTPTransport, "handle_async_request", _async_door(async_original))
    return undo.undo


def _sync_door(original: Function) -> Function:
    def handle_request(self: Any, request: Any) -> Any:
        if is_passing() or request.url.scheme not in _SCHEMES:
            return original(self, request)
        scope = current()
        if scope is None:
            return original(self, request)
        return _answered(scope, self, original, request)

    return marked(handle_request, original)


def _async_door(original: Function) -> Function:
    async def handle_async_request(self: Any, request: Any) -> Any:
        if is_passing() or request.url.scheme not in _SCHEMES:
            return await original(self, request)
        scope = current()
        if scope is None:
            return await original(self, request)
        return await _aanswered(scope, self, original, request)

    return marked(handle_async_request, original)


# Answering


def _answered(scope: Scope, transport: Any, original: Function, request: Any) -> Any:
    """What `transport` gives for `request`, as `scope` decides; `original` is how it sends for real."""
    library = library_of(request)
    body = library.content_of(request)
    aside = None if scope.settings.layer != "wire" else _aside(scope, library, transport, request, raises=True)
    if aside is not None:
        with stepping_aside(scope, aside), announced(aside.requests[0]):
            return original(transport, request)
    if body is None:
        body = b"".join(request.stream)
    pool: Any = getattr(transport, "_pool", None)
    neutral = library.neutral(request, body, transport)
    if getattr(pool, "_uds", None) is not None and preview(neutral) is None:  # its invented host is named by no route
        with library.sending(request, body):
            return original(transport, request)
    for pause in _retry_waits(pool._retries) if getattr(pool, "_retries", 0) else _NO_RETRY:
        call, answer = ask(scope, neutral), None
        try:
            if isinstance(call.answer, Conversation):
                return library.conversing(call, request, Stream)
            answer = call.answer if isinstance(call.answer, Response) else _answering.settle(call)
            if isinstance(answer, Response) and (head := library.plain_head(answer, neutral, request)):
                if answer.delay:
                    wait(answer.delay)
                return library.handed_over(answer, head, neutral, call, request)
            with library.sending(request, body):
                if isinstance(answer, PassThrough):
                    with let_through(neutral.url, pool):
                        return library.passed(original(transport, request), call)
                exchange = library.exchange(scope, neutral, call, answer)
                return library.watched(original(library.over_memory(exchange), request), exchange)
        except BaseException as error:
            call.close(error=error)
            if pause is None or isinstance(answer, PassThrough) or not isinstance(error, library.retried):
                raise
        wait(retry_pause(scope, pause))
    raise AssertionError("the last try has no wait after it")


async def _aanswered(scope: Scope, transport: Any, original: Function, request: Any) -> Any:
    """As `_answered`."""
    library = library_of(request)
    body = library.content_of(request)
    aside = None if scope.settings.layer != "wire" else _aside(scope, library, transport, request, raises=False)
    if aside is not None:
        with stepping_aside(scope, aside), announced(aside.requests[0]):
            response = await original(transport, request)
        refused = refusal_of(scope, aside)
        if refused is not None:
            await response.aclose()
            raise refused
        return response
    if body is None:  # what its chunks raise must not be raised over an exception of ours
        body = b"".join([chunk async for chunk in request.stream])
    pool: Any = getattr(transport, "_pool", None)
    neutral = library.neutral(request, body, transport)
    if getattr(pool, "_uds", None) is not None and preview(neutral) is None:  # its invented host is named by no route
        with library.sending(request, body):
            return await original(transport, request)
    for pause in _retry_waits(pool._retries) if getattr(pool, "_retries", 0) else _NO_RETRY:
        call, answer = ask(scope, neutral), None
        try:
            if isinstance(call.answer, Conversation):
                return library.conversing(call, request, AsyncStream)
            # A coroutine that has nothing to wait for is not made: two were a tenth of our share.
            answer = call.answer if isinstance(call.answer, Response) else await _answering.asettle(call)
            if isinstance(answer, Response) and (head := library.plain_head(answer, neutral, request)):
                if answer.delay:
                    await asleep(answer.delay)
                return library.handed_over(answer, head, neutral, call, request)
            with library.sending(request, body):
                if isinstance(answer, PassThrough):
                    with let_through(neutral.url, pool):
                        return library.passed(await original(transport, request), call)
                exchange = library.exchange(scope, neutral, call, answer)
                return library.watched(await original(library.over_async_memory(exchange), request), exchange)
        except BaseException as error:
            call.close(error=error)
            if pause is None or isinstance(answer, PassThrough) or not isinstance(error, library.retried):
                raise
        await asleep(retry_pause(scope, pause))
    raise AssertionError("the last try has no wait after it")


def _aside(scope: Scope, library: Any, transport: Any, request: Any, *, raises: bool) -> Aside | None:
    """What is told when the request goes over real sockets, at the layer `wire`; None when it does not."""
    if not isinstance(transport, library.transports):
        return None
    neutral = library.neutral(request, library.content_of(request) or b"", transport)
    return Aside(library.client, raises, [neutral]) if goes_by_wire(scope, neutral.url.host, neutral.url.port) else None


def _retry_waits(retries: int) -> Iterator[float | None]:
    """Seconds to wait after each try to connect that failed, None after the last: `HTTPTransport(retries=n)`.

    httpcore retries below the seam; its waits are 0, 0.5, 1, 2 ... (httpcore 1.0.9, _sync/connection.py).
    """
    for n in range(retries):
        yield 0.5 * 2.0 ** (n - 1) if n else 0.0
    yield None


# Other transports than the library's own, for facades of doubles that answered there


def above_transports(module: ModuleType) -> Undo:
    """Answer the requests of every client of httpx or httpx2, whatever its transport.

    Raises:
        ClientNotSupported: a seam is missing or has changed.
    """
    client = f"{module.__name__} {module.__version__}"
    undo = UndoStack()
    for owner in (module.Client, module.AsyncClient):
        original = seam(owner, "_transport_for_url", ("self", "url"), client=client)
        if original_of(original) is None:
            undo.replace(owner, "_transport_for_url", marked(_chooser(module, original), original))
    return undo.undo


def _chooser(module: ModuleType, original: Function) -> Function:
    library: Any = module

    def transport_for_url(client: Any, url: Any) -> Any:
        chosen = original(client, url)
        usual = isinstance(chosen, (library.HTTPTransport, library.AsyncHTTPTransport))
        if usual or is_passing() or current() is None:
            return chosen
        return httpx_transport(_current, library.__name__, chosen)

    return transport_for_url


def _current() -> Scope:
    scope = current()
    if scope is None:
        raise RuntimeError("the network was closed while a request was on its way")
    return scope


def at_transport(kind: Any) -> Undo:
    """Answer what is sent through a transport class of the user's own.

    Raises:
        ClientNotSupported: it has neither `handle_request(request)` nor `handle_async_request(request)`.
    """
    undo = UndoStack()
    doors = {"handle_request": _sync_door, "handle_async_request": _async_door}
    if not any(hasattr(kind, name) for name in doors):
        seam(kind, "handle_request", ("self", "request"), client=kind.__name__)
    for name, door in doors.items():
        original = getattr(kind, name, None)
        if original is not None and original_of(original) is None:
            undo.replace(kind, name, marked(door(original), original))
    return undo.undo


# Without patching


def httpx_transport(scope_of: Callable[[], Scope], library: str = "httpx", below: Any = None) -> Any:
    """A transport for clients and async clients of either library; what passes through takes a real one below it.

    Args:
        scope_of: asked at each request. library: whose transport it is to be an instance of.
        below: the transport that what passes through takes; None makes one.
    """
    base: Any = named(library)

    class NetdoubleTransport(base.BaseTransport, base.AsyncBaseTransport):  # type: ignore[misc]  # one of two modules
        """Answers from a network, without patching."""

        def __init__(self) -> None:
            self._real: list[Any] = []

        def handle_request(self, request: Any) -> Any:
            return _answered(scope_of(), self, self._send, request)

        async def handle_async_request(self, request: Any) -> Any:
            return await _aanswered(scope_of(), self, self._asend, request)

        def _send(self, transport: Any, request: Any) -> Any:
            if transport is self and below is not None:
                return below.handle_request(request)
            kind = library_of(request).module.HTTPTransport
            send = original_of(kind.handle_request) or kind.handle_request
            return send(self._below(transport, kind), request)

        async def _asend(self, transport: Any, request: Any) -> Any:
            if transport is self and below is not None:
                return await below.handle_async_request(request)
            kind = library_of(request).module.AsyncHTTPTransport
            send = original_of(kind.handle_async_request) or kind.handle_async_request
            return await send(self._below(transport, kind), request)

        def _below(self, transport: Any, kind: type) -> Any:
            if transport is not self:
                return transport
            made = next((real for real in self._real if isinstance(real, kind)), None)
            if made is None:
                made = kind()
                self._real.append(made)
            return made

        def close(self) -> None:
            for real in [real for real in self._real if hasattr(real, "handle_request")]:
                real.close()

        async def aclose(self) -> None:
            for real in [real for real in self._real if hasattr(real, "handle_async_request")]:
                await real.aclose()

    return NetdoubleTransport()
