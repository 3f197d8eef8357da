"""Connections of httpcore that are held in memory: what its pool takes for a network.

Rule 1: httpcore's own pool, parser and error mapping run; only the far end is ours, and speaks by the codec.
Rule 2: nothing is decided here but a connect that httpcore tries again. What the far end says was decided before a
connection was asked for and comes as an `Exchange`; without one, a connection says that it is closed.
Rule 3: what the network does is raised as httpcore raises it, over what Python, anyio or trio raise below it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from netdouble import _answering
from netdouble._active import Scope, admitted, anything_open, ask, is_passing, passing
from netdouble._codec.spelling import Ending, Script, spell, spell_fault
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Answer, Fail, PassThrough
from netdouble._core.urls import URL
from netdouble._intercept.failures import failure_for
from netdouble._intercept.seams import unsupported


class Exchange:
    """One decided call on its way through httpcore.

    Attributes:
        core: the httpcore module. client: its name and version. request: as it was asked for. call, answer: what was
        decided. own: the packages whose exceptions are raised as they are.
    """

    __slots__ = ("answer", "attempts", "call", "client", "core", "failure", "own", "request", "scope")

    def __init__(self, core: Any, client: str, scope: Scope, request: Request, own: Collection[str]) -> None:
        self.core, self.client, self.scope, self.request, self.own = core, client, scope, request, own
        self.attempts = 0
        self.call: Call
        self.answer: Answer
        self.failure: Fault | BaseException | None = None

    def decide(self) -> None:
        """Ask which route answers, and for its answer; for a sync client."""
        self.call = ask(self.scope, self.request)
        try:
            self.given(self.call, _answering.settle(self.call))
        except BaseException as error:
            self.call.close(error=error)
            raise

    async def adecide(self) -> None:
        """As `decide`, for an async client."""
        self.call = ask(self.scope, self.request)
        try:
            self.given(self.call, await _answering.asettle(self.call))
        except BaseException as error:
            self.call.close(error=error)
            raise

    def given(self, call: Call, answer: Answer) -> Exchange:
        """This exchange with a decision."""
        self.call, self.answer = call, answer
        self.failure = failure_for(answer, self.own) if isinstance(answer, Fail) else None
        if self.failure is Fault.TLS and self.request.url.scheme not in {"https", "wss"}:
            self.failure = Fault.RESET
        return self

    @property
    def in_memory(self) -> bool:
        """A connection in memory is to answer it, not a real one."""
        return not isinstance(self.answer, PassThrough)

    @property
    def fails_to_connect(self) -> bool:
        """It goes wrong before the request is sent."""
        failure = self.failure
        if isinstance(failure, Fault):
            return failure.before_request
        return isinstance(failure, (self.core.ConnectError, self.core.ConnectTimeout))

    @property
    def delay(self) -> float:
        """Seconds before a failure; a reply's own delay is in its script."""
        answer = self.answer
        return answer.delay if isinstance(answer, Fail) and self.failure not in _TIMEOUTS else 0.0

    def script(self, method: str) -> Script:
        """What the far end says and does."""
        if isinstance(self.answer, Response):
            return spell(self.answer, method=method)
        assert isinstance(self.answer, Fail)
        assert isinstance(self.failure, Fault)
        return spell_fault(self.failure, self.answer.response, method=method)

    def close(self, error: BaseException | None = None) -> None:
        """Note how it ended."""
        answer = self.answer
        shown = answer if isinstance(answer, Response) else answer.response if isinstance(answer, Fail) else None
        self.call.close(response=None if error is not None else shown, error=error)


_TIMEOUTS = frozenset({Fault.CONNECT_TIMEOUT, Fault.READ_TIMEOUT})


# Connecting


