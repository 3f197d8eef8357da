"""A network's doors to be mounted on one client by hand: nothing is patched.

Rule: a client's file is loaded when its door is asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp
    import httpx
    import httpx2
    import requests.adapters
    import urllib3

    from netdouble._active import Scope


class Mounting:
    """The part of `Network` that makes transports, adapters and the like."""

    @abstractmethod
    def _scope(self) -> Scope:
        """Who is asked."""

    def requests_adapter(self) -> requests.adapters.HTTPAdapter:
        """An adapter that answers from this network: `session.mount("https://", net.requests_adapter())`."""
        made: requests.adapters.HTTPAdapter = _door("requests").requests_adapter(self._scope, _door("urllib3").mount)
        return made

    def urllib3_pool_manager(self) -> urllib3.PoolManager:
        """A pool manager whose requests this network answers."""
        made: urllib3.PoolManager = _door("urllib3").urllib3_pool_manager(self._scope)
        return made

    def httpx_transport(self) -> httpx.MockTransport:
        """A transport for `httpx.Client` and `httpx.AsyncClient`: `httpx.Client(transport=net.httpx_transport())`."""
        made: httpx.MockTransport = _door("httpx").httpx_transport(self._scope, "httpx")
        return made

    def httpx2_transport(self) -> httpx2.MockTransport:
        """A transport for `httpx2.Client` and `httpx2.AsyncClient`."""
        made: httpx2.MockTransport = _door("httpx").httpx_transport(self._scope, "httpx2")
        return made

    def aiohttp_connector(self) -> aiohttp.BaseConnector:
        """A connector for `aiohttp.ClientSession(connector=net.aiohttp_connector())`."""
        made: aiohttp.BaseConnector = _door("aiohttp").aiohttp_connector(self._scope)
        return made


def _door(client: str) -> Any:
    return import_module(f"netdouble._intercept.{client}")
