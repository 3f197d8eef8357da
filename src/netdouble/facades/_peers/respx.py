"""respx."""

from __future__ import annotations

from netdouble.facades._peers import Peer

PEER = Peer(
    "respx",
    {
        "respx": "netdouble.facades.respx",
        "respx.api": "netdouble.facades.respx",
        "respx.models": "netdouble.facades.respx.model",
        "respx.types": "netdouble.facades.respx.hints",
        "respx.utils": "netdouble.facades.respx.model",
    },
    "netdouble.facades.respx.plugin",
    "respx",
)
