"""A route: who is answered, with what, how often, and where that was said.

Rule 1: what was said stands here; what happened stands in the router's log. A route counts nothing itself.
Rule 2: a declaration that can't work fails here, with the repair in the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from netdouble._core.answer_arguments import make_failure, make_next, make_reply, repaired_answer
from netdouble._core.calls import Call, Calls
from netdouble._core.delays import Delay
from netdouble._core.faults import Fault
from netdouble._core.keywords import by_keyword, named_keywords
from netdouble._core.matchers import Conditions, check_names, conditions_matcher
from netdouble._core.matching import ABSENT, MATCHED, Matcher, Mismatch
from netdouble._core.messages import Request, Response
from netdouble._core.replies import PASS_THROUGH, Answers, Reply, as_reply
from netdouble._core.scenarios import Step
from netdouble._core.url_patterns import UrlPattern
from netdouble.errors import BodyReleased, DeclarationError, UnmetExpectation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self, Unpack

    from netdouble._core.answer_arguments import ReplyOptions, ThenOptions


class Log(Protocol):
    """Where a route's calls are kept."""

    def calls_of(self, route: Route) -> list[Call]:
        """The calls that `route` answered, oldest first."""
        ...

    def forget(self, route: Route) -> None:
        """Take the route away: it answers no more."""
        ...


