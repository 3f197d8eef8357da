"""The far end of a connection: what a client sends is heard, each request is decided, and what is to be done is said.

Rule 1: no socket, no thread, no waiting here. Bytes come in, acts come out; whoever holds the connection carries the
acts out: in the client's own `send()`, or in a server's thread.
Rule 2: acts come lazily, and whatever `decide` raises comes out of the iterator: in the caller's stack.
Rule 3: one far end is driven by one thread at a time, and bytes are sent in the order in which they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from netdouble._codec.http1 import DEFAULT_LIMITS, Limits
from netdouble._core.arrivals import Connection
from netdouble._core.calls import Call
from netdouble._core.messages import Request
from netdouble._core.replies import Reply
from netdouble._far_end.acts import MAY_WAIT, Act, Concurrent, MayWait, Origin, PassedOn, Tunnel, Work
from netdouble._far_end.exchanges import Peer, no_way
from netdouble._far_end.http1 import Http1

__all__ = ["MAY_WAIT", "Act", "Concurrent", "FarEnd", "MayWait", "Origin", "PassedOn", "Tunnel", "Work"]


class FarEnd:
    r"""One connection, as the peer of the client that opened it.

    Args:
        origin: whom the client believes it talks to. decide: who answers: opens the call of a request. What it raises
            is raised by the iterator that `hear` gave, and the far end hears nothing after that.
        connection: what is known of the connection; `alpn` decides which HTTP is spoken.
        client: name and version of the client, where the door knows it; else the User-Agent's first product.
        limits: how much the client may send. passed: lets a request through to the real service; without it, a
            DeclarationError is raised. malformed: is given the call of a request that could not be read, for the log;
            the client is told 400 by itself. grants: whether a CONNECT to that host and port is a wish for a tunnel,
            and granted (`Tunnel`); else it is decided as any request. foresee: what would answer a request now, nothing
            recorded. Asked when the head of one has come and its body has not, for the faults that happen before that.

    Example:
        >>> far_end = FarEnd(Origin("http", "x.test", 80), decide=router.open, connection=Connection())
        >>> for act in far_end.hear(b"GET / HTTP/1.1\r\nHost: x.test\r\n\r\n"):
        ...     if isinstance(act, bytes):
        ...         client.send(act)
    """

    def __init__(self, origin: Origin, *, decide: Callable[[Request], Call], connection: Connection, client: str = "",
                 limits: Limits = DEFAULT_LIMITS, passed: PassedOn | None = None,
                 malformed: Callable[[Call], None] | None = None,
                 grants: Callable[[str, int], bool] | None = None,
                 foresee: Callable[[Request], Reply | None] | None = None) -> None:  # fmt: skip
        self._peer = Peer(origin, decide, connection, client, passed or no_way, malformed, foresee)
        self._limits, self._grants = limits, grants
        self._speech: _Speech | None = None
        self._first = b""

    def hear(self, data: bytes) -> Iterator[Act]:
        """The client has sent `data`. What is to be done now, act by act; take all of it before hearing more.

        The acts inside a `Concurrent` are not part of that: they may go on while more is heard.
        """
        speech = self._speech
        if speech is None:
            data = self._first = self._first + data
            speech = self._speech = self._speech_for(data)
            if speech is None:
                return iter(())
            self._first = b""
        return speech.hear(data)

    def hear_end(self) -> Iterator[Act]:
        """The client has closed its side. What is to be done now; nothing is heard after it."""
        if self._speech is None:
            self._speech = Http1(self._peer, self._limits, self._grants)
            yield from self._speech.hear(self._first)
        yield from self._speech.hear_end()

    def close(self) -> None:
        """Nobody carries out acts any more: what still waits (a WebSocket's peer, streams) is let go, and logged."""
        if self._speech is not None:
            self._speech.close()

    @property
    def is_idle(self) -> bool:
        """Nothing of a request has come that was not answered: the connection may be closed without losing one."""
        return not self._first if self._speech is None else self._speech.is_idle

    @property
    def is_over(self) -> bool:
        """Nothing is heard any more: the last act was an ending or a tunnel, or an error was raised."""
        return self._speech is not None and self._speech.is_over

    def _speech_for(self, data: bytes) -> _Speech | None:
        """The protocol that the client speaks; None while its first bytes leave that open."""
        if self._peer.connection.alpn != "h2" and not data.startswith(_PREFACE):
            if _PREFACE.startswith(data):
                return None
            return Http1(self._peer, self._limits, self._grants)
        from netdouble._far_end.http2 import Http2  # h2 is an extra, and costs 30 ms

        return Http2(self._peer, self._limits)


class _Speech(Protocol):
    """A protocol, in the far end's own terms."""

    @property
    def is_idle(self) -> bool: ...
    @property
    def is_over(self) -> bool: ...
    def hear(self, data: bytes) -> Iterator[Act]: ...
    def hear_end(self) -> Iterator[Act]: ...
    def close(self) -> None: ...


# With it a client says that it speaks HTTP/2 without having asked (RFC 9113 section 3.4). As far as no method of
# HTTP/1.1 begins so.
_PREFACE = b"PRI * HTTP/2.0"
