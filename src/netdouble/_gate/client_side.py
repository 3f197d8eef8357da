"""The client's own sockets: whoever writes to one that leads here lets its far side run before the write returns.

Rule 1: the client's call is carried out first, by what stood there before, with the very arguments given.
Rule 2: a socket that does not lead here costs one look into a dict.

Learnt: a blocking send of more than the buffers hold would never return, for nobody reads meanwhile: it is given in
pieces. `SSLSocket` writes and shakes hands in C, past the methods of `socket.socket` (CPython 3.10 to 3.13, ssl.py).
"""

from __future__ import annotations

import _socket
import os
import socket
import ssl
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from netdouble._gate.sockets import Socket
from netdouble._patch import UndoStack

if TYPE_CHECKING:
    from netdouble._gate.line import Line

Lines = dict[int, "Line"]

# As much as the buffers of a loopback connection always hold (Linux: 16 KB at least is sent, 128 KB received).
_PIECE = 1 << 16


def install(lines: Lines) -> Callable[[], None]:
    """Let the far sides in `lines`, by the client's descriptor, run when their clients write."""
    undo = UndoStack()
    undo.replace(Socket, "send", _in_pieces(lines, Socket.send))
    undo.replace(Socket, "sendall", _sendall(lines))
    undo.replace(Socket, "shutdown", _then_run(lines, Socket.shutdown))
    undo.replace(Socket, "_real_close", _real_close(lines))
    undo.replace(Socket, "dup", _dup(lines))
    if hasattr(Socket, "sendmsg"):
        undo.replace(Socket, "sendmsg", _then_run(lines, Socket.sendmsg))
    if hasattr(os, "sendfile"):  # of `socket.sendfile`, and of asyncio's
        undo.replace(os, "sendfile", _sendfile(lines))
    undo.replace(ssl.SSLSocket, "do_handshake", _to_its_end(lines, "do_handshake"))
    undo.replace(ssl.SSLSocket, "unwrap", _to_its_end(lines, "unwrap"))
    for name in ("write", "send"):
        undo.replace(ssl.SSLSocket, name, _in_pieces(lines, getattr(ssl.SSLSocket, name)))
    return undo.undo


def _then_run(lines: Lines, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def method(self: socket.socket, /, *args: Any, **kwargs: Any) -> Any:
        done = original(self, *args, **kwargs)
        if lines and (line := lines.get(self.fileno())) is not None:
            line.run()
        return done

    return method


def _in_pieces(lines: Lines, original: Callable[..., Any]) -> Callable[..., Any]:
    """A method that writes some of `data` and says how much; a blocking one all of it, as the original does."""

    @wraps(original)
    def method(self: socket.socket, data: Any, *flags: Any) -> int:
        line = lines.get(self.fileno()) if lines else None
        if line is None:
            return int(original(self, data, *flags))
        if len(data) <= _PIECE:
            sent = int(original(self, data, *flags))
            line.run()
            return sent
        with memoryview(data) as view, view.cast("B") as whole:  # released, or asyncio could not cut its buffer
            return _sent_in_pieces(self, line, original, whole, flags)

    return method


def _sent_in_pieces(sock: socket.socket, line: Line, original: Any, whole: memoryview, flags: tuple[Any, ...]) -> int:
    sent = 0
    while sent < len(whole):
        try:
            with whole[sent : sent + _PIECE] as piece:
                sent += original(sock, piece, *flags)
        except OSError:
            if not sent:
                raise
            break
        line.run()
        if _socket.socket.gettimeout(sock) == 0:
            break
    return sent


def _sendall(lines: Lines) -> Callable[..., Any]:
    original = Socket.sendall

    @wraps(original)
    def sendall(self: socket.socket, data: Any, *flags: Any) -> None:
        line = lines.get(self.fileno()) if lines else None
        if line is None:
            original(self, data, *flags)
            return
        with memoryview(data) as view, view.cast("B") as whole:
            for start in range(0, len(whole), _PIECE):
                with whole[start : start + _PIECE] as piece:
                    original(self, piece, *flags)
                line.run()

    return sendall


def _sendfile(lines: Lines) -> Callable[..., Any]:
    original = os.sendfile

    @wraps(original)
    def sendfile(out_fd: int, in_fd: int, offset: Any, count: int, *args: Any, **kwargs: Any) -> int:
        line = lines.get(out_fd) if lines else None
        if line is None:
            return original(out_fd, in_fd, offset, count, *args, **kwargs)
        sent = original(out_fd, in_fd, offset, min(count, _PIECE), *args, **kwargs)
        line.run()
        return sent

    return sendfile


def _to_its_end(lines: Lines, name: str) -> Callable[..., Any]:
    """A step of TLS that sends and waits for an answer, perhaps more than once."""
    original = getattr(ssl.SSLSocket, name)

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        line = lines.get(self.fileno()) if lines else None
        if line is None or not line.inline or self._sslobj is None:
            return original(self, *args, **kwargs)
        patience = _socket.socket.gettimeout(self)
        _socket.socket.settimeout(self, 0)
        step = getattr(self._sslobj, "shutdown" if name == "unwrap" else name)
        try:
            for _ in range(_ROUNDS):
                try:
                    step()
                    break
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    line.run()
                except OSError:
                    line.run()
                    raise
        finally:
            _socket.socket.settimeout(self, patience)
        done = original(self, *args, **kwargs)  # what is left of it, if anything: with the client's own patience
        line.run()
        return done

    return method


# More than any handshake has (TLS 1.2 with a client certificate: 3).
_ROUNDS = 8


def _real_close(lines: Lines) -> Callable[..., Any]:
    original: Any = vars(Socket)["_real_close"]

    @wraps(original)
    def _real_close(self: Any, *args: Any, **kwargs: Any) -> None:
        line = lines.pop(self.fileno(), None) if lines else None
        original(self, *args, **kwargs)
        if line is not None and line not in lines.values():  # else a duplicate is open
            line.client_closed()

    return _real_close


def _dup(lines: Lines) -> Callable[..., Any]:
    original = Socket.dup

    @wraps(original)
    def dup(self: socket.socket) -> socket.socket:
        made = original(self)
        if lines and (line := lines.get(self.fileno())) is not None:
            lines[made.fileno()] = line
        return made

    return dup
