"""HTTP/1.1 as a server hears it (RFC 9112): bytes in, whole requests out.

Rule 1: nothing is opened, sent or waited for here; whoever holds the connection feeds bytes and asks for requests.
Rule 2: strict where two readers could understand two different messages (framing, line ends, names), lenient where
only one reading is possible. Every refusal carries the status a server answers with, and the section it follows.
Rule 3: each byte is looked at a constant number of times, however small the pieces in which it comes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from netdouble._core.arrivals import Arrival, Connection
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.urls import join_url, parse_url, split_authority
from netdouble.errors import NetdoubleError

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110 section 5.6.2
_ASCII = "".join(map(chr, range(0x21, 0x7F)))

# Bytes above 0x7E are no part of a URL, but programs send them (curl, raw UTF-8); they can't be misread.
_REQUEST_LINE = re.compile(rf"({_NAME}) ([^\x00-\x20\x7f]+) HTTP/(\d)\.(\d)", re.ASCII)
# One field line. The dot takes CR and NUL too; `_fields` looks for them.
_FIELD = re.compile(rf"^({_NAME}):[ \t]*(\S.*|)\r\n", re.ASCII | re.MULTILINE)
_FOLD = re.compile(r"\r\n[ \t]+")
_HOST = re.compile(r"[^\s/?#@,\\]*", re.ASCII)
# No space after the size and no sign or 0x before it: readers differ on them (RFC 9112 section 7.1).
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[^\r\n\0]*)?\r\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_METHOD = re.compile(_NAME.encode())

_CHUNK_LINE_LIMIT = 4096
_CHUNKED = -1
_OF_WEBSOCKETS = {"http": "ws", "https": "wss"}


@dataclass(frozen=True)
class Limits:
    """How much a peer may send, in bytes.

    Attributes:
        head: request line and header fields together; trailer fields as much again. body: the body, its transfer
            coding undone.
    """

    head: int = 64 * 1024
    body: int = 256 * 1024 * 1024


DEFAULT_LIMITS = Limits()


class MalformedRequest(NetdoubleError, ValueError):
    """The bytes that came are no request, or too large a one. The connection can't be read any further.

    Attributes:
        status: the answer for it: 400, 413, 414, 431, 501 or 505. reason: what is wrong, with the section of the RFC.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status, self.reason = status, reason

    def to_response(self) -> Response:
        """The answer to send before the connection is closed."""
        return Response(self.status, text=f"{self.reason}\n", headers={"Connection": "close"})


class ParsedRequest(NamedTuple):
    """A whole request as it came.

    Attributes:
        method, target: as sent. http_version: as `"1.1"`. headers: order and case as sent. body: transfer coding
        undone. trailers: fields after a chunked body. raw: every byte of it. keep_alive: the client would send
        another request on this connection (RFC 9112 section 9.3).
    """

    method: str
    target: str
    http_version: str
    headers: Headers
    body: bytes
    trailers: Headers
    raw: bytes
    keep_alive: bool

    def to_request(self, scheme: str, host: str, port: int | None, client: str = "",
                   connection: Connection | None = None, exchange: int = 0) -> Request:  # fmt: skip
        """The request that this means on a connection to `host`, where it is number `exchange` of `connection`.

        A target in absolute form wins over the connection; `*` is the root; a CONNECT asks for its own target's
        host (RFC 9112 section 3.2). A WebSocket's opening handshake has the scheme `ws` or `wss` (RFC 6455 section 3).
        """
        target = self.target if self.target.isascii() else quote_from_bytes(self.target.encode("latin-1"), _ASCII)
        if self.method == "CONNECT":
            host, port = split_authority(target)
            target = "/"
        if "upgrade" in self.headers:
            scheme = scheme_of_upgrade(scheme, self.method, self.headers)
        return Request(self.method.upper(), join_url(scheme, host, port, target), self.headers, self.body, client,
                       self.http_version, self.target, {}, self.trailers, {},
                       Arrival(self.raw, connection, exchange))  # fmt: skip


def scheme_of_upgrade(scheme: str, method: str, headers: Headers) -> str:
    """The scheme of a request with an Upgrade header; `ws` or `wss` when it opens a WebSocket (RFC 6455, 4.1)."""
    is_handshake = method.upper() == "GET" and headers["upgrade"].strip(" \t").lower() == "websocket"
    return _OF_WEBSOCKETS.get(scheme, scheme) if is_handshake else scheme


