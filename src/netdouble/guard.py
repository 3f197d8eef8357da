"""The guard, for use anywhere: what may be reached for real, and what was tried.

It stands while a `Network` is open (and, under pytest, as `net_guard` says): a real connection or name lookup that no
stub answers and nothing allows is refused before anything leaves the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from netdouble._core.settings import entries_of
from netdouble._gate import guard as _guard
from netdouble._gate.guard import Attempt

__all__ = ["Attempt", "allow", "attempts"]


def allow(*entries: str | Iterable[str]) -> AbstractContextManager[None]:
    """Let these be reached for real as well, for a while and for every thread.

    Args:
        entries: texts (several in one, with commas), lists, tuples or sets of a host, `*.host`, an IP address, a CIDR
            block or `loopback`, each with `:port` or `:low-high` if need be; `dns:host`, `unix`, `unix:/path/*`, the
            name of a family such as `bluetooth`.

    Raises:
        DeclarationError: an entry can't be read.

    Example:
        >>> with guard.allow("db.test:5432"):
        ...     connect_to_database()
    """
    return _guard.allowing(entries_of(*entries, source="guard.allow"))


def attempts() -> tuple[Attempt, ...]:
    """What was tried for real and allowed by nothing: each target once for each test, with a count.

    Example:
        >>> [attempt.target for attempt in guard.attempts()]
        ['api.example.com:443']
    """
    return _guard.attempts()
