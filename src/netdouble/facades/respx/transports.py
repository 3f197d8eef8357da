"""respx's transports, for clients that are given one by hand.

Rule: made when first asked for, because they stand on httpx's classes.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

from netdouble.facades._httpx_objects import default
from netdouble.facades.respx.errors import PassThrough

__all__: list[str] = []


@functools.cache
def _mock_transport() -> Any:
    httpx: Any = default()

    class MockTransport(httpx.MockTransport):  # type: ignore[misc]  # of one of two libraries
        """Answers by a handler or a router. Deprecated: `httpx.MockTransport(router.handler)` does the same."""

        def __init__(self, *, handler: Any = None, async_handler: Any = None, router: Any = None) -> None:
            if handler is None and async_handler is None and router is None:
                raise RuntimeError("Missing a MockTransport required handler or router argument")
            warnings.warn(
                "MockTransport is deprecated. Please use `httpx.MockTransport(respx_router.handler)`.",
                DeprecationWarning,
                stacklevel=2,
            )
            self.router = router
            super().__init__(handler or async_handler if router is None else router.handler)

        async def handle_async_request(self, request: Any) -> Any:
            if self.router is None:
                return await super().handle_async_request(request)
            return await self.router.async_handler(request)

        def __exit__(self, *raised: object) -> None:
            super().__exit__(*raised)
            self._check(raised)

        async def __aexit__(self, *raised: object) -> None:
            await super().__aexit__(*raised)
            self._check(raised)

        def _check(self, raised: tuple[Any, ...]) -> None:
            if not any(raised) and self.router is not None and self.router._assert_all_called:
                self.router.assert_all_called()

    return MockTransport


@functools.cache
def _try_transport() -> Any:
    httpx: Any = default()

    class TryTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):  # type: ignore[misc]  # as above
        """Asks transports in turn, until one does not pass the request on.

        Args:
            transports: the transports.
        """

        def __init__(self, transports: list[Any]) -> None:
            self.transports = transports

        def handle_request(self, request: Any) -> Any:
            for transport in self.transports:
                try:
                    return transport.handle_request(request)
                except PassThrough:
                    continue
            raise RuntimeError(f"no transport answers {request!r}: each passes it through")

        async def handle_async_request(self, request: Any) -> Any:
            for transport in self.transports:
                try:
                    return await transport.handle_async_request(request)
                except PassThrough:
                    continue
            raise RuntimeError(f"no transport answers {request!r}: each passes it through")

    return TryTransport


def __getattr__(name: str) -> Any:
    if name == "MockTransport":
        return _mock_transport()
    if name == "TryTransport":
        return _try_transport()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
