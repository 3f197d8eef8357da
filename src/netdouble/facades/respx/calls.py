"""respx's call history: views onto the router's log.

Rule: what is listed is what the log says is over; a side effect that runs does not yet see its own call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from unittest.mock import NonCallableMock

from netdouble._core.calls import Call as LoggedCall
from netdouble._intercept.httpx_library import recorded
from netdouble.facades._httpx_objects import native_request

__all__ = ["Call", "CallList", "is_over", "shown"]


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


def is_over(call: LoggedCall) -> bool:
    """It is to be listed: the client has its answer, and there was one: not of an iterator at its end."""
    error = call.error
    exhausted = isinstance(error, StopIteration) or isinstance(getattr(error, "__cause__", None), StopIteration)
    return call.closed and not exhausted


class CallList(list[Any]):
    """Calls in order, with the assertions of `unittest.mock`.

    Args:
        calls: to begin with. name: as assertions say it. source: what the list is a view of.
    """

    def __init__(
        self, calls: Iterable[Call] = (), name: Any = "respx", *, source: Callable[[], list[LoggedCall]] | None = None
    ) -> None:
        super().__init__(calls)
        self._name = name
        self._source = source
        self._by_hand: list[Call] = []

    def _now(self) -> list[Any]:
        if self._source is not None:
            super().__setitem__(slice(None), [*map(shown, self._source()), *self._by_hand])
        return self

    # What a list does by itself, after a look at the log.

    def __len__(self) -> int:
        return super().__len__() if self._source is None else len(self._source()) + len(self._by_hand)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Any]:
        self._now()
        return super().__iter__()

    def __getitem__(self, index: Any) -> Any:
        self._now()
        return super().__getitem__(index)

    def __contains__(self, call: object) -> bool:
        self._now()
        return super().__contains__(call)

    def __eq__(self, other: object) -> bool:
        self._now()
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        self._now()
        return super().__repr__()

    def index(self, *args: Any) -> int:
        """Where a call stands."""
        self._now()
        return super().index(*args)

    def count(self, call: Any) -> int:
        """How often a call is there."""
        self._now()
        return super().count(call)

    def copy(self) -> list[Any]:
        """A plain list of the calls until now."""
        return list(self)

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
        self._by_hand.append(call) if self._source is not None else self.append(call)
        return call

    def _mock(self) -> Any:
        mock = NonCallableMock(name=str(self._name() if callable(self._name) else self._name))
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
