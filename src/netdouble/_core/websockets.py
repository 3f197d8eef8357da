"""A WebSocket conversation: what a peer of ours does, step by step, and the log of what was said.

Rule 1: a script is a value: the steps of every connection begin anew.
Rule 2: nothing here frames, sends or waits (`_codec.websocket`, `_far_end.conversing`).
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from netdouble._core.streams import Pause
from netdouble.errors import BodyReleased, DeclarationError


@dataclass(frozen=True, slots=True)
class WebSocketMessage:
    """One message of a WebSocket conversation, in `call.messages`.

    Attributes:
        sender: `"client"`, or `"peer"` for the route's side. data: str of a text message, bytes of a binary one.

    Example:
        >>> [message.data for message in call.messages if message.sender == "client"]
        ['ping']
    """

    sender: str
    data: str | bytes

    def json(self) -> Any:
        """The data as JSON. Raises ValueError when it is none."""
        return jsonlib.loads(self.data)

    def __str__(self) -> str:
        return f"{self.sender}: {self.data!r:.100}"


@dataclass(frozen=True, slots=True)
class Closing:
    """How a WebSocket conversation ended: `call.closing`.

    Attributes:
        sender: who said so first, `"client"` or `"peer"`. code: as 1000 for a normal end; 1005 where none was sent,
        1006 where the connection ended without a word (RFC 6455 section 7.4.1). reason: its text.
    """

    sender: str
    code: int
    reason: str = ""


class Dialogue:
    """The log of one conversation.

    Attributes:
        messages: in the order in which they were sent and heard. closing: how it ended; None while it goes on.
        expecting: what the script waits for now.
    """

    __slots__ = ("closing", "expecting", "messages")

    def __init__(self) -> None:
        self.messages: list[WebSocketMessage] = []
        self.closing: Closing | None = None
        self.expecting: Expect | None = None


# Steps of a script, and what a peer of the user's asks for


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message: text for str, binary for bytes."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """Send a ping; the pong is the client's own business."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Close:
    """Begin the closing handshake."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """End the connection without a word; `reset`: not even in order."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for a message of the client, for at most `timeout` seconds."""

    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """Wait for a message of the client, and check it.

    Attributes:
        shown: what was declared, for reports. differs: what is wrong with a message; empty when nothing is.
    """

    shown: str
    differs: Callable[[str | bytes], str]


Step: TypeAlias = Say | Ping | Close | Drop | Expect | Pause
Peer: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Answer a WebSocket handshake with 101, and talk.

    Attributes:
        steps: the script. peer: a function of the user instead, sync or async. subprotocols: those that are spoken,
        the preferred ones first.
    """

    steps: tuple[Step, ...] = ()
    peer: Peer | None = None
    subprotocols: tuple[str, ...] = ()


def checked_message(verb: str, data: Any, json: Any = ...) -> str | bytes:
    """The message that the arguments of `send` stand for.

    Raises:
        DeclarationError: they stand for none.
    """
    if (data is None) == (json is ...):
        raise DeclarationError(f"{verb}() takes one message: a str (text), bytes (binary) or json=")
    if json is not ...:
        try:
            return jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise DeclarationError(f"{verb}(json=) can't be written as JSON: {error}") from None
    if isinstance(data, str):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise DeclarationError(f"{verb}() sends str as text and bytes as binary, not {type(data).__name__}; JSON: json=")


def checked_close(code: Any, reason: Any) -> Close:
    """The closing that the arguments of `close` stand for.

    Raises:
        DeclarationError: no endpoint may send it (RFC 6455 section 7.4).
    """
    allowed = isinstance(code, int) and not isinstance(code, bool) and 1000 <= code < 5000
    if not allowed or code in {1004, 1005, 1006, 1015}:
        raise DeclarationError(
            f"close() takes a code that may be sent: 1000 to 4999 without 1004, 1005, 1006 and 1015, not {code!r} "
            "(RFC 6455 section 7.4). For a connection that ends without a word write drop()"
        )
    if not isinstance(reason, str) or len(reason.encode()) > 123:
        raise DeclarationError(f"the reason of a close() is a str of at most 123 bytes, not {reason!r:.60}")
    return Close(code, reason)


def checked_ping(data: Any) -> Ping:
    """The ping that the argument of `ping` stands for. Raises DeclarationError: it is not at most 125 bytes."""
    if not isinstance(data, bytes) or len(data) > 125:
        raise DeclarationError(f"ping() takes at most 125 bytes (RFC 6455 section 5.5), not {data!r:.60}")
    return Ping(data)


def unmet(url: str, where: str, expected: Expect, problem: str, messages: Sequence[WebSocketMessage]) -> str:
    """The report of an expectation that was not met.

    Args:
        url: of the conversation, secrets masked. where: the route's label. problem: what happened instead.
    """
    from netdouble._core.masking import masked_text
    from netdouble._core.wording import shown  # reports only

    def told(message: WebSocketMessage) -> str:
        try:
            return shown(masked_text(message.data) if isinstance(message.data, str) else message.data)
        except BodyReleased:
            return "(released)"

    said = [f"    {number}. {each.sender}: {told(each)}" for number, each in [*enumerate(messages, 1)][-8:]]
    return "\n".join(
        (
            f"a WebSocket client did not send what its peer expects: {url}   {where}",
            f"  expected  {expected.shown}",
            f"  got       {problem}",
            "So far:" if said else "Nothing was said before.",
            *said,
            "To take any message: .expect() without an argument; to decide by the message: .reply(peer), a function",
        )
    )
