"""What a route answers: values, decided here, carried out by the doors.

Rule 1: a reply is a value; the nth answer is a function of n, nothing is used up.
Rule 2: nothing here runs a callable or waits; a door does, outside the router's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from netdouble._core import native
from netdouble._core.delays import Distribution
from netdouble._core.faults import Fault
from netdouble._core.messages import Request, Response
from netdouble._core.response_checks import check_final
from netdouble._core.websockets import Conversation
from netdouble.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with a failure: a `Fault`, or an exception to be raised in the caller.

    Attributes:
        fault: what goes wrong on the wire; None when `error` is given.
        error: the exception to raise; of this client, of Python or of the application.
        response: the response that a fault in the middle of one cuts off. delay: seconds before it happens; of the
        call at hand, when they are taken from `delays`.
    """

    fault: Fault | None = None
    error: BaseException | None = None
    response: Response | None = None
    delay: float = 0.0
    delays: Distribution | None = None


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Let the request reach the real service."""


PASS_THROUGH = PassThrough()


@dataclass(frozen=True, slots=True)
class Decline:
    """What a function may give back: its route does not answer this request after all, and the next one is asked."""


DECLINE = Decline()


@dataclass(frozen=True, slots=True)
class Compute:
    """Ask a function of the user for the answer.

    Attributes:
        function: takes the Request; gives whatever `Route.reply` takes, or an awaitable of it.
        is_async: it must run on an event loop.
    """

    function: Callable[[Request], Any]
    is_async: bool


@dataclass(frozen=True, slots=True)
class Verbatim:
    """What a function may answer with: a client's own response object, which that client is handed as it is.

    Attributes:
        native: the object. library: whose it is, as `"requests"`; every other client is answered with `neutral`.
        neutral: the same in our words, for the log too. whole: `neutral` has the body; else it was not read yet.
    """

    native: Any
    library: str
    neutral: Response
    whole: bool = True


Reply: TypeAlias = Response | Fail | PassThrough | Compute | Conversation
# What a door carries out: a reply whose function, if it had one, has been asked.
Answer: TypeAlias = Response | Fail | PassThrough

R = TypeVar("R", bound=Reply)


def as_reply(value: Any) -> Reply:
    """The reply that one argument of `Route.reply` stands for.

    Raises:
        DeclarationError: it is nothing that can be answered.
    """
    if isinstance(value, Response):
        check_final(value.status)
        return value
    if isinstance(value, (Fail, PassThrough, Compute, Conversation)):
        return value
    if isinstance(value, int):
        return as_reply(Response(value))
    if isinstance(value, Fault):
        return Fail(fault=value)
    if isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException)):
        return Fail(error=built_exception(value))
    response: Response | None = native.to_response(value)
    if response is not None:
        return response
    if value is Response:
        raise DeclarationError("a Response is made before it is answered: write reply(Response(...))")
    if callable(value):
        return computed(value)
    raise DeclarationError(
        f"a {type(value).__name__} can't be answered: {value!r:.80}. Pass a status, a Response, a client's response "
        "object, a function of the request, a WSGI or ASGI app; or a body by keyword, as in reply(json=...)"
    )


def drawn(reply: R, n: int) -> R:
    """The reply to the call that has `n` before it: its delay taken from the distribution, where it has one."""
    if not isinstance(reply, (Response, Fail)) or reply.delays is None:
        return reply
    seconds = reply.delays.nth(n)
    made: Any = reply.replaced(delay=seconds) if isinstance(reply, Response) else replace(reply, delay=seconds)
    return made  # type: ignore[no-any-return]  # of the same class as it was


def built_exception(error: BaseException | type[BaseException]) -> BaseException:
    """The exception itself; a class is built here, so that one that can't be fails at declaration."""
    if isinstance(error, BaseException):
        return error
    reason: Exception | None = None
    for arguments in ((), (f"{error.__name__} declared by a netdouble route",)):
        try:
            return error(*arguments)
        except Exception as failure:  # noqa: BLE001  # whatever a foreign constructor raises is the reason to report
            reason = failure
    raise DeclarationError(
        f"{error.__name__} can't be built without arguments ({reason}); pass an instance: fail({error.__name__}(...))"
    ) from None


def computed(function: Callable[..., Any]) -> Compute:
    """A reply from a function of the request, or from a WSGI or ASGI app, told apart by their parameters.

    Raises:
        DeclarationError: the function takes neither one argument nor an app's.
    """
    from netdouble._core import apps

    shape = apps.shape_of(function)
    if shape == "asgi":
        return Compute(apps.AsgiApp(function), is_async=True)
    if shape == "wsgi":
        return Compute(apps.WsgiApp(function), is_async=False)
    return Compute(function, is_async=shape == "async")


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a route in order; the last one repeats for ever.

    Attributes:
        steps: each reply with how many calls it answers.
        since: the route's count of calls when these answers were declared.
    """

    steps: tuple[tuple[Reply, int], ...] = ()
    since: int = 0

    def nth(self, count: int) -> Reply | None:
        """The answer to the call that has `count` before it; None when nothing was declared."""
        if len(self.steps) == 1:
            return drawn(self.steps[0][0], count)
        left = count - self.since
        for reply, times in self.steps:
            left -= times
            if left < 0:
                return drawn(reply, count)
        return drawn(self.steps[-1][0], count) if self.steps else None

    def then(self, reply: Reply) -> Answers:
        """These answers and one more."""
        return Answers((*self.steps, (reply, 1)), self.since)

    def preceded(self, reply: Reply, times: int, since: int) -> Answers:
        """`times` times `reply`, from the call on that has `since` before it; then what these have left."""
        left, rest = since - self.since, []
        for n, (each, often) in enumerate(self.steps):
            is_last = n == len(self.steps) - 1
            if often > left or is_last:
                rest.append((each, max(1, often - left)))
            left = max(0, left - often)
        return Answers(((reply, times), *rest), since)

    def repeated(self, times: int) -> Answers:
        """These answers, the last of them given `times` times."""
        return Answers((*self.steps[:-1], (self.steps[-1][0], times)), self.since)
