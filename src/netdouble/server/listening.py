"""A listening socket and the threads behind it: one accepts, one more for each connection.

Rule 1: what is said on a connection is not known here; `talk` says it.
Rule 2: `stop` leaves no thread and no descriptor. A connection that waits (for its peer, or for time to pass) is cut
off at once; one whose handler is at work is waited for.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from netdouble.server.originals import Event, Socket, Thread, accepted, current_thread, getaddrinfo, poll

UNIX = "unix:"

# Seconds that a stop waits for handlers at work, and for a peer to take the last bytes of an answer; in steps.
PATIENCE = 30.0
_LAST_BYTES = 1.0
_STEP = 0.05
_FEW = 64

_NO_DESCRIPTOR_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Hand:
    """Who works for a connection: its own thread, or one beside it.

    Attributes:
        at_work: a request is being answered: a stop waits.
    """

    __slots__ = ("at_work", "thread")

    def __init__(self) -> None:
        self.at_work = False
        self.thread: Any = None


class Visit(Hand):
    """One connection, and what a stop has to know of it.

    Attributes:
        sock: its socket. peer: the client's address. index: the how-manieth of its listener, from 0.
        sends: bytes are going out. over: set when the server stops. beside: more hands that it has.
    """

    __slots__ = ("beside", "index", "over", "peer", "sends", "sock")

    def __init__(self, sock: socket.socket, peer: tuple[str, int] | str, index: int, over: Any) -> None:
        super().__init__()
        self.sock, self.peer, self.index, self.over = sock, peer, index, over
        self.sends = False
        self.beside: list[Hand] = []

    @property
    def is_busy(self) -> bool:
        """One of its hands is at work."""
        return self.at_work or any(hand.at_work for hand in self.beside)

    def cut(self) -> None:
        """End what the connection's thread waits for."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def outlast(self, seconds: float | None = None) -> bool:
        """Wait until the client has gone or the server stops, at most so long, and read nothing; True when it was so.

        A client that closes its side has gone. Where the system does not tell that, only what it sends is read away.
        """
        if self.over.is_set():
            return True
        if _HUNG_UP is not None:
            polled = poll()
            polled.register(self.sock, _HUNG_UP)
            return bool(polled.poll(None if seconds is None else seconds * 1000)) or bool(self.over.is_set())
        if seconds is not None:
            return bool(self.over.wait(seconds))
        while self.sock.recv(65536):
            pass
        return True

    def reset(self) -> None:
        """Close it as a peer does that has gone away: with a RST."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self.sock.close()


# Linux tells of a peer's end apart from what is still to be read before it.
_HUNG_UP: int | None = getattr(select, "POLLRDHUP", None)

# On Windows its fields are short.
_NO_LINGERING = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Listener:
    """Accepts connections on one address and lets `talk` hold each conversation in a thread of its own.

    Args:
        host: a name or address of this machine, or `unix:/path`. port: 0 for a free one. talk: holds the
            conversation on one connection; it may raise OSError when the peer goes away. name: for its threads.

    Raises:
        OSError: the address can't be used.
    """

    def __init__(self, host: str, port: int, talk: Callable[[Visit], None], name: str) -> None:
        self._talk, self._name = talk, name
        self._visits: list[Visit] = []
        self._count = 0
        self._look_at = _FEW  # so many connections are kept before the ended ones are forgotten
        self._over = Event()
        self._path = host.removeprefix(UNIX) if host.startswith(UNIX) else ""
        self._socket = _listening_unix(self._path) if self._path else _listening(host, port)
        self.port: int = 0 if self._path else self._socket.getsockname()[1]
        self._thread = Thread(target=self._accept, name=name, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._count

    def stop(self) -> None:
        """Close the address and every connection; handlers at work are waited for, and their answers sent.

        Raises:
            TimeoutError: a handler did not come to its end.
        """
        self._over.set()
        self._wake()
        if self._thread is not current_thread():
            self._thread.join()
        self._socket.close()
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)
        for visit in self._visits:
            if not visit.is_busy:
                visit.cut()
        for visit in self._visits:
            self._see_out(visit)

    def _see_out(self, visit: Visit) -> None:
        """Wait for the end of one connection."""
        if visit.thread is current_thread():  # a handler stops its own server
            return
        stuck = 0.0
        for _ in range(int(PATIENCE / _STEP)):
            visit.thread.join(_STEP)
            if not visit.thread.is_alive():
                return
            stuck = 0.0 if visit.is_busy and not visit.sends else stuck + _STEP
            if stuck >= _LAST_BYTES:
                visit.cut()
        raise TimeoutError(f"{self._name}: a handler is still at work {PATIENCE:.0f} s after the server's stop")

    def _wake(self) -> None:
        """Let the accepting thread see that it is over."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
            return
        # Only Linux ends an accept by a shutdown; elsewhere somebody has to knock.
        with suppress(OSError), Socket(self._socket.family) as knocking:
            knocking.settimeout(_LAST_BYTES)
            Socket.connect_ex(knocking, self._socket.getsockname())

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                sock, address = accepted(self._socket)
            except OSError as error:
                if error.errno in _NO_DESCRIPTOR_LEFT:
                    self._over.wait(0.05)
                    continue
                if error.errno == errno.ECONNABORTED:
                    continue
                return
            peer = address if isinstance(address, str) else tuple(address[:2])
            visit = Visit(sock, peer, self._count, self._over)
            self._count += 1
            visit.thread = Thread(target=self._receive, args=(visit,), name=f"{self._name} {visit.index}", daemon=True)
            try:
                visit.thread.start()
            except RuntimeError:  # no more threads are to be had
                sock.close()
                continue
            self._visits.append(visit)
            if len(self._visits) >= self._look_at:
                self._visits = [each for each in self._visits if each.thread.is_alive()]
                self._look_at = 2 * len(self._visits) + _FEW

    def _receive(self, visit: Visit) -> None:
        try:
            if visit.sock.family != _AF_UNIX:
                # Else a second small write waits 40 ms for the peer's delayed acknowledgement (RFC 896, RFC 1122).
                visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._talk(visit)
        except OSError:
            pass  # the peer has gone, or the server stops
        finally:
            visit.sock.close()


_AF_UNIX = getattr(socket, "AF_UNIX", None)


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[0]
    listener = Socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def _listening_unix(path: str) -> socket.socket:
    listener = Socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener
