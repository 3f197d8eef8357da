"""httpx2-pytest: pytest-httpx for httpx2. Not pytest-httpx2, which has the same import name."""

from __future__ import annotations

from netdouble.facades._peers import Peer

PEER = Peer(
    "httpx2_pytest",
    {"pytest_httpx2": "netdouble.facades.httpx2_pytest"},
    "netdouble.facades.httpx2_pytest.plugin",
    "pytest_httpx2",
)
