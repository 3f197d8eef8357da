"""aiohttp: its connector is handed connections in memory; session, pool, parser and timers are its own.

Seams: `TCPConnector._create_connection` makes the connection; `TCPConnector.connect` sees each request before it gets
one from the pool or a new one; `ClientSession._request` gives a declared OSError back as it was declared.

Rule 1: only TCP: unix sockets, pipes and a user's own connectors that are no TCPConnector are left alone.
Rule 2: a fault of the connecting phase is raised from `connect`, where the real one is, if the whole request is known
by then; else in whoever waits for the response. aiohttp retries neither, and both count once.
Rule 3: a host that no route names and that may be reached gets a connection of aiohttp's own, untouched.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import ECONNREFUSED
from math import inf
from types import FrameType, ModuleType
from typing import Any

import aiohttp

from netdouble import _active, _asking
from netdouble._active import Scope, admitted, is_passing, passing
from netdouble._codec.http1 import ParsedRequest
from netdouble._codec.socket_errors import handshake_failure, reset
from netdouble._core import router
from netdouble._core.callers import called_from
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Fail, Reply
from netdouble._core.routes import Route
from netdouble._core.urls import URL, join_url
from netdouble._intercept import aiohttp_response, aiohttp_sessions
from netdouble._intercept.aiohttp_traces import tell_lookup
from netdouble._intercept.failures import failure_for
from netdouble._intercept.memory_transport import MemoryTransport
from netdouble._intercept.seams import seam
from netdouble._intercept.stepping import announcing, scope_on_wire, stepping_aside_for
from netdouble._patch import Undo, UndoStack
from netdouble._stepping_aside import goes_by_wire, is_on_wire, leads_to_wire

CLIENT = f"aiohttp {aiohttp.__version__}"
OWN = frozenset({"aiohttp"})

# Versions before 3.10 have the general class only (aiohttp client_exceptions.py).
_DnsError: Any = getattr(aiohttp, "ClientConnectorDNSError", aiohttp.ClientConnectorError)
_ConnectTimeout: Any = getattr(aiohttp, "ConnectionTimeoutError", aiohttp.ServerTimeoutError)
_ReadTimeout: Any = getattr(aiohttp, "SocketTimeoutError", aiohttp.ServerTimeoutError)


def install(module: ModuleType) -> Undo:
    """Attach to aiohttp.

    Raises:
        ClientNotSupported: a seam is not there, or takes something else.
    """
    connecting = ("self", "req", "traces", "timeout")
    create = seam(module.TCPConnector, "_create_connection", connecting, client=CLIENT)
    connect = seam(module.TCPConnector, "connect", connecting, client=CLIENT)
    request = seam(module.ClientSession, "_request", ("self", "method", "str_or_url"), client=CLIENT)
    for name, parameters in _PROTOCOL.items():
        seam(module.client_proto.ResponseHandler, name, parameters, client=CLIENT)
    door = _Door(_active.current, _active.anything_open, attached=True)

    @functools.wraps(connect)
    async def connect_here(self: Any, req: Any, traces: Any, timeout: Any) -> Any:
        said = aiohttp_sessions.spoken(module, req)
        return said if said is not None else await door.connect(self, connect, req, traces, timeout)

    @functools.wraps(create)
    async def create_here(self: Any, req: Any, traces: Any, timeout: Any) -> Any:
        if not door.wanted() or is_on_wire(req.url.raw_host, req.url.port):
            return await create(self, req, traces, timeout)
        return await door.protocol(self, req, traces, timeout)

    @functools.wraps(request)
    async def request_here(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if _active.wants_objects() and not is_passing():
                return await aiohttp_sessions.request(module, CLIENT, request, self, *_called(*args, **kwargs))
            if scope_on_wire() is None:  # nothing stands between: no coroutine more
                return await request(self, *args, **kwargs)
            return await stepping_aside_for(CLIENT, lambda: request(self, *args, **kwargs))
        except aiohttp.ClientOSError as error:
            declared = error.__cause__  # aiohttp takes every OSError for one of the network's
            if isinstance(declared, _Past):
                raise declared.error from declared.error.__cause__
            if declared is not None and hasattr(declared, _DECLARED):
                raise declared from None
            raise

    undo = UndoStack()
    undo.replace(module.TCPConnector, "_create_connection", create_here)
    undo.replace(module.TCPConnector, "connect", connect_here)
    undo.replace(module.ClientSession, "_request", request_here)
    return undo.undo


def _called(method: str, str_or_url: Any, **options: Any) -> tuple[str, Any, dict[str, Any]]:
    return method, str_or_url, options


class _Past(OSError):
    """Carries an error past aiohttp 3.10 and 3.11.

    They send again what failed to connect, if they hear of it no sooner than while reading (client.py `_request`);
    not so what failed with an OSError that is none of theirs.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


