"""The route of a WebSocket: its peer is a script, or a function of the user.

Rule: a script that can't work fails where it is written, with the repair in the text.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from netdouble._core import matchers, websockets
from netdouble._core.criteria import takes_one
from netdouble._core.keywords import named_keywords
from netdouble._core.masking import masked_url
from netdouble._core.messages import Request
from netdouble._core.replies import Answers
from netdouble._core.routes import Route
from netdouble._core.streams import Pause
from netdouble._core.urls import URL
from netdouble._core.websockets import Conversation, Drop, Expect, Say, Step
from netdouble.errors import DeclarationError, MissingExtra

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from netdouble._core.answer_arguments import ReplyOptions, ThenOptions

_OPENS = re.compile(r"\s*(http|ws)s?://", re.IGNORECASE)
_HTTP = re.compile(r"http(?=s?://)", re.IGNORECASE)


class WebSocketRoute(Route):
    """The handle that `net.websocket(...)` returns: a route whose peer talks.

    Without more it takes the connection, and logs what the client says. `send`, `expect`, `pause`, `ping`, `close` and
    `drop` write a script; `reply(peer)` gives a function instead; `then()` begins the script of the next connection.
    A script that has said everything listens until the client closes. `reply(403)` and `fail(...)` refuse the
    handshake. Everything else is as on a `Route`.

    Example:
        >>> feed = net.websocket("wss://api.example.com/feed")
        >>> feed.expect(json={"type": "subscribe"}).send(json={"price": 42}).close()
    """

    __slots__ = ("_subprotocols",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if find_spec("wsproto") is None:
            raise MissingExtra(
                "WebSockets are spoken through wsproto, which is not installed: pip install 'netdouble[websocket]'"
            )
        super().__init__(*args, **kwargs)
        bodies = [f"{name}=" for name in matchers.BODIES if name in self.conditions]
        if bodies:
            raise DeclarationError(
                f"the handshake of a WebSocket has no body, so {', '.join(bodies)} never holds; of a message say "
                ".expect(json=...)"
            )
        self._subprotocols: tuple[str, ...] = ()
        self._answers = Answers(((Conversation(), 1),))

    @staticmethod
    def spelled(url: Any) -> Any:
        """A URL as a WebSocket has it: `https://` is `wss://` (RFC 6455 section 3)."""
        if isinstance(url, str):
            if "://" in url and not _OPENS.match(url):
                raise DeclarationError(f"a WebSocket's URL begins with wss:// or ws://, not {url!r}")
            return _HTTP.sub("ws", url, count=1) if _HTTP.match(url) else url
        if isinstance(url, URL) and url.scheme in {"http", "https"}:
            return URL("ws" + url.scheme[4:], url.host, url.port, url.path, url.query)
        return url

    def speaking(self, subprotocols: Iterable[str]) -> Self:
        """Agree on the first of `subprotocols` that the client offers; on none when it offers none of them.

        Example:
            >>> net.websocket("wss://api.example.com/graphql").speaking(["graphql-transport-ws"])
        """
        given: object = subprotocols
        names: tuple[Any, ...] = (
            tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        )
        if not names or not all(isinstance(name, str) and re.fullmatch(r"[!-~]+", name) for name in names):
            raise DeclarationError(f"speaking() takes names of subprotocols, not {subprotocols!r:.60}")
        self._subprotocols = names
        return self

    # The script

    @named_keywords
    def send(self, data: str | bytes | None = None, *, json: Any = ...) -> Self:
        """Send a message: text for a str, binary for bytes, or `json` as text."""
        return self._add(Say(websockets.checked_message("send", data, json)))

    @named_keywords
    def expect(self, data: Any = ..., *, json: Any = ...) -> Self:
        """Wait for the client's next message; one that differs fails the test, and closes with code 1008.

        Args:
            data: a str for a text message, bytes for a binary one, a compiled regex (searched), a function of the
                data; by default any message will do. json: a JSON value, or `partial({...})`.

        Raises:
            DeclarationError: the arguments say nothing that a message could be.
        """
        return self._add(_expectation(data, json))

    def pause(self, seconds: float) -> Self:
        """Say nothing for a while."""
        return self._add(Pause(seconds))

    def ping(self, data: bytes = b"") -> Self:
        """Send a ping (RFC 6455 section 5.5.2)."""
        return self._add(websockets.checked_ping(data))

    @named_keywords
    def close(self, code: int = 1000, reason: str = "") -> Self:
        """Begin the closing handshake. Codes: RFC 6455 section 7.4."""
        return self._add(websockets.checked_close(code, reason))

    @named_keywords
    def drop(self, *, reset: bool = False) -> Self:
        """End the connection without a word; with `reset`, by a TCP reset."""
        if not isinstance(reset, bool):
            raise DeclarationError(f"drop(reset=) is True or False, not {reset!r:.60}")
        return self._add(Drop(reset))

    # Answers, as on a route

    def reply(self, status: Any = 200, **options: Unpack[ReplyOptions]) -> Self:
        """Talk as a function does: sync or async, it is given a `WebSocket` or an `AsyncWebSocket`.

        When it returns, the connection is closed with code 1000.

        Args:
            status: the function; or a status or a `Response`, which refuses the handshake. options: the keywords of
                `Route.reply`, for a refusal.

        Example:
            >>> def echo(ws):
            ...     for message in ws:
            ...         ws.send(message)
            >>> net.websocket("wss://api.example.com/echo").reply(echo)
        """
        if not _is_peer(status):
            return super().reply(status, **options)
        _check_peer(status)
        if options:
            raise DeclarationError(f"a peer talks for itself: {', '.join(f'{name}=' for name in options)} has no place")
        self._answers = Answers(((Conversation(peer=status), 1),), since=self.count)
        return self

    def then(self, status: Any = ..., **options: Unpack[ThenOptions]) -> Self:
        """Begin the script of the next connection; or answer it as `reply(status, ...)` does. The last one repeats."""
        if status is not ... and not _is_peer(status):
            return super().then(status, **options)
        self._not_sealed("then")
        if status is not ...:
            _check_peer(status)
        if options:
            raise DeclarationError(f"then() begins a script: {', '.join(f'{name}=' for name in options)} has no place")
        self._answers = self._answers.then(Conversation() if status is ... else Conversation(peer=status))
        return self

    def answer(self, count: int) -> Any:
        """As on a route, with the subprotocols that were declared."""
        found = super().answer(count)
        if isinstance(found, Conversation) and self._subprotocols:
            return Conversation(found.steps, found.peer, self._subprotocols)
        return found

    # The end

    def waiting(self) -> list[str]:
        """What its scripts still expect: a report for each connection."""
        found = []
        for call in self.calls:
            dialogue = call.dialogue
            if dialogue is not None and dialogue.expecting is not None:
                problem = "nothing more, and the test is over"
                found.append(websockets.unmet(masked_url(call.request.url), self.label, dialogue.expecting, problem,
                                              dialogue.messages))  # fmt: skip
        return found

    def _add(self, step: Step) -> Self:
        *before, (last, times) = self._answers.steps
        name = "send" if isinstance(step, Say) else type(step).__name__.lower()
        if not isinstance(last, Conversation) or last.peer is not None:
            raise DeclarationError(
                f".{name}() continues a script, but this connection is answered with something else; "
                ".then() begins the script of the next one"
            )
        if any(isinstance(earlier, (websockets.Close, Drop)) for earlier in last.steps):
            raise DeclarationError(f".{name}() after the end of the conversation; .then() begins the next one's script")
        self._answers = Answers((*before, (Conversation((*last.steps, step)), times)), self._answers.since)
        return self


def _is_peer(value: Any) -> bool:
    """A function, and no answer to a handshake."""
    return callable(value) and not isinstance(value, type) and not hasattr(value, "status_code")


def _check_peer(function: Callable[..., Any]) -> None:
    if not takes_one(function):
        raise DeclarationError(
            f"a peer is a function of one argument, the WebSocket; {getattr(function, '__name__', 'it')}() takes others"
        )


def _expectation(data: Any, json: Any) -> Expect:
    if json is not ...:
        if data is not ...:
            raise DeclarationError("expect() takes a message or json=, not both")
        matcher = matchers.conditions_matcher({"json": json})
        return Expect(f"json={json!r:.200}", lambda got: _json_difference(matcher, got))
    if data is ...:
        return Expect("any message", lambda got: "")  # noqa: ARG005  # whatever it is
    if isinstance(data, re.Pattern):
        pattern: Any = data
        return Expect(f"{data.pattern!r} (regex)", lambda got: _regex_difference(pattern, got))
    if isinstance(data, (str, bytes)):
        return Expect(repr(data), lambda got: "" if got == data else repr(got))
    if callable(data):
        return Expect(_name(data), lambda got: "" if data(got) else repr(got))
    raise DeclarationError(
        f"expect() takes a str, bytes, a compiled regex, a function of the data, or json=; not {type(data).__name__}"
    )


def _json_difference(matcher: matchers.M, got: str | bytes) -> str:
    body = got.encode() if isinstance(got, str) else got
    found = matcher.mismatches(Request.to("POST", "ws://message.invalid/", body=body))
    if not found:
        return ""
    from netdouble._core.wording import line_of, shown  # reports only

    return "; ".join([shown(got), *map(line_of, found)])


def _regex_difference(pattern: re.Pattern[Any], got: str | bytes) -> str:
    if isinstance(pattern.pattern, str) is not isinstance(got, str):
        return f"{got!r}, a {'text' if isinstance(got, str) else 'binary'} message"
    return "" if pattern.search(got) else repr(got)


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    return f"{name}(data) to be true" if name and name != "<lambda>" else _source(function)


def _source(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    where = f" ({os.path.basename(code.co_filename)}:{code.co_firstlineno})" if code is not None else ""
    return f"a function of the data to be true{where}"
