"""The wire: a connect to a stubbed host is accepted here, on a loopback connection, and answered in process.

Rule 1: asked first, by the same stand-ins as the guard: a stubbed host is the wire's, anything else the guard's.
Rule 2: nothing is opened, patched or loaded before the first such connect; when the last scope closes all of it is
gone, and the connections of a scope go with that scope.
Rule 3: a real socket of the client's own, connected for real: only the address is another one.
Rule 4: `_socket` and what was imported here are used, never what a test has put in their places since.
"""

from __future__ import annotations

import _socket
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netdouble import _active
from netdouble._active import Scope
from netdouble._gate import names, originals
from netdouble._gate.entries import is_address, is_loopback, plain_host
from netdouble._stepping_aside import coming, forget, stubs

if TYPE_CHECKING:
    from netdouble._gate.listener import Listener

# Loaded here, not with the first connection: see its rule.
_ORIGINALS = originals

_lock = threading.RLock()
_listener: Listener | None = None


def address_of(host: str, port: int | None) -> str | None:
    """The address that a lookup of `host` is to give; None: it is none of ours.

    Raises:
        OSError: a route says that the name does not resolve.
    """
    name = plain_host(host)
    if name == "localhost" or is_address(name) or not _active.anything_open() or _active.is_passing():
        return None  # other things are on localhost as well: its connects are told apart by their ports
    scope = _scope_of(name, port)
    if scope is None:
        return None
    from netdouble._gate.connecting import fails_to_resolve

    fails_to_resolve(scope, name, port)
    return names.address_of(name)


def name_of(address: str) -> str | None:
    """The name that was given `address`; None: it is a real one."""
    return names.name_of(plain_host(address))


def is_stubbed(host: str) -> bool:
    """Real connections to that host, a name or an address, are answered here."""
    return _scope_of(plain_host(host), None) is not None


def leads_here(sock: socket.socket) -> bool | None:
    """Whether the socket's connection is one of ours; None: it has none yet."""
    listener = _listener
    if listener is not None and sock.fileno() in listener.lines:
        return True
    try:
        _socket.socket.getpeername(sock)
    except OSError:
        return None
    return False


def connect(sock: socket.socket, method: str, host: str, port: int) -> Any:
    """Connect `sock`, when `host` (an address) is answered here.

    Args:
        method: `connect` or `connect_ex`.

    Returns:
        What that method gives back; NotImplemented when the connect is none of ours.

    Raises:
        OSError: a route says that the connection fails.
    """
    if not _active.anything_open() or sock.type != socket.SOCK_STREAM or _active.is_passing():
        return NotImplemented
    for name in _names_of(plain_host(host)):
        scope = _scope_of(name, port)
        if scope is not None:
            return _opened().connect(sock, getattr(_socket.socket, method), scope, name, port)
    return NotImplemented


def _names_of(address: str) -> Iterator[str]:
    """What a route may call the host at `address`."""
    name = names.name_of(address)
    if name is not None:
        yield name
        return
    yield address
    if is_loopback(address):
        yield "localhost"


def _scope_of(name: str, port: int | None) -> Scope | None:
    """The scope whose routes answer for `name`; None: none does, or the one that is asked has closed."""
    request = coming.get()  # the connection that is made for it may lead to its proxy
    for scope in _active.responsible():
        if scope.closed:
            continue
        if stubs(scope, name, port) or (request is not None and stubs(scope, request.url.host, request.url.port)):
            return scope
    return None


# On and off


def _opened() -> Listener:
    """The listener of this process, made when it is needed."""
    global _listener
    with _lock:
        if _listener is None:
            from netdouble._gate.listener import Listener

            _listener = Listener()
            if _left not in _active.on_leave:
                _active.on_leave.append(_left)
        return _listener


def _left(scope: Scope) -> None:
    """A scope has closed: its connections end with it, and with the last scope everything."""
    global _listener
    with _lock:
        listener = _listener
        if listener is not None and not _active.anything_open():
            _listener = None
    forget(scope)
    if listener is not None:
        listener.close(scope, wholly=_listener is None)
