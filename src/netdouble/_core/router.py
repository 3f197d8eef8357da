"""The router decides which route answers a request, and logs it.

Rule 1: it decides and never waits: nothing is opened, slept for or called back under its lock.
Rule 2: a request that several routers could answer goes through `open_call`, innermost first; an inner router never
blanks an outer one.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence

from netdouble._core.calls import Call
from netdouble._core.index import Index
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Reply
from netdouble._core.retention import Bodies
from netdouble._core.routes import Route
from netdouble._core.selection import NATIVE, Choice, Entry, Selection
from netdouble._core.settings import DEFAULT_BODIES

_orders = itertools.count(1)


def next_order() -> int:
    """A number above all given before: declared order across every router of the process."""
    return next(_orders)


class Router:
    """Routes, the rule by which one of them is chosen, and the log of calls."""

    def __init__(
        self, selection: Selection = NATIVE, routes: Iterable[Route] = (), bodies: int = DEFAULT_BODIES
    ) -> None:
        self.selection = selection
        self._bodies = Bodies(bodies)
        self.lock = threading.RLock()
        self.calls: list[Call] = []
        self._routes: dict[int, Route] = {}
        self._index: Index[Route] = Index()
        self._answered: dict[int, list[Call]] = {}
        self._retired: set[int] = set()
        self._ended = False
        for route in routes:
            self.add(route)

    # Routes

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in declared order."""
        return tuple(self._routes.values())

    def add(self, route: Route) -> None:
        """Let `route` answer from now on."""
        with self.lock:
            self._routes[route.order] = route
            self._index.add(route)

    def discard(self, route: Route) -> None:
        """Let `route` answer no more; unknown routes are ignored."""
        with self.lock:
            if self._routes.pop(route.order, None) is not None:
                self._index.remove(route)

    def names_host(self, host: str, port: int) -> bool:
        """Some route was declared for that host."""
        return self._index.names_host(host, port)

    # The log

    def calls_of(self, route: Route) -> list[Call]:
        """The calls that `route` answered here, oldest first."""
        return self._answered.get(route.order, _NO_CALLS)

    def record(self, call: Call) -> None:
        """Put a call into the log that no route of this router answered."""
        with self.lock:
            self._log(call)

    def _log(self, call: Call) -> None:
        self.calls.append(call)
        if call.bodies is None:  # a call is counted once, in the first log that it is in
            call.bodies = self._bodies
            self._bodies.keep_request(call)

    # The decision

    def select(self, request: Request) -> Route | None:
        """The route that would answer `request` now; nothing is recorded."""
        with self.lock:
            choice = self._choose(request)
            return None if choice is None or choice.entry is None else choice.entry.route

    def open(self, request: Request) -> Call | None:
        """Choose the route, record the call and fix its answer; None when no route answers.

        The call's `answer` is None as well when its route was never told what to answer (`call.route` says which).
        """
        with self.lock:
            choice = self._choose(request)
            if choice is None:
                return None
            if choice.retire:
                self._retired.update(entry.route.order for entry in choice.retire)
            self._ended = choice.ends
            if choice.entry is None:
                return None
            route: Route = choice.entry.route
            captures = route.pattern.captures(request.url)
            call = Call(request.with_path_params(captures) if captures else request, route,
                        route.answer(choice.entry.used), len(self.calls))  # fmt: skip
            self._answered.setdefault(route.order, []).append(call)
            self._log(call)
            return call

    def _choose(self, request: Request) -> Choice | None:
        return None if self._ended else self.selection.choose(View(self, request))

    def entry(self, route: Route) -> Entry[Route]:
        """What a selection may know of a route."""
        return Entry(route, len(self.calls_of(route)), route.budget, route.kind)

    def is_retired(self, route: Route) -> bool:
        """A selection said that this route is never to be offered again."""
        return route.order in self._retired

    def spent(self, route: Route) -> bool:
        """Its budget is used up."""
        return route.budget is not None and len(self.calls_of(route)) >= route.budget

    def candidates(self, request: Request) -> list[Route]:
        """The routes that the index offers for `request`, in declared order: none that could match is missing."""
        return self._index.candidates(request)


class View:
    """What a selection sees of a router for one request."""

    def __init__(self, router: Router, request: Request) -> None:
        self._router, self._request = router, request
        retired = router._retired
        self.entries = [
            router.entry(route)
            for route in router.candidates(request)
            if not route.mismatches(request) and route.order not in retired
        ]

    def matching(self) -> Sequence[Entry[Route]]:
        """The routes that match, in declared order, the used-up ones too."""
        return self.entries

    def declared(self) -> Sequence[Entry[Route]]:
        """Every route, in declared order."""
        return [self._router.entry(r) for r in self._router.routes if not self._router.is_retired(r)]

    def matches(self, entry: Entry[Route]) -> bool:
        """Whether that route matches the request."""
        return not entry.route.mismatches(self._request)


def open_call(routers: Sequence[Router], request: Request, allowed: Callable[[str, int], bool]) -> Call | None:
    """Ask the routers, innermost first, and record the call in each that was asked.

    A request that no route answers is let through when `allowed(host, port)` says that its host may be reached and
    no route names that host; else None is returned: the request is unmatched, and nothing is recorded yet.
    """
    for depth, router in enumerate(routers):
        call = router.open(request)
        if call is not None:
            for inner in routers[:depth]:
                inner.record(call)
            return call
    host, port = request.url.host, request.url.port
    if not any(router.names_host(host, port) for router in routers) and allowed(host, port):
        passed = Call(request, None, PASS_THROUGH)
        for router in routers:
            router.record(passed)
        return passed
    return None


def preview(routers: Sequence[Router], request: Request) -> Reply | None:
    """What `open_call` would answer now; nothing is recorded."""
    for router in routers:
        route = router.select(request)
        if route is not None:
            return route.answer(len(router.calls_of(route)))
    return None


_NO_CALLS: list[Call] = []
