"""Doors of async clients that step aside for a whole call: redirects and all of it are requests of that call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from netdouble import _active
from netdouble._active import Scope
from netdouble._core.messages import Request
from netdouble._stepping_aside import Aside, announced, refusal_of, speaking, stepping_aside
from netdouble.errors import AmbiguousScope, ScopeClosed


async def stepping_aside_for(client: str, call: Callable[[], Awaitable[Any]]) -> Any:
    """Await `call()`, which gives a response; what goes over real sockets meanwhile is this client's."""
    scope = scope_on_wire()
    if scope is None:
        return await call()
    aside = Aside(client, raises=False)
    with stepping_aside(scope, aside):
        response = await call()
    refused = refusal_of(scope, aside)
    if refused is None:
        return response
    response.close()
    raise refused


@contextmanager
def announcing(request: Request) -> Iterator[None]:
    """While a connection for one request of the call is made."""
    aside = speaking.get()
    if isinstance(aside, Aside):
        aside.requests.append(request)
    with announced(request):
        yield


def scope_on_wire() -> Scope | None:
    """The scope that is asked here, if what it answers goes over real sockets."""
    if not _active.any_on_wire() or _active.is_passing():
        return None
    try:
        scope = _active.current()
    except (AmbiguousScope, ScopeClosed):
        return None  # the door refuses the request, with that reason
    return scope if scope is not None and scope.settings.layer == "wire" else None
