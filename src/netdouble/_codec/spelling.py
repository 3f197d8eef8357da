"""HTTP/1.1 as a server says it: responses and faults as bytes, and what the peer does after the last one.

Rule 1: nothing is sent or waited for here. A `Script` says what is to happen; the door that holds the connection
carries it out, over a socket or in memory.
Rule 2: headers are said as they were declared: order, case, repeats, lies. Added is only what the message could not be
read without: its framing (RFC 9112 section 6) and whether the connection lives on (section 9.3). No Date, no Server.
Rule 3: what can be said once is spelled once: `spell` keeps the script of a response without stream in `response.wire`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from enum import Enum
from typing import NamedTuple

from netdouble._codec.http1 import connection_options
from netdouble._core.contents import Pause, Step, Stream
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# Up to this size head and body go out as one piece: one write, one packet.
_ONE_PIECE = 64 * 1024


class Ending(Enum):
    """What the peer does with the connection after the last byte."""

    KEEP_ALIVE = "keep_alive"
    """Waits for the next request, or speaks the protocol that a 101 or the answer to a CONNECT agreed on."""
    CLOSE = "close"
    """Closes it in order (FIN)."""
    RESET = "reset"
    """Resets it (RST)."""
    STALL = "stall"
    """Says nothing more and keeps it open, until the client gives up."""


class Script:
    """What a peer does to answer one request: wait, send, end. Any bytes can be said: `Script(b"junk")`.

    Attributes:
        pieces: the bytes, in the pieces in which they are sent, and the pauses between them. ending: what follows
        them; for a streamed body it is final when the last step was taken. delay: seconds before the first byte.
        is_async: only `asteps` works.
    """

    __slots__ = ("delay", "ending", "is_async", "pieces")

    def __init__(self, *pieces: Step, ending: Ending = Ending.CLOSE, delay: float = 0.0) -> None:
        self.pieces, self.ending, self.delay, self.is_async = pieces, ending, delay, False

    def steps(self) -> Iterator[Step]:
        """What is done, step by step: bytes to send at once, and pauses to wait for."""
        return iter(self.pieces)

    async def asteps(self) -> AsyncGenerator[Step, None]:
        """As `steps`, also for a body that an async factory makes."""
        for piece in self.pieces:
            yield piece

    def __repr__(self) -> str:
        size = sum(len(piece) for piece in self.pieces if not isinstance(piece, Pause))
        return f"<{type(self).__name__} {size} bytes, then {self.ending.value}>"


class StreamScript(Script):
    """A script whose body is made while it is sent. It is good for one answer, as its ending depends on the run.

    Attributes:
        is_said: what was taken so far is a whole response.
    """

    __slots__ = ("_framer", "_stream", "is_said")

    def __init__(self, head: bytes, stream: Stream, framer: _Framer, ending: Ending, delay: float) -> None:
        super().__init__(head, ending=ending, delay=delay)
        self._stream, self._framer, self.is_async, self.is_said = stream, framer, stream.is_async, False

    def steps(self) -> Iterator[Step]:
        """The head, then every chunk as soon as the stream has it."""
        yield from self.pieces
        for step in self._stream.steps():
            for said in self._framer.say(step):
                self.is_said = self._framer.reached
                yield said
        self._settle()
        if data := self._framer.end():
            yield data

    async def asteps(self) -> AsyncGenerator[Step, None]:
        """As `steps`."""
        for piece in self.pieces:
            yield piece
        async with aclosing(self._stream.asteps()) as steps:
            async for step in steps:
                for said in self._framer.say(step):
                    self.is_said = self._framer.reached
                    yield said
        self._settle()
        if data := self._framer.end():
            yield data

    def _settle(self) -> None:
        self.is_said = True
        if self.ending is Ending.KEEP_ALIVE and not self._framer.kept_word:
            self.ending = Ending.CLOSE


class _Framing(Enum):
    """How the end of a body is told (RFC 9112 section 6.3)."""

    NO_BODY = "no body"
    LENGTH = "Content-Length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


class _Plan(NamedTuple):
    """A response decided: its head, how its body is framed, and what follows."""

    head: bytes
    framing: _Framing
    declared: tuple[str, ...]  # Content-Length as declared by the user
    persistent: bool


class _Framer:
    """Turns chunks of a body into what is sent."""

    def __init__(self, plan: _Plan, trailers: Headers) -> None:
        self._chunked = plan.framing is _Framing.CHUNKED
        self._declared = plan.declared if plan.framing is _Framing.LENGTH else ()
        self._trailers = trailers
        self._sent = 0

    def add(self, chunk: bytes) -> bytes:
        self._sent += len(chunk)
        return b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk

    def say(self, step: Step) -> Iterable[Step]:
        """What one step of a stream becomes."""
        return (step if isinstance(step, Pause) else self.add(step),)

    def end(self) -> bytes:
        return b"0\r\n" + _field_lines(self._trailers.fields) + b"\r\n" if self._chunked else b""

    @property
    def reached(self) -> bool:
        """The body is as long as was declared, by now."""
        return bool(self._declared) and self.kept_word

    @property
    def kept_word(self) -> bool:
        """The body was as long as was declared: the next response can be told from it."""
        return all(value == str(self._sent) for value in self._declared)


class _BreakingFramer(_Framer):
    """Stops in the middle of the last chunk. It holds one back, as only the end shows which one is the last."""

    def __init__(self, plan: _Plan, trailers: Headers) -> None:
        super().__init__(plan, trailers)
        self._held = b""
        self._pauses: list[Pause] = []  # after the chunk that is held back

    def say(self, step: Step) -> Iterable[Step]:
        if isinstance(step, Pause):
            if not self._held:
                return (step,)
            self._pauses.append(step)
            return ()
        before, self._held, pauses, self._pauses = self._held, step, self._pauses, []
        return (self.add(before), *pauses) if before else ()

    def end(self) -> bytes:
        last = self.add(self._held) if self._held else super().end()
        return last[: len(last) // 2]


def spell(response: Response, *, method: str, http_version: str = "1.1", keep_alive: bool = True) -> Script:
    r"""The bytes of a response to a request, and what follows them.

    Args:
        response: what is answered. method: the request's: a HEAD has no body. http_version: the request's, as
            `"1.0"`: such a client knows no chunks. keep_alive: as `ParsedRequest.keep_alive`.

    Example:
        >>> spell(Response(200, text="hi", headers={"Content-Type": "a/b"}), method="GET").pieces
        (b'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi',)
    """
    if response.stream is not None:
        return _spell(response, method, http_version, keep_alive)
    key = (method if method in _OWN_RULES else "", http_version, keep_alive)
    wire: dict[tuple[str, str, bool], Script] | None = response.wire
    if wire is None:
        wire = response.wire = {}
    script = wire.get(key)
    if script is None:
        script = wire[key] = _spell(response, method, http_version, keep_alive)
    return script


def spell_fault(fault: Fault, response: Response | None = None, *, method: str, http_version: str = "1.1") -> Script:
    """The bytes of a fault, and what follows them.

    A fault inside the body breaks off after about half of it (of a stream: in the middle of its last chunk). Where
    the response has no body (HEAD, 204, 304) nothing is said: half a head and a close is a response to http.client.

    Args:
        fault: what goes wrong. response: what is broken off, where the fault does that; by default a JSON of 100
            bytes. method, http_version: the request's.

    Raises:
        ValueError: the fault happens before the request is sent; no bytes can say it.
    """
    if fault.before_request:
        raise ValueError(f"{fault} happens before the request is sent: the door must raise it while connecting")
    response = SAMPLE if response is None else response
    said, ending = _FAULTS[fault]
    if isinstance(said, tuple):
        return Script(*said, ending=ending, delay=response.delay)
    return said(response, _plan(response, method, http_version, keep_alive=True), ending)


def _spell(response: Response, method: str, http_version: str, keep_alive: bool) -> Script:
    plan = _plan(response, method, http_version, keep_alive)
    ending = Ending.KEEP_ALIVE if plan.persistent else Ending.CLOSE
    if plan.framing is _Framing.NO_BODY:
        return Script(plan.head, ending=ending, delay=response.delay)
    framer = _Framer(plan, response.trailers)
    if response.stream is not None:
        return StreamScript(plan.head, response.stream, framer, ending, response.delay)
    body = framer.add(response.body) if response.body else b""
    body += framer.end()
    ending = ending if framer.kept_word else Ending.CLOSE
    pieces = (plan.head + body,) if len(body) <= _ONE_PIECE else (plan.head, body)
    return Script(*pieces, ending=ending, delay=response.delay)


# Methods to which a response is read by other rules (RFC 9112 section 6.3).
_OWN_RULES = frozenset({"HEAD", "CONNECT"})


def _plan(response: Response, method: str, http_version: str, keep_alive: bool) -> _Plan:
    """Decide the head: what was declared, then what is added."""
    headers, status = response.headers, response.status
    version = "1.0" if response.http_version == "1.0" else "1.1"
    framing, added = _framing(response, chunks_known="1.0" not in {version, http_version})
    # After these two the connection speaks another protocol (RFC 9110 sections 7.8 and 9.3.6).
    switches = status == 101 or (method == "CONNECT" and 200 <= status < 300)
    if switches or status in {204, 304}:
        added = []  # no Content-Length here (RFC 9110 section 8.6); a 304 may have one, but needs none
    if switches or status in {204, 304} or method == "HEAD":
        framing = _Framing.NO_BODY
    options = connection_options(headers)
    persistent = keep_alive and "close" not in options and framing is not _Framing.UNTIL_CLOSE
    if not switches and "connection" not in headers:
        if not persistent:
            added.append(("Connection", "close"))
        elif http_version == "1.0":
            # Such a client keeps the connection only when told (RFC 9112 appendix C.2.2).
            added.append(("Connection", "keep-alive"))
            options = ("keep-alive",)
    persistent = switches or (persistent and (version == "1.1" or "keep-alive" in options))
    start = _encoded(f"HTTP/{version} {status} {response.reason}\r\n")
    head = start + _field_lines((*headers.fields, *added)) + b"\r\n"
    return _Plan(head, framing, tuple(headers.get_all("content-length")), persistent)


def _framing(response: Response, *, chunks_known: bool) -> tuple[_Framing, list[tuple[str, str]]]:
    """How the body is framed, and the header to add for it: none where the user declared one."""
    headers = response.headers
    if "transfer-encoding" in headers:
        last = headers["transfer-encoding"].rpartition(",")[2].strip(" \t").lower()
        return (_Framing.CHUNKED if last == "chunked" else _Framing.UNTIL_CLOSE), []
    if "content-length" in headers:
        return _Framing.LENGTH, []
    if chunks_known and (response.stream is not None or response.trailers):
        return _Framing.CHUNKED, [("Transfer-Encoding", "chunked")]
    if response.stream is not None:
        return _Framing.UNTIL_CLOSE, []
    return _Framing.LENGTH, [("Content-Length", str(len(response.body)))]


def _field_lines(fields: tuple[tuple[str, str], ...]) -> bytes:
    return _encoded("".join([f"{name}: {value}\r\n" for name, value in fields]))


def _encoded(text: str) -> bytes:
    """Latin-1, as clients read it; a line that it has no letters for goes out in UTF-8, as most servers do it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        lines = [x.encode("latin-1" if max(x, default="") < "\u0100" else "utf-8", "surrogateescape")
                 for x in text.split("\n")]  # fmt: skip
        return b"\n".join(lines)


