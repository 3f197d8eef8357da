"""Where connects to stubbed hosts arrive: one loopback port, whose connections are accepted by whoever connects.

Rule: connect and accept are one step, under one lock, so a connection is known to be its client's. Strangers are sent
away.
"""

from __future__ import annotations

import _socket
import socket
import sys
import threading
from typing import Any

from netdouble._active import Scope
from netdouble._core.arrivals import Connection
from netdouble._core.faults import Fault
from netdouble._gate import client_side, originals
from netdouble._gate.connecting import Failing, Nowhere, failing
from netdouble._gate.line import Line
from netdouble._gate.sockets import unjudged
from netdouble._stepping_aside import lines

# Seconds for what takes some microseconds: a connect on loopback, and its accept.
_ENOUGH = 10.0
# Bytes that a far side holds unread; more than a client writes at once (`client_side`).
_RECEIVED = 1 << 17


class Listener:
    """The port, and the lines of the connections that were made to it.

    Attributes:
        lines: those that are open, by the client's descriptor.
    """

    def __init__(self) -> None:
        self.lines: dict[int, Line] = lines
        self._all: list[Line] = []
        self._lock = threading.Lock()
        self._count = 0
        self._nowhere = Nowhere()
        self._port = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Else the kernel lets buffers grow to many megabytes, and a peer that stops reading would not be noticed.
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)
        unjudged(self._port.bind, ("127.0.0.1", 0))
        self._port.listen(128)
        self._port.settimeout(_ENOUGH)
        self._address = self._port.getsockname()
        self._undo = client_side.install(self.lines)

    def connect(self, sock: socket.socket, original: Any, scope: Scope, host: str, port: int, *,
                threaded: bool | None = None) -> Any:  # fmt: skip
        """Connect `sock` to a far side that answers for `host`.

        Args:
            original: the C method that connects. threaded: None: as the running loop needs it.

        Raises:
            OSError: a route says that the connection fails.
        """
        failed = failing(scope, host, port)
        if failed is not None and failed.fault.position != "handshake":
            return self._fail(sock, original, failed)
        inline = not (_needs_thread() if threaded is None else threaded)
        patience = _socket.socket.gettimeout(sock)
        with self._lock:
            _socket.socket.settimeout(sock, _ENOUGH)
            try:
                made = unjudged(original, sock, _as_seen_by(sock, self._address))
                if made:  # connect_ex says why not
                    return made
                # What is written must be there when the write returns, not when an acknowledgement comes (RFC 896).
                _socket.socket.setsockopt(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                far, peer = self._accepted(_socket.socket.getsockname(sock)[1])
            finally:
                _socket.socket.settimeout(sock, patience)
            connection = Connection(self._count, peer)
            self._count += 1
        line = Line(far, scope, host, port, connection, inline=inline, refused=failed)
        with self._lock:
            self._all = [known for known in self._all if not known.is_done]
            self._all.append(line)
        self.lines[sock.fileno()] = line
        return made

    def _accepted(self, port: int) -> tuple[_socket.socket, tuple[str, int]]:
        while True:
            descriptor, peer = _accept(self._port)
            far = _socket.socket(fileno=descriptor)
            if peer[1] == port:
                return far, peer
            far.close()

    def _fail(self, sock: socket.socket, original: Any, failed: Failing) -> Any:
        error = failed.happens()
        if failed.fault is Fault.DNS:
            raise error
        patience = _socket.socket.gettimeout(sock)
        if failed.delay and (patience is None or patience > failed.delay):
            originals.sleep(failed.delay)
        return unjudged(original, sock, _as_seen_by(sock, ("127.0.0.1", self._nowhere.port(failed.fault))))

    def close(self, scope: Scope, *, wholly: bool) -> None:
        """Close the connections of `scope`, or all of it."""
        with self._lock:
            gone = [line for line in self._all if wholly or line.scope is scope]
            self._all = [line for line in self._all if line not in gone]
        for key, line in tuple(self.lines.items()):
            if line in gone:
                self.lines.pop(key, None)
        for line in gone:
            line.be_heard()
            line.close()
        if wholly:
            self._undo()
            self._port.close()
            self._nowhere.close()
        for line in gone:
            line.join()


# What `socket.accept()` calls, unknown to typeshed; that one makes a `socket.socket`, which a test may have replaced.
_accept: Any = vars(_socket.socket)["_accept"]


def _as_seen_by(sock: socket.socket, address: tuple[str, int]) -> Any:
    """`address` in the family of `sock`: an IPv6 socket reaches IPv4 by its mapped address (RFC 4291 2.5.5.2)."""
    if sock.family == socket.AF_INET6:
        return f"::ffff:{address[0]}", address[1], 0, 0
    return address


def _needs_thread() -> bool:
    """The loop that runs here does its I/O past `socket.socket`: trio keeps its methods from import, others are C."""
    if _is_in_trio():
        return True
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    loop = asyncio._get_running_loop()
    ours = getattr(sys.modules.get("asyncio.selector_events"), "BaseSelectorEventLoop", ())
    return loop is not None and not isinstance(loop, ours)


def _is_in_trio() -> bool:
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()  # `in_trio_run` came with trio 0.25
    except RuntimeError:
        return False
    return True
