"""From a request that was heard to the acts that answer it, the same in every protocol.

Rule: a call is closed once, after the delay and before the first byte of the answer.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Protocol, TypeGuard

from netdouble._answering import settle
from netdouble._codec.http1 import MalformedRequest, ParsedRequest
from netdouble._codec.socket_errors import read_error
from netdouble._codec.spelled_faults import shown
from netdouble._core.arrivals import Arrival, Connection
from netdouble._core.calls import Call
from netdouble._core.failures import fresh, nearest_fault
from netdouble._core.faults import Fault
from netdouble._core.headers import Headers
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Answer, Compute, Fail, PassThrough, Reply
from netdouble._core.streams import Pause
from netdouble._core.urls import join_url
from netdouble._core.websockets import Conversation
from netdouble._far_end.acts import MAY_WAIT, Act, Origin, PassedOn, Work
from netdouble.errors import DeclarationError

_NO_HEADERS = Headers()


class Peer:
    """What every protocol needs to turn requests into calls.

    Attributes:
        exchanges: how many requests came so far.
    """

    def __init__(self, origin: Origin, decide: Callable[[Request], Call], connection: Connection, client: str,
                 passed: PassedOn, malformed: Callable[[Call], None] | None,
                 foresee: Callable[[Request], Reply | None] | None) -> None:  # fmt: skip
        self.origin, self.connection, self.passed = origin, connection, passed
        self._decide, self._client, self._malformed, self._foresee = decide, client, malformed, foresee
        self.exchanges = 0
        self._headers, self._speaker = _NO_HEADERS, client

    def ask(self, parsed: ParsedRequest) -> Call:
        """Let a request be decided."""
        request = self._request(parsed)
        self.exchanges += 1
        return self._decide(request)

    def fate(self, parsed: ParsedRequest) -> str:
        """Where in the request a fault would happen whose body is on its way: `""` for nowhere."""
        reply = None if self._foresee is None else self._foresee(self._request(parsed))
        fault = reply.fault if isinstance(reply, Fail) else None
        return fault.position if fault is not None and fault.position in {"request", "request body"} else ""

    def _request(self, parsed: ParsedRequest) -> Request:
        if parsed.headers is not self._headers:  # they are the same object in most requests of one client
            self._headers = parsed.headers
            self._speaker = self._client or _product(parsed.headers.get("user-agent", ""))
        where = self.origin
        return parsed.to_request(where.scheme, where.host, where.port, self._speaker, self.connection, self.exchanges)

    def note_malformed(self, error: MalformedRequest, raw: bytes, response: Response | None = None) -> None:
        """Log what could not be read as a request; of the request is told what could be."""
        number, self.exchanges = self.exchanges, self.exchanges + 1
        if self._malformed is None:
            return
        method, _, rest = raw.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        where = self.origin
        call = Call(
            Request(
                method.upper() if method.isascii() and method.isalpha() else "?",
                join_url(where.scheme, where.host, where.port, "/"),
                raw_target=rest.partition(" ")[0], client=self._client, _arrival=Arrival(raw, self.connection, number)
            ),
            None,
            None,
        )  # fmt: skip
        self._malformed(call)
        call.close(response, error)


class Saying(Protocol):
    """How a protocol says what was decided: seconds of silence, then acts, the last of which is an ending."""

    def response(self, response: Response) -> tuple[float, Iterator[Act]]:
        """A response."""
        ...

    def fault(self, fault: Fault, response: Response | None) -> tuple[float, Iterator[Act]]:
        """A fault that breaks off `response`."""
        ...

    def conversation(self, call: Call, conversation: Conversation) -> Iterator[Act]:
        """The answer to a WebSocket handshake; closes `call`."""
        ...

    def passed(self, call: Call) -> Iterator[Act]:
        """What the real service answers; closes `call`."""
        ...


# Too late for them: a request was sent, so there is a connection. A driver that can tell earlier never asks for these.
_WHEN_CONNECTED = {
    Fault.DNS: Fault.RESET,
    Fault.CONNECT_REFUSED: Fault.RESET,
    Fault.CONNECT_TIMEOUT: Fault.READ_TIMEOUT,
}


def is_at_once(answer: Reply | None) -> TypeGuard[Response]:
    """It is a response of which nothing waits: neither for time to pass nor for a function or stream of the user's."""
    return type(answer) is Response and answer.stream is None and not (answer.delay or answer.informational)


def carried_out(call: Call, saying: Saying) -> Iterator[Act]:
    """The acts that answer `call`, which is closed on the way: after the delay, before the first byte.

    Raises:
        Exception: what a function of the user raised, and an exception that a route fails with where no fault of the
            network makes a client raise it.
    """
    try:
        if not is_at_once(call.answer):
            yield MAY_WAIT
        yield from _carried_out(call, saying)
    except GeneratorExit:
        gone = "the client closed the connection before it was answered"
        call.close(error=None if call.closed else ConnectionAbortedError(errno.ECONNABORTED, gone))
        raise
    except BaseException as error:
        call.close(error=error)
        raise


def _carried_out(call: Call, saying: Saying) -> Iterator[Act]:
    if isinstance(call.answer, Conversation):
        yield from saying.conversation(call, call.answer)
        return
    if isinstance(call.answer, Compute):
        work = Work(partial(settle, call))
        yield work
        answer: Answer = work.outcome()
    else:
        answer = settle(call)
    if isinstance(answer, PassThrough):
        yield from saying.passed(call)
        return
    if isinstance(answer, Response):
        delay, acts = saying.response(answer)
        told: Response | None = answer
        error: BaseException | None = None
    else:
        fault = _fault_of(answer)
        delay, acts = saying.fault(fault, answer.response)
        delay, error = answer.delay or delay, read_error(fault)
        told = shown(answer.response, error)
    if delay:
        yield Pause(delay)
    call.close(told, error)
    yield from acts


def _fault_of(fail: Fail) -> Fault:
    fault = fail.fault
    if fault is None and fail.error is not None:
        fault = nearest_fault(fail.error)
        if fault is None:
            raise fresh(fail.error)
    if fault is None:
        raise TypeError(f"neither a fault nor an exception: {fail!r}")
    return _WHEN_CONNECTED.get(fault, fault).on("http", http2=True)  # the handshake is over


@lru_cache(maxsize=64)
def _product(user_agent: str) -> str:
    """The client's name and version by its User-Agent: `python-requests/2.32` is `requests 2.32`."""
    name, _, version = user_agent.partition(" ")[0].partition("/")
    return f"{name.removeprefix('python-')} {version}".strip()


def no_way(call: Call, said: bytes) -> Iterator[Act]:  # noqa: ARG001  # a PassedOn's signature
    raise DeclarationError(
        f"{call.request} can't be let through here: nothing here reaches the real service. Give the route an answer"
    )
