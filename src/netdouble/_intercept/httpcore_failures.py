"""What goes wrong on a network, in httpcore's words and over the causes that Python, anyio and trio give.

Rule: class, text and chain are those of a real connection. Measured on loopback with httpcore 1.0.9, httpcore2 2.16,
anyio 4.16 and trio 0.35; with and without TLS, where they differ.
"""

from __future__ import annotations

import errno
import os
import socket
from importlib import import_module
from typing import Any

from netdouble._codec.socket_errors import handshake_failure, reset
from netdouble._core.faults import Fault

# Those that come at once, however long the fault was told to wait: the client's own time is what counts.
TIMEOUTS = frozenset(
    {
        Fault.CONNECT_TIMEOUT,
        Fault.HANDSHAKE_TIMEOUT,
        Fault.READ_TIMEOUT,
        Fault.STALL_BEFORE_REQUEST,
        Fault.WRITE_TIMEOUT,
    }
)


def broken(
    core: Any, fault: Fault, host: str, port: int, kind_of_io: str = "sync", *, tls: bool = False
) -> BaseException:
    """The exception of httpcore for what the network did, raised over the cause that it has on a real connection."""
    cause = _cause(fault, host, port, kind_of_io, tls=tls)
    error: BaseException = getattr(core, _KINDS[fault])(cause)
    # The context too: the pool raises it again `from None`, which keeps the context only.
    error.__cause__ = error.__context__ = cause
    return error


_KINDS = {
    Fault.DNS: "ConnectError",
    Fault.CONNECT_REFUSED: "ConnectError",
    Fault.CONNECT_TIMEOUT: "ConnectTimeout",
    Fault.TLS: "ConnectError",
    Fault.CLOSE_IN_HANDSHAKE: "ConnectError",
    Fault.RESET_IN_HANDSHAKE: "ConnectError",
    Fault.HANDSHAKE_TIMEOUT: "ConnectTimeout",
    Fault.GARBAGE_IN_HANDSHAKE: "ConnectError",
    Fault.CLOSE_IN_REQUEST: "WriteError",
    Fault.RESET_IN_REQUEST: "WriteError",
    Fault.WRITE_TIMEOUT: "WriteTimeout",
    Fault.READ_TIMEOUT: "ReadTimeout",
    Fault.RESET: "ReadError",
}


def _cause(fault: Fault, host: str, port: int, kind_of_io: str, *, tls: bool) -> BaseException:
    if fault is Fault.DNS:
        return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if fault in TIMEOUTS:
        if kind_of_io == "trio":
            return _raised_below("trio", "TooSlowError")
        return _timed_out(fault, tls=tls) if kind_of_io == "sync" else TimeoutError()
    texts = {"trio": ""}
    below: OSError
    if fault in {Fault.TLS, Fault.GARBAGE_IN_HANDSHAKE, Fault.CLOSE_IN_HANDSHAKE}:
        below = handshake_failure(fault)
        if fault is Fault.CLOSE_IN_HANDSHAKE and kind_of_io == "asyncio":
            return _over(below, "anyio", "EndOfStream")
    elif fault is Fault.CONNECT_REFUSED:
        below = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        tried = {
            "asyncio": "All connection attempts failed",
            "trio": f"all attempts to connect to {host}:{port} failed",
        }
        if kind_of_io in tried:
            cause = OSError(tried[kind_of_io])
            cause.__cause__ = below
            return cause
    else:
        below = reset()
        texts = {"asyncio": "", "trio": f"socket connection broken: {below}"}
    if kind_of_io not in texts:
        return below
    library = "trio" if kind_of_io == "trio" else "anyio"
    return _over(below, library, "BrokenResourceError", texts[kind_of_io])


def _timed_out(fault: Fault, *, tls: bool) -> BaseException:
    """In CPython's words (_ssl.c and socketmodule.c)."""
    if fault is Fault.HANDSHAKE_TIMEOUT:
        return TimeoutError("_ssl.c:989: The handshake operation timed out")
    doing = {Fault.READ_TIMEOUT: "read", Fault.WRITE_TIMEOUT: "write"}.get(fault)
    return TimeoutError(f"The {doing} operation timed out" if tls and doing else "timed out")


def _over(below: BaseException, library: str, name: str, text: str = "") -> BaseException:
    error = _raised_below(library, name, text)
    error.__cause__ = below
    return error


def _raised_below(library: str, name: str, text: str = "") -> BaseException:
    """An exception of the library that httpcore's async connections stand on; httpcore itself loads it that late."""
    error: BaseException = getattr(import_module(library), name)(*filter(None, [text]))
    return error