_TAKES_CONNECT_ERRORS_FOR_LOST = tuple(map(int, aiohttp.__version__.split(".")[:2])) in {(3, 10), (3, 11)}

# Before 3.10 a task writes the body, also one that is not there, and the connection is kept for the next request only
# when that task is done (client_reqrep.py `_release_connection`).
_WRITES_IN_A_TASK = tuple(map(int, aiohttp.__version__.split(".")[:2])) < (3, 10)

# Marks an exception that a route or a function of the user raised.
_DECLARED = "_netdouble_declared"

# What is used of ResponseHandler, aiohttp's protocol.
_PROTOCOL = {
    "feed_data": ("self", "data"),
    "data_received": ("self", "data"),
    "connection_lost": ("self", "exc"),
    "set_exception": ("self", "exc"),
}


def aiohttp_connector(scope_of: Callable[[], Scope]) -> aiohttp.TCPConnector:
    """A connector whose requests the scope answers that `scope_of()` gives at each of them.

    Raises:
        RuntimeError: no event loop is running (aiohttp's own rule for connectors).
    """
    return MountedConnector(scope_of)


class MountedConnector(aiohttp.TCPConnector):
    """A connector that is answered without anything being patched."""

    def __init__(self, scope_of: Callable[[], Scope]) -> None:
        super().__init__()
        self._door = _Door(scope_of, lambda: True, attached=False)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        """As `BaseConnector.connect`; the patched one of TCPConnector would ask a second time."""
        return await self._door.connect(self, aiohttp.BaseConnector.connect, req, traces, timeout)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        if is_passing():
            return await super()._create_connection(req, traces, timeout)
        return await self._door.protocol(self, req, traces, timeout)


_mounted = MountedConnector._create_connection


class _Door:
    """Where requests are brought to.

    Args:
        find: the scope that a request made here belongs to. is_open: whether there may be one. attached: sessions
            are patched too, and unpack what is `_Past`.
    """

    def __init__(self, find: Callable[[], Scope | None], is_open: Callable[[], bool], *, attached: bool) -> None:
        self.find, self._is_open, self.attached = find, is_open, attached

    def wanted(self) -> bool:
        """A request made here would be answered, or refused."""
        return self._is_open() and not is_passing()

    async def protocol(self, connector: Any, req: Any, traces: Any, timeout: Any) -> Any:
        """A new connection in memory, under a protocol of aiohttp's."""
        if traces:
            await tell_lookup(connector, req, traces)
        protocol = connector._factory()
        transport = MemoryTransport(protocol, self.wanted, req.port, patient=_WRITES_IN_A_TASK)
        transport.expect(_Exchange(self, connector, protocol, req, traces, timeout))
        protocol.connection_made(transport)
        return protocol

    async def connect(self, connector: Any, connect: Any, req: Any, traces: Any, timeout: Any) -> Any:
        """A connection for `req`, from the pool or new: in memory, or a real one where nothing is to be answered."""
        scope = None if is_passing() else self.find()
        if scope is None:
            return await connect(connector, req, traces, timeout)
        url, routers = _url_of(req), [each.router for each in scope.chain()]
        if _is_free(req, url, routers, scope):
            return await _let_through(connector, connect, req, traces, timeout, scope)
        if scope.settings.layer == "wire" and goes_by_wire(scope, url.host, url.port):
            _close_those(connector, req, lambda transport: not leads_to_wire(transport.get_extra_info("socket")))
            with announcing(_whole(req, _known_body(req) or b"")):
                return await connect(connector, req, traces, timeout)
        decided = None
        if _may_fail_to_connect(_candidates(req, url, routers), req):
            decided = await _decided_already(req, timeout, scope, routers)
        while True:
            _close_those(connector, req, _is_real)
            connection = await connect(connector, req, traces, timeout)
            transport = connection.transport
            if isinstance(transport, MemoryTransport):
                transport.expect(_Exchange(self, connector, connection.protocol, req, traces, timeout, decided))
                return connection
            if type(connector)._create_connection not in (aiohttp.TCPConnector._create_connection, _mounted):
                return connection  # a connector that makes connections of its own kind
            connection.close()  # a real one, given back while we waited for a place in the pool


