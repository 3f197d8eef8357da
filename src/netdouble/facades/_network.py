"""What every facade stands on: a network under a peer's rules.

Rule 1: a facade declares routes here, and reads what happened from the log here; it keeps neither by itself.
Rule 2: a facade's scope does not guard: its peer lets alone what it does not know. Clients that its peer never saw are
answered too; what of them no route answers is netdouble's to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from netdouble import Network
from netdouble._core.callers import declared_at
from netdouble._core.matching import Matcher
from netdouble._core.messages import Request
from netdouble._core.replies import Compute, Reply
from netdouble._core.router import Router, next_order
from netdouble._core.routes import Route
from netdouble._core.selection import Selection
from netdouble._core.url_patterns import UrlPattern
from netdouble._manner import Manner

Unrouted = Callable[[Request], "Reply | None"]


class FacadeNetwork(Network):
    """A network of a peer's manner: one router, from its making to its end.

    Args:
        facade: the peer's name, for reports. selection: its rule of choice. unrouted: what a request gets that no
            route answers; None from it: this is not the peer's to decide. entrances, outer_first: see `_manner.Manner`.
    """

    def __init__(self, facade: str, selection: Selection, unrouted: Unrouted, entrances: Collection[str] = (), *,
                 outer_first: bool = False) -> None:  # fmt: skip
        self.facade = facade
        self._selection = selection
        self._manner: Manner | None = PeersManner(facade, unrouted, entrances, outer_first=outer_first)
        super().__init__(fast="on", retry_wait="skip", unused="off", swallowed="warn")

    def _router_of_entry(self) -> Router:
        return self._base

    def declare(self, method: str | None, pattern: UrlPattern, matcher: Matcher | None, reply: Callable[[Request], Any],
                *, budget: int | None = None, kind: str = "") -> Route:  # fmt: skip
        """A route that answers with what `reply` gives, and is named as this facade's in reports.

        Args:
            method: as the peer compares it; None for any. pattern, matcher: who is answered. reply: a function of the
            request. budget: how many calls it answers; None for any number. kind: see `selection.Entry`.
        """
        conditions: Any = {} if matcher is None else {"where": matcher}
        route = Route(method, pattern, conditions, order=next_order(), log=self, declared_at=declared_at(),
                      must_be_used=False)  # fmt: skip
        route.facade, route.kind = self.facade, kind
        route.reply(Compute(reply, is_async=False))
        if budget is not None:
            route.times(budget)
        self.router.add(route)
        return route


class PeersManner:
    """See `_manner.Manner`."""

    def __init__(self, kind: str, unrouted: Unrouted, entrances: Collection[str], *, outer_first: bool) -> None:
        self.kind = kind
        self._unrouted, self.entrances, self.outer_first = unrouted, frozenset(entrances), outer_first

    def concerns(self, request: Request) -> bool:  # noqa: ARG002  # every request
        """Every request."""
        return True

    def hides(self, request: Request) -> bool:  # noqa: ARG002  # no request
        """An inner scope never blanks an outer one."""
        return False

    def unrouted(self, request: Request) -> Reply | None:
        """What the facade says."""
        return self._unrouted(request)
