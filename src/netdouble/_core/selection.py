"""The rule by which one of several matching routes is chosen.

Rule: a selection is a value without state. It sees a view of the router for one request, and whatever it wants to be
remembered stands in the choice that it returns. Peers' rules were read in their sources, named below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from netdouble._core.messages import Request

R = TypeVar("R")


@dataclass(slots=True)
class Entry(Generic[R]):
    """What a selection may know of a route, at the time of one request.

    Attributes:
        route: the route itself.
        used: how many calls it has answered. budget: how many it may answer; None for any number.
        kind: `""`; `"ordered"`, `"oneshot"` or `"permanent"` where a facade's peer tells them apart.
    """

    route: R
    used: int = 0
    budget: int | None = None
    kind: str = ""

    @property
    def spent(self) -> bool:
        """Its budget is used up."""
        return self.budget is not None and self.used >= self.budget


class View(Protocol):
    """What a selection sees: a router's routes for one request. Retired routes are in none of its answers."""

    def matching(self) -> Sequence[Entry[Any]]:
        """The routes that match the request, in declared order, the spent ones too."""
        ...

    def oldest_first(self) -> Iterator[Entry[Any]]:
        """As `matching`; each is asked when it is its turn."""
        ...

    def newest_first(self) -> Iterator[Entry[Any]]:
        """As `oldest_first`, the other way round."""
        ...

    def declared(self) -> Sequence[Entry[Any]]:
        """Every route, in declared order."""
        ...

    def matches(self, entry: Entry[Any]) -> bool:
        """Whether that route matches the request."""
        ...

    @property
    def request(self) -> Request:
        """What was asked."""
        ...


class Choice(NamedTuple):
    """What a selection decided.

    Attributes:
        entry: the route that answers; None when none does, and there is still something to remember.
        retire: routes that are never to be offered again.
        ends: the router answers nothing from the next request on.
    """

    entry: Entry[Any] | None
    retire: tuple[Entry[Any], ...] = ()
    ends: bool = False


class Selection(Protocol):
    """A rule that chooses the route."""

    def choose(self, view: View) -> Choice | None:
        """The route that answers the request; None when none does."""
        ...


@dataclass(frozen=True, slots=True)
class Native:
    """netdouble's own: of the routes that are not spent, those with a budget first, in declared order; then the newest.

    jest's queue of `mockReturnValueOnce` over `mockReturnValue`.
    """

    def choose(self, view: View) -> Choice | None:
        """The first with a budget left, else the newest without one."""
        newest = None
        for entry in view.matching():
            if entry.budget is None:
                newest = entry
            elif not entry.spent:
                return Choice(entry)
        return None if newest is None else Choice(newest)


@dataclass(frozen=True, slots=True)
class First:
    """The first declared that is not spent (aioresponses)."""

    def choose(self, view: View) -> Choice | None:
        """The first that is not spent."""
        return next((Choice(entry) for entry in view.oldest_first() if not entry.spent), None)


@dataclass(frozen=True, slots=True)
class FirstAndRotate:
    """The first declared, which makes room for the next one; the last one stays (responses, `FirstMatchRegistry`)."""

    def choose(self, view: View) -> Choice | None:
        """The first, retired when another one matches; the second, when the first has answered before.

        That one had been alone: routes were declared after its call.
        """
        first, second = ([entry for entry in view.matching() if not entry.spent] + [None, None])[:2]
        if first is None:
            return None
        if second is None:
            return Choice(first)
        return Choice(second if first.used else first, retire=(first,))


@dataclass(frozen=True, slots=True)
class InOrder:
    """The first declared, which then makes room for the next (responses, `OrderedRegistry`).

    A request that it does not match takes away every other: the order is broken for good.
    """

    def choose(self, view: View) -> Choice | None:
        """The head or nothing."""
        head, *rest = [entry for entry in view.declared() if not entry.spent] or (None,)
        if head is None:
            return None
        return Choice(head, retire=(head,)) if view.matches(head) else Choice(None, retire=tuple(rest))


@dataclass(frozen=True, slots=True)
class Newest:
    """The last declared that is not spent (requests-mock)."""

    def choose(self, view: View) -> Choice | None:
        """The newest that is not spent."""
        return next((Choice(entry) for entry in view.newest_first() if not entry.spent), None)


# The kind of a route that answers nothing: a request that it matches is looked at by whoever stands around its scope.
WINDOW = "window"


@dataclass(frozen=True, slots=True)
class NewestOrWindow:
    """The last declared, unless it is a window (requests-mock, `real_http` of a registration)."""

    def choose(self, view: View) -> Choice | None:
        """The newest; none when that is a window."""
        for entry in view.newest_first():
            if not entry.spent:
                return None if entry.kind == WINDOW else Choice(entry)
        return None


@dataclass(frozen=True, slots=True)
class FirstUnusedThenLast:
    """The first that never answered; when all did, the last declared, if its budget allows (pytest-httpx).

    There a registration has the budget 1, or none when it is reusable.
    """

    def choose(self, view: View) -> Choice | None:
        """The first unused; else the last one, and no other."""
        matching = view.matching()
        for entry in matching:
            if not entry.used and not entry.spent:
                return Choice(entry)
        return Choice(matching[-1]) if matching and not matching[-1].spent else None


@dataclass(frozen=True, slots=True)
class OrderedThenOneshotThenPermanent:
    """The head of the ordered routes; when there are none left, the oneshot ones, then the others (pytest-httpserver).

    A request that misses the head ends it: everything after fails (`HTTPServer.dispatch`, `permanently_failed`).
    """

    def choose(self, view: View) -> Choice | None:
        """The head of the ordered ones or nothing, while there are some; else the first oneshot, else the first."""
        head = next((entry for entry in view.declared() if entry.kind == "ordered"), None)
        if head is not None:
            return Choice(head, retire=(head,)) if view.matches(head) else Choice(None, ends=True)
        usable = [entry for entry in view.matching() if not entry.spent]
        for entry in usable:
            if entry.kind == "oneshot":
                return Choice(entry, retire=(entry,))
        return Choice(usable[0]) if usable else None


# Those that take a route which matches alone and has no budget, whatever else they know of it, and remember nothing of
# that: where one route is offered they need not be asked.
TAKE_THE_ONLY: frozenset[type[Selection]] = frozenset({Native, First, FirstAndRotate, Newest, FirstUnusedThenLast})

NATIVE: Selection = Native()
FIRST: Selection = First()
FIRST_AND_ROTATE: Selection = FirstAndRotate()
IN_ORDER: Selection = InOrder()
NEWEST: Selection = Newest()
NEWEST_OR_WINDOW: Selection = NewestOrWindow()
FIRST_UNUSED_THEN_LAST: Selection = FirstUnusedThenLast()
ORDERED_THEN_ONESHOT_THEN_PERMANENT: Selection = OrderedThenOneshotThenPermanent()