class _Head(NamedTuple):
    """A request whose body may still be on its way: all of it but that."""

    request: ParsedRequest
    expects_continue: bool
    length: int  # of the body, or _CHUNKED
    end: int  # where the body begins in the buffer


class RequestParser:
    r"""Reads the requests of one connection.

    Example:
        >>> parser = RequestParser()
        >>> parser.feed(b"GET /a HTTP/1.1\r\nHost: x.test\r\n\r\n")
        >>> parser.next_request().target
        '/a'
        >>> parser.next_request() is None
        True
    """

    __slots__ = ("_buffer", "_chunks", "_closed", "_head", "_limits", "_scanned", "_told")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0  # no end of a head begins before this place
        self._head: _Head | None = None
        self._chunks: _Chunks | None = None
        self._told = False
        self._closed = False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take what the connection received; `next_request` looks at it."""
        self._buffer += data

    def next_request(self) -> ParsedRequest | None:
        """The next whole request, or None until more bytes are fed.

        What follows it is kept for the next call (pipelining). After a request that is the connection's last there
        is no other: its bytes stay in `unread` (RFC 9112 section 9.6).

        Raises:
            MalformedRequest: what came can't be read as a request. Every later call raises it again.
        """
        head = self._head
        if head is None:
            if not self._buffer:
                return None
            head = self._head = self._read_head()
            if head is None:
                return None
        buffer, request, end = self._buffer, head.request, head.end
        if head.length > 0:
            end += head.length
            if len(buffer) < end:
                return None
            request = request._replace(body=bytes(buffer[head.end : end]), raw=bytes(buffer[:end]))
        elif head.length == _CHUNKED:
            chunks = self._chunks = self._chunks or _Chunks(end, self._limits)
            if not chunks.read(buffer):
                return None
            end = chunks.at
            request = request._replace(body=bytes(chunks.body), trailers=chunks.trailers, raw=bytes(buffer[:end]))
        del buffer[:end]
        self._head = self._chunks = None
        self._scanned, self._told, self._closed = 0, False, not request.keep_alive
        return request

    @property
    def wants_continue(self) -> bool:
        """The client waits for `100 Continue` before it sends the body. Ask after `next_request` gave None."""
        head = self._head
        return head is not None and head.expects_continue and not self._told and len(self._buffer) == head.end

    def told_continue(self) -> None:
        """`100 Continue` was sent for the request that is being read."""
        self._told = True

    @property
    def progress(self) -> tuple[int, int] | None:
        """Of the request whose head has come and whose body has not, or not all: how many bytes of the body came, and
        of how many; 0 where only the last chunk tells. None: there is no such request.
        """  # noqa: D205  # one sentence
        head = self._head
        return None if head is None else (len(self._buffer) - head.end, max(head.length, 0))

    def so_far(self) -> ParsedRequest:
        """What is known of the request in `progress`: all but its body."""
        head = self._head
        if head is None:
            raise ValueError("no request is on its way")
        return head.request._replace(raw=bytes(self._buffer), keep_alive=False)

    @property
    def unread(self) -> bytes:
        """What was fed and is part of no request yet: after an upgrade or CONNECT, the other protocol's bytes."""
        return bytes(self._buffer)

    @property
    def idle(self) -> bool:
        """No byte of a next request has come: the connection may be closed without losing one."""
        return self._head is None and not self._buffer.strip(b"\r\n")

    def eof(self) -> None:
        """The client will send no more.

        Raises:
            MalformedRequest: it was in the middle of a request (RFC 9112 section 8).
        """
        if self.idle or self._closed:
            return
        head = self._head
        if head is None:
            where = f"after {len(self._buffer)} bytes of the head"
        elif head.length == _CHUNKED:
            where = "in a chunked body, before its last chunk"
        else:
            where = f"after {len(self._buffer) - head.end} of {head.length} body bytes"
        raise MalformedRequest(400, f"the client closed the connection {where} (RFC 9112 section 8)")

    def _read_head(self) -> _Head | None:
        buffer = self._buffer
        if self._closed:
            return None
        while buffer.startswith(b"\r\n"):  # empty lines before a request are ignored (RFC 9112 section 2.2)
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", self._scanned, self._limits.head + 4)
        if end < 0:
            self._check_beginning()
            self._scanned = max(0, len(buffer) - 3)
            return None
        head = _parse_head(bytes(buffer[: end + 4]))
        if head.length > self._limits.body:
            raise MalformedRequest(413, f"a body of {head.length} bytes, where {self._limits.body} are allowed")
        return head

    def _check_beginning(self) -> None:
        """Refuse at once what no further byte can turn into a head; else the peer would wait for ever."""
        buffer, limit = self._buffer, self._limits.head
        if buffer[:1] == b"\x16":
            raise MalformedRequest(400, "the client speaks TLS, but this is a plain HTTP connection")
        if buffer and buffer != b"\r" and not _METHOD.match(buffer):
            raise MalformedRequest(400, f"a request can't begin with {bytes(buffer[:1])!r} (RFC 9112 section 3)")
        if _BARE_LF.search(buffer, self._scanned):
            raise MalformedRequest(400, "a line ends in LF alone, not in CR LF (RFC 9112 section 2.2)")
        if len(buffer) >= limit + 4:
            if b"\r\n" not in buffer[:limit]:
                raise MalformedRequest(414, f"the request line is longer than {limit} bytes (RFC 9112 section 3)")
            raise MalformedRequest(431, f"the head is longer than {limit} bytes (RFC 6585 section 5)")


