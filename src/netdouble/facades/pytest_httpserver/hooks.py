"""pytest-httpserver's hooks: what may be done to a response before it is sent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from netdouble.facades.pytest_httpserver.werkzeug_objects import Request, Response

Hook = Callable[[Request, Response], Response]


class Chain:
    """Hooks one after the other."""

    def __init__(self, *args: Hook) -> None:
        self._hooks = args

    def __call__(self, request: Request, response: Response) -> Response:
        """Each has the response of the one before."""
        for hook in self._hooks:
            response = hook(request, response)
        return response


class Delay:
    """Wait before the response, for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def _sleep(self) -> None:
        time.sleep(self._seconds)

    def __call__(self, _request: Request, response: Response) -> Response:
        """The response, later."""
        self._sleep()
        return response


class Garbage:
    """Random bytes before and after the body, so many of each."""

    def __init__(self, prefix_size: int = 0, suffix_size: int = 0) -> None:
        if prefix_size < 0:
            raise AssertionError("prefix_size should be positive integer")
        if suffix_size < 0:
            raise AssertionError("suffix_size should be positive integer")
        self._prefix_size, self._suffix_size = prefix_size, suffix_size

    def _get_garbage_bytes(self, size: int) -> bytes:
        return os.urandom(size)

    def __call__(self, _request: Request, response: Response) -> Response:
        """The response with another body."""
        before, after = self._get_garbage_bytes(self._prefix_size), self._get_garbage_bytes(self._suffix_size)
        response.set_data(before + response.get_data() + after)
        return response