def connect(find: Callable[[], Exchange | None], host: str, port: int, timeout: float | None) -> MemoryStream | None:
    """A connection in memory for the exchange at hand; None when the real one is to be made.

    A second attempt of one exchange is httpcore's own retry (`retries=`): it is asked for, and counted, anew.
    """
    exchange = find()
    if exchange is None or not exchange.in_memory:
        return None
    exchange.attempts += 1
    if exchange.attempts > 1 and exchange.fails_to_connect:
        exchange.decide()
        if not exchange.in_memory:
            return None
    if exchange.fails_to_connect:
        if late(exchange.delay, timeout):
            raise _noted(exchange, broken(exchange.core, Fault.CONNECT_TIMEOUT, host, port))
        _answering.sleep(exchange.delay)
        _raise_connect_failure(exchange, host, port)
    return MemoryStream(exchange.core, find, host, port, kind_of_io="sync")


async def aconnect(find: Callable[[], Exchange | None], host: str, port: int, timeout: float | None) -> AsyncMemoryStream | None:
    """As `connect`."""
    exchange = find()
    if exchange is None or not exchange.in_memory:
        return None
    kind_of_io = event_loop()
    exchange.attempts += 1
    if exchange.attempts > 1 and exchange.fails_to_connect:
        await exchange.adecide()
        if not exchange.in_memory:
            return None
    if exchange.fails_to_connect:
        if late(exchange.delay, timeout):
            raise _noted(exchange, broken(exchange.core, Fault.CONNECT_TIMEOUT, host, port, kind_of_io))
        await asleep(exchange.delay)
        _raise_connect_failure(exchange, host, port, kind_of_io)
    return AsyncMemoryStream(exchange.core, find, host, port, kind_of_io=kind_of_io)


def _raise_connect_failure(exchange: Exchange, host: str, port: int, kind_of_io: str = "sync") -> None:
    failure = exchange.failure
    if isinstance(failure, BaseException):
        raise _noted(exchange, failure)
    if failure is not None and failure is not Fault.TLS:  # TLS fails in start_tls, where it does on the wire
        raise _noted(exchange, broken(exchange.core, failure, host, port, kind_of_io))


def _noted(exchange: Exchange, error: BaseException) -> BaseException:
    exchange.close(error)
    return error


class MemoryBackend:
    """A network backend (httpcore's extension point) for one exchange, sync."""

    def __init__(self, exchange: Exchange) -> None:
        self._find = lambda: exchange

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: object = None) -> MemoryStream | None:  # fmt: skip
        return connect(self._find, host, port, timeout)


class AsyncMemoryBackend(MemoryBackend):
    """As `MemoryBackend`, async."""

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # type: ignore[override]  # one interface, awaited here
                          socket_options: object = None) -> AsyncMemoryStream | None:  # fmt: skip
        return await aconnect(self._find, host, port, timeout)


class NoTls:
    """In place of an SSLContext for connections that never leave the process."""

    def set_alpn_protocols(self, protocols: object) -> None:
        """Nothing is negotiated: HTTP/1.1 is spoken."""


# The far end