_NO_HEADERS = Headers()
_FRAMING = frozenset({"content-length", "transfer-encoding"})


@lru_cache(maxsize=256)  # a client that asks for the same again says the same
def _parse_head(raw: bytes) -> _Head:
    line, _, block = raw[:-2].decode("latin-1").partition("\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise MalformedRequest(400, f"not a request line: {line!r:.100} (RFC 9112 section 3)")
    method, target, major, minor = match.groups()
    if major != "1":
        raise MalformedRequest(505, f"HTTP/{major}.{minor} is not spoken here, HTTP/1.1 is (RFC 9110 section 15.6.6)")
    if target[0] != "/":
        _check_target(method, target)
    headers, keep_alive, expects_continue, length = _parse_block(block, minor != "0")
    request = ParsedRequest(method, target, f"1.{minor}", headers, b"", _NO_HEADERS, raw, keep_alive)
    return _Head(request, expects_continue, length, len(raw))


@lru_cache(maxsize=256)  # a client's lines are the same for all requests without a body to one host
def _parse_block(block: str, modern: bool) -> tuple[Headers, bool, bool, int]:
    """The header lines; whether the connection is kept, and `100 Continue` awaited; how long the body is."""
    headers = Headers(_fields(block))
    names = frozenset(headers)
    hosts = headers.get_all("host")
    if len(hosts) != 1 and (hosts or modern):
        raise MalformedRequest(400, f"{len(hosts) or 'no'} Host lines, where one is due (RFC 9112 section 3.2)")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise MalformedRequest(400, f"not a host and port: {hosts[0]!r:.100} (RFC 9112 section 3.2)")
    length = _body_length(headers, modern) if names & _FRAMING else 0
    options = connection_options(headers) if "connection" in names else ()
    keep_alive = "close" not in options and (modern or "keep-alive" in options)
    # HTTP/1.0 clients don't know it (RFC 9110 section 10.1.1).
    expects_continue = modern and "expect" in names and headers["expect"].lower() == "100-continue"
    return headers, keep_alive, expects_continue, length


def _check_target(method: str, target: str) -> None:
    """The forms of RFC 9112 section 3.2 that don't begin with a slash."""
    try:
        if method == "CONNECT":
            host, port = split_authority(target)
            if host and port is not None:
                return
        elif target == "*":
            if method == "OPTIONS":
                return
        else:
            parse_url(target)
            return
    except ValueError:
        pass
    raise MalformedRequest(400, f"not a target for {method}: {target!r:.100} (RFC 9112 section 3.2)")


def _fields(block: str) -> tuple[tuple[str, str], ...]:
    """The field lines of a head or of trailers, each ended by CR LF."""
    fields = _FIELD.findall(block)
    lines = block.count("\n")
    if len(fields) != lines and _FOLD.search(block):
        # http.client.putheader with several values folds its line; a fold reads as spaces (RFC 9112 section 5.2).
        block = _FOLD.sub(" ", block)
        fields, lines = _FIELD.findall(block), block.count("\n")
    if len(fields) != lines or block.count("\r") != lines or "\0" in block:
        bad = next((x for x in block.split("\r\n") if not _FIELD.fullmatch(x + "\r\n") or "\r" in x or "\0" in x), "")
        raise MalformedRequest(400, f"not a field line: {bad!r:.100} (RFC 9112 section 5)")
    if " \r\n" in block or "\t\r\n" in block:
        return tuple((name, value.rstrip(" \t")) for name, value in fields)
    return tuple(fields)


def _body_length(headers: Headers, modern: bool) -> int:
    """How long the body is, or _CHUNKED, as Content-Length or Transfer-Encoding say (RFC 9112 section 6.3)."""
    if "transfer-encoding" in headers:
        codings = [coding.strip(" \t").lower() for coding in headers["transfer-encoding"].split(",")]
        if "content-length" in headers:
            raise MalformedRequest(400, "both Transfer-Encoding and Content-Length (RFC 9112 section 6.1)")
        if not modern:
            raise MalformedRequest(400, "Transfer-Encoding in an HTTP/1.0 request (RFC 9112 section 6.1)")
        if codings[-1] != "chunked" or codings.count("chunked") > 1:
            raise MalformedRequest(400, f"Transfer-Encoding {', '.join(codings)!r:.100}: chunked must be the last "
                                        "coding, and there only (RFC 9112 section 6.1)")  # fmt: skip
        if len(codings) > 1:
            raise MalformedRequest(501, f"transfer coding {codings[0]!r:.100} is not known (RFC 9112 section 6.1)")
        return _CHUNKED
    # Equal values, on one line or several, may count as one (RFC 9110 section 8.6).
    values = {value.strip(" \t") for value in headers["content-length"].split(",")}
    value = values.pop()
    if values or not (value.isascii() and value.isdigit()):
        raise MalformedRequest(400, f"Content-Length {headers['content-length']!r:.100} (RFC 9112 section 6.3)")
    return int(value) if len(value) < 20 else 10**20


def connection_options(headers: Headers) -> tuple[str, ...]:
    """The options of the Connection header, lower case (RFC 9110 section 7.6.1)."""
    return tuple(option.strip(" \t").lower() for option in headers.get("connection", "").split(","))


class _Chunks:
    """A chunked body that comes in pieces (RFC 9112 section 7.1)."""

    __slots__ = ("_last", "_limits", "_scanned", "at", "body", "trailers")

    def __init__(self, at: int, limits: Limits) -> None:
        self.at = at  # where the next chunk begins; when all is read, where the request ends
        self.body = bytearray()
        self.trailers = _NO_HEADERS
        self._limits = limits
        self._last = False
        self._scanned = at

    def read(self, buffer: bytearray) -> bool:
        """Read on; true when all has come."""
        while not self._last:
            match = _CHUNK_LINE.match(buffer, self.at)
            if match is None:
                self._check_chunk_line(buffer)
                return False
            size, begin = int(match[1], 16), match.end()
            if len(self.body) + size > self._limits.body:
                raise MalformedRequest(413, f"a chunked body of more than {self._limits.body} bytes")
            if size == 0:
                # The line's own CR LF is kept in view: without trailers it is the first half of the empty line.
                self._last, self._scanned, self.at = True, begin - 2, begin
                break
            end = begin + size
            after = buffer[end : end + 2]
            if not b"\r\n".startswith(after):
                raise MalformedRequest(400, "a chunk is longer than its size (RFC 9112 section 7.1)")
            if len(after) < 2:
                return False
            self.body += buffer[begin:end]
            self.at = end + 2
        return self._read_trailers(buffer)

    def _check_chunk_line(self, buffer: bytearray) -> None:
        line = bytes(buffer[self.at : self.at + _CHUNK_LINE_LIMIT])
        if b"\n" in line or len(line) == _CHUNK_LINE_LIMIT:
            raise MalformedRequest(400, f"not a chunk size: {line[:40]!r} (RFC 9112 section 7.1)")

    def _read_trailers(self, buffer: bytearray) -> bool:
        begin, limit = self.at, self._limits.head
        end = buffer.find(b"\r\n\r\n", self._scanned, begin + limit + 4)
        if end < 0:
            if _BARE_LF.search(buffer, self._scanned):
                raise MalformedRequest(400, "a trailer ends in LF alone, not in CR LF (RFC 9112 section 2.2)")
            if len(buffer) >= begin + limit + 4:
                raise MalformedRequest(431, f"the trailers are longer than {limit} bytes (RFC 6585 section 5)")
            self._scanned = max(self._scanned, len(buffer) - 3)
            return False
        self.trailers = Headers(_fields(buffer[begin : end + 2].decode("latin-1")))
        self.at = end + 4
        return True
