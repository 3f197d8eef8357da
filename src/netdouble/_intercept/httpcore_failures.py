"""What goes wrong on a network, in httpcore's words and over the causes that Python, anyio and trio give.

Rule: class, text and chain are those of a real connection. Measured on loopback with httpcore 1.0.9, httpcore2 2.16,
anyio 4.16 and trio 0.35; with and without TLS, where they differ.
"""

from __future__ import annotations

import errno
import os
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdouble._core.faults import Fault

if TYPE_CHECKING:
    import ssl

TIMEOUTS = frozenset({Fault.CONNECT_TIMEOUT, Fault.READ_TIMEOUT})


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
    Fault.TLS: "ConnectError",
    Fault.CONNECT_TIMEOUT: "ConnectTimeout",
    Fault.READ_TIMEOUT: "ReadTimeout",
    Fault.RESET: "ReadError",
}


def _cause(fault: Fault, host: str, port: int, kind_of_io: str, *, tls: bool) -> BaseException:
    if fault is Fault.DNS:
        return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if fault in TIMEOUTS:
        if kind_of_io == "trio":
            return _raised_below("trio", "TooSlowError")
        read = "The read operation timed out" if tls and fault is Fault.READ_TIMEOUT else "timed out"
        return TimeoutError(read) if kind_of_io == "sync" else TimeoutError()
    if fault is Fault.TLS:
        below: OSError = handshake_failure()
        texts = {"trio": ""}
    elif fault is Fault.CONNECT_REFUSED:
        below = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        texts = {
            "asyncio": "All connection attempts failed",
            "trio": f"all attempts to connect to {host}:{port} failed",
        }
    else:
        below = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        texts = {"asyncio": "", "trio": f"socket connection broken: {below}"}
    if kind_of_io not in texts:
        return below
    text = texts[kind_of_io]
    if fault is Fault.CONNECT_REFUSED:
        cause: BaseException = OSError(text)
    else:
        cause = _raised_below("trio" if kind_of_io == "trio" else "anyio", "BrokenResourceError", text)
    cause.__cause__ = below
    return cause


def _raised_below(library: str, name: str, text: str = "") -> BaseException:
    """An exception of the library that httpcore's async connections stand on; httpcore itself loads it that late."""
    error: BaseException = getattr(import_module(library), name)(*filter(None, [text]))
    return error


def handshake_failure() -> ssl.SSLError:
    """What OpenSSL raises when the peer answers a ClientHello with a handshake_failure alert (RFC 8446 section 6.2)."""
    import ssl  # httpx and httpcore load it late, too

    incoming = ssl.MemoryBIO()
    incoming.write(b"\x15\x03\x01\x00\x02\x02\x28")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    connection = context.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="netdouble.test")
    try:
        connection.do_handshake()
    except ssl.SSLError as error:
        return error.with_traceback(None)
    raise AssertionError("a fatal alert did not end the handshake")
