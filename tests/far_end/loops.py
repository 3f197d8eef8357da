"""Wait for what an asyncio client leaves to its loop."""

from __future__ import annotations

import asyncio


async def connections_closed() -> None:
    """Until every connection of this loop is closed: aiohttp does not wait, and with TLS it takes a few turns."""
    loop = asyncio.get_running_loop()
    while len(loop._selector.get_map()) > 1:  # noqa: ASYNC110  # nobody sets an event
        await asyncio.sleep(0.001)
