"""An exchange on its way through httpcore: what was decided, and when it fails, how.

Rule: decided before a connection is asked for, so that httpcore's own retries, pool and proxies can be left to it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from netdouble import _answering
from netdouble._active import Scope, admitted, passing
from netdouble._asking import ask
from netdouble._codec.http1 import connection_options
from netdouble._codec.scripts import Script
from netdouble._codec.spelled_faults import shown, spell_fault
from netdouble._codec.spelling import spell
from netdouble._core.calls import Call
from netdouble._core.faults import Fault
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Answer, Fail, PassThrough
from netdouble._core.urls import URL
from netdouble._intercept.failures import failure_for
from netdouble._intercept.httpcore_failures import TIMEOUTS

# What answers the request that httpcore is sending in this context, when it was decided at httpcore's entrance.
decided: ContextVar[Exchange | None] = ContextVar("netdouble_httpcore", default=None)


class Exchange:
    """One decided call on its way through httpcore.

    Attributes:
        core: the httpcore module. client: its name and version. request: as it was asked for. call, answer: what was
        decided. own: the packages whose exceptions are raised as they are.
    """

    __slots__ = ("answer", "attempts", "call", "client", "core", "failure", "own", "request", "scope")

    def __init__(self, core: Any, client: str, scope: Scope, request: Request, own: Collection[str]) -> None:
        self.core, self.client, self.scope, self.request, self.own = core, client, scope, request, own
        self.attempts = 0
        self.call: Call
        self.answer: Answer
        self.failure: Fault | BaseException | None = None

    def decide(self) -> None:
        """Ask which route answers, and for its answer; for a sync client."""
        with self._asking():
            self.given(self.call, _answering.settle(self.call))

    async def adecide(self) -> None:
        """As `decide`, for an async client."""
        with self._asking():
            self.given(self.call, await _answering.asettle(self.call))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self.call = ask(self.scope, self.request)
        token = decided.set(None)  # a function of the user's may send requests of its own
        try:
            yield
        except BaseException as error:
            self.call.close(error=error)
            raise
        finally:
            decided.reset(token)

    def given(self, call: Call, answer: Answer) -> Exchange:
        """This exchange with a decision."""
        self.call, self.answer = call, answer
        self.failure = failure_for(answer, self.own) if isinstance(answer, Fail) else None
        if isinstance(self.failure, Fault):
            self.failure = self.failure.on(self.request.url.scheme, has_body=bool(self.request.body))
        return self

    @property
    def in_memory(self) -> bool:
        """A connection in memory is to answer it, not a real one."""
        return not isinstance(self.answer, PassThrough)

    @property
    def fails_to_connect(self) -> bool:
        """It goes wrong before the request is sent."""
        failure = self.failure
        if isinstance(failure, Fault):
            return failure.before_request
        return isinstance(failure, (self.core.ConnectError, self.core.ConnectTimeout))

    @property
    def delay(self) -> float:
        """Seconds before a failure; a reply's own delay is in its script."""
        answer, failure = self.answer, self.failure
        comes_at_once = isinstance(failure, Fault) and failure in TIMEOUTS
        return answer.delay if isinstance(answer, Fail) and not comes_at_once else 0.0

    def script(self, method: str) -> Script:
        """What the far end says and does."""
        if isinstance(self.answer, Response):
            keep_alive = "close" not in connection_options(self.request.headers)
            return spell(self.answer, method=method, keep_alive=keep_alive)
        if isinstance(self.answer, Fail) and isinstance(self.failure, Fault):
            return spell_fault(self.failure, self.answer.response, method=method)
        return Script()  # an exception: the far end says nothing before it is raised

    def close(self, error: BaseException | None = None) -> None:
        """Note that the client has the head of the response, or its error."""
        answer = self.answer
        response = answer if isinstance(answer, Response) else None
        if isinstance(answer, Fail):
            response = shown(answer.response, error)
        self.call.close(response=None if error is not None else response, error=error)


# Waiting, and letting through


def late(delay: float, timeout: float | None) -> bool:
    """The client would give up before `delay` seconds are over."""
    return timeout is not None and delay > timeout


def event_loop() -> str:
    """Which library runs this coroutine: `asyncio` or `trio`."""
    import asyncio  # 40 ms, which a program without async clients need not pay

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return "trio"
    return "asyncio"


def retry_pause(scope: Scope, seconds: float) -> float:
    """How much of a wait between a client's own tries is to be waited; the scope keeps the sum, for the report."""
    if scope.settings.retry_wait == "skip":
        return 0.0
    scope.retry_seconds += seconds
    return seconds


def wait(seconds: float) -> None:
    """Wait, unless there is nothing to wait for: `time.sleep(0)` costs a system call of 90 us."""
    if seconds > 0:
        _answering.sleep(seconds)


async def asleep(seconds: float) -> None:
    """Wait as the client itself does."""
    if seconds <= 0:
        return
    if event_loop() == "trio":
        await sys.modules["trio"].sleep(seconds)
    else:
        await sys.modules["asyncio"].sleep(seconds)


@contextmanager
def let_through(url: URL, pool: Any) -> Iterator[None]:
    """For the time of a pass-through: the doors below and the guard let it go by, to the pool's proxy too."""
    proxy = getattr(pool, "_proxy_url", None) or getattr(getattr(pool, "_proxy", None), "url", None)
    with ExitStack() as stack:
        stack.enter_context(passing())
        stack.enter_context(admitted(url.host, url.port))
        if proxy is not None:
            origin = proxy.origin
            stack.enter_context(admitted(origin.host.decode("ascii"), origin.port))
        yield
