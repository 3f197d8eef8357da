"""The verbs with which routes are declared: the same on a network, on a view of one, and on a server.

Rule: a verb only names the method; everything it is given is checked in one place, `_declare`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

from netdouble._core.keywords import by_keyword
from netdouble._core.urls import URL

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from netdouble._core.routes import Route
    from netdouble._core.scenarios import RouteOptions
    from netdouble._core.websocket_routes import WebSocketRoute

UrlInput: TypeAlias = "str | re.Pattern[str] | URL"

_conditions = by_keyword(lambda given: f"conditions have names: query={given!r:.60}, or headers=, json=, ...")


class Verbs(ABC):
    """Declare a route for a method and a URL.

    Every verb takes the URL and, by keyword, conditions on the rest of the request: `query`, `headers`, `cookies`,
    `json`, `form`, `files`, `text`, `content`, `where`; and its place in a scenario: `when`, `then_state`, `scenario`.
    It returns the `Route`, which is told what to answer.

    Raises:
        DeclarationError: the URL or a condition can't work; the text carries the repair.

    Example:
        >>> net.get("https://api.example.com/users/{id}", query={"page": 2}).reply(json=[])
    """

    @abstractmethod
    def _declare(
        self, method: str | None, url: UrlInput | None, conditions: RouteOptions, kind: type[Route] | None = None
    ) -> Route:
        """Make the route (a `Route`, or the `kind` of it that is given) and let it answer."""

    @_conditions
    def route(self, method: str, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer requests of `method` (in any case) to `url`."""
        return self._declare(method, url, conditions)

    @_conditions
    def any(self, url: UrlInput | None = None, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer requests of every method to `url`; without a URL, to every URL."""
        return self._declare(None, url, conditions)

    @_conditions
    def get(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer GET requests to `url`."""
        return self._declare("GET", url, conditions)

    @_conditions
    def post(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer POST requests to `url`."""
        return self._declare("POST", url, conditions)

    @_conditions
    def put(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer PUT requests to `url`."""
        return self._declare("PUT", url, conditions)

    @_conditions
    def patch(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer PATCH requests to `url`."""
        return self._declare("PATCH", url, conditions)

    @_conditions
    def delete(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer DELETE requests to `url`."""
        return self._declare("DELETE", url, conditions)

    @_conditions
    def head(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer HEAD requests to `url`."""
        return self._declare("HEAD", url, conditions)

    @_conditions
    def options(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer OPTIONS requests to `url`."""
        return self._declare("OPTIONS", url, conditions)

    @_conditions
    def query(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> Route:
        """Answer QUERY requests to `url` (a safe request with a body)."""
        return self._declare("QUERY", url, conditions)

    @_conditions
    def websocket(self, url: UrlInput, **conditions: Unpack[RouteOptions]) -> WebSocketRoute:
        """Take WebSocket connections to `url` (`https://` means `wss://`), and talk as the route is told.

        Raises:
            MissingExtra: wsproto is not installed.

        Example:
            >>> net.websocket("wss://api.example.com/feed").send("hello").expect("ping").send("pong").close()
        """
        from netdouble._core.websocket_routes import WebSocketRoute

        made: Any = self._declare("GET", url, conditions, WebSocketRoute)
        route: WebSocketRoute = made
        return route
