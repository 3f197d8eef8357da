"""A job that is a coroutine, on an event loop of its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any


def on_a_loop(job: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A plain test that runs `job` to its end, so that one loop closes before the next test, whatever runs it."""

    @functools.wraps(job)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(job(*args, **kwargs))

    return run