def _close_those(connector: Any, req: Any, wrong: Callable[[Any], bool]) -> None:
    """Close the connections that could be used for `req` and are older than the scope, or of another layer."""
    kept = connector._conns.get(req.connection_key)
    for protocol, _ in tuple(kept) if kept else ():
        if protocol.transport is not None and wrong(protocol.transport):
            protocol.close()


def _is_real(transport: Any) -> bool:
    return not isinstance(transport, MemoryTransport)


# What is known before the request is written


def _url_of(req: Any) -> URL:
    url = req.url
    return join_url(url.scheme, url.raw_host, url.port, url.raw_path_qs)


def _known_body(req: Any) -> bytes | None:
    """The body as it will be sent, where that is known already."""
    body = req.body
    if isinstance(body, aiohttp.payload.BytesPayload):
        body = body._value
    return bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) and not req.compress else None


def _whole(req: Any, body: bytes) -> Request:
    return Request(req.method, _url_of(req), Headers(tuple(req.headers.items())), body, CLIENT,
                   f"{req.version.major}.{req.version.minor}", req.url.raw_path_qs)  # fmt: skip


def _candidates(req: Any, url: URL, routers: list[router.Router]) -> list[Route]:
    asked = Request(req.method, url)  # as much of it as the index of routes looks at
    if len(routers) == 1:
        return routers[0].candidates(asked)
    return [route for each in routers for route in each.candidates(asked)]


def _is_free(req: Any, url: URL, routers: list[router.Router], scope: Scope) -> bool:
    """As `router.open_call` decides about a request that no route answers, whatever its body."""
    host, port = url.host, url.port
    for each in routers:
        if each.names_host(host, port):
            return False
    if not scope.reaches(host, port):
        return False
    return not _candidates(req, url, routers)


async def _let_through(connector: Any, connect: Any, req: Any, traces: Any, timeout: Any, scope: Scope) -> Any:
    call = _asking.ask(scope, _whole(req, _known_body(req) or b""))
    try:
        with _to_the_real_one(req):
            connection = await connect(connector, req, traces, timeout)
    except BaseException as error:
        call.close(error=error)
        raise
    aiohttp_response.note(connection.protocol, call, bytes)  # what does not pass through us is not kept
    return connection


@contextmanager
def _to_the_real_one(req: Any) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(passing())
        for url in (req.url, req.proxy):
            if url is not None:
                stack.enter_context(admitted(url.raw_host, url.port))
        yield


# Failing to connect


def _connect_fault(reply: Reply | None, req: Any) -> Fault | None:
    fault = reply.fault if isinstance(reply, Fail) else None
    if fault is None or not fault.on(req.url.scheme).before_request:
        return None
    return fault


def _may_fail_to_connect(routes: list[Route], req: Any) -> bool:
    """One of their answers is a fault of the connecting phase."""
    for route in routes:
        for reply, _ in route.answers.steps:
            if isinstance(reply, Fail) and _connect_fault(reply, req) is not None:
                return True
    return False


