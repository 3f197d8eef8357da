"""pytest-socket."""

from __future__ import annotations

from netdouble.facades._peers import Peer

PEER = Peer(
    "pytest_socket",
    {"pytest_socket": "netdouble.facades.pytest_socket"},
    "netdouble.facades.pytest_socket",
    "socket",
)
