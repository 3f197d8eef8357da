"""How a facade's scope differs from netdouble's own: who is asked, and what a request gets that no route answers.

Rule: these are decisions about a chain of scopes, innermost first; nothing here opens, asks or records.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Protocol, TypeVar

from netdouble._core.messages import Request
from netdouble._core.replies import PassThrough, Reply


class Manner(Protocol):
    """A facade's way.

    Attributes:
        kind: the peer's name. entrances: the doors above the usual ones at which its routes are asked first, as
        `"requests.Session.send"`. outer_first: of scopes of this manner that were opened in one another the outermost
        is asked first.
    """

    @property
    def kind(self) -> str: ...
    @property
    def entrances(self) -> Collection[str]: ...
    @property
    def outer_first(self) -> bool: ...

    def concerns(self, request: Request) -> bool:
        """Whether it is asked about `request` at all."""
        ...

    def hides(self, request: Request) -> bool:
        """Whether the scopes of the same peer around this one are not asked about `request`."""
        ...

    def unrouted(self, request: Request) -> Reply | None:
        """What a request gets that no route answers; None: it is not this facade's to decide."""
        ...


class Mannered(Protocol):
    """What is asked of a scope."""

    manner: Manner | None


S = TypeVar("S", bound=Mannered)


def audience(chain: list[S], request: Request) -> list[S]:
    """Those of `chain` that are asked about `request`, in the order in which they are asked."""
    if len(chain) == 1:
        only = chain[0].manner
        return chain if only is None or only.concerns(request) else []
    if all(scope.manner is None for scope in chain):
        return chain
    asked: list[S] = []
    hidden: set[str] = set()
    outermost = chain[-1]
    for scope in chain:
        manner = scope.manner
        if manner is None:
            asked.append(scope)
        elif manner.kind not in hidden and manner.concerns(request):
            asked.append(scope)
            if scope is not outermost and manner.hides(request):
                hidden.add(manner.kind)
    return _in_order(asked)


def _in_order(chain: list[S]) -> list[S]:
    found: list[S] = []
    for turned, run in groupby(chain, lambda scope: scope.manner is not None and scope.manner.outer_first):
        scopes = list(run)
        found += reversed(scopes) if turned else scopes
    return found


def unrouted(chain: Sequence[Mannered], request: Request) -> Reply | None:
    """What the innermost scope says that decides about `request`; what any of them lets through is let through."""
    said: Reply | None = None
    decided = False
    for scope in chain:
        if scope.manner is None:
            decided = True
            continue
        reply = scope.manner.unrouted(request)
        if isinstance(reply, PassThrough):
            return reply
        if reply is not None and not decided:
            said, decided = reply, True
    return said
