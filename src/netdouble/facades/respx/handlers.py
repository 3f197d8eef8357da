"""Applications as side effects, through httpx's own transports for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdouble._intercept.httpx_library import library_of
from netdouble.facades._httpx_objects import default

__all__ = ["ASGIHandler", "AsyncTransportHandler", "TransportHandler", "WSGIHandler"]


class TransportHandler:
    """Answers by a transport."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def __call__(self, request: Any) -> Any:
        """The response, read."""
        response = self.transport.handle_request(request)
        response.read()
        return response


class AsyncTransportHandler:
    """As `TransportHandler`, for async transports."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    async def __call__(self, request: Any) -> Any:
        """The response, read."""
        response = await self.transport.handle_async_request(request)
        await response.aread()
        return response


class WSGIHandler(TransportHandler):
    """Answers by a WSGI app: `route.mock(side_effect=WSGIHandler(app))`; `kwargs` as of `httpx.WSGITransport`."""

    def __init__(self, app: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(default().WSGITransport(app=app, **kwargs))
        self._app, self._kwargs = app, kwargs

    def __call__(self, request: Any) -> Any:
        """The app's response, of the library that the request is of."""
        transport = library_of(request).module.WSGITransport(app=self._app, **self._kwargs)
        return TransportHandler(transport)(request)


class ASGIHandler(AsyncTransportHandler):
    """Answers by an ASGI app: `route.mock(side_effect=ASGIHandler(app))`; `kwargs` as of `httpx.ASGITransport`."""

    def __init__(self, app: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(default().ASGITransport(app=app, **kwargs))
        self._app, self._kwargs = app, kwargs

    async def __call__(self, request: Any) -> Any:
        """The app's response, of the library that the request is of."""
        transport = library_of(request).module.ASGITransport(app=self._app, **self._kwargs)
        return await AsyncTransportHandler(transport)(request)
