"""How a response's head and body are put into bytes of HTTP/1.1 (RFC 9112 section 6): what is added, what is counted.

Rule: headers are said as they were declared: order, case, repeats, lies. Added is only what the message could not be
read without: its framing and whether the connection lives on (section 9.3). No Date, no Server.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from netdouble._codec.http1 import connection_options
from netdouble._core.headers import Headers
from netdouble._core.messages import Response
from netdouble._core.streams import Pause, Step


class Framing(Enum):
    """How the end of a body is told (RFC 9112 section 6.3)."""

    NO_BODY = "no body"
    LENGTH = "Content-Length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


class Plan(NamedTuple):
    """A response decided: its head, how its body is framed, and what follows."""

    head: bytes
    framing: Framing
    declared: tuple[str, ...]  # Content-Length as declared by the user
    persistent: bool


def plan(response: Response, method: str, http_version: str, keep_alive: bool) -> Plan:
    """Decide the head: what was declared, then what is added.

    Args:
        response: what is answered. method, http_version, keep_alive: as `spell` takes them.
    """
    headers, status = response.headers, response.status
    version = "1.0" if response.http_version == "1.0" else "1.1"
    framing, added = _framing(response, chunks_known="1.0" not in {version, http_version})
    # After these two the connection speaks another protocol (RFC 9110 sections 7.8 and 9.3.6).
    switches = status == 101 or (method == "CONNECT" and 200 <= status < 300)
    if switches or status in {204, 304}:
        added = []  # no Content-Length here (RFC 9110 section 8.6); a 304 may have one, but needs none
    if switches or status in {204, 304} or method == "HEAD":
        framing = Framing.NO_BODY
    options = connection_options(headers)
    persistent = keep_alive and "close" not in options and framing is not Framing.UNTIL_CLOSE
    if not switches and "connection" not in headers:
        if not persistent:
            added.append(("Connection", "close"))
        elif http_version == "1.0":
            # Such a client keeps the connection only when told (RFC 9112 appendix C.2.2).
            added.append(("Connection", "keep-alive"))
            options = ("keep-alive",)
    persistent = switches or (persistent and (version == "1.1" or "keep-alive" in options))
    start = encoded(f"HTTP/{version} {status} {response.reason}\r\n")
    head = start + field_lines((*headers.fields, *added)) + b"\r\n"
    return Plan(head, framing, tuple(headers.get_all("content-length")), persistent)


def _framing(response: Response, *, chunks_known: bool) -> tuple[Framing, list[tuple[str, str]]]:
    """How the body is framed, and the header to add for it: none where the user declared one."""
    headers = response.headers
    if "transfer-encoding" in headers:
        last = headers["transfer-encoding"].rpartition(",")[2].strip(" \t").lower()
        return (Framing.CHUNKED if last == "chunked" else Framing.UNTIL_CLOSE), []
    if "content-length" in headers:
        return Framing.LENGTH, []
    if chunks_known and (response.stream is not None or response.trailers):
        return Framing.CHUNKED, [("Transfer-Encoding", "chunked")]
    if response.stream is not None:
        return Framing.UNTIL_CLOSE, []
    return Framing.LENGTH, [("Content-Length", str(len(response.body)))]


def field_lines(fields: tuple[tuple[str, str], ...]) -> bytes:
    """Header lines, as they are sent."""
    return encoded("".join([f"{name}: {value}\r\n" for name, value in fields]))


def encoded(text: str) -> bytes:
    """Latin-1, as clients read it; a line that it has no letters for goes out in UTF-8, as most servers do it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        lines = [x.encode("latin-1" if max(x, default="") < "\u0100" else "utf-8", "surrogateescape")
                 for x in text.split("\n")]  # fmt: skip
        return b"\n".join(lines)


class Framer:
    """Turns chunks of a body into what is sent."""

    def __init__(self, made: Plan, trailers: Headers) -> None:
        self._chunked = made.framing is Framing.CHUNKED
        self._declared = made.declared if made.framing is Framing.LENGTH else ()
        self._trailers = trailers
        self._sent = 0

    def add(self, chunk: bytes) -> bytes:
        """What a chunk is sent as."""
        self._sent += len(chunk)
        return b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk

    def say(self, step: Step) -> Iterable[Step]:
        """What one step of a stream becomes."""
        return (step if isinstance(step, Pause) else self.add(step),)

    def end(self) -> bytes:
        """What is sent after the last one."""
        return b"0\r\n" + field_lines(self._trailers.fields) + b"\r\n" if self._chunked else b""

    @property
    def reached(self) -> bool:
        """The body is as long as was declared, by now."""
        return bool(self._declared) and self.kept_word

    @property
    def kept_word(self) -> bool:
        """The body was as long as was declared: the next response can be told from it."""
        return all(value == str(self._sent) for value in self._declared)
