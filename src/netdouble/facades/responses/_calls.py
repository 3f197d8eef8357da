"""What was called: responses' `Call` and `CallList`, read from the router's log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Any, NamedTuple, overload

from netdouble._core import calls as core
from netdouble.facades._requests_objects import objects_of


class Call(NamedTuple):
    """A request and what it was answered with: a `requests.Response`, or the exception that was raised."""

    request: Any
    response: Any


class CallList(Sequence[Call], Sized):
    """The calls, oldest first; the newest log of a mock, or the calls of one of its routes.

    Args:
        logged: where they are read from.
    """

    def __init__(self, logged: Callable[[], Sequence[core.Call]] = list) -> None:
        self._logged = logged
        self._added: list[Call] = []
        self._forgotten: core.Call | None = None

    def _calls(self) -> list[Call]:
        calls = self._logged()
        since = 0
        if self._forgotten is not None:
            since = next((len(calls) - i for i, call in enumerate(reversed(calls)) if call is self._forgotten), 0)
        return [*(view_of(call) for call in calls[since:] if _is_over(call)), *self._added]

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls())

    def __len__(self) -> int:
        return len(self._calls())

    @overload
    def __getitem__(self, idx: int) -> Call: ...
    @overload
    def __getitem__(self, idx: slice) -> list[Call]: ...
    def __getitem__(self, idx: int | slice) -> Call | list[Call]:
        return self._calls()[idx]

    def add(self, request: Any, response: Any) -> None:
        """Add a call that no route saw."""
        self.add_call(Call(request, response))

    def add_call(self, call: Call) -> None:
        """Add a call that no route saw."""
        self._added.append(call)

    def reset(self) -> None:
        """Forget them."""
        calls = self._logged()
        self._forgotten = calls[-1] if calls else None
        self._added.clear()


def _is_over(call: core.Call) -> bool:
    return call.native is not None or call.error is not None


def view_of(call: core.Call) -> Call:
    """The one `Call` that stands for a call of the log, wherever it is listed."""
    response = call.native if call.native is not None else call.error
    if call.view is None or call.view.response is not response:
        call.view = Call(objects_of(call.request).request, response)
    view: Call = call.view
    return view
