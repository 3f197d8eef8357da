"""The peers of a WebSocket as programs: a script, or a function of the user, that says what it wants next.

Rule 1: a program is told what came of its last wish, and says the next one (`send`, as of a generator; StopIteration:
it is done). It does nothing by itself.
Rule 2: a function runs in a helper thread, but never while whoever asks it runs: the one waits for the other. It is as
deterministic as a call. When the connection is given up, its thread ends.
"""

from __future__ import annotations

import contextvars
import inspect
import selectors
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from netdouble._core.masking import masked_url
from netdouble._core.messages import Request
from netdouble._core.websockets import Closing, Conversation, Dialogue, Expect, Receive, unmet
from netdouble._far_end.peers import LATE, Ask, AsyncWebSocket, Outcome, WebSocket, Wish
from netdouble.errors import UnmetExpectation, WebSocketClosed

if TYPE_CHECKING:
    import asyncio


class Program(Protocol):
    """What a generator is, too."""

    def send(self, outcome: Any, /) -> Wish:
        """Tell what came of the last wish (None at first); the next one. Raises StopIteration at the end."""
        ...

    def close(self) -> None:
        """Nobody will ask again."""
        ...


def program_of(conversation: Conversation, request: Request, subprotocol: str | None, dialogue: Dialogue,
               label: str) -> Program:  # fmt: skip
    """The program of one connection; `label` is the route's."""
    peer = conversation.peer
    if peer is None:
        return _scripted(conversation, request, dialogue, label)
    function: Callable[[Any], Any] = peer
    is_async = inspect.iscoroutinefunction(peer) or inspect.iscoroutinefunction(getattr(peer, "__call__", None))  # noqa: B004  # the method itself is looked at

    def work(ask: Ask) -> None:
        if is_async:
            _run_async(function, AsyncWebSocket(ask, request, subprotocol), ask)
        else:
            function(WebSocket(ask, request, subprotocol))

    return Staged(work)


def _scripted(
    conversation: Conversation, request: Request, dialogue: Dialogue, label: str
) -> Generator[Wish, Outcome, None]:
    for step in conversation.steps:
        if not isinstance(step, Expect):
            yield step
            continue
        dialogue.expecting = step
        got = yield Receive()
        dialogue.expecting = None
        if isinstance(got, Closing) or got is None:
            code = got.code if got is not None else 1006
            problem = f"no message: the {got.sender if got is not None else 'client'} closed the connection ({code})"
        else:
            problem = step.differs(got)
        if problem:
            raise UnmetExpectation(unmet(masked_url(request.url), label, step, problem, dialogue.messages))
    while not isinstance((yield Receive()), Closing):
        pass


class Staged:
    """A function in a helper thread, step by step."""

    def __init__(self, work: Callable[[Ask], None]) -> None:
        self._work = work
        self._thread: threading.Thread | None = None
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._wish: Wish | None = None
        self._outcome: Any = None
        self._error: BaseException | None = None
        self._is_done = False

    def send(self, outcome: Any, /) -> Wish:
        """As `Program.send`. Raises what the function raises."""
        if self._is_done:
            raise StopIteration
        self._outcome = outcome
        if self._thread is None:
            # A daemon: a function that never comes back must not keep the process.
            self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,), daemon=True,
                                            name="netdouble WebSocket peer")  # fmt: skip
            self._thread.start()
        else:
            self._theirs.release()
        self._mine.acquire()
        wish, self._wish = self._wish, None
        if wish is not None:
            return wish
        self._thread.join()
        if self._error is not None and not isinstance(self._error, WebSocketClosed):
            raise self._error
        raise StopIteration

    def close(self) -> None:
        """Let the function run to its end: whatever it wants, the connection is over."""
        if self._thread is None:
            self._is_done = True
        for _ in range(_PATIENCE):
            try:
                self.send(Closing("client", 1006))
            except BaseException:  # noqa: BLE001  # nobody is left to be told
                return

    def _run(self) -> None:
        try:
            self._work(self._ask)
        except BaseException as error:  # noqa: BLE001  # raised again by whoever asks
            self._error = error
        self._is_done = True
        self._mine.release()

    def _ask(self, wish: Wish) -> Outcome:
        self._wish = wish
        self._mine.release()
        self._theirs.acquire()
        outcome: Outcome = self._outcome
        return outcome


# How often a function that is to end may still want something.
_PATIENCE = 100


class _Handing(selectors.SelectSelector):
    """Where an event loop would wait, it hands over: so its timers and messages come from whoever asks."""

    def __init__(self, socket: AsyncWebSocket, ask: Ask) -> None:
        super().__init__()
        self._socket, self._ask = socket, ask
        self.task: asyncio.Task[Any] | None = None
        self.hands_over = True
        self._is_over = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self.hands_over:
            return super().select(timeout)
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._is_over:  # the client is gone, and the function waits for something else
            self.hands_over = False
            if self.task is not None:
                self.task.cancel()
            return []
        outcome = self._ask(Receive(timeout))
        self._is_over = isinstance(outcome, Closing)
        if outcome is not None and outcome is not LATE:
            self._socket._take(outcome)
        return super().select(0)


def _run_async(function: Callable[[Any], Any], socket: AsyncWebSocket, ask: Ask) -> None:
    import asyncio

    selector = _Handing(socket, ask)
    loop = asyncio.SelectorEventLoop(selector)
    try:
        task = selector.task = loop.create_task(_awaited(function, socket))
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            if not selector._is_over:
                raise
        finally:
            selector.hands_over = False
            loop.run_until_complete(_ended(asyncio.all_tasks(loop)))
            loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    """What the function started and left behind ends with it."""
    import asyncio

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _awaited(function: Callable[[Any], Any], socket: AsyncWebSocket) -> None:
    await function(socket)
