"""Wait until calls have come: for threads, and for tasks of asyncio and trio without holding up their loop.

Rule: no clock and no polling. What is waited for is looked at whenever a call was answered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from netdouble.server.originals import Event, Lock

Ready = Callable[[], bool]


class Waiters:
    """Those who wait for one server's calls."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[tuple[Ready, Callable[[], object]]] = []

    def notify(self) -> None:
        """A call was answered: wake those who waited for it."""
        if not self._waiting:
            return
        with self._lock:
            done = [waiter for waiter in self._waiting if waiter[0]()]
            self._waiting = [waiter for waiter in self._waiting if waiter not in done]
        for _, wake in done:
            wake()

    def wait(self, ready: Ready, seconds: float) -> bool:
        """Wait in this thread; False when the time is over."""
        over = Event()
        self._add(ready, over.set)
        over.wait(seconds)
        self._forget(over.set)
        return ready()

    async def await_(self, ready: Ready, seconds: float) -> bool:
        """As `wait`, in a task."""
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return await self._await_trio(ready, seconds)
        over = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(over.set)

        self._add(ready, wake)
        try:
            await asyncio.wait_for(over.wait(), seconds)
        except asyncio.TimeoutError:
            pass
        finally:
            self._forget(wake)
        return ready()

    async def _await_trio(self, ready: Ready, seconds: float) -> bool:
        trio: Any = sys.modules["trio"]
        over, token = trio.Event(), trio.lowlevel.current_trio_token()

        def wake() -> None:
            token.run_sync_soon(over.set)

        self._add(ready, wake)
        try:
            with trio.move_on_after(seconds):
                await over.wait()
        finally:
            self._forget(wake)
        return ready()

    def _add(self, ready: Ready, wake: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.append((ready, wake))
        self.notify()

    def _forget(self, wake: Callable[[], object]) -> None:
        with self._lock:
            self._waiting = [waiter for waiter in self._waiting if waiter[1] != wake]