class _FarEnd:
    """What a sync and an async connection share: what was heard, what is being said."""

    __slots__ = ("_closed", "_exchange", "_find", "_heard", "_left", "_running", "_script", "_tls", "core", "host",
                 "kind_of_io", "port")  # fmt: skip

    def __init__(self, core: Any, find: Callable[[], Exchange | None], host: str, port: int, *, kind_of_io: str) -> None:
        self.core, self.host, self.port, self.kind_of_io = core, host, port, kind_of_io
        self._find = find
        self._exchange: Exchange | None = None
        self._script: Script | None = None
        self._running: Any = None
        self._heard = b""
        self._left = b""
        self._tls = self._closed = False

    def get_extra_info(self, info: str) -> Any:
        """What httpcore and applications ask of a stream; `is_readable` means that the far end hung up."""
        if info == "is_readable":
            exchange = self._find()
            wanted = exchange is None or (exchange.in_memory and not exchange.fails_to_connect)
            return self._closed or is_passing() or not anything_open() or not wanted
        return {"server_addr": ("127.0.0.1", self.port), "client_addr": ("127.0.0.1", 49152)}.get(info)

    def _hear(self, data: bytes) -> None:
        exchange = self._find()
        if exchange is None or not exchange.in_memory:
            # Another request than the one it was opened for: the pool then looks for another connection.
            raise self.core.ConnectionNotAvailable
        if len(self._heard) < 16:  # all that matters is the method; the request itself is known
            self._heard += bytes(data[:16])

    def _begin(self, timeout: float | None) -> float:
        """Fix what is said next; the seconds to wait before it."""
        exchange, heard = self._find(), self._heard
        if exchange is None or not heard:
            raise self._broken(Fault.READ_TIMEOUT)  # nobody asked: a real server would say nothing either
        self._heard = b""
        if heard.startswith(b"CONNECT ") and exchange.request.method != "CONNECT":
            self._script = Script(b"HTTP/1.1 200 Connection established\r\n\r\n", ending=Ending.KEEP_ALIVE)
            return 0.0
        if heard.startswith(b"PRI * HTTP/2") or not heard[:1].isalpha():
            other = "HTTP/2 without TLS" if heard.startswith(b"PRI") else "a SOCKS proxy"
            raise unsupported(exchange.client, f"a pool for {other}", "speaks what netdouble does not")
        self._exchange = exchange
        if isinstance(exchange.failure, BaseException):
            self._script = Script()
        else:
            self._script = exchange.script(exchange.request.method)
        delay = exchange.delay + self._script.delay
        if late(delay, timeout):
            raise _noted(exchange, self._broken(Fault.READ_TIMEOUT))
        return delay

    def _end(self) -> bytes | None:
        """The script is at its end: the last bytes for the client, or None when it may ask again."""
        assert self._script is not None
        ending, exchange = self._script.ending, self._exchange
        self._running = None
        error: BaseException | None = None
        if exchange is not None and isinstance(exchange.failure, BaseException):
            error = exchange.failure
        elif ending is Ending.RESET:
            error = self._broken(Fault.RESET)
        elif ending is Ending.STALL:
            error = self._broken(Fault.READ_TIMEOUT)
        if error is not None:
            self._closed = True
            raise error if exchange is None else _noted(exchange, error)
        if ending is Ending.CLOSE:
            self._closed = True
            return b""
        return None

    def _take(self, size: int) -> bytes:
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def _broken(self, fault: Fault) -> BaseException:
        return broken(self.core, fault, self.host, self.port, self.kind_of_io, tls=self._tls)

    def _check_tls(self) -> None:
        self._tls = True
        exchange = self._find()
        if exchange is not None and exchange.failure is Fault.TLS:
            raise _noted(exchange, self._broken(Fault.TLS))


class MemoryStream(_FarEnd):
    """A network stream of httpcore, sync."""

    __slots__ = ()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What the far end says next; empty when it has hung up."""
        while not self._left:
            if self._closed:
                return b""
            if self._running is None:
                _answering.sleep(self._begin(timeout))
                assert self._script is not None
                self._running = _sync_chunks(self._script)
            chunk = next(self._running, None)
            if chunk is None:
                last = self._end()
                if last is not None:
                    return last
            else:
                self._left = chunk
        return self._take(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """What the client sends."""
        self._hear(buffer)

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        if self._running is not None and hasattr(self._running, "close"):
            self._running.close()

    def start_tls(self, ssl_context: object, server_hostname: str | None = None, timeout: float | None = None) -> MemoryStream:
        """No handshake takes place in memory."""
        self._check_tls()
        return self


class AsyncMemoryStream(_FarEnd):
    """A network stream of httpcore, async."""

    __slots__ = ()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As `MemoryStream.read`."""
        while not self._left:
            if self._closed:
                return b""
            if self._running is None:
                await asleep(self._begin(timeout))
                assert self._script is not None
                self._running = self._script.achunks()
            chunk = await anext(self._running, None)
            if chunk is None:
                last = self._end()
                if last is not None:
                    return last
            else:
                self._left = chunk
        return self._take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """What the client sends."""
        self._hear(buffer)

    async def aclose(self) -> None:
        """Hang up."""
        self._closed = True
        if self._running is not None:
            await self._running.aclose()

    async def start_tls(self, ssl_context: object, server_hostname: str | None = None,
                        timeout: float | None = None) -> AsyncMemoryStream:  # fmt: skip
        """No handshake takes place in memory."""
        self._check_tls()
        return self


