"""pytest-httpx2: respx for httpx2, by respx's author. Not httpx2-pytest, which has the same import name."""

from __future__ import annotations

from netdouble.facades._peers import Peer

PEER = Peer(
    "pytest_httpx2",
    {"pytest_httpx2": "netdouble.facades.pytest_httpx2"},
    "netdouble.facades.pytest_httpx2",
    "pytest_httpx2",
)
