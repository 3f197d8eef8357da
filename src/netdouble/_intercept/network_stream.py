"""Connections of httpcore that are held in memory: what its pool takes for a network.

Rule 1: only the far end is ours, and speaks by the codec; httpcore's own pool, parser and error mapping run.
Rule 2: a connection has no opinion of its own: it says what the `Exchange` at hand decided. Without one, or when that
is let through, it counts as closed.
Rule 3: the sync and the async kind differ in their awaits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdouble._active import anything_open, is_passing
from netdouble._answering import steps_of
from netdouble._codec.scripts import Ending, Script, StreamScript
from netdouble._core.faults import Fault
from netdouble._core.streams import Pause
from netdouble._intercept.exchange import Exchange, asleep, event_loop, late, wait
from netdouble._intercept.httpcore_failures import broken
from netdouble.errors import ClientNotSupported

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
        wait(exchange.delay)
        _raise_connect_failure(exchange, host, port)
    return MemoryStream(exchange.core, find, host, port, kind_of_io="sync")


async def aconnect(
    find: Callable[[], Exchange | None], host: str, port: int, timeout: float | None
) -> AsyncMemoryStream | None:
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
    if failure is not None and failure.position != "handshake":  # that fails in start_tls, where it does on the wire
        raise _noted(exchange, broken(exchange.core, failure, host, port, kind_of_io))


def _noted(exchange: Exchange, error: BaseException) -> BaseException:
    exchange.close(error)
    return error


class MemoryBackend:
    """A network backend (httpcore's extension point) for one exchange, sync."""

    def __init__(self, exchange: Exchange) -> None:
        self._find = lambda: exchange

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **_: object) -> MemoryStream | None:
        """A connection in memory."""
        return connect(self._find, host, port, timeout)


class AsyncMemoryBackend:
    """As `MemoryBackend`, async."""

    def __init__(self, exchange: Exchange) -> None:
        self._find = lambda: exchange

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **_: object
    ) -> AsyncMemoryStream | None:
        """A connection in memory."""
        return await aconnect(self._find, host, port, timeout)


class Unconnected:
    """In place of a network stream, for a reply that was handed over without a connection."""

    __slots__ = ("_port",)

    def __init__(self, port: int) -> None:
        self._port = port

    def get_extra_info(self, info: str) -> Any:
        """As a stream of httpcore; there is no socket and no TLS."""
        return _addresses(self._port).get(info)


def _addresses(port: int) -> dict[str, tuple[str, int]]:
    return {"server_addr": ("127.0.0.1", port), "client_addr": ("127.0.0.1", 49152)}


class NoTls:
    """In place of an SSLContext for connections that never leave the process."""

    def set_alpn_protocols(self, protocols: object) -> None:
        """Nothing is negotiated: HTTP/1.1 is spoken."""


# The far end


