"""One conversation: bytes from a connection to its far end, and what the far end says to do, done.

Rule 1: whatever goes wrong in answering is answered: 501 with the report where no route answers, 500 where a function
of the user's raised. Both are told to whoever verifies the calls.
Rule 2: what has begun and broken can't be answered any more: the connection is reset, so that no client takes half a
body for a whole one.
Rule 3: nothing is known here of routes; the `Host` knows whom to ask.
"""

from __future__ import annotations

import contextlib
import itertools
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
from netdouble.server.listening import Hand, MustWait, Visit
from netdouble.server.originals import Lock, Thread, current_thread
from netdouble.server.tls import HANDSHAKE, Line, TlsLine

if TYPE_CHECKING:
    import ssl

_PIECE = 64 * 1024
# How much of what a client still sends is read away before the connection is closed, and for how many seconds a thread
# does that.
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


class Conversation:
    """What is said on one connection, from its first byte. A `Talk`: attended to, or held in a thread of its own."""

    def __init__(self, visit: Visit, host: Host) -> None:
        self._visit, self._host = visit, host
        self._line: Line = visit
        self._secures: TlsLine | None = None  # hands are being shaken
        self._asked: Origin | None = None  # whom the client asked for through a proxy
        self._unread = b""
        self._far_end: FarEnd | None = None  # once both sides understand each other's bytes
        self._far_end_is_http2 = False
        self._call: Call | None = None
        self._has_said = self._has_heard_all = False  # a part of an answer; that the client has closed its side
        self._to_drain = 0  # the server has closed its side, and reads away so many bytes
        # While it is attended to, for the thread that may have to go on: what is being done, and the act that is due.
        self._acts: Iterator[Act] | None = None
        self._due: Act | None = None
        self._belongs_to: object = None  # see `_active.THREAD_ATTRIBUTE`
        # Held while the far end is driven and while its bytes go out; not while something waits.
        self._lock = Lock()

    def attend(self) -> bool:
        """See `Talk`."""
        try:
            if self._to_drain > 0:
                return self._drain()
            while True:
                acts = self._acts = self._heard()
                while (act := self._said(acts)) is not None:
                    self._do_at_once(act)
                self._acts = None
                self._host.answered()
                is_over = self._is_over
                if is_over or not self._line.has_unread:
                    return not is_over
        except BlockingIOError:
            return True
        except MustWait:
            self._belongs_to = current_thread().__dict__.get(_active.THREAD_ATTRIBUTE)
            raise
        except _Gone:
            return self._to_drain > 0

    def hold(self) -> None:
        """See `Talk`."""
        visit = self._visit
        current_thread().__dict__[_active.THREAD_ATTRIBUTE] = self._belongs_to
        try:
            if self._acts is not None:
                (acts, act), self._acts, self._due = (self._acts, self._due), None, None
                self._carry_out(acts, visit, act)
            while not (self._is_over or visit.over.is_set()):
                visit.at_work = False
                acts = self._heard()
                visit.at_work = True
                self._carry_out(acts, visit)
        except _Gone:
            pass
        finally:
            visit.at_work = False
            self._see_out(visit.beside)

    def close(self) -> None:
        """See `Talk`."""
        if self._acts is not None:
            _let_go(self._acts)
        if self._far_end is not None:
            self._far_end.close()

    # Hearing

    def _heard(self) -> Iterator[Act]:
        """Hear what the client says next; what is to be done about it."""
        far_end = self._far_end
        if far_end is None:
            far_end, data = self._begun()
        else:
            data = self._line.recv(_PIECE)
        if data:
            return far_end.hear(data)
        self._has_heard_all = True
        return far_end.hear_end()

    @property
    def _is_over(self) -> bool:
        return self._far_end is not None and self._far_end.is_over

    def _begun(self) -> tuple[FarEnd, bytes]:
        """Whom the client talks to and its first words, TLS or not."""
        visit, host, asked = self._visit, self._host, self._asked
        if self._secures is None:
            data, self._unread = self._unread or self._line.recv(_PIECE), b""
            if not data:
                raise _Gone
            if data[0] != HANDSHAKE:
                connection = Connection(visit.index, visit.peer, server=host.came_to)
                return self._understood(asked or host.origin(None), connection), data
            self._secures = TlsLine(self._line, data, lambda sni: host.context(sni or (asked.host if asked else None)))
        secured = self._secures
        self._shake_hands(secured)
        self._line, self._secures = secured, None
        connection = Connection(visit.index, visit.peer, secured.sni, secured.alpn, secured.tls_version, host.came_to)
        origin = Origin("https", asked.host, asked.port) if asked is not None else host.origin(secured.sni)
        return self._understood(origin, connection), secured.recv(_PIECE)

    def _shake_hands(self, secured: TlsLine) -> None:
        try:
            secured.shake_hands()
        except BlockingIOError:
            raise
        except OSError as error:
            self._host.no_handshake(error)
            self._acts = iter(())
            self._do_at_once(Ending.CLOSE)  # the client gets the alert that says why
        except NetdoubleError as error:  # there is nothing to make certificates with
            self._host.failed(None, error)
            self._visit.reset()
            raise _Gone from None

    def _understood(self, origin: Origin, connection: Connection) -> FarEnd:
        host = self._host
        self._far_end_is_http2 = connection.alpn == "h2"
        self._far_end = FarEnd(origin, decide=self._decide, connection=connection, passed=host.passed,
                               malformed=host.malformed, grants=host.grants, foresee=host.foresee)  # fmt: skip
        return self._far_end

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

    def _carry_out(self, acts: Iterator[Act], hand: Hand, act: Act | None = None) -> None:
        """Do `act` and all that follows it."""
        try:
            act = act or self._said(acts)
            while act is not None:
                self._do(act, hand)
                act = self._said(acts)
        finally:
            _let_go(acts)
            self._host.answered()

    def _said(self, acts: Iterator[Act]) -> Act | None:
        """Say what is to be said; the next act that is something else, None at the end."""
        visit = self._visit
        with self._lock:
            while True:
                try:
                    act = next(acts, None)
                except Exception as error:  # noqa: BLE001  # what a function of the user's raised
                    return self._broken_off(error)
                if not isinstance(act, bytes):
                    return act
                self._has_said = visit.sends = True
                self._line.sendall(act)
                visit.sends = False

    def _broken_off(self, error: Exception) -> Ending:
        """Say that answering failed, where that can still be said; how to end."""
        response = self._host.failed(self._call, error)
        if self._has_said or self._far_end_is_http2:
            return Ending.RESET
        for piece in spell(response, method="GET", keep_alive=False).pieces:
            if isinstance(piece, bytes):
                self._line.sendall(piece)
        return Ending.CLOSE

    def _do_at_once(self, act: Act) -> None:
        """Do what needs no time.

        Raises:
            MustWait: it does, and the connection has no thread: the act is due.
        """
        is_quick = isinstance(act, Concurrent) or (isinstance(act, Ending) and act is not Ending.STALL)
        if self._visit.thread is None and not is_quick:
            self._due = act
            raise MustWait
        self._do(act, self._visit)

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
            self._close_in_order()
        raise _Gone

    def _close_in_order(self) -> None:
        """Close it so that the peer gets all that was said: with unread bytes it would be reset (RFC 9112, 9.6)."""
        sock = self._visit.sock
        with contextlib.suppress(OSError, MustWait):
            if isinstance(self._line, TlsLine):
                self._line.close_notify()
            sock.shutdown(socket.SHUT_WR)
            if self._has_heard_all:
                return
            self._to_drain = _DRAINED
            if self._visit.thread is not None:
                sock.settimeout(_DRAINING)
                while self._drain():
                    pass

    def _drain(self) -> bool:
        """Read away what comes; False when that was enough."""
        data = self._visit.sock.recv(_PIECE)
        self._to_drain -= len(data)
        return bool(data) and self._to_drain > 0

    def _run_beside(self, acts: Iterator[Act]) -> None:
        """Carry out acts as far as nothing waits, and the rest of them in a thread of their own.

        Raises:
            MustWait: there is a rest, and the connection has no thread: the rest is due.
        """
        act = self._said(acts)
        if act is None:
            return
        acts = itertools.chain((act,), acts)
        if self._visit.thread is None:
            self._due = Concurrent(acts)
            raise MustWait

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
        """Carry what follows to where it is meant for, or hear it here as what it is."""
        visit = self._visit
        visit.at_work = False
        if self._host.tunnels(tunnel, visit, self._line):
            raise _Gone
        self.close()
        self._far_end, self._asked, self._unread = None, Origin("http", tunnel.host, tunnel.port), tunnel.unread


def _let_go(acts: Iterator[Act]) -> None:
    close = getattr(acts, "close", None)
    if close is not None:
        close()
