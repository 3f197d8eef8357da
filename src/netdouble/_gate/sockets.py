"""Where connections and lookups are seen: the methods of `socket.socket` and the lookup functions of `socket`.

Rule 1: the wire is asked first, which answers stubbed hosts; then the judge, which raises to refuse; then the saved
original runs with the very arguments given.
Rule 2: arguments that the original would not understand are its own to refuse.
Rule 3: what needs nobody else's answer (an address, this machine's own name) is no lookup.
Rule 4: while an original of CPython's own runs, `is_inside` says so: its audit events were judged already.

Learnt: a class method sees what a replaced class misses (`from socket import socket` before us); the C call resolves a
name in `connect` itself, so the judge must see the name before; `HTTPServer` looks up its own address when it binds
(http/server.py `server_bind`, CPython 3.10 to 3.13).
"""

from __future__ import annotations

import _socket
import socket
import sys
from _thread import get_ident
from collections.abc import Callable, Iterable
from functools import wraps
from types import BuiltinFunctionType, MethodDescriptorType
from typing import Any, Protocol

from netdouble._gate.entries import is_address, plain_host
from netdouble._patch import replace

# Kept from import: a peer may swap the name in `socket` later, but not this class.
Socket = socket.socket

# Families that never leave the machine.
_LOCAL = {
    getattr(socket, name)
    for name in ("AF_NETLINK", "AF_ALG", "AF_SYSTEM", "AF_ROUTE", "AF_QIPCRTR")
    if hasattr(socket, name)
}
_UNIX = getattr(socket, "AF_UNIX", None)
# Families whose sockets send to what they are bound to.
_BINDING = {getattr(socket, name) for name in ("AF_PACKET", "AF_CAN") if hasattr(socket, name)}
_SERVICES = {"http": 80, "https": 443, "domain": 53}


class Judge(Protocol):
    """Who decides."""

    def admit(self, action: str, host: str, port: int | None, sock: socket.socket | None = None) -> None:
        """Raise to refuse. `host`: also `unix:/path`, or a family as `AF_BLUETOOTH`. `port` None: there is none."""
        ...

    def listens(self, sock: socket.socket) -> None:
        """`sock` is about to be bound."""
        ...

    def learn(self, name: str, addresses: Iterable[str]) -> None:
        """The addresses that a lookup of `name` gave back."""
        ...


class Wire(Protocol):
    """Who answers stubbed hosts in process (`_gate/wire.py`)."""

    def address_of(self, host: str, port: int | None) -> str | None:
        """The address that a lookup gives; None: it is none of the wire's. Raises where a route says so."""
        ...

    def name_of(self, address: str) -> str | None:
        """The name that was given `address`; None: it is a real one."""
        ...

    def connect(self, sock: socket.socket, method: str, host: str, port: int) -> Any:
        """What the method gives back that connects; NotImplemented: it is none of the wire's."""
        ...


Patch = tuple[object, str, Any]


def patches(judge: Judge, wire: Wire) -> list[Patch]:
    """Owner, name and stand-in for each place where a connection or a lookup begins."""
    made: list[Patch] = [
        (Socket, "connect", _connecting(judge, wire, "connect")),
        (Socket, "connect_ex", _connecting(judge, wire, "connect_ex")),
        (Socket, "sendto", _sending(judge, "sendto", lambda args: args[-1] if len(args) > 1 else None)),
        (Socket, "bind", _binding(judge)),
        (socket, "getaddrinfo", _looking_up(judge, wire, socket, "getaddrinfo", addresses_found)),
        # What was imported from `socket` before calls this one.
        (_socket, "getaddrinfo", _looking_up(judge, wire, _socket, "getaddrinfo", addresses_found)),
        (socket, "gethostbyname", _looking_up(judge, wire, socket, "gethostbyname", lambda found: [found])),
        (socket, "gethostbyname_ex", _looking_up(judge, wire, socket, "gethostbyname_ex", lambda found: found[2])),
        (socket, "gethostbyaddr", _asking_back(judge, "gethostbyaddr", lambda args: args[0] if args else None)),
        (socket, "getnameinfo", _asking_back(judge, "getnameinfo", _asked_by_number)),
    ]
    if hasattr(Socket, "sendmsg"):  # not on Windows
        address = _sending(judge, "sendmsg", lambda args: args[3] if len(args) > 3 else None)
        made.append((Socket, "sendmsg", address))
    return made


def addresses_found(found: list[Any]) -> list[str]:
    """The addresses that `getaddrinfo` gave."""
    return [info[4][0] for info in found]


def put(patch: Patch) -> Callable[[], None]:
    """Put one stand-in in its place; the returned function takes it out."""
    return replace(*patch)


# Stand-ins

# The threads in which an original runs, of which we have been asked.
_inside: set[int] = set()

# Told when an original begins that was let through; what it returns is called at its end. Sealed mode lets the system
# calls of it pass.
on_judged: Callable[[], Callable[[], None]] | None = None


def is_inside() -> bool:
    """What the current thread does now has been judged."""
    return get_ident() in _inside


