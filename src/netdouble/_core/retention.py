"""How much of the recorded bodies is kept: a budget for all of a network's, of which the oldest are released whole.

Rule 1: a body is either all there or says that it was released, and by which setting; never a silent prefix.
Rule 2: a body that a route holds anyway costs nothing and is never released.
Rule 3: only the log lets go of a body: a request that somebody else keeps stays whole.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields, replace
from typing import NoReturn

from netdouble._core.calls import Call, released_text
from netdouble._core.messages import Request, Response
from netdouble.errors import BodyReleased

# Smaller ones are not worth the bookkeeping; their number is bounded by the calls.
SMALL = 512


class Bodies:
    """The recorded bodies of one router, and how many bytes of them may be kept."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: deque[tuple[Call, bool, int]] = deque()
        self._size = 0

    def keep_request(self, call: Call) -> None:
        """Count the body of `call.request`, and its bytes as they came."""
        request = call.request
        arrival = request._arrival
        raw = 0 if arrival is None or arrival.raw is None else len(arrival.raw)
        self._keep(call, False, len(request.body) + raw)

    def keep_response(self, call: Call) -> None:
        """Count the body of `call.response`, when nothing but the log holds it."""
        response = call.response
        if response is not None and response is not call.answer:
            self._keep(call, True, len(response.body))

    def _keep(self, call: Call, is_response: bool, size: int) -> None:
        if size < SMALL:
            return
        self._kept.append((call, is_response, size))
        self._size += size
        while self._size > self._budget and len(self._kept) > 1:
            oldest, was_response, gone = self._kept.popleft()
            self._size -= gone
            if was_response and oldest.response is not None:
                oldest.response = _released_response(oldest.response, gone)
            elif not was_response:
                oldest.request = _released_request(oldest.request)


def _refuse(size: int, whose: object) -> NoReturn:
    raise BodyReleased(released_text(f"the body of {whose}", size))


class _ReleasedRequest(Request):
    """A logged request without its body."""

    __slots__ = ("_size",)

    _size: int

    @property
    def body(self) -> bytes:  # pyright: ignore[reportIncompatibleVariableOverride]  # a field that is gone
        """Raises BodyReleased."""
        _refuse(self._size, self)

    def __repr__(self) -> str:
        return f"<Request {self}, body released>"


class _ReleasedResponse(Response):
    """A logged response without its body."""

    __slots__ = ("_size",)

    _size: int

    @property
    def body(self) -> bytes:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  # a field that is gone
        """Raises BodyReleased."""
        _refuse(self._size, self)

    def __repr__(self) -> str:
        return f"<Response {self.status}, body released>"


def _released_request(request: Request) -> Request:
    body, arrival = request.body, request._arrival
    gone = {"body", "_memo", "_arrival"} if len(body) >= SMALL else {"_memo", "_arrival"}  # a small one is no matter
    made = object.__new__(_ReleasedRequest if "body" in gone else Request)
    for field in fields(Request):
        if field.name not in gone:
            object.__setattr__(made, field.name, getattr(request, field.name))
    object.__setattr__(made, "_memo", {})
    if arrival is not None and arrival.raw is not None:
        arrival = replace(arrival, raw=None, released=len(arrival.raw))
    object.__setattr__(made, "_arrival", arrival)
    if "body" in gone:
        object.__setattr__(made, "_size", len(body))
    return made


def _released_response(response: Response, size: int) -> Response:
    made = object.__new__(_ReleasedResponse)
    for name in Response.__slots__:
        if name not in {"body", "wire"}:
            object.__setattr__(made, name, getattr(response, name))
    object.__setattr__(made, "wire", None)
    object.__setattr__(made, "_size", size)
    return made
