"""The far end of a connection: what a client sends is heard, each request is decided, and what is to be done is said.

Rule 1: no socket, no thread, no waiting here. Bytes come in, acts come out; whoever holds the connection carries the
acts out: in the client's own `send()`, or in a server's thread.
Rule 2: acts come lazily, and whatever `decide` raises comes out of the iterator: in the caller's stack.
Rule 3: one far end is driven by one thread at a time, and bytes are sent in the order in which they were given.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from netdouble._answering import settle, steps_of
from netdouble._codec.http1 import DEFAULT_LIMITS, Limits, MalformedRequest, ParsedRequest, RequestParser
from netdouble._codec.socket_errors import READ_ERRORS
from netdouble._codec.spelling import CONTINUE, Ending, Script, spell, spell_fault
from netdouble._core.arrivals import Arrival, Connection
from netdouble._core.calls import Call
from netdouble._core.contents import Pause
from netdouble._core.failures import fresh, nearest_fault
from netdouble._core.faults import Fault
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Fail, PassThrough
from netdouble._core.urls import join_url
from netdouble.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom the client believes it talks to: `Origin("https", "api.example.com", 443)`."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Concurrent:
    """Carry out `acts` beside whatever else goes on: a pause in them holds up nothing but themselves."""

    acts: Iterator[Act]


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The client was told that its CONNECT succeeded: what follows on this connection is meant for that host.

    Nothing more is heard here. A new far end is due, with TLS before it where the client begins one.

    Attributes:
        host, port: whom it asked for. unread: what it has sent behind the CONNECT.
    """

    host: str
    port: int
    unread: bytes


# Send these bytes; send nothing for a while; what follows the last byte (nothing is heard after it, but for
# KEEP_ALIVE, which is never said); run other acts beside; hand the connection over.
Act: TypeAlias = "bytes | Pause | Ending | Concurrent | Tunnel"

# How a request is let through to the real service: given the call and its bytes as HTTP/1.1, the acts are what came
# back. It closes the call.
PassedOn: TypeAlias = "Callable[[Call, bytes], Iterator[Act]]"


class FarEnd:
    r"""One connection, as the peer of the client that opened it.

    Args:
        origin: whom the client believes it talks to. decide: who answers: opens the call of a request. What it raises
            is raised by the iterator that `hear` gave, and the far end hears nothing after that.
        connection: what is known of the connection; `alpn` decides which HTTP is spoken.
        client: name and version of the client, where the door knows it; else the User-Agent's first product.
        limits: how much the client may send. passed: lets a request through to the real service; without it, a
            DeclarationError is raised. malformed: is given the call of a request that could not be read, for the log;
            the client is told 400 by itself. proxies: a CONNECT is a wish for a tunnel, and granted (`Tunnel`).

    Example:
        >>> far_end = FarEnd(Origin("http", "x.test", 80), decide=router.open, connection=Connection())
        >>> for act in far_end.hear(b"GET / HTTP/1.1\r\nHost: x.test\r\n\r\n"):
        ...     if isinstance(act, bytes):
        ...         client.send(act)
    """

    def __init__(self, origin: Origin, *, decide: Callable[[Request], Call], connection: Connection, client: str = "",
                 limits: Limits = DEFAULT_LIMITS, passed: PassedOn | None = None,
                 malformed: Callable[[Call], None] | None = None, proxies: bool = False) -> None:  # fmt: skip
        self._speech = _Http1(_Peer(origin, decide, connection, client, passed or _no_way, malformed), limits, proxies)

    def hear(self, data: bytes) -> Iterator[Act]:
        """The client has sent `data`. What is to be done now, act by act; take all of it before hearing more.

        The acts inside a `Concurrent` are not part of that: they may go on while more is heard.
        """
        return self._speech.hear(data)

    def hear_end(self) -> Iterator[Act]:
        """The client has closed its side. What is to be done now; nothing is heard after it."""
        return self._speech.hear_end()

    @property
    def is_idle(self) -> bool:
        """Nothing of a request has come that was not answered: the connection may be closed without losing one."""
        return self._speech.is_idle

    @property
    def is_over(self) -> bool:
        """Nothing is heard any more: the last act was an ending or a tunnel, or an error was raised."""
        return self._speech.is_over