def _half_head(response: Response, plan: _Plan, ending: Ending) -> Script:
    return Script(plan.head[: len(plan.head) // 2], ending=ending, delay=response.delay)


def _half_body(response: Response, plan: _Plan, ending: Ending) -> Script:
    if plan.framing is _Framing.NO_BODY or (response.stream is None and not response.body):
        return Script(ending=ending, delay=response.delay)
    framer = _BreakingFramer(plan, response.trailers)
    if response.stream is not None:
        return StreamScript(plan.head, response.stream, framer, ending, response.delay)
    framer.say(response.body)
    return Script(plan.head + framer.end(), ending=ending, delay=response.delay)


_FAULTS: dict[Fault, tuple[tuple[bytes, ...] | Callable[[Response, _Plan, Ending], Script], Ending]] = {
    Fault.RESET: ((), Ending.RESET),
    Fault.RESET_IN_HEADERS: (_half_head, Ending.RESET),
    Fault.RESET_IN_BODY: (_half_body, Ending.RESET),
    Fault.EMPTY_RESPONSE: ((), Ending.CLOSE),
    Fault.TRUNCATED_BODY: (_half_body, Ending.CLOSE),
    Fault.READ_TIMEOUT: ((), Ending.STALL),
    Fault.READ_TIMEOUT_IN_BODY: (_half_body, Ending.STALL),
    Fault.MALFORMED_RESPONSE: ((b"this is not HTTP\r\n\r\n",), Ending.CLOSE),
}
# What a fault breaks off that was given no response.
SAMPLE = Response(200, json={"message": "This answer breaks off before its end.", "padding": "." * 35})
