"""The router decides which route answers a request, and logs it.

Rule 1: it decides and never waits: nothing is opened, slept for or called back under its lock.
Rule 2: a request that several routers could answer goes through `open_call`, innermost first; an inner router never
blanks an outer one.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from netdouble._core.calls import Call
from netdouble._core.index import Index, is_open
from netdouble._core.matching import Mismatch
from netdouble._core.messages import Request
from netdouble._core.presenting import Presented
from netdouble._core.replies import PASS_THROUGH, Reply
from netdouble._core.retention import Bodies
from netdouble._core.routes import Route
from netdouble._core.scenarios import States
from netdouble._core.selection import NATIVE, TAKE_THE_ONLY, Choice, Entry, Selection
from netdouble._core.settings import DEFAULT_BODIES

_orders = itertools.count(1)


def next_order() -> int:
    """A number above all given before: declared order across every router of the process."""
    return next(_orders)


class Router:
    """Routes, the rule by which one of them is chosen, and the log of calls."""

    def __init__(
        self,
        selection: Selection = NATIVE,
        routes: Iterable[Route] = (),
        bodies: int = DEFAULT_BODIES,
        states: States | None = None,
    ) -> None:
        self.selection = selection
        self._bodies = Bodies(bodies)
        self.lock = threading.RLock()
        self.calls: list[Call] = []
        self._routes: dict[int, Route] = {}
        self._index: Index[Route] = Index()
        self._answered: dict[int, list[Call]] = {}
        self._retired: set[int] = set()
        # What hosts show in a TLS handshake, by host and port.
        self.presented: dict[tuple[str, int], Presented] = {}
        self.states = States() if states is None else states
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

    def names_host(self, host: str, port: int | None) -> bool:
        """Some route was declared for that host (`port` None: on whatever port)."""
        return self._index.names_host(host, port)

    def routes_at(self, host: str, port: int) -> list[Route]:
        """The routes that could answer a request to that host, those for any host too, in declared order."""
        return [route for route in self.routes if is_open(route.pattern) or route.pattern.names_host(host, port)]

    @property
    def has_open_routes(self) -> bool:
        """Some route was declared for no host in particular: a regex, or any URL."""
        return self._index.open > 0

    # The log

    def calls_of(self, route: Route) -> list[Call]:
        """The calls that `route` answered here, oldest first."""
        return self._answered.get(route.order, _NO_CALLS)

    def record(self, call: Call) -> None:
        """Put a call into the log that no route of this router answered."""
        with self.lock:
            self._log(call)

    def withdraw(self, call: Call) -> None:
        """Take a call out of the log: its route's function gave the request back."""
        with self.lock:
            if call in self.calls:
                self.calls.remove(call)
            if call.route is not None and call in self.calls_of(call.route):
                self._answered[call.route.order].remove(call)

    def put_back(self, routes: Iterable[Route], calls: Iterable[Call]) -> None:
        """Be as it was when it had these routes and these calls, whatever was declared or answered since."""
        with self.lock:
            for route in self.routes:
                self.discard(route)
            for route in routes:
                self.add(route)
            self.calls[:] = calls
            self._retired.clear()
            self.states.reset()
            self._answered.clear()
            self._ended = False
            for call in self.calls:
                if call.route is not None:
                    self._answered.setdefault(call.route.order, []).append(call)

    def _log(self, call: Call) -> None:
        self.calls.append(call)
        if call.bodies is None:  # a call is counted once, in the first log that it is in
            call.bodies = self._bodies
            self._bodies.keep_request(call)

    # The decision

    def select(self, request: Request) -> Route | None:
        """The route that would answer `request` now; nothing is recorded."""
        with self.lock:
            return self._choose(request)[0]

    def open(self, request: Request, again: Call | None = None) -> Call | None:
        """Choose the route, record the call and fix its answer; None when no route answers.

        The call's `answer` is None as well when its route was never told what to answer (`call.route` says which).

        Args:
            again: the call to be answered by another route than those that declined it; None makes a new one.
        """
        with self.lock:
            route, choice = self._choose(request, () if again is None else again.declined)
            if choice is not None:
                if choice.retire:
                    self._retired.update(entry.route.order for entry in choice.retire)
                self._ended = choice.ends
            return None if route is None else self._open_as(route, request, again)

    def open_as(self, route: Route, request: Request, again: Call | None = None) -> Call:
        """Record that `route` answers `request`, and fix what it answers."""
        with self.lock:
            return self._open_as(route, request, again)

    def _open_as(self, route: Route, request: Request, again: Call | None) -> Call:
        captures = route.pattern.captures(request.url)
        if captures:
            request = request.with_path_params(captures)
        answered = self._answered.setdefault(route.order, [])
        answer, index = route.answer(len(answered)), len(self.calls)
        if again is None:
            call = Call(request, route, answer, index)
        else:
            call = again
            call.request, call.route, call.answer, call.index = request, route, answer, index
        step = route.step
        if step is not None and step.then is not None:
            self.states.put(step.scenario, step.then)
        answered.append(call)
        self._log(call)
        return call

    def _choose(self, request: Request, declined: Collection[int] = ()) -> tuple[Route | None, Choice | None]:
        """The route that answers, and what the selection decided, where it had to be asked."""
        if self._ended:
            return None, None
        offered: list[Route] | None = None
        if type(self.selection) in TAKE_THE_ONLY:
            offered = self.offered(request, declined)
            if len(offered) == 1 and offered[0].budget is None:
                return (None if offered[0].mismatches(request) else offered[0]), None
        choice = self.selection.choose(View(self, request, declined, offered))
        return (None if choice is None or choice.entry is None else choice.entry.route), choice

    def entry(self, route: Route) -> Entry[Route]:
        """What a selection may know of a route."""
        return Entry(route, len(self.calls_of(route)), route.budget, route.kind)

    def retire(self, route: Route) -> None:
        """Never offer `route` again."""
        with self.lock:
            self._retired.add(route.order)

    @property
    def has_ended(self) -> bool:
        """A selection said that it answers nothing any more."""
        return self._ended

    def is_retired(self, route: Route) -> bool:
        """A selection said that this route is never to be offered again."""
        return route.order in self._retired

    def spent(self, route: Route) -> bool:
        """Its budget is used up."""
        return route.budget is not None and len(self.calls_of(route)) >= route.budget

    def out_of_state(self, route: Route) -> Mismatch | None:
        """The state in which it would answer and the one that is; None: its state is no obstacle."""
        step = route.step
        if step is None or step.when is None or self.states.holds(step):
            return None
        return Mismatch("state", step.when, self.states.of(step.scenario), note=step.scenario)

    def candidates(self, request: Request) -> list[Route]:
        """The routes that the index offers for `request`, in declared order: none that could match is missing."""
        return self._index.candidates(request)

    def offered(self, request: Request, declined: Collection[int] = ()) -> list[Route]:
        """The candidates of which one may be chosen now: not retired, in their state, and not among `declined`."""
        offered = self._index.candidates(request)
        if declined or self._retired:
            offered = [r for r in offered if r.order not in self._retired and r.order not in declined]
        for route in offered:
            if route.step is not None:
                return [r for r in offered if r.step is None or self.states.holds(r.step)]
        return offered


