"""pytest-httpserver's handlers: what a matcher's requests are answered with, and the lists of them.

Rule: a handler is a route of the server's network; it answers for as long as it is in its list.
"""

from __future__ import annotations

import json as jsonlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any

from netdouble._core.matching import MATCHED, Mismatch
from netdouble._core.messages import Request as Neutral
from netdouble._core.url_patterns import UrlPattern
from netdouble.facades._differences import Differences
from netdouble.facades.pytest_httpserver.errors import NoHandlerError
from netdouble.facades.pytest_httpserver.matching import METHOD_ALL, RequestMatcher
from netdouble.facades.pytest_httpserver.werkzeug_objects import Request, Response, fresh, werkzeug_request

Hook = Callable[[Request, Response], Response]


class HandlerType(Enum):
    """How often a handler answers: always, once, or once and in order."""

    PERMANENT = "permanent"
    ONESHOT = "oneshot"
    ORDERED = "ordered"


class RequestHandlerBase(ABC):
    """The ways to say a response."""

    def respond_with_json(
        self,
        response_json: Any,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """With JSON, indented."""
        text = jsonlib.dumps(response_json, indent=4)
        self.respond_with_data(text, status, headers, content_type=content_type)

    def respond_with_data(
        self,
        response_data: str | bytes = "",
        status: int = 200,
        headers: Any = None,
        mimetype: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """With text or bytes."""
        self.respond_with_response(Response(response_data, status, headers, mimetype, content_type))

    @abstractmethod
    def respond_with_response(self, response: Response) -> None:
        """With a response of Werkzeug's."""


class RequestHandler(RequestHandlerBase):
    """What the requests of a matcher are answered with."""

    def __init__(self, matcher: RequestMatcher) -> None:
        self.matcher = matcher
        self.request_handler: Callable[[Request], Any] | None = None
        self._hooks: list[Hook] = []

    def __repr__(self) -> str:
        matcher = self.matcher
        if type(matcher).__repr__ is not RequestMatcher.__repr__:
            return f"<{type(self).__name__} matcher={matcher!r}>"
        return f"<{type(self).__name__} {repr(matcher).partition(' ')[2]}"

    def with_post_hook(self, hook: Hook) -> RequestHandler:
        """Let a function change the response; hooks run in order."""
        self._hooks.append(hook)
        return self

    def respond_with_handler(self, func: Callable[[Request], Any]) -> None:
        """With what a function of the request gives: a response, text, or None for an empty one."""
        self.request_handler = func

    def respond_with_response(self, response: Response) -> None:
        """With a response of Werkzeug's."""
        self.request_handler = lambda request: fresh(response) if self._hooks else response  # noqa: ARG005  # the same

    def respond(self, request: Request) -> Response:
        """The response to `request`.

        Raises:
            NoHandlerError: none was said.
        """
        if self.request_handler is None:
            raise NoHandlerError(
                f"Matching request handler found but no response defined: {request.method} {request.path}"
            )
        made = self.request_handler(request)
        response = Response("" if made is None else made) if made is None or isinstance(made, str) else made
        for hook in self._hooks:
            response = hook(request, response)
        return response


class RequestHandlerList(list[RequestHandler]):
    """Handlers of one kind."""

    def match(self, request: Request) -> RequestHandler | None:
        """The first that matches."""
        return next((handler for handler in self if handler.matcher.match(request)), None)


class HandlerPattern(UrlPattern):
    """What the route of a handler says of requests."""

    def __init__(self, handler: RequestHandler, listed_in: RequestHandlerList) -> None:
        self.handler, self.listed_in = handler, listed_in
        uri = handler.matcher.uri
        self.text = str(getattr(uri, "pattern", uri)) or "any path"
        method = handler.matcher.method
        self.method = None if method == METHOD_ALL else method

    def mismatches(self, request: Neutral) -> Sequence[Mismatch]:
        """Nothing, or what its matcher says is different."""
        if not self.handler.matcher.match(werkzeug_request(request)):
            return Differences(partial(_differences, self.handler.matcher, request))
        if self.handler in self.listed_in:
            return MATCHED
        return (Mismatch("where", "a handler of its server", "taken away", "handlers"),)


_CRITERIA = {"uri": "path", "query_string": "query", "headers": "header", "data": "content"}


def _differences(matcher: RequestMatcher, request: Neutral) -> Sequence[Mismatch]:
    found = matcher.difference(werkzeug_request(request))
    return [Mismatch(_CRITERIA.get(name, name), expected, actual) for name, actual, expected in found] or [
        Mismatch("where", matcher, str(request.url), "matcher")
    ]
