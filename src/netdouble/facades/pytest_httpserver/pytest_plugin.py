"""pytest-httpserver's pytest plugin: a server for the session, cleared for each test."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from netdouble.facades.pytest_httpserver.httpserver import HTTPServer


class Plugin:
    """Which server runs."""

    SERVER: ClassVar[PluginHTTPServer | None] = None


class PluginHTTPServer(HTTPServer):
    """The server of a fixture."""

    def __repr__(self) -> str:
        return f"<HTTPServer host={self.host} port={self.port}>"

    def start(self) -> None:
        """Listen."""
        super().start()
        Plugin.SERVER = self

    def stop(self) -> None:
        """Listen no more."""
        super().stop()
        Plugin.SERVER = None


def get_httpserver_listen_address() -> tuple[str | None, int | None]:
    """Host and port from the environment: `PYTEST_HTTPSERVER_HOST`, `PYTEST_HTTPSERVER_PORT`."""
    port = os.environ.get("PYTEST_HTTPSERVER_PORT")
    return os.environ.get("PYTEST_HTTPSERVER_HOST"), int(port) if port else None


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str | None, int | None]:
    """Where the server is to listen; to be overridden."""
    return get_httpserver_listen_address()


@pytest.fixture(scope="session")
def httpserver_ssl_context() -> ssl.SSLContext | None:
    """The server's TLS; to be overridden."""
    return None


def _served(host: str | None, port: int | None, context: Any) -> Iterator[HTTPServer]:
    server = PluginHTTPServer(host or HTTPServer.DEFAULT_LISTEN_HOST, port or HTTPServer.DEFAULT_LISTEN_PORT, context)
    server.start()
    yield server
    server.clear()
    if server.is_running():
        server.stop()


@pytest.fixture(scope="session")
def make_httpserver(
    httpserver_listen_address: tuple[str | None, int | None], httpserver_ssl_context: ssl.SSLContext | None
) -> Iterator[HTTPServer]:
    """The server, for the whole session."""
    yield from _served(*httpserver_listen_address, httpserver_ssl_context)


@pytest.fixture
def httpserver(make_httpserver: HTTPServer) -> HTTPServer:
    """The server, cleared for this test."""
    make_httpserver.clear()
    return make_httpserver


@pytest.fixture(scope="session")
def make_httpserver_ipv4(
    httpserver_listen_address: tuple[str | None, int | None], httpserver_ssl_context: ssl.SSLContext | None
) -> Iterator[HTTPServer]:
    """A server on 127.0.0.1, for the whole session."""
    yield from _served("127.0.0.1", httpserver_listen_address[1], httpserver_ssl_context)


@pytest.fixture
def httpserver_ipv4(make_httpserver_ipv4: HTTPServer) -> HTTPServer:
    """A server on 127.0.0.1, cleared for this test."""
    make_httpserver_ipv4.clear()
    return make_httpserver_ipv4


@pytest.fixture(scope="session")
def make_httpserver_ipv6(
    httpserver_listen_address: tuple[str | None, int | None], httpserver_ssl_context: ssl.SSLContext | None
) -> Iterator[HTTPServer]:
    """A server on ::1, for the whole session."""
    yield from _served("::1", httpserver_listen_address[1], httpserver_ssl_context)


@pytest.fixture
def httpserver_ipv6(make_httpserver_ipv6: HTTPServer) -> HTTPServer:
    """A server on ::1, cleared for this test."""
    make_httpserver_ipv6.clear()
    return make_httpserver_ipv6


def pytest_sessionfinish() -> None:
    """Stop what still runs."""
    if Plugin.SERVER is not None and Plugin.SERVER.is_running():
        Plugin.SERVER.clear()
        Plugin.SERVER.stop()
