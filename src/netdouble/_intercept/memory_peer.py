"""The peer of a socket in memory: the answers that a client is to read, in turn, and how its connection ends.

Rule: a wait that the client would give up is not waited for; its timeout comes at once.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from netdouble._answering import sleep, steps_of
from netdouble._codec.scripts import Ending, Script
from netdouble._codec.socket_errors import reset
from netdouble._core.calls import Call
from netdouble._core.messages import Response
from netdouble._core.streams import Pause, Step
from netdouble._intercept.layers import raise_past

NOTHING = Script()


@dataclass(slots=True)
class Answer:
    """One answer on its way to the client.

    Attributes:
        response, error: what the call is told when it begins. raises: an exception that comes instead of bytes.
    """

    script: Script
    call: Call | None = None
    delay: float = 0.0
    response: Response | None = None
    error: BaseException | None = None
    raises: BaseException | None = None
    steps: Iterator[Step] | None = None
    silence: float = 0.0  # seconds since the last byte


class Peer:
    """What a client hears of the other end of its connection.

    Attributes:
        answers: to be said yet. rest: said already, not read yet. timeout: the client's, in seconds.
    """

    __slots__ = ("_scheme", "_told_reset", "_was_reset", "answers", "hung_up", "rest", "timeout")

    def __init__(self, scheme: str, timeout: float | None) -> None:
        self._scheme = scheme
        self.timeout = timeout
        self.answers: deque[Answer] = deque()
        self.rest = memoryview(b"")
        self.hung_up = self._was_reset = self._told_reset = False

    def hears(self) -> bool:
        """It takes what the client writes; False: that is lost as on the wire, and the next read tells."""
        self.run_on()
        if self._was_reset:  # the first to ask is told (sk_stream_error() in Linux' net/core/stream.c)
            is_told, self._told_reset = self._told_reset, True
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) if is_told else reset()
        return not self.hung_up

    def read_into(self, view: memoryview) -> int:
        """Give what has been said to the client; as much as `view` takes."""
        size = min(len(view), len(self.rest))
        view[:size] = self.rest[:size]
        self.rest = self.rest[size:]
        return size

    def say_more(self, *, heard: bool = True) -> bool:
        """Take the next step of the first answer; False: the peer has hung up. `heard`: the client waits for it."""
        if self.hung_up:
            return False
        if not self.answers:  # nothing was asked, so nothing will ever come
            raise self.timed_out()
        answer = self.answers[0]
        if answer.steps is None:
            answer.steps = self._begin(answer)
            whole = _in_one_piece(answer.script)
            if whole is not None:
                self.answers.popleft()
                self.rest = memoryview(whole)
                return True
        try:
            step = next(answer.steps, None)
        except Exception as error:  # noqa: BLE001  # the user's stream broke
            if answer.call is not None:
                answer.call.close(error=error)
            self.hang_up()
            raise_past(error)
        if isinstance(step, Pause):
            if heard:
                self._be_silent(answer, step.seconds)
            return True
        if step is not None:
            answer.silence = 0.0
            self.rest = memoryview(step)
            return True
        self.answers.popleft()
        ending = answer.script.ending
        if ending is Ending.KEEP_ALIVE:
            return True
        self.hang_up()
        if ending is Ending.STALL:
            raise self.timed_out()
        if ending is Ending.RESET:
            self._was_reset, self._told_reset = True, heard
            raise reset()
        return False

    def _be_silent(self, answer: Answer, seconds: float) -> None:
        """Wait as long as the client would."""
        answer.silence += seconds
        if self.timeout is not None and answer.silence > self.timeout:
            late = self.timed_out()
            if answer.call is not None:
                answer.call.close(error=late)
            self.hang_up()
            raise late
        if seconds:
            sleep(seconds)

    def run_on(self) -> None:
        """Let the peer go on to its end: a client that knows the body's length stops reading before that."""
        if not self.rest and self.answers and self.answers[0].steps is not None:
            with suppress(OSError):  # it has hung up now, and the next read tells
                self.say_more(heard=False)

    def _begin(self, answer: Answer) -> Iterator[Step]:
        """Wait as long as the client would, and tell the call."""
        late = self.timed_out() if self.timeout is not None and answer.delay > self.timeout else None
        if answer.delay and late is None:
            sleep(answer.delay)
        if answer.call is not None:
            answer.call.close(None if late else answer.response, late or answer.error)
        raises = late or answer.raises
        if raises is not None:
            self.hang_up()
        if late is not None:
            raise late
        if answer.raises is not None:
            raise_past(answer.raises)
        return steps_of(answer.script)

    def timed_out(self, doing: str = "read") -> TimeoutError:
        """What a client that waits no longer raises."""
        # The texts of CPython's _ssl.c and socketmodule.c.
        return TimeoutError(f"The {doing} operation timed out" if self._scheme == "https" else "timed out")

    def hang_up(self) -> None:
        """Say nothing more: the next read finds the end."""
        self.hung_up = True
        self.rest = memoryview(b"")
        self.answers.clear()


def _in_one_piece(script: Script) -> bytes | None:
    """All that it says, when that is said at once and nothing follows."""
    if type(script) is not Script or script.ending is not Ending.KEEP_ALIVE or len(script.pieces) != 1:
        return None
    said = script.pieces[0]
    return said if isinstance(said, bytes) else None
