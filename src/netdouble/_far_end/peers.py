"""What a function that is the peer of a WebSocket holds: `WebSocket`, or `AsyncWebSocket` when it is async.

Rule: a method says what is wanted and is told what came of it; the connection is in other hands (`conversing.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from netdouble._core.messages import Request
from netdouble._core.streams import Pause
from netdouble._core.websockets import (
    Close,
    Closing,
    Drop,
    Ping,
    Receive,
    Say,
    checked_close,
    checked_message,
    checked_ping,
)
from netdouble.errors import WebSocketClosed

if TYPE_CHECKING:
    import asyncio

Wish: TypeAlias = Say | Ping | Close | Drop | Pause | Receive
# What came of a wish: a message of the client, how the client is gone, no message in time (_LATE), or nothing to tell.
Outcome: TypeAlias = "str | bytes | Closing | None"
Ask: TypeAlias = Callable[[Wish], Outcome]

# No message came in the time that a `Receive` gave.
LATE: Any = object()


class _Peer:
    """What both kinds have.

    Attributes:
        request: the opening handshake. subprotocol: the one that was agreed on.
    """

    def __init__(self, ask: Ask, request: Request, subprotocol: str | None) -> None:
        self._ask, self.request, self.subprotocol = ask, request, subprotocol

    def _do(self, wish: Wish) -> None:
        outcome = self._ask(wish)
        if isinstance(outcome, Closing):
            _refuse(outcome)


def _refuse(closing: Closing) -> NoReturn:
    reason = f", {closing.reason!r}" if closing.reason else ""
    raise WebSocketClosed(f"the conversation is over: the {closing.sender} closed it ({closing.code}{reason})",
                          code=closing.code, reason=closing.reason)  # fmt: skip


class WebSocket(_Peer):
    """The route's side of a WebSocket connection, for a peer that is a plain function.

    Iterating gives the client's messages until it closes. When the function returns, the connection is closed with
    code 1000; what it raises is raised in the client's caller, and closes with 1011.

    Attributes:
        request: the opening handshake. subprotocol: the one that was agreed on.

    Example:
        >>> def echo(ws):
        ...     for message in ws:
        ...         ws.send(message)
    """

    def send(self, data: str | bytes | None = None, *, json: Any = ...) -> None:
        """Send a message: text for a str, binary for bytes, or `json` as text. Raises WebSocketClosed."""
        self._do(Say(checked_message("send", data, json)))

    def receive(self, timeout: float | None = None) -> str | bytes:
        """The client's next message.

        Raises:
            WebSocketClosed: the client is gone. TimeoutError: none came in `timeout` seconds.
        """
        outcome = self._ask(Receive(timeout))
        if outcome is LATE:
            raise TimeoutError(f"no message came in {timeout} seconds")
        if isinstance(outcome, Closing) or outcome is None:
            _refuse(outcome or Closing("client", 1006))
        return outcome

    def __iter__(self) -> Iterator[str | bytes]:
        try:
            while True:
                yield self.receive()
        except WebSocketClosed:
            return

    def ping(self, data: bytes = b"") -> None:
        """Send a ping."""
        self._do(checked_ping(data))

    def pause(self, seconds: float) -> None:
        """Say nothing for a while. As `time.sleep`, but other streams and connections go on."""
        self._do(Pause(seconds))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake."""
        self._do(checked_close(code, reason))

    def drop(self, *, reset: bool = False) -> None:
        """End the connection without a word; with `reset`, by a TCP reset."""
        self._do(Drop(reset))


class AsyncWebSocket(_Peer):
    """As `WebSocket`, for a peer that is a coroutine function. It runs on an event loop of its own.

    Example:
        >>> async def echo(ws):
        ...     async for message in ws:
        ...         await ws.send(message)
    """

    def __init__(self, ask: Ask, request: Request, subprotocol: str | None) -> None:
        super().__init__(ask, request, subprotocol)
        self._inbox: deque[str | bytes] = deque()
        self._closing: Closing | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def send(self, data: str | bytes | None = None, *, json: Any = ...) -> None:
        """As `WebSocket.send`."""
        self._do(Say(checked_message("send", data, json)))

    async def receive(self) -> str | bytes:
        """The client's next message; for a limit: `asyncio.wait_for(ws.receive(), seconds)`. Raises WebSocketClosed."""
        import asyncio

        while not self._inbox:
            if self._closing is not None:
                _refuse(self._closing)
            woken = asyncio.get_running_loop().create_future()
            self._waiting.append(woken)
            await woken
        return self._inbox.popleft()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self.receive()
        except WebSocketClosed:
            return

    async def ping(self, data: bytes = b"") -> None:
        """Send a ping."""
        self._do(checked_ping(data))

    async def pause(self, seconds: float) -> None:
        """Say nothing for a while."""
        import asyncio

        await asyncio.sleep(Pause(seconds).seconds)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake."""
        self._do(checked_close(code, reason))

    async def drop(self, *, reset: bool = False) -> None:
        """As `WebSocket.drop`."""
        self._do(Drop(reset))

    def _take(self, outcome: str | bytes | Closing) -> None:
        """What the client sent, told by whoever runs the event loop."""
        if isinstance(outcome, Closing):
            self._closing = outcome
        else:
            self._inbox.append(outcome)
        while self._waiting:
            woken = self._waiting.popleft()
            if not woken.done():
                woken.set_result(None)
                if not isinstance(outcome, Closing):
                    return
