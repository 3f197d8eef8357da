"""What the operating system and OpenSSL say when a connection fails, in CPython's words.

Rule: http.client is imported when one of its errors is made. An open network attaches to it on import, for which it
needs this module whole.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from netdouble._core.faults import Fault


def reset() -> OSError:
    """The peer reset the connection."""
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def _tls_failure() -> OSError:
    import ssl

    # OpenSSL 3.2 renamed the alerts (its ssl/ssl_err.c); the line number is some line of CPython's _ssl.c.
    protocol = "ssl/tls" if ssl.OPENSSL_VERSION_INFO >= (3, 2) else "sslv3"
    error = ssl.SSLError(1, f"[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] {protocol} alert handshake failure (_ssl.c:1000)")
    error.library, error.reason = "SSL", "SSLV3_ALERT_HANDSHAKE_FAILURE"
    return error


def _of_http_client(name: str, said: object) -> Callable[[], Exception]:
    def made() -> Exception:
        import http.client

        error: Exception = getattr(http.client, name)(said)
        return error

    return made


# While connecting. Clients turn them into words of their own.
CONNECT_ERRORS: dict[Fault, Callable[[], OSError]] = {
    Fault.DNS: lambda: socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    Fault.CONNECT_REFUSED: lambda: ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)),
    Fault.CONNECT_TIMEOUT: lambda: TimeoutError("timed out"),
    Fault.TLS: _tls_failure,
}

# What http.client, the lowest of the clients, makes of the bytes of a fault.
READ_ERRORS: dict[Fault, Callable[[], Exception]] = {
    Fault.RESET: reset,
    Fault.RESET_IN_HEADERS: reset,
    Fault.RESET_IN_BODY: reset,
    Fault.EMPTY_RESPONSE: _of_http_client("RemoteDisconnected", "Remote end closed connection without response"),
    Fault.TRUNCATED_BODY: _of_http_client("IncompleteRead", b""),
    Fault.READ_TIMEOUT: lambda: TimeoutError("timed out"),
    Fault.READ_TIMEOUT_IN_BODY: lambda: TimeoutError("timed out"),
    Fault.MALFORMED_RESPONSE: _of_http_client("BadStatusLine", "this is not HTTP"),
}