class _FarEnd:
    """What a sync and an async connection share: what was heard, what is being said."""

    __slots__ = (
        "_closed",
        "_exchange",
        "_find",
        "_heard",
        "_left",
        "_running",
        "_script",
        "_silence",
        "_tls",
        "core",
        "host",
        "kind_of_io",
        "port",
    )  # fmt: skip

    def __init__(
        self, core: Any, find: Callable[[], Exchange | None], host: str, port: int, *, kind_of_io: str
    ) -> None:
        self.core, self.host, self.port, self.kind_of_io = core, host, port, kind_of_io
        self._find = find
        self._exchange: Exchange | None = None
        self._script = Script()
        self._running: Any = None
        self._heard = b""
        self._left = b""
        self._tls = self._closed = False
        self._silence = 0.0  # seconds since the last byte

    def get_extra_info(self, info: str) -> Any:
        """What httpcore and applications ask of a stream; `is_readable` means that the far end hung up."""
        if info == "is_readable":
            exchange = self._find()
            wanted = exchange is None or (exchange.in_memory and not exchange.fails_to_connect)
            # What the client did not read (it stops at Content-Length) would be taken for the next response. Neither
            # does it read that the far end hangs up.
            script = self._script
            rests = script.ending is Ending.KEEP_ALIVE and getattr(script, "is_said", True)
            spoilt = self._left or (self._running is not None and not rests)
            return bool(spoilt) or self._closed or is_passing() or not anything_open() or not wanted
        return _addresses(self.port).get(info)

    def _hear(self, data: bytes) -> None:
        exchange = self._find()
        if exchange is None or not exchange.in_memory:
            # Another request than the one it was opened for: the pool then looks for another connection.
            raise self.core.ConnectionNotAvailable
        if not self._heard:
            self._running = None  # the pieces of the last answer were all read
        if len(self._heard) < 16:  # all that matters is the method; the request itself is known
            self._heard += bytes(data[:16])
            return
        failure = exchange.failure
        if isinstance(failure, Fault) and failure.position == "request body" and self._tells_writers(failure):
            self._closed = True
            raise _noted(exchange, self._broken(failure))

    def _tells_writers(self, failure: Fault) -> bool:
        # On asyncio the transport takes all that is written, and who reads is told.
        return self.kind_of_io != "asyncio" or failure is Fault.WRITE_TIMEOUT

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
            raise _other_protocol(exchange.client, "HTTP/2" if heard.startswith(b"PRI") else "SOCKS")
        self._exchange = exchange
        self._script = exchange.script(exchange.request.method)
        self._silence = 0.0
        delay = exchange.delay + self._script.delay
        if late(delay, timeout):
            raise _noted(exchange, self._broken(Fault.READ_TIMEOUT))
        return delay

    def _after(self, step: bytes | Pause | None, timeout: float | None) -> tuple[float, bytes | None]:
        """Take one step of the script: seconds to wait, and the last bytes for the client, if these are they."""
        if isinstance(step, Pause):
            self._silence += step.seconds
            if late(self._silence, timeout):
                self._closed = True
                error = self._broken(Fault.READ_TIMEOUT)
                raise error if self._exchange is None else _noted(self._exchange, error)
            return step.seconds, None
        if step is None:
            return 0.0, self._end()
        self._silence, self._left = 0.0, step
        return 0.0, None

    def _end(self) -> bytes | None:
        """The script is at its end: the last bytes for the client, or None when it may ask again."""
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
        failure = None if exchange is None else exchange.failure
        if exchange is not None and isinstance(failure, Fault) and failure.position == "handshake":
            raise _noted(exchange, self._broken(failure))


class MemoryStream(_FarEnd):
    """A network stream of httpcore, sync."""

    __slots__ = ()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What the far end says next; empty when it has hung up."""
        while not self._left:
            if self._closed:
                return b""
            if self._running is None:
                wait(self._begin(timeout))
                self._running = steps_of(self._script)
            seconds, last = self._after(next(self._running, None), timeout)
            wait(seconds)
            if last is not None:
                return last
        return self._take(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # httpcore's interface
        """What the client sends."""
        self._hear(buffer)

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        if hasattr(self._running, "close"):
            self._running.close()

    def start_tls(self, *_: object, **__: object) -> MemoryStream:
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
                is_stream = isinstance(self._script, StreamScript)
                self._running = self._script.asteps() if is_stream else self._script.steps()
            running = self._running
            step = await anext(running, None) if hasattr(running, "__anext__") else next(running, None)
            seconds, last = self._after(step, timeout)
            await asleep(seconds)
            if last is not None:
                return last
        return self._take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # httpcore's interface
        """What the client sends."""
        if hasattr(self._running, "aclose"):  # the end of the last answer, which nobody asked for
            await self._running.aclose()
        self._hear(buffer)

    async def aclose(self) -> None:
        """Hang up."""
        self._closed = True
        if hasattr(self._running, "aclose"):
            await self._running.aclose()

    async def start_tls(self, *_: object, **__: object) -> AsyncMemoryStream:
        """No handshake takes place in memory."""
        self._check_tls()
        return self


def _other_protocol(client: str, protocol: str) -> ClientNotSupported:
    library, _, version = client.partition(" ")
    return ClientNotSupported(
        f"{client} can't be answered by this pool: it speaks {protocol} from the first byte, netdouble HTTP/1.1. In "
        "tests make the pool without http1=False and without a SOCKS proxy, or give it a network_backend of your own",
        client=library, version=version, seam=f"{library}.ConnectionPool",
    )  # fmt: skip
