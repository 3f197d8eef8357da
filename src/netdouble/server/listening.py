"""A listening socket, the thread that attends to its connections, and one more for each that takes its time.

Rule 1: what is said on a connection is not known here; its `Talk` says it.
Rule 2: nothing waits in the attending thread but for the next bytes of any connection. What has to wait (for a function
of the user's, for time to pass, for a peer that does not read) says `MustWait`, and its connection has a thread of its
own from then on: so none blocks another, and what needs no waiting wakes no second thread.
Rule 3: `stop` leaves no thread and no descriptor. A connection that waits (for its peer, or for time to pass) is cut
off at once; one whose handler is at work is waited for.
"""

from __future__ import annotations

import errno
import os
import select
import selectors
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from netdouble.server.originals import (
    Event,
    Selector,
    Socket,
    Thread,
    accepted,
    current_thread,
    getaddrinfo,
    poll,
    report_unhandled,
)

UNIX = "unix:"

# Seconds that a stop waits for handlers at work, and for a peer to take the last bytes of an answer; in steps.
PATIENCE = 30.0
_LAST_BYTES = 1.0
_STEP = 0.05
_FEW = 64

_NO_DESCRIPTOR_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class MustWait(Exception):
    """What is to be done now has to wait; the connection needs a thread of its own."""