class Route:
    """One stub: the handle that `net.get(...)` and its like return.

    Attributes:
        method: upper case; None for any. pattern: the URL it was declared for. conditions: the keywords it was
        declared with. declared_at: `FILE:LINE`. order: the how-manieth declared in its process. budget: how many
        calls it may answer; None for any number. name: as given by `named`. must_be_used: the test fails when it
        never answers. kind, facade: set by facades only.
    """

    __slots__ = ("_answers", "_log", "_matcher", "_sealed", "budget", "conditions", "declared_at", "facade", "kind",
                 "method", "must_be_used", "name", "order", "pattern", "step")  # fmt: skip

    def __init__(self, method: str | None, pattern: UrlPattern, conditions: Conditions, *, order: int, log: Log,
                 declared_at: str = "", must_be_used: bool = True, step: Step | None = None) -> None:  # fmt: skip
        self.method = method
        self.pattern = pattern
        self.step = step
        self.conditions = conditions
        self.order = order
        self.declared_at = declared_at
        self.must_be_used = must_be_used
        self.budget: int | None = None
        self.name = ""
        self.kind = ""
        self.facade = ""
        self._matcher: Matcher | None = conditions_matcher(conditions) if conditions else None
        self._answers = Answers()
        self._log = log
        self._sealed = False

    @staticmethod
    def spelled(url: Any) -> Any:
        """The URL of a declaration, as this kind of route takes it."""
        return url

    # What to answer

    @by_keyword(repaired_answer)
    def reply(
        self, status: int | Response | Callable[..., Any] | object = 200, **options: Unpack[ReplyOptions]
    ) -> Self:
        """Answer with a response; a second `reply` replaces the answers.

        Args:
            status: the status; or the whole answer: a `Response`, a client's own response object, a function of the
                request (sync or async), a WSGI or ASGI app.
            options: the keywords of `Response`: a body (`json`, `text`, `html`, `content`, `form`, `file`, `sse`,
                `stream`), `headers`, `cookies`, `delay`, `throttle`, `dribble`, `informational`, `http_version`,
                `trailers`, `reason`.

        Raises:
            DeclarationError: the arguments can't make an answer.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(json={"id": 7})
        """
        self._answers = Answers(((make_reply(status, options), 1),), since=self.count)
        return self

    @by_keyword(repaired_answer)
    def then(self, status: int | Response | Callable[..., Any] | object = 200, **options: Unpack[ThenOptions]) -> Self:
        """Answer the next call with this; arguments as `reply`, or as `fail`. The last one repeats.

        Raises:
            DeclarationError: nothing to follow, a budget was already set, or the arguments can't make an answer.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(503).then(json={"id": 7})
        """
        self._not_sealed("then")
        self._need_answer("then")
        self._answers = self._answers.then(make_next(status, options))
        return self

    def repeat(self, times: int) -> Self:
        """Give the answer before it `times` times in a row.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(503).repeat(2).then(json={"id": 7})
        """
        self._not_sealed("repeat")
        self._need_answer("repeat")
        if not _is_count(times, least=1):
            raise DeclarationError(f"repeat() takes how often, 1 or more, not {times!r}")
        self._answers = self._answers.repeated(times)
        return self

    @named_keywords
    def fail(self, failure: Fault | BaseException | type[BaseException], *, response: Response | None = None,
             delay: Delay = 0.0) -> Self:  # fmt: skip
        """Fail as a real network would: each client raises its own exception. Replaces the answers.

        Args:
            failure: a `Fault`; or an exception, which is raised as it is when it is the client's own, Python's or
                the application's, and translated when it is another client's.
            response: what a fault in the middle of a response cuts off.
            delay: seconds before it happens, or a distribution of them.

        Raises:
            DeclarationError: the exception class can't be built without arguments, or `failure` is neither.

        Example:
            >>> net.get("https://api.example.com/users/7").fail(Fault.CONNECT_TIMEOUT)
        """
        self._answers = Answers(((make_failure(failure, response, delay), 1),), since=self.count)
        return self

    @named_keywords
    def fail_first(self, times: int, failure: Fault | BaseException | type[BaseException] | int = Fault.RESET, *,
                   response: Response | None = None, delay: Delay = 0.0) -> Self:  # fmt: skip
        """Fail the first `times` calls from now on; after them come the answers that it has.

        For routes that somebody else declared, a fixture say; where the answers are declared, it is the same as
        `.fail(failure).repeat(times).then(...)`.

        Args:
            times: 1 or more. failure: as `fail` takes it, or a status such as 503. response, delay: as of `fail`.

        Raises:
            DeclarationError: it has no answer yet, or the arguments can't make a failure.

        Example:
            >>> net.get("https://api.example.com/users/7").reply(json={"id": 7}).fail_first(2, Fault.RESET)
        """
        if not self._answers.steps:
            raise DeclarationError("fail_first() comes after an answer: write .reply(...).fail_first(2)")
        if not _is_count(times, least=1):
            raise DeclarationError(f"fail_first() takes how many calls, 1 or more, not {times!r}")
        if isinstance(failure, int) and response is None:
            failed: Reply = as_reply(Response(failure, delay=delay))
        else:
            failed = make_failure(failure, response, delay)
        self._answers = self._answers.preceded(failed, times, since=self.count)
        return self

    def pass_through(self) -> Self:
        """Let the request reach the real service, the guard open for it. It is recorded like every other call."""
        self._answers = Answers(((PASS_THROUGH, 1),), since=self.count)
        return self

    # How often, and its name

    def times(self, n: int) -> Self:
        """Answer exactly `n` calls (0: never), then leave the request to other routes. Comes last.

        Fewer calls fail the test at its end.
        """
        if not _is_count(n, least=0):
            raise DeclarationError(f"times() takes a number of calls, 0 or more, not {n!r}")
        self.budget, self._sealed = n, True
        return self

    def once(self) -> Self:
        """Answer exactly one call: `times(1)`."""
        return self.times(1)

    def optional(self) -> Self:
        """It may stay unused."""
        self.must_be_used = False
        return self

    def named(self, name: str) -> Self:
        """Give it a name, for reports and for `net[name]`.

        Raises:
            DeclarationError: it is no name.
        """
        given: object = name
        if not isinstance(given, str) or not given:
            raise DeclarationError(f"named() takes a name, not {given!r:.60}")
        self.name = name
        return self

    def remove(self) -> None:
        """Take it away: it answers no more. Its calls stay in the log."""
        self._log.forget(self)

    # What happened

    @property
    def calls(self) -> Calls:
        """The calls that it answered, oldest first; hops of a redirect and retries each count."""
        return Calls(self._log.calls_of(self))

    @property
    def count(self) -> int:
        """How many calls it answered."""
        return len(self._log.calls_of(self))

    @property
    def called(self) -> bool:
        """Whether it answered a call."""
        return self.count > 0

    @property
    def last(self) -> Call:
        """The newest call it answered. Raises IndexError when there was none."""
        return self.calls.last

    def assert_called(self, times: int | None = None, **conditions: Unpack[Conditions]) -> None:
        """Check that it answered: at least one call, or exactly `times`, that meet `conditions`.

        Args:
            times: the exact number of calls. conditions: as in a declaration: `query`, `headers`, `json`, ...

        Raises:
            UnmetExpectation: it did not; the text shows each call and in what it differs.
            DeclarationError: `times` is no number, or a condition can't be one.

        Example:
            >>> route.assert_called(times=1, json={"name": "Ada"})
        """
        from netdouble._core import explain

        if times is not None and not _is_count(times, least=0):
            raise DeclarationError(f"assert_called(times=) is a number of calls, 0 or more, not {times!r:.60}")
        check_names(conditions, "times")
        matcher = conditions_matcher(conditions) if conditions else None
        verdicts = [(call, matcher.mismatches(call.request) if matcher else MATCHED) for call in self.calls]
        met = sum(not mismatches for _, mismatches in verdicts)
        if met == times if times is not None else met > 0:
            return
        raise UnmetExpectation(explain.uncalled(self, times, conditions, verdicts))

    # What the router asks

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Every way in which `request` differs; nothing means that it matches."""
        found: Sequence[Mismatch] = self.pattern.mismatches(request)
        if self.method is not None and self.method != request.method:
            found = (Mismatch("method", self.method, request.method), *found)
        if self._matcher is not None:
            try:
                rest = self._matcher.mismatches(request)
            except BodyReleased as released:  # a logged request, looked at again for a report
                rest = (Mismatch("content", "a body", ABSENT, note=str(released)),)
            if rest:
                return (*found, *rest)
        return found

    def waiting(self) -> list[str]:
        """What it still waits for, as reports: of a WebSocket's scripts."""
        return []

    def answer(self, count: int) -> Reply | None:
        """The answer to the call that has `count` before it; None when none was declared."""
        return self._answers.nth(count)

    @property
    def answers(self) -> Answers:
        """Everything it answers, in order."""
        return self._answers

    @property
    def label(self) -> str:
        """Its name, else where it was declared; with the facade that declared it."""
        label = f'"{self.name}"' if self.name else self.declared_at
        return f"{label} ({self.facade})" if self.facade else label

    def __str__(self) -> str:
        return f"{self.method or 'ANY'} {self.pattern.text}"

    def __repr__(self) -> str:
        return f"<Route {self} {self.label}>".replace(" >", ">")

    # Checks

    def _not_sealed(self, verb: str) -> None:
        if self._sealed:
            raise DeclarationError(
                f".{verb}() after .times({self.budget}): times() is the budget of the whole route and comes last. "
                "To give one answer several times before the next, write .reply(...).repeat(n).then(...)"
            )

    def _need_answer(self, verb: str) -> None:
        if not self._answers.steps:
            raise DeclarationError(f".{verb}() follows an answer: write .reply(...).{verb}(...)")


def _is_count(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
