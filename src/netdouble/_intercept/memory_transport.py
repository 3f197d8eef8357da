"""An asyncio transport in memory: what the client writes is read as requests, each is decided, and the answer arrives.

The protocol above it is the client's own: it serialises, pools, times and parses as over a socket.

Rule 1: who answers is asked at each request, never when connecting.
Rule 2: `write` never raises: clients wrap what it raises. What went wrong is raised in whoever waits for the response.
Rule 3: nothing arrives while the client is still writing: its timers begin after that.
Rule 4: what is let through goes out on a real connection; the next request on it is read and decided again.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from math import inf
from typing import Any, Protocol

from netdouble._answering import asettle
from netdouble._codec.http1 import ParsedRequest, RequestParser
from netdouble._codec.received import body_received
from netdouble._codec.scripts import Ending, Script
from netdouble._codec.spelled_faults import shown, spell_fault_for
from netdouble._codec.spelling import CONTINUE, spell, spell_for
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Response
from netdouble._core.replies import Fail, PassThrough
from netdouble._core.streams import Pause
from netdouble._core.websockets import Conversation
from netdouble._intercept.conversing import LoopTalk, begun
from netdouble.errors import DeclarationError

# As much as asyncio's own transport reads at once (selector_events.py, max_size).
_AT_ONCE = 256 * 1024
# Longer bodies come in portions, and the client may pause between them.
_ONE_PIECE = 64 * 1024


class Exchange(Protocol):
    """What a client's file does for its transports, in its own words; one for each request."""

    def ask(self, parsed: ParsedRequest) -> Call | None:
        """Open the call; None when no scope is open."""
        ...

    def failure(self, fail: Fail, *, has_body: bool) -> Fault | BaseException:
        """What the client fails with, its request having a body or not."""
        ...

    def connect_error(self, fault: Fault) -> BaseException:
        """The client's exception for a fault of the connecting phase."""
        ...

    def expire(self, seconds: float) -> BaseException | None:
        """Let the client's timeout come now if it would come within `seconds`: what the client is told, or None."""
        ...

    def expire_writing(self) -> BaseException | None:
        """Let the client's timeout come that it has for sending its request: what the client is told, or None."""
        ...

    def fail(self, error: BaseException) -> None:
        """Raise `error`, as it is, in whoever waits for the response or reads its body."""
        ...

    def lose(self, error: Exception | None) -> None:
        """Tell the client that the connection is gone: in order (None) or not."""
        ...

    def told(self) -> BaseException | None:
        """What the client will raise for this response, so far."""
        ...

    async def open_real(self) -> asyncio.Transport:
        """Open the real connection. Raises what the client raises when that fails."""
        ...

    def note(self, call: Call, body: Callable[[], bytes]) -> None:
        """Close `call` with the response that comes on the real connection; `body` has it at its end."""
        ...


