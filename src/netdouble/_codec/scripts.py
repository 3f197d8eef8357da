"""Scripts: what a peer does to answer one request, step by step.

Rule: nothing is sent or waited for here. A `Script` says what is to happen; the door that holds the connection carries
it out, over a socket or in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from enum import Enum

from netdouble._codec.framing import Framer
from netdouble._codec.pacing import throttled
from netdouble._core.streams import Pause, Step, Stream


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

    Args:
        head: what is done before the body. stream, framer: the body and how it is said. ending, delay: as of a Script.
        rate: bytes per second; None: at once. tail: what is sent behind it all.

    Attributes:
        is_said: what was taken so far is a whole response.
    """

    __slots__ = ("_framer", "_rate", "_stream", "_tail", "is_said")

    def __init__(self, head: Iterable[Step], stream: Stream, framer: Framer, *, ending: Ending, delay: float,
                 rate: float | None = None, tail: bytes = b"") -> None:  # fmt: skip
        super().__init__(*head, ending=ending, delay=delay)
        self._stream, self._framer, self.is_async, self.is_said = stream, framer, stream.is_async, False
        self._rate, self._tail = rate, tail

    def steps(self) -> Iterator[Step]:
        """The head, then every chunk as soon as the stream has it."""
        yield from self.pieces
        for step in self._stream.steps():
            yield from self._said(step)
        yield from self._last()

    async def asteps(self) -> AsyncGenerator[Step, None]:
        """As `steps`."""
        for piece in self.pieces:
            yield piece
        async with aclosing(self._stream.asteps()) as steps:
            async for step in steps:
                for said in self._said(step):
                    yield said
        for said in self._last():
            yield said

    def _said(self, step: Step) -> Iterator[Step]:
        for said in self._framer.say(step):
            self.is_said = self._framer.reached
            if self._rate is None or isinstance(said, Pause):
                yield said
            else:
                yield from throttled(said, self._rate)

    def _last(self) -> Iterator[Step]:
        self.is_said = True
        if self.ending is Ending.KEEP_ALIVE and not self._framer.kept_word:
            self.ending = Ending.CLOSE
        if data := self._framer.end() + self._tail:
            yield data