def _sync_chunks(script: Script) -> Iterator[bytes]:
    if not script.is_async:
        return script.chunks()

    async def collect() -> list[bytes]:
        made: AsyncIterator[bytes] = script.achunks()
        return [chunk async for chunk in made]

    collected: list[bytes] = _answering.run_private(collect())
    return iter(collected)


# What the network does, in httpcore's words (measured on loopback: httpcore 1.0.9, anyio 4.16, trio 0.35)


def broken(core: Any, fault: Fault, host: str, port: int, kind_of_io: str = "sync", *, tls: bool = False) -> BaseException:
    """httpcore's exception for what the network did, raised over the cause that it has on a real connection."""
    cause = _cause(fault, host, port, kind_of_io, tls=tls)
    error: BaseException = getattr(core, _KINDS[fault])(cause)
    error.__cause__ = cause
    return error


_KINDS = {
    Fault.DNS: "ConnectError",
    Fault.CONNECT_REFUSED: "ConnectError",
    Fault.TLS: "ConnectError",
    Fault.CONNECT_TIMEOUT: "ConnectTimeout",
    Fault.READ_TIMEOUT: "ReadTimeout",
    Fault.RESET: "ReadError",
}


def _cause(fault: Fault, host: str, port: int, kind_of_io: str, *, tls: bool) -> BaseException:
    if fault is Fault.DNS:
        return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if fault in _TIMEOUTS:
        read = "The read operation timed out" if tls and fault is Fault.READ_TIMEOUT else "timed out"
        return TimeoutError(read) if kind_of_io == "sync" else TimeoutError()
    if fault is Fault.TLS:
        below: OSError = handshake_failure()
        texts = {"trio": ""}
    elif fault is Fault.CONNECT_REFUSED:
        below = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        texts = {"asyncio": "All connection attempts failed", "trio": f"all attempts to connect to {host}:{port} failed"}
    else:
        below = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        texts = {"asyncio": "", "trio": f"socket connection broken: {below}"}
    if kind_of_io not in texts:
        return below
    cause = OSError(texts[kind_of_io]) if texts[kind_of_io] else OSError()
    cause.__cause__ = below
    return cause


def handshake_failure() -> ssl.SSLError:
    """What OpenSSL raises when the peer answers a ClientHello with a handshake_failure alert (RFC 8446 section 6.2)."""
    incoming = ssl.MemoryBIO()
    incoming.write(b"\x15\x03\x01\x00\x02\x02\x28")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    connection = context.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="netdouble.test")
    try:
        connection.do_handshake()
    except ssl.SSLError as error:
        return error.with_traceback(None)
    raise AssertionError("a fatal alert did not end the handshake")


# Waiting, and letting through


def late(delay: float, timeout: float | None) -> bool:
    """The client would give up before `delay` seconds are over."""
    return timeout is not None and delay > timeout


def event_loop() -> str:
    """Which library runs this coroutine: `asyncio` or `trio`."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return "trio"
    return "asyncio"


async def asleep(seconds: float) -> None:
    """Wait as the client itself does."""
    if seconds <= 0:
        return
    if event_loop() == "trio":
        await sys.modules["trio"].sleep(seconds)
    else:
        await asyncio.sleep(seconds)


@contextmanager
def let_through(url: URL, pool: Any) -> Iterator[None]:
    """For the time of a pass-through: the doors below and the guard let it go by, to a proxy too if the pool has one."""
    proxy = getattr(pool, "_proxy_url", None) or getattr(getattr(pool, "_proxy", None), "url", None)
    with ExitStack() as stack:
        stack.enter_context(passing())
        stack.enter_context(admitted(url.host, url.port))
        if proxy is not None:
            origin = proxy.origin
            stack.enter_context(admitted(origin.host.decode("ascii"), origin.port))
        yield