async def _decided_already(req: Any, timeout: Any, scope: Scope, routers: list[router.Router]) -> Call | None:
    """Fail as the route says that answers, if the whole request is known and that is what it says."""
    body = _known_body(req)
    if body is None:
        return None
    whole = _whole(req, body)
    if _connect_fault(router.preview(routers, whole), req) is None:
        return None
    call = _asking.ask(scope, whole)
    answer = call.answer
    if isinstance(answer, Fail) and (fault := _connect_fault(answer, req)) is not None:
        await _fail_to_connect(req, timeout, call, fault, answer.delay)
    return call  # another thread took that answer meanwhile, and we have the next


async def _fail_to_connect(req: Any, timeout: Any, call: Call, fault: Fault, delay: float) -> None:
    """Fail as a real connect does, or time out first."""
    patience = min(timeout.connect or inf, timeout.sock_connect or inf)
    seconds = inf if fault in _NEVER_CONNECTED else delay
    if seconds and (timeout.total or inf) < min(patience, seconds):
        call.close(error=asyncio.TimeoutError())
        req._timer.timeout()
        await asyncio.get_running_loop().create_future()  # until the timer's cancellation comes
    if seconds == inf or (seconds and seconds > patience):
        call.close(error=_connect_error(Fault.CONNECT_TIMEOUT, req))
        raise asyncio.TimeoutError  # which ClientSession turns into its own
    if seconds:
        await asyncio.sleep(seconds)
    error = _connect_error(fault, req)
    call.close(error=error)
    raise error


def _connect_error(fault: Fault, req: Any) -> BaseException:
    """What aiohttp raises, over its cause."""
    if fault in _NEVER_CONNECTED:
        timed_out: BaseException = _ConnectTimeout(f"Connection timeout to host {req.url}")
        timed_out.__cause__ = asyncio.TimeoutError()
        return timed_out
    cause: OSError
    if fault is Fault.DNS:
        cause, kind = socket.gaierror(socket.EAI_NONAME, "Name or service not known"), _DnsError
    elif fault in {Fault.TLS, Fault.GARBAGE_IN_HANDSHAKE}:
        cause, kind = handshake_failure(fault), aiohttp.ClientConnectorSSLError
    elif fault is Fault.CLOSE_IN_HANDSHAKE:
        cause, kind = ConnectionResetError(), aiohttp.ClientConnectorError  # asyncio sslproto.py, eof_received
    elif fault is Fault.RESET_IN_HANDSHAKE:
        cause, kind = reset(), aiohttp.ClientConnectorError
    else:
        # asyncio's own text (selector_events.py _sock_connect_cb), which names the address that was tried.
        cause = ConnectionRefusedError(ECONNREFUSED, f"Connect call failed ({req.host!r}, {req.port})")
        kind = aiohttp.ClientConnectorError if req.proxy is None else aiohttp.ClientProxyConnectionError
    error: BaseException = kind(req.connection_key, cause)
    error.__cause__ = cause
    return error


_NEVER_CONNECTED = frozenset({Fault.CONNECT_TIMEOUT, Fault.HANDSHAKE_TIMEOUT})


# One request on a connection in memory


