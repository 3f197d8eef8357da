"""How much of the recorded bodies is kept: a budget for all of a network's, of which the oldest are released whole.

Rule 1: a body is either all there or says that it was released, and by which setting; never a silent prefix.
Rule 2: a body that a route holds anyway costs nothing and is never released.
Rule 3: only the log lets go of a body: a request that somebody else keeps stays whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NoReturn

from netdouble._core.calls import Call, released_text
from netdouble._core.messages import Request, Response
from netdouble._core.websockets import Dialogue, WebSocketMessage
from netdouble.errors import BodyReleased

# Smaller ones are not worth the bookkeeping; their number is bounded by the calls.
SMALL = 512


class Bodies:
    """The recorded bodies of one router, and how many bytes of them may be kept."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: deque[tuple[Callable[[Any, int], None], Any, int]] = deque()  # how to let go of what
        self._size = 0

    def keep_request(self, call: Call) -> None:
        """Count the body of `call.request`, and its bytes as they came."""
        size, arrival = len(call.request.body), call.request._arrival
        if arrival is not None and arrival.raw is not None:
            size += len(arrival.raw)
        if size >= SMALL:
            self._keep(_let_go_of_request, call, size)

    def keep_response(self, call: Call) -> None:
        """Count the body of `call.response`, which nothing but the log holds."""
        if call.response is not None:
            self._keep(_let_go_of_response, call, len(call.response.body))

    def keep_message(self, dialogue: Dialogue) -> None:
        """Count the newest message of a WebSocket conversation."""
        place = len(dialogue.messages) - 1
        self._keep(_let_go_of_message, (dialogue, place), len(dialogue.messages[place].data))

    def _keep(self, let_go: Callable[[Any, int], None], what: Any, size: int) -> None:
        if size < SMALL:
            return
        self._kept.append((let_go, what, size))
        self._size += size
        while self._size > self._budget and len(self._kept) > 1:
            let_go_of_oldest, oldest, gone = self._kept.popleft()
            self._size -= gone
            let_go_of_oldest(oldest, gone)


def _let_go_of_request(call: Call, _size: int) -> None:
    call.request = _released_request(call.request)


def _let_go_of_response(call: Call, size: int) -> None:
    if call.response is not None:
        call.response = _released_response(call.response, size)


def _let_go_of_message(at: tuple[Dialogue, int], size: int) -> None:
    dialogue, place = at
    made = object.__new__(_ReleasedMessage)
    object.__setattr__(made, "sender", dialogue.messages[place].sender)
    object.__setattr__(made, "_size", size)
    dialogue.messages[place] = made


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


class _ReleasedMessage(WebSocketMessage):
    """A logged message without its data."""

    __slots__ = ("_size",)

    _size: int

    @property
    def data(self) -> str | bytes:  # pyright: ignore[reportIncompatibleVariableOverride]  # a field that is gone
        """Raises BodyReleased."""
        raise BodyReleased(released_text(f"a message of the {self.sender}", self._size))

    def __repr__(self) -> str:
        return f"<WebSocketMessage of the {self.sender}, released>"

    __str__ = __repr__


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
