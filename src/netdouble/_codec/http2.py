"""HTTP/2 as a server hears and says it (RFC 9113): bytes in, whole requests out; responses in, bytes out.

The frames, the compression of headers and the flow control are h2's, which the extra `netdouble[http2]` installs.

Rule 1: nothing is opened, sent or waited for here. What is to be sent lies ready in `take()`, in the order in which it
has to go out: later header blocks can't be read without the earlier ones (RFC 7541 section 2.2).
Rule 2: what a user declares goes out as declared. h2 checks what comes in, never what goes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

from netdouble._codec.http1 import Limits, ParsedRequest, connection_options
from netdouble._core.headers import Headers
from netdouble._core.messages import Response
from netdouble.errors import MissingExtra

try:
    from h2 import events
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.exceptions import ProtocolError
except ImportError:
    raise MissingExtra("HTTP/2 is spoken through h2, which is not installed: pip install 'netdouble[http2]'") from None

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_FRAME_HEAD = 9  # length, type, flags, stream (RFC 9113 section 4.1)
_LARGEST_FRAME = 16384  # what a peer may send that was told nothing else (section 6.5.2)
# They speak of an HTTP/1.1 connection; in HTTP/2 they make a message malformed (section 8.2.2).
_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


class Asked(NamedTuple):
    """A whole request came."""

    stream: int
    parsed: ParsedRequest


class TooLarge(NamedTuple):
    """A request's body is larger than allowed; the rest of it is no longer looked at."""

    stream: int
    parsed: ParsedRequest


class Waits(NamedTuple):
    """A client waits for `100 Continue` before it sends the body."""

    stream: int


class Gone(NamedTuple):
    """The client has given a request up."""

    stream: int


class Room(NamedTuple):
    """The client takes more data than before, on one stream or on all of them (0)."""

    stream: int


class Left(NamedTuple):
    """The client has said goodbye (GOAWAY): h2 says nothing more to it."""


class Broken(NamedTuple):
    """The client broke the protocol; nothing more can be read. raw: the frame where it did."""

    reason: str
    raw: bytes


Heard: TypeAlias = Asked | TooLarge | Waits | Gone | Room | Left | Broken


class StreamGone(ConnectionAbortedError):
    """What was to be said can't be: the client has given the request up, or is gone."""


class _Coming:
    """A request on its way."""

    __slots__ = ("body", "fields", "raw", "trailers")

    def __init__(self, fields: tuple[tuple[str, str], ...], raw: bytearray) -> None:
        self.fields, self.raw = fields, raw
        self.body = bytearray()
        self.trailers = Headers()

    def parsed(self) -> ParsedRequest:
        pseudo = {name: value for name, value in self.fields if name.startswith(":")}
        headers = tuple(field for field in self.fields if not field[0].startswith(":"))
        authority = pseudo.get(":authority", "")
        if authority and not any(name == "host" for name, _ in headers):
            headers = (("host", authority), *headers)  # what the same request has in HTTP/1.1 (section 8.3.1)
        method = pseudo.get(":method", "")
        target = authority if method == "CONNECT" else pseudo.get(":path", "/")
        return ParsedRequest(method, target, "2", Headers(headers), bytes(self.body), self.trailers, bytes(self.raw),
                             keep_alive=True)  # fmt: skip


