"""pytest-httpx."""

from __future__ import annotations

from netdouble.facades._peers import Peer

PEER = Peer(
    "pytest_httpx",
    {"pytest_httpx": "netdouble.facades.pytest_httpx"},
    "netdouble.facades.pytest_httpx.plugin",
    "pytest_httpx",
)
