"""`respx.fixtures`: a loop for a whole session.

Rule: a plugin of pytest; nothing imports it but pytest and suites.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def session_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that is closed when the session ends."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()