class Http2Server:
    """The state of one connection."""

    def __init__(self, limits: Limits) -> None:
        config = H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False,
                                 normalize_outbound_headers=False, normalize_inbound_headers=False)  # fmt: skip
        self._h2 = H2Connection(config)
        self._h2.initiate_connection()
        self._limits = limits
        self._buffer = bytearray()
        self._preface_is_due = True
        self._coming: dict[int, _Coming] = {}
        self._block: tuple[int, bytearray] | None = None  # a header block that has not ended

    # Hearing

    def hear(self, data: bytes) -> Iterator[Heard]:
        """What `data` brings, one after the other: a frame is looked at when what is before it has been dealt with.

        After a `Broken` nothing more is to be heard.
        """
        self._buffer += data
        return self._heard()

    def _heard(self) -> Iterator[Heard]:
        frame = b""
        try:
            for frame in self._frames():
                heard: list[Heard] = []
                self._hear_frame(frame, heard)
                yield from heard
        except (ProtocolError, ValueError) as error:  # the latter of what h2 has not looked for
            yield Broken(f"{type(error).__name__}: {error}".rstrip(": "), frame or bytes(self._buffer))

    def _frames(self) -> Iterator[bytes]:
        """Frame by frame, so that what a broken one follows is still heard, and each request knows its bytes."""
        buffer = self._buffer
        if self._preface_is_due:
            if len(buffer) < len(PREFACE) and PREFACE.startswith(bytes(buffer)):
                return
            self._preface_is_due = False
            self._h2.receive_data(bytes(buffer[: len(PREFACE)]))
            del buffer[: len(PREFACE)]
        while len(buffer) >= _FRAME_HEAD:
            size = _FRAME_HEAD + int.from_bytes(buffer[:3], "big")
            if size > _FRAME_HEAD + _LARGEST_FRAME:
                size = len(buffer)  # h2 refuses it
            if len(buffer) < size:
                return
            frame = bytes(buffer[:size])
            del buffer[:size]
            yield frame

    def _hear_frame(self, frame: bytes, heard: list[Heard]) -> None:
        stream = int.from_bytes(frame[5:9], "big") & 0x7FFFFFFF
        coming = self._coming.get(stream)
        if coming is not None:
            coming.raw += frame
        elif frame[3] == 1:  # HEADERS
            self._block = stream, bytearray(frame)
        elif frame[3] == 9 and self._block is not None and self._block[0] == stream:  # CONTINUATION
            self._block[1].extend(frame)
        for event in self._h2.receive_data(frame):
            self._note(event, heard)

    def _note(self, event: events.Event, heard: list[Heard]) -> None:
        if isinstance(event, events.RequestReceived):
            raw = self._block[1] if self._block is not None else bytearray()
            self._block = None
            fields = _text(event.headers or ())
            self._coming[event.stream_id or 0] = _Coming(fields, raw)
            expects = any(name == "expect" and value.lower() == "100-continue" for name, value in fields)
            if expects and event.stream_ended is None:
                heard.append(Waits(event.stream_id or 0))
        elif isinstance(event, events.DataReceived):
            self._take_data(event, heard)
        elif isinstance(event, events.TrailersReceived):
            coming = self._coming.get(event.stream_id or 0)
            if coming is not None:
                coming.trailers = Headers(_text(event.headers or ()))
        elif isinstance(event, events.StreamEnded):
            coming = self._coming.pop(event.stream_id or 0, None)
            if coming is not None:
                heard.append(Asked(event.stream_id or 0, coming.parsed()))
        elif isinstance(event, events.StreamReset):
            self._coming.pop(event.stream_id or 0, None)
            heard.append(Gone(event.stream_id or 0))
        elif isinstance(event, events.WindowUpdated):
            heard.append(Room(event.stream_id or 0))
        elif isinstance(event, events.RemoteSettingsChanged):
            heard.append(Room(0))
        elif isinstance(event, events.ConnectionTerminated):
            heard.append(Left())

    def _take_data(self, event: events.DataReceived, heard: list[Heard]) -> None:
        stream = event.stream_id or 0
        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
        coming = self._coming.get(stream)
        if coming is None:
            return
        coming.body += event.data or b""
        if len(coming.body) > self._limits.body:
            heard.append(TooLarge(stream, self._coming.pop(stream).parsed()))

    @property
    def is_idle(self) -> bool:
        """No request is on its way."""
        return not self._coming and not self._buffer

    # Saying

    def take(self) -> bytes:
        """What lies ready to be sent."""
        return self._h2.data_to_send()

    def head(self, stream: int, status: int, fields: Iterable[tuple[str, str]], *, is_all: bool = False) -> None:
        """Say a status and its header fields, as they are; `is_all`: nothing follows."""
        block = [(b":status", b"%d" % status), *_bytes(fields)]
        with _said(stream):
            self._h2.send_headers(stream, block, end_stream=is_all)

    def room(self, stream: int) -> int:
        """How many bytes of a body may be said now; 0 until a `Room`."""
        with _said(stream):
            return min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)

    def data(self, stream: int, chunk: bytes) -> None:
        """Say a piece of a body, at most `room` bytes."""
        with _said(stream):
            self._h2.send_data(stream, chunk)

    def end(self, stream: int, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """The message ends, behind trailer fields where there are any."""
        fields = _bytes(trailers)
        with _said(stream):
            if fields:
                self._h2.send_headers(stream, fields, end_stream=True)
            else:
                self._h2.end_stream(stream)

    def reset(self, stream: int, code: int) -> None:
        """End one stream before its time (RST_STREAM, section 6.4)."""
        self._coming.pop(stream, None)
        with _said(stream):
            self._h2.reset_stream(stream, code)

    def goodbye(self, code: int = 0, last: int | None = None) -> None:
        """Say that no further request is taken (GOAWAY, section 6.8); `last`: the last one that was looked at."""
        with _said(0):
            self._h2.close_connection(code, last_stream_id=last)


@contextmanager
def _said(stream: int) -> Iterator[None]:
    try:
        yield
    except ProtocolError as error:
        raise StreamGone(f"stream {stream} is gone: {error}") from error


def response_fields(response: Response, method: str) -> tuple[tuple[str, str], ...]:
    """The header fields of a response as HTTP/2 has them: names in lower case, none of the connection's.

    A Content-Length is added where HTTP/1.1 would have one. All else goes out as declared.
    """
    fields = [(name.lower(), value) for name, value in response.headers.fields]
    fields = [field for field in fields if field[0] not in _OF_THE_CONNECTION]
    counts = response.stream is None and not response.trailers and response.status >= 200
    if (
        counts
        and response.status not in {204, 304}
        and method != "CONNECT"
        and "content-length" not in response.headers
    ):
        fields.append(("content-length", str(len(response.body))))
    return tuple(fields)


def hangs_up(response: Response) -> bool:
    """The response was declared with `Connection: close`: in HTTP/2, a GOAWAY behind it."""
    return "close" in connection_options(response.headers)


def request_as_http1(parsed: ParsedRequest) -> bytes:
    """The request in HTTP/1.1, for a server that is asked in its place; the connection ends with it."""
    fields = [(name, value) for name, value in parsed.headers.fields if name not in _OF_THE_CONNECTION]
    if parsed.body and "content-length" not in parsed.headers:
        fields.append(("content-length", str(len(parsed.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*fields, ("connection", "close")))
    return f"{parsed.method} {parsed.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + parsed.body


def _text(fields: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in fields)


def _bytes(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(_encoded(name), _encoded(value)) for name, value in fields]


def _encoded(text: str) -> bytes:
    """As in HTTP/1.1: Latin-1, and UTF-8 where that has no letters for it."""
    return text.encode("latin-1" if max(text, default="") < "\u0100" else "utf-8", "surrogateescape")