class _Peer:
    """What every protocol needs to turn requests into calls.

    Attributes:
        exchanges: how many requests came so far.
    """

    def __init__(self, origin: Origin, decide: Callable[[Request], Call], connection: Connection, client: str,
                 passed: PassedOn, malformed: Callable[[Call], None] | None) -> None:  # fmt: skip
        self.origin, self.connection, self.passed = origin, connection, passed
        self._decide, self._client, self._malformed = decide, client, malformed
        self.exchanges = 0

    def ask(self, parsed: ParsedRequest) -> Call:
        """Let a request be decided."""
        client = self._client or _product(parsed.headers.get("user-agent", ""))
        number, self.exchanges = self.exchanges, self.exchanges + 1
        where = self.origin
        return self._decide(parsed.to_request(where.scheme, where.host, where.port, client, self.connection, number))

    def note_malformed(self, error: MalformedRequest, raw: bytes, response: Response) -> None:
        """Log what could not be read as a request; of the request is told what could be."""
        number, self.exchanges = self.exchanges, self.exchanges + 1
        if self._malformed is None:
            return
        method, _, rest = raw.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        where = self.origin
        call = Call(
            Request(
                method.upper() if method.isalpha() else "?", join_url(where.scheme, where.host, where.port, "/"),
                raw_target=rest.partition(" ")[0], client=self._client, _arrival=Arrival(raw, self.connection, number)
            ),
            None,
            None,
        )  # fmt: skip
        self._malformed(call)
        call.close(response, error)


class Saying(Protocol):
    """How a protocol says what was decided."""

    def response(self, response: Response) -> Script:
        """A response, its delay left to the caller."""
        ...

    def fault(self, fault: Fault, response: Response | None) -> Script:
        """A fault that breaks off `response`."""
        ...

    def passed(self, call: Call) -> Iterator[Act]:
        """What the real service answers."""
        ...


# Too late for them: a request was sent, so there is a connection. A driver that can tell earlier never asks for these.
_WHEN_CONNECTED = {
    Fault.DNS: Fault.RESET,
    Fault.CONNECT_REFUSED: Fault.RESET,
    Fault.CONNECT_TIMEOUT: Fault.READ_TIMEOUT,
    Fault.TLS: Fault.RESET,
}


def carried_out(call: Call, saying: Saying) -> Iterator[Act]:
    """The acts that answer `call`, which is closed on the way: after the delay, before the first byte.

    Raises:
        Exception: what a function of the user raised, and an exception that a route fails with where no fault of the
            network makes a client raise it.
    """
    try:
        yield from _carried_out(call, saying)
    except GeneratorExit:
        gone = "the client closed the connection before it was answered"
        call.close(error=None if call.closed else ConnectionAbortedError(errno.ECONNABORTED, gone))
        raise
    except BaseException as error:
        call.close(error=error)
        raise


def _carried_out(call: Call, saying: Saying) -> Iterator[Act]:
    answer = settle(call)
    if isinstance(answer, PassThrough):
        yield from saying.passed(call)
        return
    if isinstance(answer, Response):
        script = saying.response(answer)
        yield from _waited(script.delay)
        call.close(response=answer)
    else:
        fault = _fault_of(answer)
        script = saying.fault(fault, answer.response)
        yield from _waited(answer.delay or script.delay)
        call.close(answer.response, READ_ERRORS[fault]())
    yield from steps_of(script)
    yield script.ending


def _waited(seconds: float) -> Iterator[Act]:
    if seconds:
        yield Pause(seconds)


