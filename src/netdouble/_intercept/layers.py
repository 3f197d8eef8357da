"""Clients that stand on one another (requests on urllib3 on http.client): which of them the caller speaks to.

The bytes come out at the bottom, but it is the topmost client that a request is recorded for, and whose exceptions a
route may declare. Such an exception must not be seen by the layers between: urllib3 would retry it, botocore wrap it.

Rule: only a frame of `spoken_by` lets a `Carried` out of its box, so it never gets past netdouble.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netdouble._stepping_aside import Carried, raise_past, speaking

__all__ = ["Carried", "Dialect", "raise_past", "speaker", "spoken_by", "unspoken"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A client as its caller knows it.

    Attributes:
        client: name and version, as `"urllib3 2.8.0"`. package: where its exceptions are defined.
        beneath: packages whose exceptions it gets from below and turns into its own.
    """

    client: str
    package: str
    beneath: frozenset[str] = frozenset()

    @property
    def own(self) -> frozenset[str]:
        """The packages whose exceptions are raised as they are."""
        return self.beneath | {self.package}


def speaker() -> Dialect | None:
    """The topmost client of the call that is going on; None when only the bottom one is there."""
    found: Any = speaking.get()
    dialect: Dialect | None = found
    return dialect


def unspoken(function: Callable[[], Any]) -> Any:
    """Call a function of the user, whose own requests are not this client's."""
    if speaking.get() is None:
        return function()
    token = speaking.set(None)
    try:
        return function()
    finally:
        speaking.reset(token)


def spoken_by(dialect: Dialect, original: Callable[..., Any]) -> Callable[..., Any]:
    """`original`, a client's function that sends, under which the requests are that client's."""

    @functools.wraps(original)
    def send(*args: Any, **kwargs: Any) -> Any:
        above = speaking.get()
        token = speaking.set(dialect) if above is None else None
        try:
            return original(*args, **kwargs)
        except Carried as carried:
            if above is not None and not _is_of(dialect.package, carried.error):
                raise
            raise carried.error from None
        finally:
            if token is not None:
                speaking.reset(token)

    return send


def _is_of(package: str, error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == package
