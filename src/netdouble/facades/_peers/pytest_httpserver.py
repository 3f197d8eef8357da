"""pytest-httpserver."""

from __future__ import annotations

from netdouble.facades._peers import Peer

PEER = Peer(
    "pytest_httpserver",
    {"pytest_httpserver": "netdouble.facades.pytest_httpserver"},
    "netdouble.facades.pytest_httpserver.pytest_plugin",
    "pytest_httpserver",
)
