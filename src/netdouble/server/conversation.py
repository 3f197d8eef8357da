"""One conversation: bytes from a connection to its far end, and what the far end says to do, done.

Rule 1: whatever goes wrong in answering is answered: 501 with the report where no route answers, 500 where a function
of the user's raised. Both are told to whoever verifies the calls.
Rule 2: what has begun and broken can't be answered any more: the connection is reset, so that no client takes half a
body for a whole one.
Rule 3: nothing is known here of routes; the `Host` knows whom to ask.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn, Protocol

from netdouble import _active
from netdouble._codec.scripts import Ending
from netdouble._codec.spelling import spell
from netdouble._core.arrivals import Connection
from netdouble._core.calls import Call
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Reply
from netdouble._core.streams import Pause
from netdouble._far_end import Act, Concurrent, FarEnd, Origin, Tunnel, Work
from netdouble.errors import NetdoubleError
from netdouble.server.listening import Hand, Visit
from netdouble.server.originals import Lock, Thread, current_thread
from netdouble.server.tls import HANDSHAKE, Line, TlsLine

if TYPE_CHECKING:
    import ssl

_PIECE = 64 * 1024
# How much of what a client still sends is read away before the connection is closed, and for how many seconds.
_DRAINED, _DRAINING = 4 * 1024 * 1024, 1.0


class Host(Protocol):
    """Who is behind the door.

    Attributes:
        came_to: see `Connection.server`.
    """

    @property
    def came_to(self) -> str:
        """See above."""
        ...

    def origin(self, sni: str | None) -> Origin:
        """Whom a client believes it talks to, that asked for this name in its TLS handshake."""
        ...

    def context(self, name: str | None) -> ssl.SSLContext:
        """How to answer a TLS handshake that asks for `name`."""
        ...

    def decide(self, request: Request) -> Call:
        """Open the call of a request. Raises UnmatchedRequest and its like."""
        ...

    def foresee(self, request: Request) -> Reply | None:
        """What would answer a request now."""
        ...

    def malformed(self, call: Call) -> None:
        """Log a request that could not be read."""
        ...

    def passed(self, call: Call, said: bytes) -> Iterator[Act]:
        """Let a request through to the real service."""
        ...

    def failed(self, call: Call | None, error: Exception) -> Response:
        """Tell whoever verifies that answering failed; what to answer instead."""
        ...

    def answered(self) -> None:
        """Something was answered just now."""
        ...

    def no_handshake(self, error: OSError) -> None:
        """A TLS handshake failed."""
        ...

    def grants(self, host: str, port: int) -> bool:
        """A CONNECT to that host is given a tunnel."""
        ...

    def tunnels(self, tunnel: Tunnel, visit: Visit, line: Line) -> bool:
        """Carry a tunnel to the real host, until its end; False: it is to be answered here."""
        ...


class _Gone(Exception):
    """The conversation is over: nothing more is to be heard or said."""


def talk(visit: Visit, host: Host) -> None:
    """Hold the conversation on a new connection until its end.

    Raises:
        OSError: the peer has gone.
    """
    data = visit.sock.recv(_PIECE)
    if data:
        with contextlib.suppress(_Gone):
            _begin(visit, visit.sock, host, data, None)


def _begin(visit: Visit, line: Line, host: Host, data: bytes, asked: Origin | None) -> None:
    """Begin with the first bytes: TLS or not.

    Args:
        asked: whom the client asked for through a proxy.
    """
    if data[0] != HANDSHAKE:
        connection = Connection(visit.index, visit.peer, server=host.came_to)
        Conversation(visit, line, host, asked or host.origin(None), connection).hold(data)
        return
    try:
        secured = TlsLine(line, data, lambda sni: host.context(sni or (asked.host if asked else None)))
    except OSError as error:
        host.no_handshake(error)
        _close_in_order(visit.sock)  # the client gets the alert that says why
        return
    except NetdoubleError as error:  # there is nothing to make certificates with
        host.failed(None, error)
        visit.reset()
        return
    sni = secured.sni
    connection = Connection(visit.index, visit.peer, sni, secured.alpn, secured.tls_version, host.came_to)
    origin = Origin("https", asked.host, asked.port) if asked is not None else host.origin(sni)
    Conversation(visit, secured, host, origin, connection).hold(secured.recv(_PIECE))


class Conversation:
    """What follows once both sides understand each other's bytes."""

    def __init__(self, visit: Visit, line: Line, host: Host, origin: Origin, connection: Connection) -> None:
        self._visit, self._line, self._host = visit, line, host
        self._far_end = FarEnd(origin, decide=self._decide, connection=connection, passed=host.passed,
                               malformed=host.malformed, grants=host.grants, foresee=host.foresee)  # fmt: skip
        self._far_end_is_http2 = connection.alpn == "h2"
        self._call: Call | None = None
        self._has_said = False
        # Held while the far end is driven and while its bytes go out; not while something waits.
        self._lock = Lock()

    def hold(self, data: bytes) -> None:
        """From the first bytes to the end."""
        visit, far_end, line = self._visit, self._far_end, self._line
        try:
            while True:
                visit.at_work = True
                self._carry_out(far_end.hear(data) if data else far_end.hear_end(), visit)
                visit.at_work = False
                if far_end.is_over or visit.over.is_set():
                    return
                data = line.recv(_PIECE)
        finally:
            visit.at_work = False
            self._see_out(visit.beside)
            far_end.close()

    def _see_out(self, beside: list[Hand]) -> None:
        """Wait for the hands beside this one: where the server stops, until they have answered; else not so long."""
        if self._visit.over.is_set():
            for hand in beside:
                if hand.at_work:
                    hand.thread.join()
        if beside:
            self._visit.cut()
        for hand in beside:
            hand.thread.join()

    def _decide(self, request: Request) -> Call:
        self._has_said, self._call = False, None
        try:
            self._call = self._host.decide(request)
        except Exception as error:  # noqa: BLE001  # UnmatchedRequest and its like, and a route without an answer
            return Call(request, None, self._host.failed(None, error))
        return self._call

    # Carrying out

    def _carry_out(self, acts: Iterator[Act], hand: Hand) -> None:
        try:
            while (act := self._said(acts, hand)) is not None:
                self._do(act, hand)
        finally:
            close = getattr(acts, "close", None)
            if close is not None:
                close()
            self._host.answered()

    def _said(self, acts: Iterator[Act], hand: Hand) -> Act | None:
        """Say what is to be said; the next act that is something else, None at the end."""
        visit = self._visit
        with self._lock:
            while True:
                try:
                    act = next(acts, None)
                except Exception as error:  # noqa: BLE001  # what a function of the user's raised
                    self._break_off(error, hand)
                if not isinstance(act, bytes):
                    return act
                self._has_said = visit.sends = True
                self._line.sendall(act)
                visit.sends = False

    def _break_off(self, error: Exception, hand: Hand) -> NoReturn:
        response = self._host.failed(self._call, error)
        self._host.answered()
        if self._has_said or self._far_end_is_http2:
            self._visit.reset()
            raise _Gone from None
        for piece in spell(response, method="GET", keep_alive=False).pieces:
            if isinstance(piece, bytes):
                self._line.sendall(piece)
        self._end(Ending.CLOSE, hand)

    def _do(self, act: Act, hand: Hand) -> None:
        if isinstance(act, Work):
            act.do()
        elif isinstance(act, Pause):
            self._wait(act.seconds, hand)
        elif isinstance(act, Ending):
            self._host.answered()
            self._end(act, hand)
        elif isinstance(act, Concurrent):
            self._run_beside(act.acts)
        elif isinstance(act, Tunnel):
            self._tunnel(act)

    def _wait(self, seconds: float, hand: Hand) -> None:
        hand.at_work = False
        if self._visit.outlast(seconds):
            raise _Gone
        hand.at_work = True

    def _end(self, ending: Ending, hand: Hand) -> NoReturn:
        """Close, reset or fall silent; nothing is heard after it."""
        visit = self._visit
        hand.at_work = False
        if ending is Ending.RESET:
            visit.reset()
        elif ending is Ending.STALL:
            visit.outlast()
        else:
            if isinstance(self._line, TlsLine):
                self._line.close_notify()
            _close_in_order(visit.sock)
        raise _Gone

    def _run_beside(self, acts: Iterator[Act]) -> None:
        """Carry out acts in a thread of their own."""

        def work() -> None:
            current_thread().__dict__[_active.THREAD_ATTRIBUTE] = belongs_to
            try:
                with contextlib.suppress(_Gone, OSError):
                    self._carry_out(acts, hand)
            finally:
                hand.at_work = False
                if visit.over.is_set() and not visit.is_busy:
                    visit.cut()  # the connection's own thread waits for its client

        visit, hand = self._visit, Hand()
        belongs_to = current_thread().__dict__.get(_active.THREAD_ATTRIBUTE)
        hand.thread = Thread(target=work, name=f"{current_thread().name}, beside", daemon=True)
        hand.at_work = True
        visit.beside = [*(each for each in visit.beside if each.thread.is_alive()), hand]
        hand.thread.start()

    def _tunnel(self, tunnel: Tunnel) -> None:
        visit, host = self._visit, self._host
        visit.at_work = False
        if not host.tunnels(tunnel, visit, self._line):
            data = tunnel.unread or self._line.recv(_PIECE)
            if data:
                _begin(visit, self._line, host, data, Origin("http", tunnel.host, tunnel.port))
        raise _Gone


def _close_in_order(sock: socket.socket) -> None:
    """Close it so that the peer gets all that was said: a socket with unread bytes would be reset (RFC 9112, 9.6)."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(_DRAINING)
        left = _DRAINED
        while left > 0 and (data := sock.recv(_PIECE)):
            left -= len(data)