class _Exchange:
    """See `memory_transport.Exchange`."""

    __slots__ = ("_connector", "_decided", "_door", "_error", "_lost", "_protocol", "_req", "_task", "_timeout",
                 "_traces")  # fmt: skip

    def __init__(self, door: _Door, connector: Any, protocol: Any, req: Any, traces: Any, timeout: Any,
                 decided: Call | None = None) -> None:  # fmt: skip
        self._door, self._connector, self._protocol = door, connector, protocol
        self._req, self._traces, self._timeout, self._decided = req, traces, timeout, decided
        self._task = asyncio.current_task()
        self._error: BaseException | None = None
        self._lost = False
        protocol._payload = None  # that of the response before: aiohttp would break it when this one breaks
        if req.proxy is not None and req.proxy_auth is not None and not req.is_ssl():
            # Where a tunnel would be made, the target never sees it.
            req.headers[aiohttp.hdrs.PROXY_AUTHORIZATION] = req.proxy_auth.encode()

    def ask(self, parsed: ParsedRequest) -> Call | None:
        decided, self._decided = self._decided, None
        if decided is not None:
            return decided
        scope = self._door.find()
        if scope is None:
            return None
        url = self._req.url
        return _asking.ask(scope, parsed.to_request(url.scheme, url.raw_host, url.port, CLIENT), self._caller)

    def _caller(self) -> str:
        # A body is written by a task of its own, in whose stack the caller is not.
        return called_from(_awaiting(self._task)) or called_from()

    def connect_error(self, fault: Fault) -> BaseException:
        return _connect_error(fault, self._req)

    def failure(self, fail: Fail, *, has_body: bool) -> Fault | BaseException:
        failure = failure_for(fail, OWN)
        return failure.on(self._req.url.scheme, has_body=has_body) if isinstance(failure, Fault) else failure

    def expire(self, seconds: float) -> BaseException | None:
        # What is left of the total nobody tells; where this waits too long, aiohttp's own timer ends it.
        read, total = self._timeout.sock_read or inf, self._timeout.total or inf
        if seconds <= min(read, total) and seconds < inf:
            return None
        if total < read:
            self._error = asyncio.TimeoutError()
            self._req._timer.timeout()
        else:
            self.fail(_ReadTimeout("Timeout on reading data from socket"))
        return self._error

    def expire_writing(self) -> BaseException | None:
        if not self._timeout.total:
            return self.expire(inf)  # aiohttp would wait for ever
        self._error = asyncio.TimeoutError()
        self._req._timer.timeout()
        return self._error

    def fail(self, error: BaseException) -> None:
        if isinstance(error, OSError) and not isinstance(error, aiohttp.ClientError):
            setattr(error, _DECLARED, True)
        self._error = error
        payload = self._protocol._payload
        if self._door.attached and _TAKES_CONNECT_ERRORS_FOR_LOST and isinstance(error, aiohttp.ClientConnectorError):
            error = _Past(error)
        self._protocol.set_exception(error)
        if payload is not None:
            payload.set_exception(error)

    def lose(self, error: Exception | None) -> None:
        payload = self._protocol._payload
        self._protocol.connection_lost(error)
        # Once the head was read, only the body tells.
        self._error = self._error or (self._protocol if payload is None else payload).exception()
        self._lost = True

    def told(self) -> BaseException | None:
        if self._error is not None or self._lost:
            return self._error
        payload, head = self._protocol._payload, self._protocol
        broken: BaseException | None = (head if payload is None else payload).exception()
        return broken

    async def open_real(self) -> asyncio.Transport:
        req, timeout = self._req, self._timeout
        with _to_the_real_one(req):
            making = self._connector._create_connection(req, self._traces, timeout)
            try:
                protocol = await asyncio.wait_for(making, timeout.connect or None)
            except asyncio.TimeoutError as error:
                raise _connect_error(Fault.CONNECT_TIMEOUT, req) from error
        transport: asyncio.Transport = protocol.transport
        return transport

    def note(self, call: Call, body: Callable[[], bytes]) -> None:
        aiohttp_response.note(self._protocol, call, body)


def _awaiting(task: asyncio.Task[Any] | None) -> Iterator[FrameType]:
    """The frames of a task that waits, innermost first; none of one that runs."""
    frames: list[FrameType] = []
    waiting: Any = None if task is None else task.get_coro()
    while getattr(waiting, "cr_frame", None) is not None and not waiting.cr_running:
        frames.append(waiting.cr_frame)
        waiting = waiting.cr_await
    return reversed(frames)


# Genuine responses


def to_native(response: Response, request: Request | None, library: str) -> Any:  # noqa: ARG001  # one door, one library
    """`response` as a `ClientResponse` that was read, the answer to `request` (None: a GET of netdouble.test)."""
    return aiohttp_response.built(aiohttp, response, request)


def from_native(native: Any) -> Response:
    """The neutral form of a `ClientResponse`.

    Raises:
        DeclarationError: its body was not read, and can't be read here.
    """
    return aiohttp_response.taken_apart(native)
