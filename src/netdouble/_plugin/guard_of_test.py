"""The guard as one test sees it: the fixture `net_guard`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from netdouble import guard
from netdouble._gate import guard as gate
from netdouble.errors import NetworkBlocked
from netdouble.guard import Attempt


class Opened:
    """What `allow` opened: until the test ends, or the `with` block that it heads."""

    def __init__(self, allowance: AbstractContextManager[None]) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(allowance)

    def close(self) -> None:
        """Allow it no more."""
        self._stack.close()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TestGuard:
    """The guard, for one test.

    Example:
        >>> def test_the_database(net_guard):
        ...     net_guard.allow("db.test:5432")
        ...     with net_guard.expect_blocked("telemetry.test"):
        ...         connect_and_send_telemetry()
    """

    __test__ = False  # its name is no test's

    def __init__(self, test: str, stack: ExitStack) -> None:
        self._test = test
        self._stack = stack

    def allow(self, *entries: str | Iterable[str]) -> Opened:
        """Let these be reached as well, until the test ends or the `with` block that this heads.

        Raises:
            DeclarationError: an entry can't be read.
        """
        opened = Opened(guard.allow(*entries))
        self._stack.callback(opened.close)
        return opened

    def expect_blocked(self, *entries: str | Iterable[str]) -> AbstractContextManager[list[NetworkBlocked]]:
        """As `netdouble.guard.expect_blocked`."""
        return guard.expect_blocked(*entries)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What this test has tried for real and nothing allows, refused or only noted."""
        gate.hear()
        return tuple(attempt for attempt in guard.attempts() if attempt.test == self._test)
