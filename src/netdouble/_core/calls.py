"""Calls: what happened. One `Call` is one exchange, opened once by the router and closed once by a door.

Rule: the log of calls is the only thing in the core that changes while a test runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from netdouble._core.arrivals import Connection
from netdouble._core.masking import masked_url
from netdouble._core.replies import PassThrough, Reply
from netdouble._core.websockets import Closing, Dialogue, WebSocketMessage
from netdouble.errors import BodyReleased

if TYPE_CHECKING:
    from netdouble._core.messages import Request, Response


class Call:
    """One exchange: the request, what was decided, and how it ended.

    Attributes:
        request: as the client sent it; `request.path_params` has what the route's template captured.
        route: the route that answered; None when none did. answer: what the router decided; None when unmatched.
        response: what the client was given; None before the end, and when it ended in an error.
        error: the exception that the client was given, if any.
        native: the client's own response object, where its door keeps it for a facade. view: a facade's view of this.
        index: position among the calls of the network that answered, from 0.
    """

    __slots__ = (
        "again",
        "answer",
        "bodies",
        "closed",
        "declined",
        "dialogue",
        "error",
        "index",
        "native",
        "request",
        "response",
        "route",
        "scope",
        "view",
    )

    def __init__(self, request: Request, route: Any, answer: Reply | None, index: int = 0) -> None:
        self.request = request
        self.route = route
        self.answer = answer
        self.index = index
        self.response: Response | None = None
        self.error: BaseException | None = None
        self.closed = False
        # Where the body of the response is counted; set by the router whose log this call is in.
        self.bodies: Any = None
        # The scope whose settings hold for this call, and what asks for another route when the function of this one
        # gives the request back; set by whoever asked (`_asking`).
        self.scope: Any = None
        self.again: Callable[[Call], None]
        # The orders of the routes whose function gave the request back.
        self.declined: frozenset[int] = frozenset()
        # What was said after a WebSocket handshake.
        self.dialogue: Dialogue | None = None
        self.native: Any = None
        self.view: Any = None

    def close(self, response: Response | None = None, error: BaseException | None = None) -> None:
        """Note how the exchange ended. The first close counts: a body that breaks later is told by `error` alone."""
        if self.closed:
            if error is not None and self.error is None:
                self.error = error
            return
        self.closed = True
        self.response, self.error = response, error
        if response is not self.answer and response is not None and self.bodies is not None:
            self.bodies.keep_response(self)

    @property
    def status(self) -> int | None:
        """The status that the client was given; None when there was none."""
        return None if self.response is None else self.response.status

    @property
    def passed_through(self) -> bool:
        """The request was let through to the real service."""
        return isinstance(self.answer, PassThrough)

    @property
    def unmatched(self) -> bool:
        """No route answered, and the request was not let through."""
        return self.route is None and not self.passed_through

    @property
    def raw(self) -> bytes | None:
        r"""The request's bytes as they came, transfer coding and all; None where a client handed over an object.

        Raises:
            BodyReleased: newer bodies filled the budget of the setting `bodies`.

        Example:
            >>> net.calls[0].raw
            b'GET /users/7 HTTP/1.1\r\nHost: api.example.com\r\n\r\n'
        """
        arrival = self.request._arrival
        if arrival is None or (arrival.raw is None and not arrival.released):
            return None
        if arrival.raw is None:
            raise BodyReleased(released_text(f"the bytes of {self.request}", arrival.released))
        return arrival.raw

    @property
    def connection(self) -> Connection | None:
        """The connection that the request came over; None where there was none: at the transport layer."""
        arrival = self.request._arrival
        return None if arrival is None else arrival.connection

    @property
    def exchange(self) -> int | None:
        """How many requests came before this one on its connection; None where there was no connection."""
        arrival = self.request._arrival
        return None if arrival is None or arrival.connection is None else arrival.exchange

    @property
    def messages(self) -> tuple[WebSocketMessage, ...]:
        """The messages of a WebSocket conversation, in the order in which they were sent and heard; else none."""
        return () if self.dialogue is None else tuple(self.dialogue.messages)

    @property
    def closing(self) -> Closing | None:
        """How a WebSocket conversation ended; None while it goes on, and for every other call."""
        return None if self.dialogue is None else self.dialogue.closing

    def outcome(self) -> str:
        """How it ended, in a word or two."""
        if self.error is not None:
            return type(self.error).__name__
        through = " (passed through)" if self.passed_through else ""
        if self.dialogue is not None:
            closing = self.closing
            ended = f"closed by the {closing.sender} ({closing.code})" if closing is not None else "open"
            return f"{len(self.messages)} messages, {ended}"
        if self.response is not None:
            return f"{self.response.status}{through}"
        return "unmatched" if self.unmatched else f"open{through}"

    def __repr__(self) -> str:
        return f"<Call {self.request} -> {self.outcome()}>"

    def __str__(self) -> str:
        answered = f"   {self.route.label}" if self.route is not None else ""
        client = f"   {self.request.client}" if self.request.client else ""
        shown = f"{self.request.method} {masked_url(self.request.url)}"  # a log ends up where others read it
        return f"{shown} -> {self.outcome()}{client}{answered}"


def released_text(what: str, size: int) -> str:
    """Why something recorded is gone, and the way to keep it."""
    return (
        f"{what} ({size:,} bytes) was released: the network keeps the newest bodies up to a total. "
        'Keep more with the setting bodies: Network(bodies="64 MB"), @pytest.mark.net(bodies=...), '
        "net_bodies in pyproject.toml"
    )


class Calls(Sequence[Call]):
    """The calls of a network or of a route, oldest first. `print` it: one line a call."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls

    @property
    def last(self) -> Call:
        """The newest call.

        Raises:
            IndexError: there was none.
        """
        if not self._calls:
            raise IndexError("there was no call")
        return self._calls[-1]

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> Calls: ...
    def __getitem__(self, index: int | slice) -> Call | Calls:
        if isinstance(index, slice):
            return Calls(self._calls[index])
        try:
            return self._calls[index]
        except IndexError:
            raise IndexError(f"there is no call {index}: {len(self._calls)} recorded\n{self}") from None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Calls, list, tuple)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # a log grows

    def __repr__(self) -> str:
        return f"<Calls: {len(self)}>"

    def __str__(self) -> str:
        if not self._calls:
            return "no calls"
        width = len(str(len(self._calls)))
        return "\n".join(f"{i:>{width}}. {call}" for i, call in enumerate(self, 1))