class View:
    """What a selection sees of a router for one request."""

    def __init__(self, router: Router, request: Request, declined: Collection[int] = (),
                 offered: list[Route] | None = None) -> None:  # fmt: skip
        self._router, self.request, self._declined, self._offered = router, request, declined, offered

    def matching(self) -> Sequence[Entry[Route]]:
        """The routes that match, in declared order, the used-up ones too."""
        return [self._router.entry(route) for route in self.offered() if not route.mismatches(self.request)]

    def newest_first(self) -> Iterator[Entry[Route]]:
        """The routes that match, the newest first, each asked when it is its turn."""
        for route in reversed(self.offered()):
            if not route.mismatches(self.request):
                yield self._router.entry(route)

    def oldest_first(self) -> Iterator[Entry[Route]]:
        """The routes that match, in declared order, each asked when it is its turn."""
        for route in self.offered():
            if not route.mismatches(self.request):
                yield self._router.entry(route)

    def offered(self) -> list[Route]:
        """The routes that could match, in declared order."""
        if self._offered is None:
            self._offered = self._router.offered(self.request, self._declined)
        return self._offered

    def declared(self) -> Sequence[Entry[Route]]:
        """Every route, in declared order."""
        return [self._router.entry(r) for r in self._router.routes if not self._router.is_retired(r)]

    def matches(self, entry: Entry[Route]) -> bool:
        """Whether that route matches the request."""
        return not entry.route.mismatches(self.request)


def open_call(
    routers: Sequence[Router],
    request: Request,
    allowed: Callable[[str, int], bool],
    unrouted: Callable[[Request], Reply | None] | None = None,
    again: Call | None = None,
) -> Call | None:
    """Ask the routers, innermost first, and record the call in each that was asked.

    A request that no route answers gets what `unrouted(request)` says. When that says nothing, it is let through if
    `allowed(host, port)` says that its host may be reached and no route names that host; else None is returned: the
    request is unmatched, and nothing is recorded yet.

    Args:
        again: a call whose route declined it, to be answered by another one.
    """
    for router in routers:
        call = router.open(request, again)
        if call is not None:
            if router is not routers[0]:
                for inner in routers[: routers.index(router)]:
                    inner.record(call)
            return call
    said = None if unrouted is None else unrouted(request)
    if said is not None:
        return _recorded(_without_route(request, said, again), routers)
    host, port = request.url.host, request.url.port
    if not any(router.names_host(host, port) for router in routers) and allowed(host, port):
        return _recorded(_without_route(request, PASS_THROUGH, again), routers)
    return None


def _without_route(request: Request, answer: Reply, again: Call | None) -> Call:
    call = Call(request, None, answer) if again is None else again
    call.route, call.answer = None, answer
    return call


def _recorded(call: Call, routers: Sequence[Router]) -> Call:
    for router in routers:
        router.record(call)
    return call


def preview(routers: Sequence[Router], request: Request) -> Reply | None:
    """What `open_call` would answer now; nothing is recorded."""
    for router in routers:
        route = router.select(request)
        if route is not None:
            return route.answer(len(router.calls_of(route)))
    return None


_NO_CALLS: list[Call] = []
