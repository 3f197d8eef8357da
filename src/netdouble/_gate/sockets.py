"""Where connections and lookups are seen: the methods of `socket.socket` and the lookup functions of `socket`.

Rule 1: the judge is asked first and raises to refuse; then the saved original runs with the very arguments given.
Rule 2: arguments that the original would not understand are its own to refuse.
Rule 3: what needs nobody else's answer (an address, this machine's own name) is no lookup.

Learnt: a class method sees what a replaced class misses (`from socket import socket` before us); the C call resolves a
name in `connect` itself, so the judge must see the name before; `HTTPServer` looks up its own address when it binds
(http/server.py `server_bind`, CPython 3.10 to 3.13).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Protocol

from netdouble._gate.entries import is_address, plain_host
from netdouble._patch import replace

# Kept from import: a peer may swap the name in `socket` later, but not this class.
Socket = socket.socket

# Families that never leave the machine.
_LOCAL = {
    getattr(socket, name)
    for name in ("AF_UNIX", "AF_NETLINK", "AF_ALG", "AF_SYSTEM", "AF_ROUTE", "AF_QIPCRTR")
    if hasattr(socket, name)
}
_SERVICES = {"http": 80, "https": 443}


class Judge(Protocol):
    """Who decides."""

    def admit(self, action: str, host: str, port: int | None, sock: socket.socket | None = None) -> None:
        """Raise to refuse. `port` None: a lookup, or a family without ports."""
        ...

    def learn(self, name: str, addresses: Iterable[str]) -> None:
        """The addresses that a lookup of `name` gave back."""
        ...


Patch = tuple[object, str, Any]


def patches(judge: Judge) -> list[Patch]:
    """Owner, name and stand-in for each place where a connection or a lookup begins."""
    made: list[Patch] = [
        (Socket, "connect", _sending(judge, "connect", lambda args: args[0] if args else None)),
        (Socket, "connect_ex", _sending(judge, "connect_ex", lambda args: args[0] if args else None)),
        (Socket, "sendto", _sending(judge, "sendto", lambda args: args[-1] if len(args) > 1 else None)),
        (socket, "getaddrinfo", _looking_up(judge, "getaddrinfo", lambda found: [info[4][0] for info in found])),
        (socket, "gethostbyname", _looking_up(judge, "gethostbyname", lambda found: [found])),
        (socket, "gethostbyname_ex", _looking_up(judge, "gethostbyname_ex", lambda found: found[2])),
        (socket, "gethostbyaddr", _asking_back(judge, "gethostbyaddr", lambda args: args[0] if args else None)),
        (socket, "getnameinfo", _asking_back(judge, "getnameinfo", _asked_by_number)),
    ]
    if hasattr(Socket, "sendmsg"):  # not on Windows
        address = _sending(judge, "sendmsg", lambda args: args[3] if len(args) > 3 else None)
        made.append((Socket, "sendmsg", address))
    return made


def put(patch: Patch) -> Callable[[], None]:
    """Put one stand-in in its place; the returned function takes it out."""
    return replace(*patch)


# Stand-ins


def _sending(judge: Judge, name: str, address_of: Callable[[tuple[Any, ...]], Any]) -> Any:
    original = getattr(Socket, name)
    action = "connect" if name.startswith("connect") else "send"

    @wraps(original)
    def method(self: socket.socket, /, *args: Any, **kwargs: Any) -> Any:
        address = address_of(args)
        target = _target(self, address) if address is not None else None
        if target is not None:
            judge.admit(action, *target, self)
        return original(self, *args, **kwargs)

    return method


def _looking_up(judge: Judge, name: str, addresses_of: Callable[[Any], list[str]]) -> Any:
    original = getattr(socket, name)

    @wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        host = _text(kwargs.get("host", args[0] if args else None))
        numeric = kwargs.get("flags", args[5] if len(args) > 5 else 0)
        is_number = isinstance(numeric, int) and bool(numeric & socket.AI_NUMERICHOST)
        if not host or is_number or _needs_no_answer(host):
            return original(*args, **kwargs)
        port = kwargs.get("port", args[1] if len(args) > 1 else None)
        judge.admit("lookup", host, _port(port))
        found = original(*args, **kwargs)
        judge.learn(host, addresses_of(found))
        return found

    return function


def _asking_back(judge: Judge, name: str, host_of: Callable[[tuple[Any, ...]], Any]) -> Any:
    """A lookup of the name that belongs to an address."""
    original = getattr(socket, name)

    @wraps(original)
    def function(*args: Any) -> Any:
        host = _text(host_of(args))
        if host and plain_host(host) != plain_host(socket.gethostname()):
            judge.admit("lookup", host, None)
        return original(*args)

    return function


# What their arguments say


def _asked_by_number(args: tuple[Any, ...]) -> Any:
    """The host that `getnameinfo(sockaddr, flags)` asks for; None when it only spells the number."""
    if len(args) != 2 or not isinstance(args[0], tuple) or not args[0] or args[1] & socket.NI_NUMERICHOST:
        return None
    return args[0][0]


def _target(sock: socket.socket, address: Any) -> tuple[str, int | None] | None:
    """Host and port of a socket address; None when it stays on this machine or is no address."""
    family = sock.family
    if family in (socket.AF_INET, socket.AF_INET6):
        if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
            return None
        host = _text(address[0])
        return None if host is None else (host, address[1])
    return None if family in _LOCAL else (getattr(family, "name", f"family {family}"), None)


def _text(host: Any) -> str | None:
    if isinstance(host, (bytes, bytearray)):
        return bytes(host).decode("ascii", "replace")
    return host if isinstance(host, str) else None


def _port(port: Any) -> int | None:
    if isinstance(port, (bytes, bytearray)):
        port = bytes(port).decode("ascii", "replace")
    if isinstance(port, str):
        return int(port) if port.isdecimal() else _SERVICES.get(port)
    return port if isinstance(port, int) and port else None


def _needs_no_answer(host: str) -> bool:
    host = plain_host(host)
    return is_address(host) or host == plain_host(socket.gethostname())
