"""What the arguments of `reply`, `then` and `fail` stand for.

Rule: an argument that can't make an answer fails here, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from netdouble._core.delays import Delay, split_delay
from netdouble._core.events import EventInput
from netdouble._core.faults import Fault, nearest_fault
from netdouble._core.headers import HeadersInput
from netdouble._core.keywords import keywords_of, unknown_keyword
from netdouble._core.messages import Response
from netdouble._core.replies import Fail, Reply, as_reply, built_exception
from netdouble._core.streams import StreamInput
from netdouble.errors import DeclarationError

if TYPE_CHECKING:
    import os

    from typing_extensions import TypedDict

    class ReplyOptions(TypedDict, total=False):
        """The keywords of `Route.reply`: those of `Response`."""

        json: Any
        text: str
        html: str
        content: bytes
        form: Mapping[str, Any] | Iterable[tuple[str, Any]]
        file: str | os.PathLike[str]
        sse: Iterable[EventInput]
        stream: StreamInput
        headers: HeadersInput
        cookies: Mapping[str, str]
        delay: Delay
        throttle: float
        dribble: tuple[int, float]
        informational: Iterable[Response]
        http_version: str
        trailers: HeadersInput
        reason: str

    class ThenOptions(ReplyOptions, total=False):
        """The keywords of `Route.then`: those of `Route.reply` and of `Route.fail`."""

        response: Response


# The keywords of `reply`, and what is written for those of other libraries.
REPLY_KEYWORDS = dict.fromkeys(keywords_of(Response.__init__))
_CONDITION = "it is a condition on the request: net.get(url, {}=...)"
_REPAIRS = {
    "status_code": "the status comes first: reply(404)", "code": "the status comes first: reply(404)",
    "body": "did you mean text= or content=?", "data": "did you mean json=, form= or content=?",
    "content_type": 'a header says it: headers={"Content-Type": "text/csv"}',
    "exception": "a failure is an answer of its own: .fail(...)",
    "exc": "a failure is an answer of its own: .fail(...)",
    "side_effect": "a function is the whole answer: reply(function); a failure is .fail(...)",
    "callback": "a function is the whole answer: reply(function)",
    "timeout": "a client's timeout is a failure: .fail(Fault.READ_TIMEOUT); an answer that comes late has a delay=",
    "times": "it comes after the answer: reply(...).times(2)",
    "response": "a response is the whole answer: reply(Response(...))",
    "query": _CONDITION.format("query"), "params": _CONDITION.format("query"), "where": _CONDITION.format("where"),
    "files": _CONDITION.format("files"),
}  # fmt: skip


def repaired_answer(given: Any) -> str:
    """What is written for a second argument without a name: a body, most often."""
    name = "text" if isinstance(given, str) else "content" if isinstance(given, bytes) else "json"
    return f"what follows the status has a name, a body too: reply(200, {name}={given!r:.60})"


def make_reply(status: Any, options: ReplyOptions, verb: str = "reply") -> Reply:
    """The reply that the arguments of `Route.reply` (or another `verb`) stand for."""
    if not options.keys() <= REPLY_KEYWORDS.keys():
        raise unknown_keyword(f"{verb}()", options, REPLY_KEYWORDS, _REPAIRS)
    if isinstance(status, int):
        return as_reply(Response(status, **options))
    reply = as_reply(status)
    if options:
        raise DeclarationError(
            f"{verb}() got a whole answer ({type(status).__name__}) and {', '.join(f'{k}=' for k in options)} as well; "
            "say it in one place"
        )
    return reply


def make_next(answer: Any, options: ThenOptions) -> Reply:
    """The reply that the arguments of `Route.then` stand for."""
    if not _is_failure(answer):
        if "response" in options:
            raise DeclarationError(
                f"then(response=) is what a fault cuts off, and {answer!r:.60} is none; pass the response itself: "
                "then(Response(...))"
            )
        return make_reply(answer, options, "then")
    response, delay = options.pop("response", None), options.pop("delay", 0.0)
    if options:
        raise DeclarationError(
            f"a failure takes response= and delay=, not {', '.join(f'{k}=' for k in options)}; "
            f"what it cuts off is then(..., response=Response({next(iter(options))}=...))"
        )
    return make_failure(answer, response, delay)


def make_failure(failure: Any, response: Response | None, delay: Delay) -> Fail:
    """The reply that the arguments of `Route.fail` stand for."""
    seconds, delays = split_delay(delay)
    if failure is Fault:
        raise DeclarationError(f"fail() takes one of the faults, not their class{nearest_fault('')}")
    if isinstance(failure, Fault):
        if response is not None and not isinstance(response, Response):
            raise DeclarationError(f"fail(response=) is a netdouble.Response, not {type(response).__name__}")
        if response is not None and not failure.breaks_response:
            raise DeclarationError(
                f"Fault.{failure.name} happens before a response, so response= would never be seen; drop it, or take a "
                "fault of the response, such as Fault.RESET_IN_BODY"
            )
        return Fail(fault=failure, response=response, delay=seconds, delays=delays)
    if response is not None:
        raise DeclarationError(
            f"fail(response=) is what a Fault cuts off, and {failure!r:.60} is none; drop it, or write "
            "fail(Fault.RESET_IN_BODY, response=...)"
        )
    if _is_failure(failure):
        return Fail(error=built_exception(failure), delay=seconds, delays=delays)
    raise DeclarationError(f"fail() takes a Fault or an exception, not {failure!r:.60}{_failure_meant(failure)}")


def _failure_meant(failure: object) -> str:
    if isinstance(failure, int):
        return f"; a status is an answer: .reply({failure})"
    return nearest_fault(failure if isinstance(failure, str) else "")


def _is_failure(answer: Any) -> bool:
    kind = answer if isinstance(answer, type) else type(answer)
    return issubclass(kind, (Fault, BaseException))
