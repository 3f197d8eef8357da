"""TLS on the server's side of a connection, over whatever carries its bytes: a socket, or a tunnel through a proxy.

Rule 1: the name that the client asks for is read before a certificate is chosen, so that no context is shared and
changed (`sni_callback` would be: it belongs to a context).
Rule 2: bytes go through memory (`ssl.MemoryBIO`) under a lock: one thread may wait for the peer while others send.
OpenSSL's connections may be used by one thread at a time only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from netdouble.server.originals import Lock

if TYPE_CHECKING:
    import ssl

HANDSHAKE = 0x16  # the first byte of a TLS connection (RFC 8446 section 5.1), and of no HTTP

_CLIENT_HELLO = 1
_SERVER_NAME = 0
_HELLO_LIMIT = 64 * 1024
_PIECE = 64 * 1024


class Line(Protocol):
    """What carries bytes: a socket, or TLS over one."""

    @property
    def has_unread(self) -> bool:
        """More has come than was read, and the system does not tell of it."""
        ...

    def recv(self, size: int, /) -> bytes:
        """What came; nothing when the peer has closed its side."""
        ...

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""
        ...


class TlsLine:
    """The server's side of one TLS connection.

    Args:
        line: what carries its bytes. first: those that have come already. context_for: the context to answer with,
            given the name that the client asks for (None: it names nobody).

    Attributes:
        sni, alpn, tls_version: see `Connection`; once hands were shaken.
    """

    def __init__(self, line: Line, first: bytes, context_for: Callable[[str | None], ssl.SSLContext]) -> None:
        import ssl

        self._line, self._context_for = line, context_for
        self._lock = Lock()
        self._hello = first
        self._want_read = ssl.SSLWantReadError
        self._eof: tuple[type[Exception], ...] = (ssl.SSLZeroReturnError, ssl.SSLEOFError)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: Any = None  # made when the client has said whom it asks for
        self.sni: str | None = None
        self.alpn: str | None = None
        self.tls_version: str | None = None

    def shake_hands(self) -> None:
        """Go on with the handshake to its end. May be called again where the line had to wait.

        Raises:
            ssl.SSLError: the handshake fails; the client was sent the alert that says why. OSError: the connection
                does.
        """
        tls = self._tls = self._tls or self._introduced()
        while True:
            try:
                tls.do_handshake()
            except self._want_read:
                self._flush()
                self._fill()
            except OSError:
                with suppress(OSError):
                    self._flush()  # the alert
                raise
            else:
                self.alpn = tls.selected_alpn_protocol()
                self.tls_version = tls.version()
                self._flush()
                return

    def _introduced(self) -> Any:
        """The connection, once the client has said whom it asks for."""
        while (name := asked_name(self._hello)) is _NOT_YET:
            more = self._line.recv(_PIECE)
            if not more:
                raise ConnectionAbortedError("the client closed the connection in its TLS handshake")
            self._hello += more
        self.sni = name
        context = self._context_for(name)
        self._in.write(self._hello)
        return context.wrap_bio(self._in, self._out, server_side=True)

    @property
    def has_unread(self) -> bool:
        """There is more than was read, of which the system does not tell."""
        return bool(self._in.pending or self._tls.pending())

    def recv(self, size: int) -> bytes:
        """What the peer sent, decrypted; nothing when it has closed its side."""
        while True:
            with self._lock:
                try:
                    data: bytes = self._tls.read(size)
                except self._want_read:
                    self._flush()  # an answer to what was no data, such as a key update
                except self._eof:
                    return b""
                else:
                    return data
            self._fill()

    def sendall(self, data: bytes) -> None:
        """Send all of it, encrypted."""
        with self._lock:
            self._tls.write(data)
            self._flush()

    def close_notify(self) -> None:
        """Say that nothing follows (RFC 8446 section 6.1); the peer's own is not waited for."""
        with self._lock, suppress(OSError):
            try:
                self._tls.unwrap()
            finally:
                self._flush()

    def _fill(self) -> None:
        data = self._line.recv(_PIECE)
        with self._lock:
            if data:
                self._in.write(data)
            else:
                self._in.write_eof()

    def _flush(self) -> None:
        data = self._out.read()
        if data:
            self._line.sendall(data)


class _NotYet:
    """More of the ClientHello has to come."""


_NOT_YET: Any = _NotYet()


def asked_name(data: bytes) -> Any:
    """The name in a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3); None when there is none.

    `_NOT_YET` when it is not all there. What can't be read names nobody: the handshake itself will tell what is wrong.
    """
    try:
        hello = _client_hello(data)
        return _NOT_YET if hello is None else _server_name(hello)
    except (IndexError, UnicodeDecodeError):
        return None


def _client_hello(data: bytes) -> bytes | None:
    """The body of the ClientHello, taken out of its records; None when it is not all there."""
    message, at = b"", 0
    while at + 5 <= len(data) and data[at] == HANDSHAKE:
        end = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        message += data[at + 5 : end]
        at = end
    if len(message) >= 4:
        if message[0] != _CLIENT_HELLO:
            return b""
        size = 4 + int.from_bytes(message[1:4], "big")
        if len(message) >= size or size > _HELLO_LIMIT:
            return message[4:size]
    return b"" if len(data) > _HELLO_LIMIT or (at < len(data) and data[at] != HANDSHAKE) else None


def _server_name(hello: bytes) -> str | None:
    at = 2 + 32  # version, random
    at += 1 + hello[at]  # session id
    at += 2 + int.from_bytes(hello[at : at + 2], "big")  # cipher suites
    at += 1 + hello[at]  # compression methods
    at += 2  # the length of all extensions
    while at + 4 <= len(hello):
        kind = int.from_bytes(hello[at : at + 2], "big")
        size = int.from_bytes(hello[at + 2 : at + 4], "big")
        if kind == _SERVER_NAME:
            name = hello[at + 4 : at + 4 + size]  # the list's length (2), a type (1), the name's length (2)
            return name[5 : 5 + int.from_bytes(name[3:5], "big")].decode("ascii").lower() or None
        at += 4 + size
    return None