def unjudged(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call an original of CPython's own; its audit events are not judged again."""
    ident = get_ident()
    if ident in _inside:
        return original(*args, **kwargs)
    _inside.add(ident)
    ended = on_judged() if on_judged is not None else None
    try:
        return original(*args, **kwargs)
    finally:
        _inside.discard(ident)
        if ended is not None:
            ended()


def _caller_of(original: Callable[..., Any]) -> Callable[..., Any]:
    """How to call an original: somebody else's stand-in may do more than what we were asked of."""
    is_real = isinstance(original, (BuiltinFunctionType, MethodDescriptorType))
    if is_real or getattr(original, "__module__", "") == "socket":
        return lambda *args, **kwargs: unjudged(original, *args, **kwargs)
    return original


def _sending(judge: Judge, name: str, address_of: Callable[[tuple[Any, ...]], Any]) -> Any:
    original = getattr(Socket, name)
    call = _caller_of(original)

    @wraps(original)
    def method(self: socket.socket, /, *args: Any, **kwargs: Any) -> Any:
        address = address_of(args)
        target = target_of(self, address) if address is not None else None
        if target is not None:
            judge.admit("send", *target, self)
        return call(self, *args, **kwargs)

    return method


def _connecting(judge: Judge, wire: Wire, name: str) -> Any:
    original = getattr(Socket, name)
    call = _caller_of(original)

    @wraps(original)
    def method(self: socket.socket, /, *args: Any) -> Any:
        target = target_of(self, args[0]) if args else None
        if target is None:
            return call(self, *args)
        host, port = target
        made_up = None
        if port is not None:
            answered = wire.connect(self, name, host, port)
            if answered is not NotImplemented:
                return answered
            made_up = wire.name_of(host)
        judge.admit("connect", made_up or host, port, self)
        if made_up is None:
            return call(self, *args)
        found = socket.getaddrinfo(made_up, port, self.family, self.type)  # it is not stubbed any more
        return call(self, found[0][4])

    return method


def _binding(judge: Judge) -> Any:
    original = Socket.bind
    call = _caller_of(original)

    @wraps(original)
    def bind(self: socket.socket, /, *args: Any, **kwargs: Any) -> Any:
        bound(judge, self)
        return call(self, *args, **kwargs)

    return bind


def _looking_up(judge: Judge, wire: Wire, owner: Any, name: str, addresses_of: Callable[[Any], list[str]]) -> Any:
    original = getattr(owner, name)
    call = _caller_of(original)

    @wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        host = text_of(kwargs.get("host", args[0] if args else None))
        numeric = kwargs.get("flags", args[5] if len(args) > 5 else 0)
        is_number = isinstance(numeric, int) and bool(numeric & socket.AI_NUMERICHOST)
        if not host or is_number or needs_no_answer(host) or is_inside():
            return call(*args, **kwargs)
        port = kwargs.get("port", args[1] if len(args) > 1 else None)
        stubbed = wire.address_of(host, port_of(port))
        if stubbed is not None:
            return _found(call, stubbed, args, kwargs)
        judge.admit("lookup", host, port_of(port))
        found = call(*args, **kwargs)
        judge.learn(host, addresses_of(found))
        return found

    return function


def _found(call: Any, address: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a lookup that found `address` gives: an IPv6 family is given its mapped form."""
    family = kwargs.get("family", args[2] if len(args) > 2 else 0)
    if family == socket.AF_INET6:
        address = f"::ffff:{address}"
    if args:
        return call(address, *args[1:], **kwargs)
    return call(**{**kwargs, "host": address})


def _asking_back(judge: Judge, name: str, host_of: Callable[[tuple[Any, ...]], Any]) -> Any:
    """A lookup of the name that belongs to an address."""
    original = getattr(socket, name)
    call = _caller_of(original)

    @wraps(original)
    def function(*args: Any) -> Any:
        host = text_of(host_of(args))
        if host and not is_own_name(host):
            judge.admit("lookup", host, None)
        return call(*args)

    return function


# What both they and the audit hook ask


def bound(judge: Judge, sock: socket.socket) -> None:
    """`sock` is about to be bound."""
    if sock.family in _BINDING:
        judge.admit("bind", _family_name(sock.family), None, sock)
    judge.listens(sock)


def is_own_name(host: str) -> bool:
    """It is this machine's own name."""
    return plain_host(host) == plain_host(socket.gethostname())


# What their arguments say


def _asked_by_number(args: tuple[Any, ...]) -> Any:
    """The host that `getnameinfo(sockaddr, flags)` asks for; None when it only spells the number."""
    if len(args) != 2 or not isinstance(args[0], tuple) or not args[0] or args[1] & socket.NI_NUMERICHOST:
        return None
    return args[0][0]


def target_of(sock: socket.socket, address: Any) -> tuple[str, int | None] | None:
    """Host and port of a socket address; None when it stays on this machine or is no address."""
    family = sock.family
    if family in (socket.AF_INET, socket.AF_INET6):
        if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
            return None
        host = text_of(address[0])
        return None if host is None else (host, address[1])
    if family == _UNIX:
        path = _path(address)
        return None if path is None else (f"unix:{path}", None)
    return None if family in _LOCAL else (_family_name(family), None)


def _family_name(family: int) -> str:
    try:
        return socket.AddressFamily(family).name
    except ValueError:
        return f"family {family}"


def _path(address: Any) -> str | None:
    """The path of a unix socket, an abstract one with `@` in front; None for what has none."""
    if isinstance(address, str):
        return address.replace("\0", "@", 1) if address.startswith("\0") else address or None
    if isinstance(address, (bytes, bytearray)):
        return _path(bytes(address).decode(sys.getfilesystemencoding(), "surrogateescape"))
    return None


def text_of(host: Any) -> str | None:
    """A host as it is written; None for what is no host."""
    if isinstance(host, (bytes, bytearray)):
        return bytes(host).decode("ascii", "replace")
    return host if isinstance(host, str) else None


def port_of(port: Any) -> int | None:
    """A port, of a number or a service's name; None when it is not known."""
    if isinstance(port, (bytes, bytearray)):
        port = bytes(port).decode("ascii", "replace")
    if isinstance(port, str):
        return int(port) if port.isdecimal() else _SERVICES.get(port)
    return port if isinstance(port, int) and port else None


def needs_no_answer(host: str) -> bool:
    """It is an address, or this machine's own name."""
    return is_address(plain_host(host)) or is_own_name(host)
