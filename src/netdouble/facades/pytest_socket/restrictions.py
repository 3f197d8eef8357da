"""pytest-socket's restrictions: sockets disabled, or some hosts allowed.

Rule 1: both may hold at once, and each replaces only its own kind. What is refused is refused for every way to get
there: a saved class, a subclass, `connect_ex`, a datagram; pytest-socket sees one of them.
Rule 2: a declaration that can't be read is an error, and restricts; it never lifts.
"""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from netdouble._gate import shutting
from netdouble._gate.sockets import Socket
from netdouble._patch import Undo
from netdouble.facades.pytest_socket.hosts import Allowed, host_from_address

# The names under which pytest-socket keeps what it replaces.
_TRUE: dict[str, tuple[Any, str]] = {
    "_true_connect": (Socket, "connect"),
    "_true_getaddrinfo": (socket, "getaddrinfo"),
    "_true_gethostbyname": (socket, "gethostbyname"),
}


class SocketBlockedError(RuntimeError):
    """The socket module was used, and is disabled."""

    def __init__(self, msg: str = "A test tried to use socket.socket.", *_args: Any, **_kwargs: Any) -> None:
        super().__init__(msg)
        _warn(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reduced(self, *self.args)


class SocketConnectBlockedError(RuntimeError):
    """A host was to be reached that is not allowed."""

    def __init__(self, allowed: Sequence[str], host: str | None, *_args: Any, **_kwargs: Any) -> None:
        self._allowed, self._host = allowed, host
        listed = ",".join(allowed)
        msg = f'A test tried to use socket.socket.connect() with host "{host}" (allowed: "{listed}").'
        super().__init__(msg)
        _warn(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reduced(self, self._allowed, self._host)


for _error in (SocketBlockedError, SocketConnectBlockedError):
    _error.__module__ = "pytest_socket"  # as reports show it, and suites compare it


def _reduced(error: RuntimeError, *given: Any) -> tuple[Any, ...]:
    """How pickle rebuilds `error`, where the name that it is shown under may be nobody's."""
    kind = type(error)
    if kind.__module__ == "pytest_socket":
        return _made, (kind.__name__, *given), vars(error)
    return kind, given, vars(error)


def _made(name: str, *given: Any) -> Any:
    return globals()[name](*given)


_WARNED: dict[Any, Any] = {}


def _warn(msg: str) -> None:
    # Under the module name that suites filter. Where warnings are errors it is this error that must reach the test.
    with suppress(Warning):
        warnings.warn_explicit(msg, UserWarning, __file__, _LINE, "pytest_socket", _WARNED)


_LINE = _warn.__code__.co_firstlineno


class TrueSocket(Socket):
    """What `_true_socket` is while sockets are disabled: the class that may be used all the same."""


class _Disabled:
    """Nothing may be used."""

    def __init__(self, *, allow_unix_socket: bool) -> None:
        self._unix = allow_unix_socket

    def makes(self, sock: socket.socket, family: int) -> None:
        if (self._unix and _is_unix_socket(family)) or isinstance(sock, TrueSocket):
            return
        raise SocketBlockedError

    def reaches(self, sock: socket.socket, address: Any) -> None:  # noqa: ARG002  # `Keeper`
        self.makes(sock, sock.family)

    def looks_up(self, function: str) -> None:
        raise SocketBlockedError(f"A test tried to use socket.{function}.")


class _Restricted:
    """Some hosts may be reached. Lookups are free, as with pytest-socket."""

    def __init__(self, allowed: Allowed, *, allow_unix_socket: bool) -> None:
        self._allowed, self._unix = allowed, allow_unix_socket

    def makes(self, sock: socket.socket, family: int) -> None:
        pass

    def reaches(self, sock: socket.socket, address: Any) -> None:
        host = host_from_address(address) if isinstance(address, tuple) and address else None
        if self._allowed.takes(host) or (self._unix and _is_unix_socket(sock.family)):
            return
        sock.close()  # this error is none that its owner cleans up after
        raise SocketConnectBlockedError(self._allowed.shown, host)

    def looks_up(self, function: str) -> None:
        pass


class _Both:
    """All of several keepers."""

    def __init__(self, *keepers: shutting.Keeper) -> None:
        self._keepers = keepers

    def makes(self, sock: socket.socket, family: int) -> None:
        for keeper in self._keepers:
            keeper.makes(sock, family)

    def reaches(self, sock: socket.socket, address: Any) -> None:
        for keeper in self._keepers:
            keeper.reaches(sock, address)

    def looks_up(self, function: str) -> None:
        for keeper in self._keepers:
            keeper.looks_up(function)


def _is_unix_socket(family: int) -> bool:
    """It is the family of unix sockets, where there are any."""
    return family == getattr(socket, "AF_UNIX", None)


def true(name: str) -> Any:
    """What can be used now, whatever is restricted, under pytest-socket's name for it. Raises KeyError: it is none."""
    if name == "_true_socket":
        return Socket if _disabled is None else TrueSocket
    owner, attribute = _TRUE[name]
    now = getattr(owner, attribute)
    return now if _undo is None else getattr(now, "__wrapped__", now)


# What holds now, and how to end it.
_disabled: _Disabled | None = None
_restricted: _Restricted | None = None
_undo: Undo | None = None


def enable_socket() -> None:
    """Let the socket module be used again; which hosts may be reached stays as it is."""
    _restrict(None, _restricted)


def _remove_restrictions() -> None:
    """Lift every restriction."""
    _restrict(None, None)


def disable_socket(allow_unix_socket: bool = False) -> None:
    """Refuse every use of the socket module; of unix sockets only if `allow_unix_socket` is false."""
    _restrict(_Disabled(allow_unix_socket=allow_unix_socket), _restricted)


def socket_allow_hosts(
    allowed: str | Iterable[str] | None = None,
    allow_unix_socket: bool = False,
    resolution_cache: dict[str, set[str]] | None = None,
) -> None:
    """Refuse to reach any host but these.

    Args:
        allowed: names, addresses, CIDR blocks: a list, tuple or set, or one text with commas; None changes nothing.
        allow_unix_socket: unix sockets may be reached. resolution_cache: see `normalize_allowed_hosts`.

    Raises:
        TypeError: `allowed` is neither.
    """
    if allowed is None:
        return
    entries, disabled, restricted = entries_of(allowed), _disabled, _restricted
    _restrict(None, restricted)  # lookups are free meanwhile
    try:
        restricted = _Restricted(Allowed(entries, resolution_cache), allow_unix_socket=allow_unix_socket)
    finally:
        _restrict(disabled, restricted)


def entries_of(allowed: Any) -> list[str]:
    """The single entries. Raises TypeError when it can't be read."""
    if isinstance(allowed, str):
        return allowed.split(",")
    if isinstance(allowed, (list, tuple, set, frozenset)) and all(isinstance(entry, str) for entry in allowed):
        return sorted(allowed) if isinstance(allowed, (set, frozenset)) else list(allowed)
    raise TypeError(f"allowed hosts are a text with commas, or a list, tuple or set of texts, not {allowed!r}")


def _restrict(disabled: _Disabled | None, restricted: _Restricted | None) -> None:
    global _disabled, _restricted, _undo
    if _undo is not None:
        _undo()
    _disabled, _restricted, _undo = disabled, restricted, None
    keepers = [keeper for keeper in (disabled, restricted) if keeper is not None]
    if keepers:
        _undo = shutting.keep(_Both(*keepers))
