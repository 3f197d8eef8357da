"""A request in its client's own objects, for those who must look at them: the facades of the client's own test doubles.

Rule: nothing in the core looks inside; a door that has them at hand carries them along.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netdouble._core.calls import Call
    from netdouble._core.messages import Request


class ClientObjects:
    """What a client had in its hands when it sent.

    Attributes:
        library: the client's name, as in `Request.client`. request: its request object, or None. sender: its adapter,
        session or transport. options: what it was told besides, as `{"timeout": 3}`.
        session: of a client whose sender is not all, the session that sent it.
        call: the newest call that this request became; None before it was decided.
    """

    __slots__ = ("call", "library", "options", "request", "sender", "session")

    def __init__(self, library: str, request: Any, sender: Any, options: Mapping[str, Any]) -> None:
        self.library, self.request, self.sender, self.options = library, request, sender, options
        self.call: Call | None = None
        self.session: Any = None


_carried: ContextVar[ClientObjects | None] = ContextVar("netdouble_carried", default=None)


class carrying:  # noqa: N801  # used as a function; a generator would cost more
    """For the time of a send: the request that comes of it has these objects (`Request.native`)."""

    __slots__ = ("_objects", "_token")

    def __init__(self, objects: ClientObjects | None) -> None:
        self._objects = objects

    def __enter__(self) -> None:
        self._token = _carried.set(self._objects)

    def __exit__(self, *error: object) -> None:
        _carried.reset(self._token)


def carried() -> ClientObjects | None:
    """What a door above has set out here."""
    return _carried.get()


def carry(request: Request) -> None:
    """Give `request` its client's objects, if a door above has set them out."""
    objects = _carried.get()
    if objects is not None and request.native is None and request.client.startswith(objects.library):
        request._memo["native"] = objects
