"""What a client shows of a real server and not of a stub, at each layer. docs/explanation/fidelity.md says the same.

Rule: strict both ways. A difference that is not here fails its row; each loss names a row where it must be seen, so
that one which was mended fails until it is taken out, here and in the docs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """One thing that is lost.

    Attributes:
        clients: whose, a regex on the driver's name. shown: the observations, a regex on their names.
        row: where it is seen. what: as the docs have it. layer: where it is lost.
    """

    clients: str
    shown: str
    row: str
    what: str
    layer: str = "transport"


_HTTPX = r"httpx2?( on (asyncio|uvloop|trio))?"

LOSSES = (
    Loss(_HTTPX, r"\d+\.trace", "statuses", "events of the `trace` extension"),
    Loss(_HTTPX, r"log of httpcore2?", "statuses", "log lines of `httpcore`"),
    Loss(_HTTPX, r"pool", "statuses", "connections in the transport's pool"),
    Loss(
        _HTTPX, r"\d+\.(history\.\d+\.)?network_stream", "statuses", 'the socket behind `extensions["network_stream"]`'
    ),
)


def is_lost(client: str, shown: str, layer: str) -> bool:
    """This observation may differ at this layer."""
    return any(
        loss.layer == layer and re.fullmatch(loss.clients, client) and re.fullmatch(loss.shown, shown)
        for loss in LOSSES
    )
