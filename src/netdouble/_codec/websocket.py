"""WebSocket as a server hears and says it (RFC 6455): the handshake, then bytes in and messages out.

The frames are wsproto's, which the extra `netdouble[websocket]` installs.

Rule 1: nothing is opened, sent or waited for here.
Rule 2: no extension is agreed on: messages stand on the wire as they were said.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from netdouble._core.headers import Headers
from netdouble._core.messages import Response
from netdouble.errors import MissingExtra

try:
    from wsproto import events
    from wsproto.connection import Connection, ConnectionState, ConnectionType
except ImportError:
    raise MissingExtra(
        "WebSockets are spoken through wsproto, which is not installed: pip install 'netdouble[websocket]'"
    ) from None

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
TOO_BIG = 1009


def handshake(headers: Headers, subprotocols: Sequence[str]) -> Response:
    """The answer to the client's opening handshake: 101, or an error's status where it is none (section 4.2)."""
    if headers.get("sec-websocket-version", "").strip() != "13":
        told = {"Sec-WebSocket-Version": "13", "Upgrade": "websocket", "Connection": "Upgrade"}
        return Response(426, text="WebSocket version 13 is spoken here (RFC 6455 section 4.4)\n", headers=told)
    key = headers.get("sec-websocket-key", "").strip()
    if not _is_key(key):
        return Response(400, text="Sec-WebSocket-Key is 16 bytes in base64 (RFC 6455 section 4.1)\n")
    accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324  # what the RFC says
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
    chosen = agreed(headers, subprotocols)
    if chosen is not None:
        fields["Sec-WebSocket-Protocol"] = chosen
    return Response(101, headers=fields)


def agreed(headers: Headers, subprotocols: Sequence[str]) -> str | None:
    """The first of `subprotocols` that the client offers."""
    offered = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",")]
    return next((name for name in subprotocols if name in offered), None)


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


class Message(NamedTuple):
    """A whole message."""

    data: str | bytes


class Pinged(NamedTuple):
    """A ping, and the bytes of its pong."""

    pong: bytes


class Closed(NamedTuple):
    """The client closes; `answer` is what completes the closing handshake, empty when we began it."""

    code: int
    reason: str
    answer: bytes


class Broken(NamedTuple):
    """The client broke the protocol; `answer` says so and closes."""

    code: int
    reason: str
    answer: bytes


Heard: TypeAlias = Message | Pinged | Closed | Broken


class Frames:
    """The frames of one connection after its handshake.

    Args:
        limit: bytes that a message of the client's may have.
    """

    def __init__(self, limit: int) -> None:
        self._connection = Connection(ConnectionType.SERVER)
        self._limit = limit
        self._parts: list[str | bytes] = []
        self._size = 0

    def hear(self, data: bytes) -> Iterator[Heard]:
        """What `data` brings, one after the other: a frame is looked at when what is before it has been dealt with.

        Nothing is heard after a `Closed` or `Broken`.
        """
        if self._connection.state is ConnectionState.CLOSED:
            return
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, events.Message):
                part = event.data if isinstance(event.data, str) else bytes(event.data)
                self._parts.append(part)
                self._size += len(part)
                if self._size > self._limit:
                    yield self._break(TOO_BIG, f"a message of more than {self._limit} bytes")
                    return
                if event.message_finished:
                    yield Message(self._whole())
            elif isinstance(event, events.Ping):
                if self._connection.state is ConnectionState.OPEN:
                    yield Pinged(self._connection.send(event.response()))
            elif isinstance(event, events.CloseConnection):
                yield self._end(event)
                return

    def _whole(self) -> str | bytes:
        parts, self._parts, self._size = self._parts, [], 0
        if isinstance(parts[0], str):
            return "".join(part for part in parts if isinstance(part, str))
        return b"".join(part for part in parts if isinstance(part, bytes))

    def _end(self, event: events.CloseConnection) -> Heard:
        state = self._connection.state
        if state is ConnectionState.OPEN:  # a close that we did not read as one: the frames are broken
            return self._break(int(event.code), event.reason or "")
        answer = self._connection.send(event.response()) if state is ConnectionState.REMOTE_CLOSING else b""
        return Closed(int(event.code), event.reason or "", answer)

    def _break(self, code: int, reason: str) -> Broken:
        return Broken(code, reason, self.close(code, reason))

    def message(self, data: str | bytes) -> bytes:
        """The frame of a message."""
        if isinstance(data, str):
            return self._connection.send(events.TextMessage(data=data))
        return self._connection.send(events.BytesMessage(data=data))

    def ping(self, data: bytes) -> bytes:
        """The frame of a ping."""
        return self._connection.send(events.Ping(payload=data))

    def close(self, code: int, reason: str = "") -> bytes:
        """The frame that begins the closing handshake; nothing when it has begun."""
        if self._connection.state is not ConnectionState.OPEN:
            return b""
        cut = reason.encode()[:123].decode("utf-8", "ignore")
        return self._connection.send(events.CloseConnection(code=code, reason=cut or None))
