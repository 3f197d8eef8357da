"""HTTP/2 at the far end: every request is a stream of its own, answered beside the others.

Rule 1: what one stream waits for (a delay, room in the client's window) holds up that stream alone.
Rule 2: a stream that stalls is silent; one that is closed or reset by a fault of the network takes the connection
along, as there is only one.
"""

from __future__ import annotations

from collections.abc import Iterator

from netdouble._codec.http1 import Limits, MalformedRequest, ParsedRequest
from netdouble._codec.http2 import (
    Asked,
    Broken,
    Gone,
    Heard,
    Http2Server,
    Left,
    Room,
    StreamGone,
    TooLarge,
    Waits,
    response_fields,
)
from netdouble._codec.scripts import Ending
from netdouble._far_end.acts import MAY_WAIT, Act, Concurrent
from netdouble._far_end.exchanges import Peer, carried_out
from netdouble._far_end.http2_answers import BLOCKED, StreamAnswer


class _Stream:
    """One request and what is left to do for it."""

    __slots__ = ("acts", "id")

    def __init__(self, number: int, acts: Iterator[Act]) -> None:
        self.id, self.acts = number, acts


class Http2:
    """The streams of one connection."""

    def __init__(self, peer: Peer, limits: Limits) -> None:
        self._peer = peer
        self._talk = Http2Server(limits)
        self._streams: dict[int, _Stream] = {}
        self._blocked: list[_Stream] = []
        self.is_over = False

    @property
    def is_idle(self) -> bool:
        return not self._streams and self._talk.is_idle

    def hear(self, data: bytes) -> Iterator[Act]:
        return iter(()) if self.is_over else self._acts(self._talk.hear(data))

    def hear_end(self) -> Iterator[Act]:
        if not self.is_over:
            self.is_over = True
            for stream in list(self._streams.values()):
                self._give_up(stream)
            yield Ending.CLOSE

    def close(self) -> None:
        self.is_over = True
        for stream in list(self._streams.values()):
            self._give_up(stream)

    def _acts(self, heard: Iterator[Heard]) -> Iterator[Act]:
        for each in heard:
            if self.is_over:
                return
            if isinstance(each, Asked):
                yield Concurrent(self._run(self._stream(each.stream, self._answered(each.stream, each.parsed))))
            elif isinstance(each, TooLarge):
                yield from self._refused(each)
            elif isinstance(each, Waits):
                self._talk.head(each.stream, 100, ())
            elif isinstance(each, Gone):
                if each.stream in self._streams:
                    self._give_up(self._streams[each.stream])
            elif isinstance(each, Room):
                waiting, self._blocked = self._blocked, []
                for stream in waiting:
                    yield Concurrent(self._resumed(stream))
            elif isinstance(each, Left):
                yield from self.hear_end()
            else:
                yield from self._broke_off(each)
            yield from self._said()
        yield from self._said()

    def _said(self) -> Iterator[bytes]:
        if data := self._talk.take():
            yield data

    def _broke_off(self, broken: Broken) -> Iterator[Act]:
        self.is_over = True
        error = MalformedRequest(400, f"not HTTP/2: {broken.reason} (RFC 9113)")
        self._peer.note_malformed(error, broken.raw)
        yield from self._said()
        yield Ending.CLOSE

    def _refused(self, large: TooLarge) -> Iterator[Act]:
        error = MalformedRequest(413, f"a body of more than {len(large.parsed.body) - 1} bytes")
        response = error.to_response()
        self._peer.note_malformed(error, large.parsed.raw, response)
        self._talk.head(large.stream, response.status, response_fields(response, "POST"))
        self._talk.data(large.stream, response.body[: self._talk.room(large.stream)])
        self._talk.end(large.stream)
        self._talk.reset(large.stream, 0)  # NO_ERROR: don't send the rest (RFC 9113 section 8.1)
        yield from self._said()

    # Streams

    def _stream(self, number: int, acts: Iterator[Act]) -> _Stream:
        stream = self._streams[number] = _Stream(number, acts)
        return stream

    def _answered(self, number: int, parsed: ParsedRequest) -> Iterator[Act]:
        call = self._peer.ask(parsed)
        yield from carried_out(call, StreamAnswer(self._talk, number, parsed, self._peer))

    def _run(self, stream: _Stream) -> Iterator[Act]:
        """Carry a stream on until it ends, or until its client takes no more for now."""
        while stream.id in self._streams and not self.is_over:
            try:
                act = next(stream.acts, Ending.KEEP_ALIVE)
            except StreamGone:
                act = Ending.KEEP_ALIVE
            except BaseException:
                self.is_over = True
                raise
            if act is BLOCKED:
                self._blocked.append(stream)
                return
            if act is Ending.STALL:
                return
            if isinstance(act, Ending):
                self._streams.pop(stream.id, None)
                if act is not Ending.KEEP_ALIVE:
                    self.is_over = True
                    yield act
                return
            yield act

    def _resumed(self, stream: _Stream) -> Iterator[Act]:
        yield MAY_WAIT
        yield from self._run(stream)

    def _give_up(self, stream: _Stream) -> None:
        """The client is no longer there for it."""
        del self._streams[stream.id]
        self._blocked = [other for other in self._blocked if other is not stream]
        close = getattr(stream.acts, "close", None)
        if close is not None:
            close()
