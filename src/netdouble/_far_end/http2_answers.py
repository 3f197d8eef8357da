"""What is said on one stream of HTTP/2: a response, or a fault in the middle of one.

Rule: only what HTTP/2 can say is said: a bad chunk is a stream that is reset, as there are no chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netdouble._answering import steps_of
from netdouble._codec.http1 import ParsedRequest
from netdouble._codec.http2 import Http2Server, hangs_up, request_as_http1, response_fields
from netdouble._codec.pacing import paced, throttled
from netdouble._codec.received import received
from netdouble._codec.scripts import Ending
from netdouble._codec.spelled_faults import GARBAGE, SAMPLE
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Response
from netdouble._core.streams import Pause
from netdouble._core.websockets import Conversation
from netdouble._far_end.acts import Act, Concurrent, Work
from netdouble._far_end.exchanges import Peer
from netdouble.errors import DeclarationError

# A stream says it when its client takes no more for now: it is carried on when there is room. Never handed out.
BLOCKED = Concurrent(iter(()))


class StreamAnswer:
    """The answer on one stream."""

    def __init__(self, talk: Http2Server, stream: int, parsed: ParsedRequest, peer: Peer) -> None:
        self._talk, self._stream, self._parsed, self._peer = talk, stream, parsed, peer

    def response(self, response: Response) -> tuple[float, Iterator[Act]]:
        if response.informational:
            return response.informational[0].delay, self._whole(response)
        return response.delay, self._whole(response)

    def fault(self, fault: Fault, response: Response | None) -> tuple[float, Iterator[Act]]:
        response = SAMPLE if response is None else response
        return response.delay, self._broken(fault, response)

    def conversation(self, call: Call, conversation: Conversation) -> Iterator[Act]:  # noqa: ARG002  # a Saying's
        raise DeclarationError(
            f"{call.request} came over HTTP/2, where a WebSocket is not spoken: offer HTTP/1.1 alone"
        )

    def passed(self, call: Call) -> Iterator[Act]:
        parsed = self._parsed
        data = bytearray()
        for act in self._peer.passed(call, request_as_http1(parsed)):
            if isinstance(act, bytes):
                data += act
            else:
                yield act
        response = received(bytes(data), parsed.method, over=True)
        if response is None:  # it has not answered
            yield Ending.CLOSE
            return
        yield from self._whole(response)

    def _whole(self, response: Response) -> Iterator[Act]:
        yield from self._interim(response)
        yield from self._all(response, response_fields(response, self._parsed.method))
        if hangs_up(response):
            self._talk.goodbye()
            yield from self._said()
        yield Ending.CLOSE if hangs_up(response) else Ending.KEEP_ALIVE

    def _interim(self, response: Response) -> Iterator[Act]:
        """What comes before the response (RFC 9113 section 8.1)."""
        for n, interim in enumerate(response.informational):
            if n and interim.delay:
                yield Pause(interim.delay)
            self._talk.head(self._stream, interim.status, response_fields(interim, self._parsed.method))
            yield from self._said()
        if response.informational and response.delay:
            yield Pause(response.delay)

    def _all(self, response: Response, fields: Iterable[tuple[str, str]]) -> Iterator[Act]:
        talk, stream = self._talk, self._stream
        trailers = [(name.lower(), value) for name, value in response.trailers.fields]
        is_all = not self._has_body(response) and (self._is_bare(response) or not trailers)
        talk.head(stream, response.status, fields, is_all=is_all)
        if not is_all:
            yield from self._body(response, _steps(response))
            talk.end(stream, trailers)
        yield from self._said()

    # Faults

    def _broken(self, fault: Fault, response: Response) -> Iterator[Act]:
        fields = response_fields(response, self._parsed.method)
        if fault.position == "response headers" and fault is not Fault.CONFLICTING_LENGTHS:
            yield from self._half_head(fault, response, fields)
        elif fault.position == "after response" or fault in _LIES:
            yield from self._all(response, _LIES[fault](fields) if fault in _LIES else fields)
        elif fault.position == "response body" and self._has_body(response):
            self._talk.head(self._stream, response.status, fields)
            yield from self._body(response, _half(_steps(response)))
            yield from self._said()
        if fault.effect == "garbage":
            yield GARBAGE
        elif fault in _CODES:
            self._talk.reset(self._stream, _CODES[fault])
            yield from self._said()
        elif fault.effect == "goaway":
            self._talk.goodbye(last=self._stream if fault is Fault.GOAWAY_IN_BODY else max(0, self._stream - 2))
            yield from self._said()
        yield (
            Ending.RESET if fault.position.startswith("request") and fault.effect == "close" else _ENDINGS[fault.effect]
        )

    def _half_head(self, fault: Fault, response: Response, fields: Iterable[tuple[str, str]]) -> Iterator[Act]:
        if fault.effect == "garbage":
            return
        yield from self._said()
        self._talk.head(self._stream, response.status, fields)
        said = self._talk.take()
        yield said[: len(said) // 2]

    def _has_body(self, response: Response) -> bool:
        return not self._is_bare(response) and (response.stream is not None or bool(response.body))

    def _is_bare(self, response: Response) -> bool:
        return self._parsed.method == "HEAD" or response.status in {204, 304}

    def _body(self, response: Response, steps: Iterable[bytes | Pause]) -> Iterator[Act]:
        talk, stream, left = self._talk, self._stream, iter(steps)
        while True:
            work = Work(lambda: next(left, None))
            if response.stream is not None:  # a function of the user's may make them
                yield work
            step = work.outcome()
            if step is None:
                return
            if isinstance(step, Pause):
                yield from self._said()
                yield step
                continue
            at = 0
            while at < len(step):
                room = talk.room(stream)
                if room <= 0:
                    yield from self._said()
                    yield BLOCKED
                    continue
                talk.data(stream, step[at : at + room])
                at += room
                yield from self._said()

    def _said(self) -> Iterator[bytes]:
        if data := self._talk.take():
            yield data


_ENDINGS = {
    "reset": Ending.RESET,
    "close": Ending.CLOSE,
    "truncate": Ending.CLOSE,
    "garbage": Ending.CLOSE,
    "goaway": Ending.CLOSE,
    "stall": Ending.STALL,
    "rst_stream": Ending.KEEP_ALIVE,
    "refused_stream": Ending.KEEP_ALIVE,
    "bad chunk": Ending.KEEP_ALIVE,
    "bad gzip": Ending.KEEP_ALIVE,
    "wrong length": Ending.KEEP_ALIVE,
}

# Error codes of RST_STREAM (RFC 9113 section 7): INTERNAL_ERROR, REFUSED_STREAM, PROTOCOL_ERROR.
_CODES = {Fault.STREAM_RESET: 2, Fault.STREAM_RESET_IN_BODY: 2, Fault.STREAM_REFUSED: 7, Fault.BAD_CHUNK: 1}


def _half_length(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, str(int(value) // 2) if name == "content-length" else value) for name, value in fields]


def _two_lengths(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*fields, *(field for field in _half_length(fields) if field[0] == "content-length")]


def _called_gzip(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*(field for field in fields if field[0] != "content-encoding"), ("content-encoding", "gzip")]


_LIES = {
    Fault.WRONG_LENGTH: _half_length,
    Fault.CONFLICTING_LENGTHS: _two_lengths,
    Fault.BAD_GZIP: _called_gzip,
}


def _steps(response: Response) -> Iterable[bytes | Pause]:
    if response.stream is None:
        return paced(response.body, response)
    steps = steps_of(response.stream)
    return steps if response.throttle is None else _throttled(steps, response.throttle)


def _throttled(steps: Iterable[bytes | Pause], rate: float) -> Iterator[bytes | Pause]:
    for step in steps:
        if isinstance(step, Pause):
            yield step
        else:
            yield from throttled(step, rate)


def _half(steps: Iterable[bytes | Pause]) -> Iterator[bytes | Pause]:
    """Half of a body; of one in several chunks, all up to the middle of the last."""
    held = b""
    for step in steps:
        if isinstance(step, Pause):
            yield step
        else:
            if held:
                yield held
            held = step
    yield held[: len(held) // 2]
