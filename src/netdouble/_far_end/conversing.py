"""A WebSocket conversation at the far end: what the client sends is heard, the peer is asked, frames are said.

Rule 1: the peer waits, pauses and talks beside the connection (`Concurrent`): a ping is answered meanwhile.
Rule 2: what the peer raises, an expectation that was not met too, is told to the client by a close frame, and to the
test at its end; nothing is raised here. So it is the same whoever holds the connection, and whoever waits for it.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any

from netdouble._codec.http1 import Limits
from netdouble._codec.scripts import Ending
from netdouble._codec.websocket import Closed, Frames, Message, Pinged, agreed
from netdouble._core.calls import Call
from netdouble._core.headers import Headers
from netdouble._core.streams import Pause
from netdouble._core.websockets import (
    Close,
    Closing,
    Conversation,
    Dialogue,
    Drop,
    Ping,
    Receive,
    Say,
    WebSocketMessage,
)
from netdouble._far_end.acts import MAY_WAIT, Act, Concurrent
from netdouble._far_end.peers import LATE
from netdouble._far_end.programs import program_of
from netdouble.errors import HandlerFailed, UnmetExpectation

_FAILED, _UNEXPECTED = 1011, 1008  # RFC 6455 section 7.4.1


# The folders whose frames stand between a conversation and the user's function.
_BENEATH = frozenset({os.path.basename(os.path.dirname(__file__)), "asyncio"})


class Talk:
    """One conversation, from the end of its handshake."""

    def __init__(self, call: Call, conversation: Conversation, headers: Headers, limits: Limits) -> None:
        self._call = call
        self._dialogue = call.dialogue = Dialogue()
        self._frames = Frames(limits.body)
        subprotocol = agreed(headers, conversation.subprotocols)
        label = call.route.label if call.route is not None else ""
        self._program = program_of(conversation, call.request, subprotocol, self._dialogue, label)
        self._outcome: Any = None  # of the program's last wish
        self._inbox: deque[str | bytes] = deque()
        self._has_begun = self._is_parked = self._is_done = False  # the program; parked: it waits for a message
        self._turn = 0  # a run of the program that was in a pause meanwhile goes on no more
        self.is_over = self.is_idle = False

    def begin(self, unread: bytes) -> Iterator[Act]:
        """What is to be done when the handshake was answered."""
        yield Concurrent(self._carried_on())
        if unread:
            yield from self.hear(unread)

    def hear(self, data: bytes) -> Iterator[Act]:
        """The client has sent `data`."""
        for each in () if self.is_over else self._frames.hear(data):
            if self.is_over:  # the peer has hung up meanwhile
                return
            if isinstance(each, Message):
                self._log("client", each.data)
                self._inbox.append(each.data)
                if self._is_parked:
                    self._is_parked = False
                    self._outcome = self._inbox.popleft()
                    yield Concurrent(self._carried_on())
            elif isinstance(each, Pinged):
                yield each.pong
            else:
                sender = "client" if isinstance(each, Closed) else "peer"
                if each.answer:
                    yield each.answer
                yield from self._end(Closing(sender, each.code, each.reason))
                return

    def hear_end(self) -> Iterator[Act]:
        """The client is gone without a word."""
        if not self.is_over:
            yield from self._end(Closing("client", 1006))

    def close(self) -> None:
        """Nobody carries out anything any more."""
        self.is_over = True
        self._dialogue.closing = self._dialogue.closing or Closing("peer", 1006)
        if not self._is_done:
            self._is_done = True
            self._program.close()

    def _log(self, sender: str, data: str | bytes) -> None:
        self._dialogue.messages.append(WebSocketMessage(sender, data))
        if self._call.bodies is not None:
            self._call.bodies.keep_message(self._dialogue)

    def _end(self, closing: Closing) -> Iterator[Act]:
        self.is_over = True
        self._dialogue.closing = self._dialogue.closing or closing
        if not self._is_done:
            self._is_parked = False
            self._outcome = self._dialogue.closing if self._has_begun else None
            yield from self._carried_on()
        yield Ending.CLOSE

    def _carried_on(self) -> Iterator[Act]:
        """Ask the peer on, until it waits for a message or is done."""
        self._turn += 1
        return self._run(self._turn)

    def _run(self, turn: int) -> Iterator[Act]:
        yield MAY_WAIT
        while not self._is_done and turn == self._turn:
            self._has_begun = True
            try:
                wish = self._program.send(self._outcome)
            except StopIteration:
                self._is_done = True
                yield from self._say_close(Close())
                return
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001  # pytest.fail() is one, too
                self._is_done = True
                yield from self._failed(error)
                return
            self._outcome = None
            if isinstance(wish, Receive):
                yield from self._awaited(wish, turn)
                if self._is_parked:
                    return
            elif isinstance(wish, Pause) and not self.is_over:
                yield wish
            elif isinstance(wish, Pause) or self._dialogue.closing is not None:
                self._outcome = self._dialogue.closing
            else:
                yield from self._said(wish)

    def _awaited(self, wish: Receive, turn: int) -> Iterator[Act]:
        if self._inbox:
            self._outcome = self._inbox.popleft()
        elif self.is_over:
            self._outcome = self._dialogue.closing
        else:
            self._is_parked = True
            if wish.timeout is not None:
                yield Pause(wish.timeout)
                if self._turn == turn:  # else a message came, and another run goes on
                    self._is_parked = False
                    self._outcome = LATE

    def _said(self, wish: Say | Ping | Close | Drop) -> Iterator[Act]:
        if isinstance(wish, Say):
            self._log("peer", wish.data)
            yield self._frames.message(wish.data)
        elif isinstance(wish, Ping):
            yield self._frames.ping(wish.data)
        elif isinstance(wish, Close):
            yield from self._say_close(wish)
        else:
            self._dialogue.closing = Closing("peer", 1006)
            self.close()
            yield Ending.RESET if wish.reset else Ending.CLOSE

    def _say_close(self, wish: Close) -> Iterator[Act]:
        if self._dialogue.closing is None:
            self._dialogue.closing = Closing("peer", wish.code, wish.reason)
            yield self._frames.close(wish.code, wish.reason)

    def _failed(self, error: BaseException) -> Iterator[Act]:
        self._call.close(error=error)
        miss = error if isinstance(error, UnmetExpectation) else _raised(self._call, error)
        if self._call.scope is not None:
            self._call.scope.misses.append(miss)
        if not self.is_over:
            expected = isinstance(error, UnmetExpectation)
            reason = str(error).partition("\n")[0] if expected else f"{type(error).__name__}: {error}"
            yield from self._say_close(Close(_UNEXPECTED if expected else _FAILED, reason))


def _raised(call: Call, error: BaseException) -> HandlerFailed:
    """The report of a peer that raised, with the user's own part of its traceback."""
    trace = error.__traceback__
    while trace is not None and os.path.basename(os.path.dirname(trace.tb_frame.f_code.co_filename)) in _BENEATH:
        trace = trace.tb_next
    lines = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
    label = f" ({call.route.label})" if call.route is not None else ""
    try:
        # One that was never raised would count as one that the test has seen (`_swallowing`).
        raise HandlerFailed(f"the peer of {call.request}{label} raised {type(error).__name__}\n{lines}") from error  # noqa: TRY301
    except HandlerFailed as failure:
        return failure
