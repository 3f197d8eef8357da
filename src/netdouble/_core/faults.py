"""Faults: what goes wrong on a real network, as values.

Each client raises its own exception for each of them, as the real wire makes it raise; the tables stand with the
clients (`_intercept/`), the bytes with the codec.
"""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """A failure that a route answers with: `route.fail(Fault.CONNECT_TIMEOUT)`.

    The first four happen before the request is sent; `RESET_IN_BODY`, `TRUNCATED_BODY` and `READ_TIMEOUT_IN_BODY`
    happen after the head and half the body of a response, which `fail(..., response=Response(...))` may give.
    """

    DNS = "dns"
    """The name does not resolve."""
    CONNECT_REFUSED = "connect_refused"
    """Nobody listens on the port."""
    CONNECT_TIMEOUT = "connect_timeout"
    """The connection is not established in the client's time."""
    TLS = "tls"
    """The TLS handshake fails (a handshake_failure alert); on a plain http URL the connection is reset instead."""
    RESET = "reset"
    """The peer resets the connection instead of answering."""
    RESET_IN_HEADERS = "reset_in_headers"
    """The peer resets the connection in the middle of the response's head."""
    RESET_IN_BODY = "reset_in_body"
    """The peer resets the connection in the middle of the response's body."""
    EMPTY_RESPONSE = "empty_response"
    """The peer closes the connection without a byte."""
    TRUNCATED_BODY = "truncated_body"
    """The peer closes the connection before Content-Length bytes were sent."""
    READ_TIMEOUT = "read_timeout"
    """No byte of the response comes in the client's time."""
    READ_TIMEOUT_IN_BODY = "read_timeout_in_body"
    """The body stops in the middle and nothing more comes in the client's time."""
    MALFORMED_RESPONSE = "malformed_response"
    """The answer is not HTTP."""

    @property
    def before_request(self) -> bool:
        """It happens before the request is sent: while connecting."""
        return self in _BEFORE_REQUEST


_BEFORE_REQUEST = frozenset({Fault.DNS, Fault.CONNECT_REFUSED, Fault.CONNECT_TIMEOUT, Fault.TLS})
