"""Ask a user's function for its answer, on behalf of a door.

Rule 1: runs outside every lock, once a call.
Rule 2: an async function runs on the caller's own loop; for a sync client, on a private loop in a helper thread.
Rule 3: what the function raises is raised in the caller, as it is.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from netdouble._core import native
from netdouble._core.calls import Call
from netdouble._core.messages import Response
from netdouble._core.replies import DECLINE, Answer, Compute, PassThrough, Verbatim, as_reply, drawn
from netdouble._core.streams import Pause, Step
from netdouble._core.websockets import Conversation
from netdouble.errors import ClientNotSupported, DeclarationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Kept here so that a test that replaces time.sleep changes nothing.
sleep = time.sleep


def settle(call: Call) -> Answer:
    """What `call` is answered with, for a sync client."""
    reply, made = _computed(call)
    return _known(reply) if reply is not None else _answer(made, call)


def settle_for(library: str, call: Call) -> Answer | Verbatim:
    """As `settle`, for a client that takes a response object of its own as it is."""
    reply, made = _computed(call)
    if reply is not None:
        return _known(reply)
    if isinstance(made, Verbatim) and made.library == library:
        call.native = made.native
        return made
    return _answer(made, call)


def _computed(call: Call) -> tuple[Any, Any]:
    """The answer that is known, and None; or None, and what a function gave."""
    while True:
        reply = call.answer
        if not isinstance(reply, Compute):
            return reply, None
        made = reply.function(call.request)
        if hasattr(made, "__await__"):
            made = run_private(made)
        if made is not DECLINE:
            return None, made
        call.again(call)


async def asettle(call: Call) -> Answer:
    """What `call` is answered with, for an async client."""
    reply, made = await _acomputed(call)
    return _known(reply) if reply is not None else _answer(made, call)


async def asettle_for(library: str, call: Call) -> Answer | Verbatim:
    """As `asettle`, for a client that takes a response object of its own as it is."""
    reply, made = await _acomputed(call)
    if reply is not None:
        return _known(reply)
    if isinstance(made, Verbatim) and made.library == library:
        call.native = made.native
        return made
    return _answer(made, call)


async def _acomputed(call: Call) -> tuple[Any, Any]:
    """As `_computed`."""
    while True:
        reply = call.answer
        if not isinstance(reply, Compute):
            return reply, None
        made = reply.function(call.request)
        if hasattr(made, "__await__"):
            made = await made
        if made is not DECLINE:
            return None, made
        call.again(call)


def _known(reply: Any) -> Answer:
    if isinstance(reply, Conversation):
        raise ClientNotSupported(
            "a WebSocket route answers, but this client can't be given a WebSocket without a connection: "
            'open one with layer="wire"'
        )
    answer: Answer = reply
    return answer


def _answer(made: Any, call: Call) -> Answer:
    if isinstance(made, Verbatim):
        call.native = made.native
        read: Response = made.neutral if made.whole else native.to_response(made.native)
        return read
    try:
        reply = as_reply(made)
    except DeclarationError as error:
        raise DeclarationError(f"the function that answers {call.route} gave back something else: {error}") from None
    if isinstance(reply, (Compute, Conversation)):
        raise DeclarationError(f"the function that answers {call.route} gave back a function; call it there")
    if isinstance(reply, PassThrough):
        call.answer = reply  # the log tells it by that
    return drawn(reply, call.index)


def run_private(awaitable: Awaitable[Any]) -> Any:
    """Run `awaitable` to its end on an event loop of its own in a helper thread, in a copy of this context."""
    import asyncio
    import contextvars
    import threading

    outcome: list[tuple[Any, BaseException | None]] = []

    async def main() -> Any:
        return await awaitable

    def work() -> None:
        try:
            outcome.append((asyncio.run(main()), None))
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            outcome.append((None, error))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="netdouble async reply")
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


class Steps(Protocol):
    """What is said step by step: a stream, or a whole script."""

    @property
    def is_async(self) -> bool:
        """Only `asteps` works."""
        ...

    def steps(self) -> Iterator[Step]:
        """Bytes and pauses, in order."""
        ...

    def asteps(self) -> AsyncIterator[Step]:
        """As `steps`."""
        ...


def steps_of(said: Steps) -> Iterator[Step]:
    """The steps for a sync client; those of an async factory are collected on a private loop first."""
    if not said.is_async:
        return said.steps()

    async def collect() -> list[Step]:
        return [step async for step in said.asteps()]

    collected: list[Step] = run_private(collect())
    return iter(collected)


class Unhurried:
    """What is said step by step, the pauses left out: for sync clients and for async ones."""

    def __init__(self, said: Steps) -> None:
        self._said = said

    def __iter__(self) -> Iterator[bytes]:
        return (step for step in steps_of(self._said) if not isinstance(step, Pause))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for step in self._said.asteps():
            if not isinstance(step, Pause):
                yield step


def whole(said: Steps) -> bytes:
    """All the bytes of it, the pauses left out."""
    return b"".join([step for step in steps_of(said) if not isinstance(step, Pause)])
