"""WebSocket conversations without a connection: what a client's seam gives and takes, carried to the far end.

Rule: the acts of one conversation are carried out one at a time, in their order.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from netdouble._codec.http1 import Limits
from netdouble._codec.scripts import Ending
from netdouble._core.calls import Call
from netdouble._core.headers import Headers
from netdouble._core.messages import Response
from netdouble._core.streams import Pause
from netdouble._core.websockets import Conversation
from netdouble._far_end.acts import Act, Concurrent
from netdouble._intercept.exchange import event_loop


def begun(call: Call, headers: Headers) -> tuple[Response, Any]:
    """The answer to a handshake, and the conversation that follows it: None when it is refused. Closes `call`."""
    from netdouble._codec.websocket import handshake  # wsproto is an extra
    from netdouble._far_end.conversing import Talk

    conversation = call.answer
    if not isinstance(conversation, Conversation):
        raise TypeError(f"no conversation: {conversation!r}")
    response = handshake(headers, conversation.subprotocols)
    call.close(response=response)
    return response, Talk(call, conversation, headers, Limits()) if response.status == 101 else None


class LoopTalk:
    """A conversation on an asyncio loop.

    Args:
        arrive: takes bytes for the client. end: takes how the connection ends.
    """

    def __init__(self, talk: Any, loop: Any, arrive: Callable[[bytes], Any], end: Callable[[Ending], Any]) -> None:
        self._talk, self._loop, self._arrive, self._end = talk, loop, arrive, end

    def begin(self) -> None:
        """The handshake was answered."""
        self._carry_out(self._talk.begin(b""))

    def write(self, data: Any) -> None:
        """The client has written; its own `write` never raises."""
        self._carry_out(self._talk.hear(bytes(data)))

    def close(self) -> None:
        """The client has closed the connection."""
        self._carry_out(self._talk.hear_end())
        self._talk.close()

    def _carry_out(self, acts: Iterator[Act]) -> None:
        for act in acts:
            if isinstance(act, bytes):
                self._loop.call_soon(self._arrive, act)
            elif isinstance(act, Pause):
                self._loop.call_later(act.seconds, self._carry_out, acts)
                return
            elif isinstance(act, Concurrent):
                self._carry_out(act.acts)
            elif isinstance(act, Ending):
                self._loop.call_soon(self._end, act)


class _Stream:
    """What a sync and an async network stream of httpcore share: the far end's side of a conversation."""

    def __init__(self, talk: Any, core: Any) -> None:
        self._talk, self._core = talk, core
        self._heard = bytearray()
        self._due: list[tuple[float, int, Iterator[Act]]] = []
        self._numbers = itertools.count()
        self._is_over = self._was_reset = False

    def get_extra_info(self, info: str) -> Any:
        """There is no socket, and no TLS."""
        return {"server_addr": ("127.0.0.1", 0), "client_addr": ("127.0.0.1", 49152)}.get(info)

    def _carry_out(self, acts: Iterator[Act]) -> None:
        for act in acts:
            if isinstance(act, bytes):
                self._heard += act
            elif isinstance(act, Pause):
                heapq.heappush(self._due, (_now() + act.seconds, next(self._numbers), acts))
                return
            elif isinstance(act, Concurrent):
                self._carry_out(act.acts)
            elif isinstance(act, Ending):
                self._is_over, self._was_reset = True, act is Ending.RESET

    def _carry_on(self) -> float | None:
        """Carry out what is due; the seconds until more will be, None: only when the client writes."""
        while self._due and not self._is_over:
            left = self._due[0][0] - _now()
            if left > 0:
                return left
            self._carry_out(heapq.heappop(self._due)[2])
        return None

    def _take(self, size: int) -> bytes | None:
        """Bytes for the client; empty: it is over; None: not yet."""
        if self._heard:
            taken = bytes(self._heard[:size])
            del self._heard[:size]
            return taken
        if self._was_reset:
            raise self._core.ReadError("[Errno 104] Connection reset by peer")
        return b"" if self._is_over else None

    def _next(self, size: int, until: float | None) -> tuple[bytes | None, float | None]:
        """What `_take` gives, and when it gives nothing yet, the seconds until there may be more."""
        wait = self._carry_on()
        taken = self._take(size)
        left = None if until is None else until - _now()
        if taken is None and left is not None and left <= 0:
            raise self._core.ReadTimeout("The read operation timed out")
        return taken, min((each for each in (wait, left) if each is not None), default=None)

    def _hear(self, data: bytes) -> None:
        if self._is_over:
            raise self._core.WriteError("[Errno 32] Broken pipe")
        self._carry_out(self._talk.hear(bytes(data)))

    def _hang_up(self) -> None:
        if not self._is_over:
            self._is_over = True
            try:
                for _ in self._talk.hear_end():
                    pass
            finally:
                self._talk.close()


class Stream(_Stream):
    """A network stream of httpcore, sync: clients read in a thread and write in another."""

    def __init__(self, talk: Any, core: Any) -> None:
        super().__init__(talk, core)
        self._changed = threading.Condition(threading.RLock())
        self._carry_out(talk.begin(b""))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What the peer says next; empty when it has hung up."""
        until = None if timeout is None else _now() + timeout
        with self._changed:
            while True:
                taken, wait = self._next(max_bytes, until)
                if taken is not None:
                    return taken
                self._changed.wait(wait)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # httpcore's interface
        """What the client says."""
        with self._changed:
            try:
                self._hear(buffer)
            finally:
                self._changed.notify_all()

    def close(self) -> None:
        """Hang up."""
        with self._changed:
            try:
                self._hang_up()
            finally:
                self._changed.notify_all()

    def start_tls(self, *_: object, **__: object) -> Stream:
        """No handshake takes place in memory."""
        return self


class AsyncStream(_Stream):
    """As `Stream`, async: on asyncio or trio, whichever runs."""

    def __init__(self, talk: Any, core: Any) -> None:
        super().__init__(talk, core)
        self._woken: Any = None
        self._carry_out(talk.begin(b""))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As `Stream.read`."""
        until = None if timeout is None else _now() + timeout
        while True:
            taken, wait = self._next(max_bytes, until)
            if taken is not None:
                return taken
            await self._wait(wait)

    async def _wait(self, seconds: float | None) -> None:
        if event_loop() == "trio":
            trio = sys.modules["trio"]
            self._woken = trio.Event()
            with trio.move_on_after(float("inf") if seconds is None else seconds):
                await self._woken.wait()
            return
        asyncio = sys.modules["asyncio"]
        self._woken = asyncio.Event()
        with contextlib.suppress(asyncio.TimeoutError, TimeoutError):  # two classes in Python 3.10
            await asyncio.wait_for(self._woken.wait(), seconds)

    def _wake(self) -> None:
        if self._woken is not None:
            self._woken.set()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # httpcore's interface
        """As `Stream.write`."""
        try:
            self._hear(buffer)
        finally:
            self._wake()

    async def aclose(self) -> None:
        """As `Stream.close`."""
        try:
            self._hang_up()
        finally:
            self._wake()

    async def start_tls(self, *_: object, **__: object) -> AsyncStream:
        """As `Stream.start_tls`."""
        return self


AnyStream: TypeAlias = "type[Stream | AsyncStream]"

# Kept here so that a test that freezes the clock changes nothing.
_now = time.monotonic