class Talk(Protocol):
    """What is said on one connection."""

    def attend(self) -> bool:
        """Answer what has come, and wait for nothing; False when the connection is over.

        Raises:
            MustWait: `hold` is to go on. OSError: the peer has gone.
        """
        ...

    def hold(self) -> None:
        """Go on until the end, in a thread of its own. Raises OSError when the peer has gone."""
        ...

    def close(self) -> None:
        """Nothing is said any more."""
        ...


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
    """One connection, what carries its bytes, and what a stop has to know of it.

    Attributes:
        sock: its socket. peer: the client's address. index: the how-manieth of its listener, from 0.
        talk: what is said on it. sends: bytes are going out. over: set when the server stops. beside: more hands that
            it has.
    """

    __slots__ = ("_unsent", "beside", "index", "over", "peer", "sends", "sock", "talk")

    has_unread = False  # the system tells of what has come

    def __init__(self, sock: socket.socket, peer: tuple[str, int] | str, index: int, over: Any,
                 talk: Callable[[Visit], Talk]) -> None:  # fmt: skip
        super().__init__()
        self.sock, self.peer, self.index, self.over = sock, peer, index, over
        self.sends = False
        self.beside: list[Hand] = []
        self._unsent = b""
        self.talk = talk(self)

    def recv(self, size: int) -> bytes:
        """What came. Raises BlockingIOError where nothing has and the connection has no thread of its own."""
        return self.sock.recv(size)

    def sendall(self, data: bytes) -> None:
        """Send all of it. Raises MustWait where the peer takes no more now and the connection has no thread."""
        if self.thread is not None:
            self.sock.sendall(data)
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._unsent = data[sent:]
            raise MustWait

    def hold(self) -> None:
        """In the thread that it was given: what could not be sent at once is sent, and the talk goes on to its end."""
        self.sock.settimeout(None)
        if self._unsent:
            self.sends = True
            self.sock.sendall(self._unsent)
            self.sends, self._unsent = False, b""
        self.talk.hold()

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
    """Accepts connections on one address and lets each be attended to.

    Args:
        host: a name or address of this machine, or `unix:/path`. port: 0 for a free one. talk: what is said on a new
            connection. name: for its threads.

    Raises:
        OSError: the address can't be used.
    """

    def __init__(self, host: str, port: int, talk: Callable[[Visit], Talk], name: str) -> None:
        self._talk, self._name = talk, name
        self._visits: list[Visit] = []  # those that have a thread
        self._count = 0
        self._look_at = _FEW  # so many of them are kept before the ended ones are forgotten
        self._over = Event()
        self._path = host.removeprefix(UNIX) if host.startswith(UNIX) else ""
        self._socket = _listening_unix(self._path) if self._path else _listening(host, port)
        self._socket.setblocking(False)
        self.port: int = 0 if self._path else self._socket.getsockname()[1]
        self._selector = Selector()
        self._selector.register(self._socket, _READ)
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._count

    # Attending

    def _run(self) -> None:
        over, select_ready = self._over.is_set, self._selector.select
        while not over():
            for key, _ in select_ready():
                if key.data is None:
                    self._accept()
                else:
                    self._attend(key.data)
        self._leave()

    def _accept(self) -> None:
        try:
            sock, address = accepted(self._socket)
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR_LEFT:
                self._over.wait(_STEP)
            return
        try:
            sock.setblocking(False)
            if sock.family != _AF_UNIX:
                # Else a second small write waits 40 ms for the peer's delayed acknowledgement (RFC 896, RFC 1122).
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # it has gone already
            sock.close()
            return
        peer = address if isinstance(address, str) else tuple(address[:2])
        visit = Visit(sock, peer, self._count, self._over, self._talk)
        self._count += 1
        self._selector.register(sock, _READ, visit)

    def _attend(self, visit: Visit) -> bool:
        """Let it say what waits for nothing; True: it is to be attended to again."""
        try:
            if visit.talk.attend():
                return True
        except MustWait:
            self._selector.unregister(visit.sock)
            self._give_thread(visit)
            return False
        except OSError:
            pass  # the peer has gone
        except BaseException:  # noqa: BLE001  # others are not to suffer by it
            report_unhandled()
        self._end(visit)
        return False

    def _give_thread(self, visit: Visit) -> None:
        visit.at_work = True
        visit.thread = Thread(target=self._hold, args=(visit,), name=f"{self._name} {visit.index}", daemon=True)
        try:
            visit.thread.start()
        except RuntimeError:  # no more threads are to be had
            visit.talk.close()
            visit.sock.close()
            return
        self._visits.append(visit)
        if len(self._visits) >= self._look_at:
            self._visits = [each for each in self._visits if each.thread.is_alive()]
            self._look_at = 2 * len(self._visits) + _FEW

    def _hold(self, visit: Visit) -> None:
        try:
            visit.hold()
        except OSError:
            pass  # the peer has gone, or the server stops
        finally:
            visit.talk.close()
            visit.sock.close()

    def _end(self, visit: Visit) -> None:
        self._selector.unregister(visit.sock)
        visit.talk.close()
        visit.sock.close()

    # Stopping

    def stop(self) -> None:
        """Close the address and every connection; handlers at work are waited for, and their answers sent.

        Raises:
            TimeoutError: a handler did not come to its end.
        """
        self._over.set()
        self._wake()
        if self._thread is not current_thread():
            self._thread.join(PATIENCE)
            if self._thread.is_alive():  # in a matcher of the user's
                raise self._stuck()
        self._socket.close()
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)
        for visit in self._visits:
            if not visit.is_busy:
                visit.cut()
        for visit in self._visits:
            self._see_out(visit)

    def _leave(self) -> None:
        """Cut off who is attended to: each sees its connection end, and what has come of a request is told."""
        for key in list(self._selector.get_map().values()):
            visit = key.data
            if visit is not None:
                visit.cut()
                if self._attend(visit):
                    self._end(visit)
        self._selector.close()

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
        raise self._stuck()

    def _stuck(self) -> TimeoutError:
        return TimeoutError(f"{self._name}: a handler is still at work {PATIENCE:.0f} s after the server's stop")

    def _wake(self) -> None:
        """Let the attending thread see that it is over."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
            return
        # Only Linux tells of a shutdown of what listens; elsewhere somebody has to knock.
        with suppress(OSError), Socket(self._socket.family) as knocking:
            knocking.settimeout(_LAST_BYTES)
            Socket.connect_ex(knocking, self._socket.getsockname())


_AF_UNIX = getattr(socket, "AF_UNIX", None)
_READ = selectors.EVENT_READ


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[0]
    listener = Socket(family, kind, protocol)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _bound(listener, address, f"{host}:{port}")


def _listening_unix(path: str) -> socket.socket:
    return _bound(Socket(socket.AF_UNIX, socket.SOCK_STREAM), path, UNIX + path)


def _bound(listener: socket.socket, address: Any, name: str) -> socket.socket:
    """`listener`, which listens there. Raises the system's OSError, of the same kind, that says at what address."""
    try:
        listener.bind(address)
        listener.listen(1024)
    except BaseException as error:
        listener.close()
        if not isinstance(error, OSError):
            raise
        text = f"no server can listen at {name}: {error.strerror or error}"
        number = () if error.errno is None else (error.errno,)  # too long a path has none
        raise OSError(*number, text) from None
    return listener
