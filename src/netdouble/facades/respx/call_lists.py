"""respx's call history: lists that follow the router's log.

Rule: what is listed is what the log says is over; a side effect that runs does not yet see its own call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from unittest.mock import NonCallableMock

from netdouble._core.calls import Call as LoggedCall
from netdouble._core.messages import Request
from netdouble._intercept.httpx_library import recorded
from netdouble.facades._httpx_objects import native_request

__all__ = ["Call", "CallList", "is_over", "note_answer", "shown"]

_ANSWERED = "respx_answered"  # of a request that an exception answers


class Call(NamedTuple):
    """A request and the response it was given; unpacks."""

    request: Any
    optional_response: Any

    @property
    def response(self) -> Any:
        """The response.

        Raises:
            ValueError: there is none: an exception was raised, or the request was passed through.
        """
        if self.optional_response is None:
            raise ValueError(f"{self!r} has no response")
        return self.optional_response

    @property
    def has_response(self) -> bool:
        """There is a response."""
        return self.optional_response is not None


def shown(call: LoggedCall) -> Call:
    """The view of a logged call; made once."""
    if not isinstance(call.view, Call):
        request = native_request(call.request)
        call.view = Call(request, None if call.passed_through else recorded(call, request))
    view: Call = call.view
    return view


def note_answer(request: Request) -> None:
    """The exception that is about to be raised is what a route answers this request with."""
    request._memo[_ANSWERED] = True


def is_over(call: LoggedCall) -> bool:
    """It is to be listed: the client has its answer. None is what a mistake raises: an iterator at its end, say."""
    if not call.closed or call.error is None:
        return call.closed
    return call.response is not None or call.passed_through or _ANSWERED in call.request._memo


class CallList(list[Any]):
    """Calls in order, with the assertions of `unittest.mock`.

    It is a list that takes over from a log what it has not seen yet, whenever somebody looks: what was taken out or put
    in by hand stays so, and the calls stay when the log forgets them.

    Args:
        calls: to begin with. name: as assertions say it. source: the part of a log that it follows.
    """

    def __init__(
        self, calls: Iterable[Call] = (), name: Any = "respx", *, source: Callable[[], list[LoggedCall]] | None = None
    ) -> None:
        super().__init__(calls)
        self._name = name
        self._source = source or list
        self._new: list[LoggedCall] = []  # taken over, and not yet shown: that costs a Request and a Response
        self._seen: dict[int, LoggedCall] = {}

    def take(self) -> None:
        """Take over what the log has, which is about to forget it."""
        logged = self._source()
        self._new += [call for call in logged if id(call) not in self._seen]
        self._seen = {id(call): call for call in logged}

    def _look(self) -> None:
        self.take()
        new, self._new = self._new, []
        list.extend(self, map(shown, new))

    def __len__(self) -> int:
        self.take()
        return super().__len__() + len(self._new)

    def __bool__(self) -> bool:
        return len(self) > 0

    @property
    def called(self) -> bool:
        """There was a call."""
        return bool(self)

    @property
    def call_count(self) -> int:
        """How many there were."""
        return len(self)

    @property
    def last(self) -> Any:
        """The newest. Raises IndexError when there was none."""
        return self[-1]

    def record(self, request: Any, response: Any) -> Call:
        """Add a call by hand."""
        call = Call(request, response)
        self.append(call)
        return call

    def _mock(self) -> Any:
        mock = NonCallableMock(name=str(self._name))
        mock.called, mock.call_count = self.called, len(self)
        return mock

    def assert_called(self) -> None:
        """There was a call. Raises AssertionError."""
        self._mock().assert_called()

    def assert_called_once(self) -> None:
        """There was exactly one. Raises AssertionError."""
        self._mock().assert_called_once()

    def assert_not_called(self) -> None:
        """There was none. Raises AssertionError."""
        self._mock().assert_not_called()


def _after_a_look(name: str) -> Callable[..., Any]:
    method = getattr(list, name)

    @functools.wraps(method)
    def looking(*given: Any) -> Any:
        for each in given:
            if isinstance(each, CallList):
                each._look()
        return method(*given)

    return looking


# What a list does by itself, but for what the class above does.
for _name in (
    "__add__", "__contains__", "__delitem__", "__eq__", "__getitem__", "__iadd__", "__iter__", "__ne__", "__repr__",
    "__reversed__", "__setitem__", "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove",
    "reverse",
):  # fmt: skip
    setattr(CallList, _name, _after_a_look(_name))
