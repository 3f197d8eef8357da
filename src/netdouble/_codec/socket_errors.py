"""What the operating system and OpenSSL say when a connection fails, in CPython's words.

Rule: http.client is imported when one of its errors is made. An open network attaches to it on import, for which it
needs this module whole.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from netdouble._core.faults import Fault

if TYPE_CHECKING:
    import ssl


def reset() -> OSError:
    """The peer reset the connection."""
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def handshake_failure(fault: Fault) -> ssl.SSLError:
    """What OpenSSL says when the peer answers a ClientHello like that."""
    import ssl  # clients load it late, too

    incoming = ssl.MemoryBIO()
    incoming.write(_IN_THE_HANDSHAKE[fault])
    incoming.write_eof()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    connection = context.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="netdouble.test")
    try:
        connection.do_handshake()
    except ssl.SSLError as error:
        return error.with_traceback(None)
    raise AssertionError("it did not end the handshake")


def _of_http_client(name: str, said: object) -> Callable[[], Exception]:
    def made() -> Exception:
        import http.client

        error: Exception = getattr(http.client, name)(said)
        return error

    return made


# The alert is handshake_failure, a fatal one (RFC 8446 section 6.2).
_IN_THE_HANDSHAKE = {
    Fault.TLS: b"\x15\x03\x01\x00\x02\x02\x28",
    Fault.CLOSE_IN_HANDSHAKE: b"",
    Fault.GARBAGE_IN_HANDSHAKE: b"this is not TLS\r\n\r\n",
}

# While connecting. Clients turn them into words of their own.
CONNECT_ERRORS: dict[Fault, Callable[[], OSError]] = {
    Fault.DNS: lambda: socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    Fault.CONNECT_REFUSED: lambda: ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)),
    Fault.CONNECT_TIMEOUT: lambda: TimeoutError("timed out"),
    Fault.TLS: lambda: handshake_failure(Fault.TLS),
    Fault.CLOSE_IN_HANDSHAKE: lambda: handshake_failure(Fault.CLOSE_IN_HANDSHAKE),
    Fault.GARBAGE_IN_HANDSHAKE: lambda: handshake_failure(Fault.GARBAGE_IN_HANDSHAKE),
    Fault.RESET_IN_HANDSHAKE: reset,
    # The line is one of CPython's Modules/_ssl.c.
    Fault.HANDSHAKE_TIMEOUT: lambda: TimeoutError("_ssl.c:989: The handshake operation timed out"),
}


def read_error(fault: Fault) -> Exception | None:
    """What http.client, the lowest of the clients, makes of the bytes of a fault; None: it does not notice."""
    fault = fault.on("https")
    if fault in _READ_ERRORS:
        return _READ_ERRORS[fault]()
    return reset() if fault.effect == "reset" else TimeoutError("timed out") if fault.effect == "stall" else None


_READ_ERRORS: dict[Fault, Callable[[], Exception | None]] = {
    Fault.CLOSE_BEFORE_REQUEST: reset,
    Fault.CLOSE_IN_REQUEST: reset,
    Fault.EMPTY_RESPONSE: _of_http_client("RemoteDisconnected", "Remote end closed connection without response"),
    Fault.TRUNCATED_BODY: _of_http_client("IncompleteRead", b""),
    Fault.BAD_CHUNK: _of_http_client("IncompleteRead", b""),
    Fault.MALFORMED_RESPONSE: _of_http_client("BadStatusLine", "this is not HTTP"),
    # Of the next request on the connection.
    Fault.RESET_AFTER_RESPONSE: lambda: None,
}