class MemoryTransport(asyncio.Transport):
    """One connection.

    Args:
        protocol: the client's. wanted: whether a request made now would be answered here; asked while it rests in a
            pool. port: of the peer, as it is told. patient: the client has something to do yet when it has written a
            request, and is answered after that.
    """

    def __init__(self, protocol: Any, wanted: Callable[[], bool], port: int, *, patient: bool = False) -> None:
        super().__init__({"peername": ("127.0.0.1", port), "sockname": ("127.0.0.1", 49152)})
        self._protocol, self._wanted, self._patient = protocol, wanted, patient
        self._loop = asyncio.get_running_loop()
        self._parser = RequestParser()
        self._exchange: Exchange
        self._busy = True
        self._closed = self._lost = False
        self._reading = asyncio.Event()
        self._reading.set()
        self._task: asyncio.Task[None] | None = None
        self._real: Any = None  # an asyncio.Transport
        self._raw = False  # the bytes are no HTTP any more: after an upgrade
        self._talk: Any = None  # a LoopTalk
        self._tape: bytearray | None = None

    def expect(self, exchange: Exchange) -> None:
        """The next request belongs to `exchange`."""
        self._exchange, self._busy = exchange, True

    # What the client does

    def write(self, data: Any) -> None:
        """Take what the client sends; decide the request as soon as it is whole."""
        if self._closed:  # as on the wire: lost, and the next read tells
            return
        if self._raw:
            (self._talk or self._real).write(data)
            return
        self._parser.feed(data)
        try:
            parsed = self._parser.next_request()
            if parsed is not None:
                self._busy = False
                self._answer(parsed, self._exchange.ask(parsed))
            elif self._parser.wants_continue:
                self._parser.told_continue()
                self._loop.call_soon(self._arrive, CONTINUE)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # unmatched, malformed, or a predicate of the user raised it
            self._exchange.fail(error)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """As `write`."""
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Close it; what is still on its way does not arrive."""
        if not self._closed:
            self._closed = True
            if self._task is not None:
                self._task.cancel()
            if self._real is not None:
                self._real.close()
            if self._talk is not None:
                self._talk.close()
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """As `close`."""
        self.close()

    def is_closing(self) -> bool:
        """It is closed, or rests in a pool while nobody would answer on it."""
        return self._closed or not (self._busy or self._raw or self._wanted())

    def pause_reading(self) -> None:
        """Let nothing arrive until `resume_reading`."""
        self._reading.clear()
        if self._real is not None:
            self._real.pause_reading()

    def resume_reading(self) -> None:
        """Let it arrive again."""
        self._reading.set()
        if self._real is not None:
            self._real.resume_reading()

    def is_reading(self) -> bool:
        """It was not told to pause."""
        return self._reading.is_set()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the real connection, when there is one."""
        return super().get_extra_info(name, default) if self._real is None else self._real.get_extra_info(name, default)

    def get_protocol(self) -> Any:
        """The client's."""
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        """What arrives from now on is another protocol's."""
        self._protocol = protocol

    def can_write_eof(self) -> bool:
        """No client of ours half-closes."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing waits here."""
        return 0 if self._real is None else self._real.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing waits here."""

    # Answering

    def _answer(self, parsed: ParsedRequest, call: Call | None) -> None:
        answer = None if call is None else call.answer
        if call is not None and isinstance(answer, Conversation):
            self._loop.call_soon(self._converse, parsed, call)
        elif call is not None and isinstance(answer, Response) and _is_short(answer) and not _wants_upgrade(parsed):
            script = spell_for(parsed, answer)
            if self._patient:
                self._loop.call_soon(self._loop.call_soon, self._say, script, call, answer)
            else:
                self._loop.call_soon(self._say, script, call, answer)
        else:
            self._task = self._loop.create_task(self._carry_out(parsed, call))

    def _say(self, script: Script, call: Call, response: Response) -> None:
        if not self._closed:
            call.close(response=response)
            piece: Any = script.pieces[0]  # all of it, and no pause
            self._arrive(piece)
            if script.ending is not Ending.KEEP_ALIVE:  # arrives by itself, as a FIN does: the head is seen before
                self._loop.call_soon(self._say_goodbye, script.ending, call)

    def _say_goodbye(self, ending: Ending, call: Call) -> None:
        self._end(ending)
        if self._closed:
            call.close(error=self._exchange.told())

    async def _carry_out(self, parsed: ParsedRequest, call: Call | None) -> None:
        await asyncio.sleep(0)  # an eager task (Python 3.12) would begin while the client is still writing
        try:
            answer = None if call is None else await asettle(call)
            if call is None or isinstance(answer, PassThrough):
                await self._let_through(parsed, call)
            elif isinstance(answer, Response):
                await self._reply(parsed, call, answer)
            elif answer is not None:
                await self._fail(parsed, call, answer)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  # a function of the user raised it, or pytest.fail
            if call is not None:
                call.close(error=error)
            self._exchange.fail(error)

    async def _reply(self, parsed: ParsedRequest, call: Call, response: Response) -> None:
        if _wants_upgrade(parsed) and response.status < 300:
            raise DeclarationError(
                f"{call.route} answers a WebSocket handshake with {response.status}, and a conversation would have to "
                f'follow: declare net.websocket("{call.request.url}"). A refusal is an error status or a fault'
            )
        script = spell_for(parsed, response)
        if not await self._wait(script.delay, call):
            return
        call.close(response=response)
        try:
            await self._play(script, call)
        finally:
            call.close(error=self._exchange.told())

    def _converse(self, parsed: ParsedRequest, call: Call) -> None:
        """Answer a WebSocket handshake, and talk."""
        response, talk = begun(call, parsed.headers)
        self._say(spell(response, method="GET", keep_alive=talk is not None), call, response)
        if talk is not None and not self._closed:
            self._raw = True
            self._talk = LoopTalk(talk, self._loop, self._arrive, self._end)
            self._talk.begin()

    async def _fail(self, parsed: ParsedRequest, call: Call, fail: Fail) -> None:
        failure = self._exchange.failure(fail, has_body=bool(parsed.body))
        if failure is Fault.WRITE_TIMEOUT:
            call.close(error=self._exchange.expire_writing())
            return
        if failure is Fault.READ_TIMEOUT or failure is Fault.STALL_BEFORE_REQUEST:
            call.close(error=self._exchange.expire(inf))  # whatever the delay: the client's own time is what counts
            return
        if not await self._wait(fail.delay, call):
            return
        if isinstance(failure, Fault) and failure.before_request:
            failure = self._exchange.connect_error(failure)
        if isinstance(failure, BaseException):
            call.close(error=failure)
            self._exchange.fail(failure)
            return
        script = spell_fault_for(parsed, failure, fail.response)
        try:
            await self._play(script, call)
        finally:  # the client may hang up in the middle, as it does on what is not HTTP
            error = self._exchange.told()
            call.close(response=shown(fail.response, error), error=error)

    async def _wait(self, seconds: float, call: Call, silence: float = 0.0) -> bool:
        """Wait, if the client has that long: in all `silence` since the last byte."""
        if seconds:
            error = self._exchange.expire(max(seconds, silence))
            if error is not None:
                call.close(error=error)
                return False
            await asyncio.sleep(seconds)
        return True

    async def _play(self, script: Script, call: Call) -> None:
        begun, silence = False, 0.0
        async with aclosing(script.asteps()) as steps:
            async for step in steps:
                if isinstance(step, Pause):
                    silence += step.seconds
                    if not await self._wait(step.seconds, call, silence):
                        return
                    continue
                silence = 0.0
                for piece in _portions(step):
                    if begun:  # each piece arrives by itself
                        await asyncio.sleep(0)
                    begun = True
                    await self._reading.wait()
                    if self._closed:
                        return
                    self._arrive(piece)
        if begun and script.ending is not Ending.KEEP_ALIVE:
            await asyncio.sleep(0)
        self._end(script.ending)

    def _arrive(self, data: bytes) -> None:
        if not self._closed:
            self._protocol.data_received(data)

    def _end(self, ending: Ending) -> None:
        if ending is Ending.KEEP_ALIVE or self._closed:
            return
        if ending is Ending.STALL:
            self._exchange.expire(inf)
            return
        self._closed = True
        if self._real is not None:
            self._real.close()
        if ending is Ending.CLOSE:
            self._protocol.eof_received()
            self._lose(None)
        else:
            self._lose(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))

    def _lose(self, error: Exception | None) -> None:
        self._closed = True
        if not self._lost:
            self._lost = True
            self._exchange.lose(error)

    # Letting through

    async def _let_through(self, parsed: ParsedRequest, call: Call | None) -> None:
        if self._real is None:
            real = await self._exchange.open_real()
            real.set_protocol(_Bridge(self))
            self._real = real
        if call is not None:
            tape = self._tape = bytearray()
            self._exchange.note(call, lambda: body_received(bytes(tape), parsed.method))
        self._raw = _wants_upgrade(parsed) or parsed.method == "CONNECT"
        self._real.write(parsed.raw)


class _Bridge(asyncio.Protocol):
    """Hands what happens on the real connection to the client's protocol."""

    def __init__(self, memory: MemoryTransport) -> None:
        self._memory = memory

    def data_received(self, data: bytes) -> None:
        memory = self._memory
        if memory._tape is not None:
            memory._tape += data
        memory._arrive(data)

    def eof_received(self) -> None:
        self._memory._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._memory._lose(exc)

    def pause_writing(self) -> None:
        self._memory._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._memory._protocol.resume_writing()


def _is_short(response: Response) -> bool:
    """It arrives at once, in one piece."""
    return not response.delay and response.is_at_once and len(response.body) <= _ONE_PIECE


def _wants_upgrade(parsed: ParsedRequest) -> bool:
    return "upgrade" in parsed.headers


def _portions(chunk: bytes) -> Iterator[bytes]:
    for begin in range(0, len(chunk), _AT_ONCE):
        yield chunk[begin : begin + _AT_ONCE]
