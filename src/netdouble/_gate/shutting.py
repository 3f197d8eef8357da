"""The socket module shut, or opened for some: for rules that are about using it at all, not about what is reached.

Rule 1: asked before anything is made, connected or looked up, loopback and the guard's own exceptions included.
Rule 2: it stands above the guard's stand-ins and takes none of them out: what it lets be, the guard judges.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from netdouble._gate import guard
from netdouble._gate.sockets import Socket
from netdouble._patch import Undo, UndoStack

# The lookups of the socket module.
LOOKUPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
# Methods that reach somebody, and which of their arguments says whom.
_REACHING: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "connect": lambda args: args[0] if args else None,
    "connect_ex": lambda args: args[0] if args else None,
    "sendto": lambda args: args[-1] if len(args) > 1 else None,
    "sendmsg": lambda args: args[3] if len(args) > 3 else None,
}


class Keeper(Protocol):
    """Who decides. Each raises to refuse."""

    def makes(self, sock: socket.socket, family: int) -> None:
        """A socket is to be made; `sock` is its object, which has no descriptor yet."""
        ...

    def reaches(self, sock: socket.socket, address: Any) -> None:
        """A socket is to reach an address."""
        ...

    def looks_up(self, function: str) -> None:
        """A function of the socket module is to look something up."""
        ...


def keep(keeper: Keeper) -> Undo:
    """Ask `keeper` from now on; the returned function ends that."""
    undo = UndoStack()
    guard.attach()  # below, for as long as this stands: what is put on top of it must come off first
    undo.push(guard.detach)
    undo.replace(Socket, "__init__", _making(keeper))
    for name, address_of in _REACHING.items():
        if hasattr(Socket, name):
            undo.replace(Socket, name, _reaching(keeper, name, address_of))
    for name in LOOKUPS:
        undo.replace(socket, name, _looking_up(keeper, name))
    return undo.undo


def _making(keeper: Keeper) -> Any:
    original = Socket.__init__

    @wraps(original)
    def __init__(self: socket.socket, family: int = -1, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it stands for it
        keeper.makes(self, family)
        original(self, family, *args, **kwargs)

    return __init__


def _reaching(keeper: Keeper, name: str, address_of: Callable[[tuple[Any, ...]], Any]) -> Any:
    original = getattr(Socket, name)

    @wraps(original)
    def method(self: socket.socket, /, *args: Any) -> Any:
        address = address_of(args)
        if address is not None:
            keeper.reaches(self, address)
        return original(self, *args)

    return method


def _looking_up(keeper: Keeper, name: str) -> Any:
    original = getattr(socket, name)

    @wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        keeper.looks_up(name)
        return original(*args, **kwargs)

    return function
