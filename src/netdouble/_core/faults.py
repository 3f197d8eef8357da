"""Faults: what goes wrong on a real network, as values: points of a grid of position and effect.

Each client raises its own exception for each of them, as the real wire makes it raise; the tables stand with the
clients (`_intercept/`), the bytes with the codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, EnumMeta
from typing import TYPE_CHECKING

from netdouble._core.keywords import meant
from netdouble.errors import DeclarationError


class _Named(EnumMeta):
    """Tells of a name that is not there which one is near."""

    if not TYPE_CHECKING:  # a type checker must not take every name for one of ours

        def __getattr__(cls, name: str) -> object:
            if name.startswith("_"):  # what Python itself asks for; AttributeError's own text will do
                raise AttributeError(name)
            if name in cls._member_map_:  # Python 3.10 keeps the members there alone
                return cls._member_map_[name]
            raise AttributeError(f"there is no Fault.{name}{nearest_fault(name)}")


def nearest_fault(name: str) -> str:
    """`; did you mean Fault.RESET?` with the nearest; else all of them."""
    near = meant(name.upper(), Fault.__members__, lambda each: f"Fault.{each}")
    return near or f". There are {', '.join(Fault.__members__)}"


class Fault(Enum, metaclass=_Named):
    """A failure that a route answers with: `route.fail(Fault.CONNECT_TIMEOUT)`.

    Each is a point of a grid, where it happens and what: `Fault.at("response body", "reset")` is
    `Fault.RESET_IN_BODY`. What happens in a response's head or body, or after it, is done to a response that
    `fail(..., response=Response(...))` may give.
    """

    # Before connect.
    DNS = "dns"
    """The name does not resolve."""
    CONNECT_REFUSED = "connect_refused"
    """Nobody listens on the port."""
    CONNECT_TIMEOUT = "connect_timeout"
    """The connection is not established in the client's time."""

    # In the handshake. On a plain http URL there is none: the same effect comes instead of the response.
    TLS = "tls"
    """The TLS handshake fails (a handshake_failure alert); on a plain http URL the connection is reset instead."""
    CLOSE_IN_HANDSHAKE = "close_in_handshake"
    """The peer closes the connection in the TLS handshake."""
    RESET_IN_HANDSHAKE = "reset_in_handshake"
    """The peer resets the connection in the TLS handshake."""
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    """The peer says nothing in the TLS handshake."""
    GARBAGE_IN_HANDSHAKE = "garbage_in_handshake"
    """The peer answers the TLS handshake with something that is not TLS."""

    # Before the request is read, and in its body.
    CLOSE_BEFORE_REQUEST = "close_before_request"
    """The peer closes the connection and has read nothing: the kernel makes that a reset."""
    RESET_BEFORE_REQUEST = "reset_before_request"
    """The peer resets the connection and has read nothing."""
    STALL_BEFORE_REQUEST = "stall_before_request"
    """The peer reads nothing and says nothing."""
    CLOSE_IN_REQUEST = "close_in_request"
    """The peer closes the connection in the middle of the request's body."""
    RESET_IN_REQUEST = "reset_in_request"
    """The peer resets the connection in the middle of the request's body."""
    WRITE_TIMEOUT = "write_timeout"
    """The peer stops reading in the middle of the request's body: the client can't send the rest in its time."""

    # Before the response.
    RESET = "reset"
    """The peer resets the connection instead of answering."""
    EMPTY_RESPONSE = "empty_response"
    """The peer closes the connection without a byte."""
    READ_TIMEOUT = "read_timeout"
    """No byte of the response comes in the client's time."""
    MALFORMED_RESPONSE = "malformed_response"
    """The answer is not HTTP."""
    STREAM_RESET = "stream_reset"
    """HTTP/2: RST_STREAM with INTERNAL_ERROR instead of a response; on HTTP/1.1 the connection is reset."""
    STREAM_REFUSED = "stream_refused"
    """HTTP/2: RST_STREAM with REFUSED_STREAM (nothing was processed); on HTTP/1.1 the connection is reset."""
    GOAWAY = "goaway"
    """HTTP/2: GOAWAY instead of a response; on HTTP/1.1 the connection is closed."""

    # In its headers.
    TRUNCATED_HEADERS = "truncated_headers"
    """The peer closes the connection in the middle of the response's head."""
    RESET_IN_HEADERS = "reset_in_headers"
    """The peer resets the connection in the middle of the response's head."""
    READ_TIMEOUT_IN_HEADERS = "read_timeout_in_headers"
    """The response's head stops in the middle and nothing more comes in the client's time."""
    GARBAGE_IN_HEADERS = "garbage_in_headers"
    """A header line is none."""
    CONFLICTING_LENGTHS = "conflicting_lengths"
    """The response has two Content-Length lines that differ."""

    # In its body.
    TRUNCATED_BODY = "truncated_body"
    """The peer closes the connection before Content-Length bytes were sent."""
    RESET_IN_BODY = "reset_in_body"
    """The peer resets the connection in the middle of the response's body."""
    READ_TIMEOUT_IN_BODY = "read_timeout_in_body"
    """The body stops in the middle and nothing more comes in the client's time."""
    WRONG_LENGTH = "wrong_length"
    """Content-Length tells half of what is sent."""
    BAD_CHUNK = "bad_chunk"
    """The size of a chunk is no number."""
    BAD_GZIP = "bad_gzip"
    """Content-Encoding says gzip, and the body is none."""
    STREAM_RESET_IN_BODY = "stream_reset_in_body"
    """HTTP/2: RST_STREAM in the middle of the body; on HTTP/1.1 the connection is reset."""
    GOAWAY_IN_BODY = "goaway_in_body"
    """HTTP/2: GOAWAY and a close in the middle of the body; on HTTP/1.1 the connection is closed."""

    # After it.
    CLOSE_AFTER_RESPONSE = "close_after_response"
    """The peer closes the connection after a whole response that promised to keep it."""
    RESET_AFTER_RESPONSE = "reset_after_response"
    """The peer resets the connection after a whole response."""
    GARBAGE_AFTER_RESPONSE = "garbage_after_response"
    """Bytes follow that nobody asked for."""

    @classmethod
    def at(cls, position: str, effect: str) -> Fault:
        """The fault at a point of the grid.

        Args:
            position: `connect`, `handshake`, `request` (before it is read), `request body`, `response` (before it),
                `response headers`, `response body` or `after response`.
            effect: `close`, `reset`, `stall`, `garbage`, and those that only some positions have.

        Raises:
            DeclarationError: there is no such point; the text names those that there are.

        Example:
            >>> Fault.at("response body", "reset")
            Fault.RESET_IN_BODY
        """
        effects = GRID.get(position)
        if effects is None:
            raise DeclarationError(f"no fault happens at {position!r}. Positions: {', '.join(map(repr, GRID))}")
        if effect not in effects:
            raise DeclarationError(
                f"{position!r} has no effect {effect!r}. Effects there: {', '.join(map(repr, effects))}"
            )
        return effects[effect]

    @property
    def position(self) -> str:
        """Where it happens, as `at` takes it."""
        return _POINTS[self][0]

    @property
    def effect(self) -> str:
        """What happens there, as `at` takes it."""
        return _POINTS[self][1]

    @property
    def before_request(self) -> bool:
        """It happens before the request is sent: while connecting."""
        return self in _BEFORE_REQUEST

    @property
    def breaks_response(self) -> bool:
        """It happens in a response or after it, so that one can be given."""
        return "response" in self.position and self.position != "response"

    def on(self, scheme: str, *, http2: bool = False, has_body: bool = True) -> Fault:
        """What it comes to on the connection at hand.

        Args:
            scheme: the URL's: without TLS there is no handshake. http2: spoken there. has_body: the request has one.
        """
        if self.position == "handshake" and scheme not in {"https", "wss"}:
            return _WITHOUT_TLS[self]
        if self.position == "request body" and not has_body:
            return GRID["request"][self.effect]
        return self if http2 else _IN_HTTP1.get(self, self)

    def __repr__(self) -> str:
        return f"Fault.{self.name}"


