"""respx's exceptions, with its texts."""

from __future__ import annotations

from typing import Any

__all__ = ["AllMockedAssertionError", "PassThrough", "SideEffectError"]


class AllMockedAssertionError(AssertionError):
    """No route answers a request."""


class PassThrough(Exception):
    """A request is to reach the real service: what `Router.handler` raises, which can't send it.

    Attributes:
        request: the request. origin: the route that says so.
    """

    def __init__(self, message: str, *, request: Any, origin: Any) -> None:
        super().__init__(message)
        self.request, self.origin = request, origin


class SideEffectError(Exception):
    """A route's side effect raised.

    Attributes:
        route: whose it is. origin: what was raised.
    """

    def __init__(self, route: Any, origin: BaseException) -> None:
        super().__init__(route)
        self.route, self.origin = route, origin
