"""The standard library as it was before anybody replaced a part of it.

Rule 1: the server asks here, never `socket`, `threading` or `time` by name: a test that blocks sockets, freezes time or
counts threads must not reach it.
Rule 2: nothing here reads a clock. What waits, waits in the operating system: locks and sockets with a timeout in
seconds know no frozen time (freezegun replaces module attributes that are a function of `time`, and no C type).
"""

from __future__ import annotations

import _socket
import select
import selectors
import socket
import sys
import threading
from typing import Any

# pytest-socket and others put a subclass into `socket.socket`; the class below all of them is the real one.
Socket: type[socket.socket] = next(kind for kind in socket.socket.__mro__ if kind.__module__ == "socket")

getaddrinfo: Any = _socket.getaddrinfo

poll: Any = getattr(select, "poll", None)
Selector = selectors.DefaultSelector

Thread = threading.Thread
Event = threading.Event
Lock = threading.Lock
current_thread = threading.current_thread


def accepted(listener: socket.socket) -> tuple[socket.socket, Any]:
    """The next connection and its peer's address. `socket.accept` would build its result of `socket.socket` by name.

    Raises:
        OSError: as `accept`.
    """
    handle, address = listener._accept()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # not in the stubs
    return Socket(listener.family, listener.type, listener.proto, fileno=handle), address


def report_unhandled() -> None:
    """Report the exception that is being handled as Python reports one that ends a thread."""
    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), current_thread())))