# position -> effect -> fault. Where two words are common for one effect, both stand here, the usual one first.
GRID: Mapping[str, Mapping[str, Fault]] = {
    "connect": {"dns": Fault.DNS, "refused": Fault.CONNECT_REFUSED, "timeout": Fault.CONNECT_TIMEOUT},
    "handshake": {
        "alert": Fault.TLS,
        "close": Fault.CLOSE_IN_HANDSHAKE,
        "reset": Fault.RESET_IN_HANDSHAKE,
        "stall": Fault.HANDSHAKE_TIMEOUT,
        "garbage": Fault.GARBAGE_IN_HANDSHAKE,
    },
    "request": {
        "close": Fault.CLOSE_BEFORE_REQUEST,
        "reset": Fault.RESET_BEFORE_REQUEST,
        "stall": Fault.STALL_BEFORE_REQUEST,
    },
    "request body": {
        "close": Fault.CLOSE_IN_REQUEST,
        "reset": Fault.RESET_IN_REQUEST,
        "stall": Fault.WRITE_TIMEOUT,
    },
    "response": {
        "close": Fault.EMPTY_RESPONSE,
        "reset": Fault.RESET,
        "stall": Fault.READ_TIMEOUT,
        "garbage": Fault.MALFORMED_RESPONSE,
        "rst_stream": Fault.STREAM_RESET,
        "refused_stream": Fault.STREAM_REFUSED,
        "goaway": Fault.GOAWAY,
    },
    "response headers": {
        "truncate": Fault.TRUNCATED_HEADERS,
        "close": Fault.TRUNCATED_HEADERS,
        "reset": Fault.RESET_IN_HEADERS,
        "stall": Fault.READ_TIMEOUT_IN_HEADERS,
        "garbage": Fault.GARBAGE_IN_HEADERS,
        "wrong length": Fault.CONFLICTING_LENGTHS,
    },
    "response body": {
        "truncate": Fault.TRUNCATED_BODY,
        "close": Fault.TRUNCATED_BODY,
        "reset": Fault.RESET_IN_BODY,
        "stall": Fault.READ_TIMEOUT_IN_BODY,
        "wrong length": Fault.WRONG_LENGTH,
        "bad chunk": Fault.BAD_CHUNK,
        "bad gzip": Fault.BAD_GZIP,
        "rst_stream": Fault.STREAM_RESET_IN_BODY,
        "goaway": Fault.GOAWAY_IN_BODY,
    },
    "after response": {
        "close": Fault.CLOSE_AFTER_RESPONSE,
        "reset": Fault.RESET_AFTER_RESPONSE,
        "garbage": Fault.GARBAGE_AFTER_RESPONSE,
    },
}

_POINTS: Mapping[Fault, tuple[str, str]] = {
    fault: (position, effect) for position, effects in GRID.items() for effect, fault in reversed(list(effects.items()))
}

_BEFORE_REQUEST = frozenset({*GRID["connect"].values(), *GRID["handshake"].values()})

_WITHOUT_TLS = {
    Fault.TLS: Fault.RESET,
    Fault.CLOSE_IN_HANDSHAKE: Fault.EMPTY_RESPONSE,
    Fault.RESET_IN_HANDSHAKE: Fault.RESET,
    Fault.HANDSHAKE_TIMEOUT: Fault.READ_TIMEOUT,
    Fault.GARBAGE_IN_HANDSHAKE: Fault.MALFORMED_RESPONSE,
}

_IN_HTTP1 = {
    Fault.STREAM_RESET: Fault.RESET,
    Fault.STREAM_REFUSED: Fault.RESET,
    Fault.GOAWAY: Fault.EMPTY_RESPONSE,
    Fault.STREAM_RESET_IN_BODY: Fault.RESET_IN_BODY,
    Fault.GOAWAY_IN_BODY: Fault.TRUNCATED_BODY,
}