def _fault_of(fail: Fail) -> Fault:
    fault = fail.fault
    if fault is None and fail.error is not None:
        fault = nearest_fault(fail.error)
        if fault is None:
            raise fresh(fail.error)
    if fault is None:
        raise TypeError(f"neither a fault nor an exception: {fail!r}")
    return _WHEN_CONNECTED.get(fault, fault)


class _Http1:
    """HTTP/1.1: one request after the other."""

    def __init__(self, peer: _Peer, limits: Limits, proxies: bool) -> None:
        self._peer, self._proxies = peer, proxies
        self._parser = RequestParser(limits)
        self.is_over = False

    @property
    def is_idle(self) -> bool:
        return self._parser.idle

    def hear(self, data: bytes) -> Iterator[Act]:
        if not self.is_over:
            self._parser.feed(data)
        return self._answers()

    def hear_end(self) -> Iterator[Act]:
        if self.is_over:
            return
        self.is_over = True
        try:
            self._parser.eof()
        except MalformedRequest as error:
            yield from self._refused(error)
            return
        yield Ending.CLOSE

    def _answers(self) -> Iterator[Act]:
        while not self.is_over:
            try:
                parsed = self._parser.next_request()
            except MalformedRequest as error:
                self.is_over = True
                yield from self._refused(error)
                return
            if parsed is None:
                if self._parser.wants_continue:
                    self._parser.told_continue()
                    yield CONTINUE
                return
            if self._proxies and parsed.method == "CONNECT":
                self.is_over = True
                asked = parsed.to_request("http", "", None).url
                yield b"HTTP/1.1 200 Connection established\r\n\r\n"
                yield Tunnel(asked.host, asked.port, self._parser.unread)
                return
            yield from self._answered(parsed)

    def _answered(self, parsed: ParsedRequest) -> Iterator[Act]:
        self.is_over = True  # until it went well
        call = self._peer.ask(parsed)
        for act in carried_out(call, _Saying1(parsed, self._peer)):
            if act is Ending.KEEP_ALIVE:
                self.is_over = _switches(parsed, call)
                return
            yield act

    def _refused(self, error: MalformedRequest) -> Iterator[Act]:
        response = error.to_response()
        self._peer.note_malformed(error, self._parser.unread, response)
        yield from spell(response, method="GET", keep_alive=False).pieces
        yield Ending.CLOSE


class _Saying1:
    """The answer to one request in HTTP/1.1."""

    __slots__ = ("_parsed", "_peer")

    def __init__(self, parsed: ParsedRequest, peer: _Peer) -> None:
        self._parsed, self._peer = parsed, peer

    def response(self, response: Response) -> Script:
        parsed = self._parsed
        return spell(response, method=parsed.method.upper(), http_version=parsed.http_version,
                     keep_alive=parsed.keep_alive)  # fmt: skip

    def fault(self, fault: Fault, response: Response | None) -> Script:
        parsed = self._parsed
        return spell_fault(fault, response, method=parsed.method.upper(), http_version=parsed.http_version)

    def passed(self, call: Call) -> Iterator[Act]:
        yield from self._peer.passed(call, self._parsed.raw)
        yield Ending.KEEP_ALIVE if self._parsed.keep_alive else Ending.CLOSE


def _switches(parsed: ParsedRequest, call: Call) -> bool:
    """From here on another protocol is spoken (RFC 9110 sections 7.8 and 9.3.6): nobody here understands it."""
    status = call.status or 0
    return status == 101 or (parsed.method == "CONNECT" and 200 <= status < 300)


def _product(user_agent: str) -> str:
    """The client's name and version by its User-Agent: `python-requests/2.32` is `requests 2.32`."""
    name, _, version = user_agent.partition(" ")[0].partition("/")
    return f"{name.removeprefix('python-')} {version}".strip()


def _no_way(call: Call, said: bytes) -> Iterator[Act]:  # noqa: ARG001  # a PassedOn's signature
    raise DeclarationError(
        f"{call.request} can't be let through here: nothing here reaches the real service. Give the route an answer"
    )
