"""requests-mock's exceptions. They are no network errors: code that handles those does not take them for an outage."""

from __future__ import annotations

from typing import Any


class MockException(Exception):
    """The base of them."""


class InvalidRequest(MockException):
    """Something was asked of a response that has no connection."""


class NoMockAddress(MockException):
    """Nothing was registered for a request.

    Attributes:
        request: the request, as in the history.
    """

    def __init__(self, request: Any, reasons: str = "") -> None:
        super().__init__(request)
        self.request = request
        self._reasons = reasons

    def __str__(self) -> str:
        return f"No mock address: {self.request.method} {self.request.url}{self._reasons}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.request, self._reasons)
