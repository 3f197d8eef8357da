"""Faults as HTTP/1.1: how much of a response is said before it goes wrong, and what the peer does then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from netdouble._codec.framing import Framer, Framing, Plan, plan
from netdouble._codec.http1 import ParsedRequest
from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelling import said
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Response
from netdouble._core.streams import Pause, Step

GARBAGE = b"this is not HTTP\r\n\r\n"
# What a fault breaks off that was given no response.
SAMPLE = Response(200, json={"message": "This answer breaks off before its end.", "padding": "." * 35})


def spell_fault(fault: Fault, response: Response | None = None, *, method: str, http_version: str = "1.1") -> Script:
    """The bytes of a fault, and what follows them.

    A fault inside the body breaks off after about half of it (of a stream: in the middle of its last chunk). Where
    the response has no body (HEAD, 204, 304) nothing is said: half a head and a close is a response to http.client.
    What HTTP/2 alone knows is said as HTTP/1.1 has it (`Fault.on`).

    Args:
        fault: what goes wrong. response: what is broken off, where the fault does that; by default a JSON of 100
            bytes. method, http_version: the request's.

    Raises:
        ValueError: the fault happens before the request is sent; no bytes can say it.
    """
    if fault.before_request:
        raise ValueError(f"{fault} happens before the request is sent: the door must raise it while connecting")
    made, ending = _FAULTS[fault.on("https")]
    response = SAMPLE if response is None else response
    if isinstance(made, bytes):
        return Script(*filter(None, [made]), ending=ending, delay=response.delay)
    return made(_Broken(response, method, http_version, ending))


def spell_fault_for(asked: ParsedRequest, fault: Fault, response: Response | None) -> Script:
    """As `spell_fault`, for a request that was read."""
    return spell_fault(fault, response, method=asked.method.upper(), http_version=asked.http_version)


def shown(response: Response | None, error: BaseException | None) -> Response | None:
    """What a call is told to have been answered with: what the fault was given, or the default if nobody minds."""
    return SAMPLE if response is None and error is None else response


class _Broken(NamedTuple):
    """What goes wrong: the response to a request of `method`, and what follows it."""

    response: Response
    method: str
    http_version: str
    ending: Ending

    def planned(self) -> Plan:
        return plan(self.response, self.method, self.http_version, keep_alive=True)


class _BreakingFramer(Framer):
    """Stops in the middle of the last chunk. It holds one back, as only the end shows which one is the last."""

    def __init__(self, planned: Plan, trailers: Headers) -> None:
        super().__init__(planned, trailers)
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


class _BadChunkFramer(_BreakingFramer):
    """Calls the last chunk something else than its size."""

    def end(self) -> bytes:
        return b"xyz\r\n" + self._held + b"\r\n0\r\n\r\n"


def _half_head(broken: _Broken) -> Script:
    start, _, lines = broken.planned().head.partition(b"\r\n")
    half = start + b"\r\n" + lines[: len(lines) // 2]
    return Script(half, ending=broken.ending, delay=broken.response.delay)


def _garbage_in_head(broken: _Broken) -> Script:
    planned = broken.planned()
    start, _, lines = planned.head.partition(b"\r\n")
    planned = planned._replace(head=start + b"\r\nthis is not a header\r\n" + lines)
    return _whole(broken, planned)


def _half_body(broken: _Broken) -> Script:
    response, planned = broken.response, broken.planned()
    if planned.framing is Framing.NO_BODY or (response.stream is None and not response.body):
        return Script(ending=broken.ending, delay=response.delay)
    framer = _BreakingFramer(planned, response.trailers)
    return said(response, planned, framer, broken.ending, broken.http_version)


def _bad_chunk(broken: _Broken) -> Script:
    chunked = _said_to_be(broken, [("Transfer-Encoding", "chunked")])
    planned = chunked.planned()
    framer = _BadChunkFramer(planned, chunked.response.trailers)
    return said(chunked.response, planned, framer, broken.ending, broken.http_version)


def _lengths(*halves: int) -> Callable[[_Broken], Script]:
    """Says Content-Length in so many halves of the true length; of a stream it is not known, and taken for 100."""

    def spelled(broken: _Broken) -> Script:
        size = len(broken.response.body) if broken.response.stream is None else 100
        return _whole(_said_to_be(broken, [("Content-Length", str(size * half // 2)) for half in halves]))

    return spelled


def _bad_gzip(broken: _Broken) -> Script:
    coded = [(name, value) for name, value in broken.response.headers.fields if name.lower() != "content-encoding"]
    return _whole(broken._replace(response=_with_headers(broken.response, [*coded, ("Content-Encoding", "gzip")])))


def _and_then(tail: bytes) -> Callable[[_Broken], Script]:
    return lambda broken: _whole(broken, tail=tail)


def _whole(broken: _Broken, planned: Plan | None = None, tail: bytes = b"") -> Script:
    response, planned = broken.response, planned or broken.planned()
    return said(response, planned, Framer(planned, response.trailers), broken.ending, broken.http_version, tail)


def _said_to_be(broken: _Broken, framing: list[tuple[str, str]]) -> _Broken:
    """The same, its body framed as told."""
    own = {"content-length", "transfer-encoding"}
    others = [(name, value) for name, value in broken.response.headers.fields if name.lower() not in own]
    return broken._replace(response=_with_headers(broken.response, others + framing))


def _with_headers(response: Response, fields: list[tuple[str, str]]) -> Response:
    return response.replaced(headers=Headers(fields))


_FAULTS: dict[Fault, tuple[bytes | Callable[[_Broken], Script], Ending]] = {
    # Closing without having read is a reset (RFC 9293 section 3.10.4; Linux tcp_close()).
    Fault.CLOSE_BEFORE_REQUEST: (b"", Ending.RESET),
    Fault.RESET_BEFORE_REQUEST: (b"", Ending.RESET),
    Fault.STALL_BEFORE_REQUEST: (b"", Ending.STALL),
    Fault.CLOSE_IN_REQUEST: (b"", Ending.RESET),
    Fault.RESET_IN_REQUEST: (b"", Ending.RESET),
    Fault.WRITE_TIMEOUT: (b"", Ending.STALL),
    Fault.RESET: (b"", Ending.RESET),
    Fault.EMPTY_RESPONSE: (b"", Ending.CLOSE),
    Fault.READ_TIMEOUT: (b"", Ending.STALL),
    Fault.MALFORMED_RESPONSE: (GARBAGE, Ending.CLOSE),
    Fault.TRUNCATED_HEADERS: (_half_head, Ending.CLOSE),
    Fault.RESET_IN_HEADERS: (_half_head, Ending.RESET),
    Fault.READ_TIMEOUT_IN_HEADERS: (_half_head, Ending.STALL),
    Fault.GARBAGE_IN_HEADERS: (_garbage_in_head, Ending.CLOSE),
    Fault.CONFLICTING_LENGTHS: (_lengths(2, 1), Ending.CLOSE),
    Fault.TRUNCATED_BODY: (_half_body, Ending.CLOSE),
    Fault.RESET_IN_BODY: (_half_body, Ending.RESET),
    Fault.READ_TIMEOUT_IN_BODY: (_half_body, Ending.STALL),
    Fault.WRONG_LENGTH: (_lengths(1), Ending.CLOSE),
    Fault.BAD_CHUNK: (_bad_chunk, Ending.CLOSE),
    Fault.BAD_GZIP: (_bad_gzip, Ending.KEEP_ALIVE),
    Fault.CLOSE_AFTER_RESPONSE: (_and_then(b""), Ending.CLOSE),
    Fault.RESET_AFTER_RESPONSE: (_and_then(b""), Ending.RESET),
    Fault.GARBAGE_AFTER_RESPONSE: (_and_then(GARBAGE), Ending.CLOSE),
}
