"""pytest-httpserver's `BakedHTTPServer`: a view of a server, with keywords that its handlers have by default."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


class BakedHTTPServer:
    """A view of a server. What it does not have is the server's."""

    def __init__(self, server: Any, **kwargs: Any) -> None:
        self._server = server
        self._defaults = kwargs
        self._depth = 0
        self._started_here = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} defaults={self._defaults!r} server={self._server!r}>"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def __enter__(self) -> Self:
        if not self._depth:
            self._started_here = not self._server.is_running()
            if self._started_here:
                self._server.start()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth and self._started_here and self._server.is_running():
            self._server.stop()

    def bake(self, **kwargs: Any) -> Self:
        """A view with these keywords on top."""
        return type(self)(self._server, **{**self._defaults, **kwargs})

    def expect_request(self, uri: Any, **kwargs: Any) -> Any:
        """As the server's."""
        return self._server.expect_request(uri, **{**self._defaults, **kwargs})

    def expect_oneshot_request(self, uri: Any, **kwargs: Any) -> Any:
        """As the server's."""
        return self._server.expect_oneshot_request(uri, **{**self._defaults, **kwargs})

    def expect_ordered_request(self, uri: Any, **kwargs: Any) -> Any:
        """As the server's."""
        return self._server.expect_ordered_request(uri, **{**self._defaults, **kwargs})
