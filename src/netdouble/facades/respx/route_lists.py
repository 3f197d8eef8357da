"""respx's list of routes: by name or number, in the order added.

Rule: the list keeps no route by itself. It shows those of a router's network, and merges what is added twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netdouble._core.calls import Call as LoggedCall
from netdouble._core.routes import Route as Stub
from netdouble._core.selection import FIRST
from netdouble.facades._network import FacadeNetwork
from netdouble.facades.respx.route_handles import Route


class RouteList:
    """Routes in the order added, by name or number: a view onto a router's network."""

    def __init__(self, routes: RouteList | None = None, *, network: FacadeNetwork | None = None) -> None:
        self._network = network or FacadeNetwork("respx", FIRST, lambda request: None)  # noqa: ARG005
        self._views: dict[int, Route] = {}
        if routes is not None:
            self[:] = routes

    def __repr__(self) -> str:
        return repr(list(self))

    def __iter__(self) -> Iterator[Route]:
        stubs = sorted(self._network.router.routes, key=lambda stub: stub.order)
        return iter([self._views[stub.order] for stub in stubs])

    def __bool__(self) -> bool:
        return bool(self._network.router.routes)

    def __len__(self) -> int:
        return len(self._network.router.routes)

    def __contains__(self, name: object) -> bool:
        return any(route is name or (name is not None and route.name == name) for route in self)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (RouteList, list)) else False

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # it changes

    def __getitem__(self, key: int | str) -> Route:
        if isinstance(key, int):
            return list(self)[key]
        found = self._named(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: slice, routes: RouteList) -> None:
        if key != slice(None) or not isinstance(routes, RouteList):
            raise TypeError("Can't slice assign routes; all are replaced at once: routes[:] = another RouteList")
        given = list(routes)
        self.clear()
        for route in given:
            self._views[route._add_to(self._network).order] = route

    def clear(self) -> None:
        """Take all away; their calls stay."""
        self._network.router.put_back((), tuple(self._network.router.calls))

    def present(self) -> dict[Stub, Route]:
        """The stubs in the network, and the routes whose they are."""
        return {stub: self._views[stub.order] for stub in self._network.router.routes}

    def put_back(self, present: Mapping[Stub, Route], calls: Iterable[LoggedCall]) -> None:
        """Be as the network was; the routes that there are until now keep the calls that the log forgets."""
        for route in self._views.values():
            route.calls.take()
        self._network.router.put_back(present, calls)
        self._views = {stub.order: route for stub, route in present.items()}

    def add(self, route: Route, name: str | None = None) -> Route:
        """Add a route; where its name or its pattern is there already, that one is changed and given back."""
        named = self._named(name) if name else None
        same = next((each for each in self if each._pattern == route._pattern), None)
        if named is not None:
            if same is not None and same is not named:
                self._discard(same)
                same._name = None
            named._set_pattern(route._pattern)
        elif same is not None:
            same._name = name or None
        present = named or same
        if present is not None:
            present._take_over(route)
            return present
        route._name = name or route._name
        self._views[route._add_to(self._network).order] = route
        return route

    def pop(self, name: str, default: Any = ...) -> Any:
        """Take the route of that name away and give it back.

        Raises:
            KeyError: there is none, and no `default`.
        """
        found = self._named(name)
        if found is None:
            if default is ...:
                raise KeyError(name)
            return default
        self._discard(found)
        return found

    def _named(self, name: str) -> Route | None:
        return next((route for route in self if route._name == name), None)

    def _discard(self, route: Route) -> None:
        for stub in self._network.router.routes:
            if self._views[stub.order] is route:
                self._network.router.discard(stub)
