"""uvloop: it resolves and connects in C, so the gate stands at the two methods of its loop that do so.

Rule: asked in the same order as everywhere: the wire, then the guard, then the original.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

from netdouble._gate import guard, wire
from netdouble._gate.sockets import Socket, needs_no_answer
from netdouble._patch import Undo, UndoStack
from netdouble.errors import ClientNotSupported

_METHODS = ("getaddrinfo", "create_connection")


def install(module: ModuleType) -> Undo:
    """Attach to uvloop.

    Raises:
        ClientNotSupported: its loop lacks a method that connects.
    """
    loop: Any = module.Loop
    for name in _METHODS:
        if not hasattr(loop, name):
            raise ClientNotSupported(
                f"uvloop {module.__version__} has no Loop.{name}, so its connections would be seen by nobody. Use "
                "asyncio's own loop in tests, or an uvloop that netdouble knows (0.17 to 0.23)",
                client="uvloop", version=module.__version__, seam=f"uvloop.Loop.{name}",
            )  # fmt: skip
    undo = UndoStack()
    undo.replace(loop, "getaddrinfo", _getaddrinfo(loop.getaddrinfo))
    undo.replace(loop, "create_connection", _create_connection(loop.create_connection))
    return undo.undo


def _getaddrinfo(original: Callable[..., Any]) -> Callable[..., Any]:
    async def getaddrinfo(self: Any, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0,  # noqa: A002  # the original's names
                          flags: int = 0) -> Any:  # fmt: skip
        name, number = _text(host), port if isinstance(port, int) else None
        address = wire.address_of(name, number) if name else None
        if address is not None:
            return socket.getaddrinfo(address, port, family, type, proto, flags)
        if name and not needs_no_answer(name):
            guard.JUDGE.admit("lookup", name, number)
        return await original(self, host, port, family=family, type=type, proto=proto, flags=flags)

    return getaddrinfo


def _create_connection(original: Callable[..., Any]) -> Callable[..., Any]:
    async def create_connection(self: Any, protocol_factory: Any, host: Any = None, port: Any = None, *,
                                sock: Any = None, ssl: Any = None, server_hostname: Any = None,
                                **options: Any) -> Any:  # fmt: skip
        name = _text(host)
        if sock is None and name and isinstance(port, int):
            answered = await _answered(self, name, port)
            if answered is not None:
                kept = {key: value for key, value in options.items() if key.startswith("ssl_")}
                shown = server_hostname if server_hostname is not None or not ssl else name
                return await original(self, protocol_factory, sock=answered, ssl=ssl, server_hostname=shown, **kept)
            guard.JUDGE.admit("connect", name, port)
        return await original(self, protocol_factory, host, port, sock=sock, ssl=ssl, server_hostname=server_hostname,
                              **options)  # fmt: skip

    return create_connection


async def _answered(loop: Any, name: str, port: int) -> socket.socket | None:
    """A socket that is connected to the wire; None: that host is none of the wire's."""
    address = wire.address_of(name, port) or name
    try:
        sock = Socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return None
    sock.setblocking(False)
    answered: Any = BlockingIOError
    try:
        with suppress(BlockingIOError):
            answered = wire.connect(sock, "connect", address, port)
        if answered is BlockingIOError:  # it is going to fail, and takes its time
            await _failed(loop, sock)
        if answered is NotImplemented:
            sock.close()
            return None
    except BaseException:
        sock.close()
        raise
    return sock


async def _failed(loop: Any, sock: socket.socket) -> None:
    """Wait until the operating system says how a connect ended, and raise that, as uvloop words it."""
    told = loop.create_future()
    loop.add_writer(sock.fileno(), told.set_result, None)
    try:
        await told
    finally:
        loop.remove_writer(sock.fileno())
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    raise OSError(number, os.strerror(number))


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else host if isinstance(host, str) else ""
