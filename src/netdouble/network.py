"""The Network: what a user holds. A router, the doors and the guard for one scope.

Rule 1: routes declared while it is closed live on; those declared inside end with it. Each entry has a fresh log, and
entering again nests.
Rule 2: leaving checks what was declared, and never hides the error that the test itself raised.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, TypeVar

from netdouble import _active
from netdouble._active import Scope
from netdouble._certificates import Certificates
from netdouble._core.callers import declared_at, is_preparing
from netdouble._core.calls import Call, Calls
from netdouble._core.declaring import UrlInput, Verbs
from netdouble._core.headers import is_token
from netdouble._core.keywords import by_keyword, named_keywords
from netdouble._core.matchers import Conditions, check_query_once
from netdouble._core.presenting import Presented
from netdouble._core.router import Router, next_order
from netdouble._core.routes import Route
from netdouble._core.scenarios import RouteOptions, Scenario, States, Step, check_state, split_options
from netdouble._core.selection import NATIVE, Selection
from netdouble._core.settings import Settings, checked_value
from netdouble._core.url_patterns import compile_url
from netdouble._gate import arming, guard
from netdouble._gate.policy import Policy
from netdouble._intercept import catalog
from netdouble._manner import Manner
from netdouble._mounting import Mounting
from netdouble._patch import Undo
from netdouble._problems import Miss, Problem, problem_of, swallowed, waiting, warn
from netdouble._serving import Serving, Stoppable
from netdouble._views import At
from netdouble.errors import DeclarationError, UnmetExpectation

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from netdouble._core.settings import SettingsOptions

T = TypeVar("T")


def _repaired_settings(given: object) -> str:
    if callable(given):
        return f"a decorator is written with brackets: @Network() on {getattr(given, '__name__', 'it')}"
    return f"settings have names: Network(allow={given!r:.60}), or layer=, guard=, ..."


class Network(Serving, Mounting, Certificates, Verbs):
    """Test doubles for the network: declare routes, and every HTTP client is answered by them.

    A context manager (also `async with`), a decorator for functions, coroutines, generators and test classes, and
    `start()`/`stop()`. While it is open, requests that no route answers raise `UnmatchedRequest`, and real connections
    are refused.

    Args:
        settings: `layer`, `guard`, `allow`, `unmatched` and the others: see the reference page on settings.

    Raises:
        DeclarationError: an unknown setting or value.
        UnmetExpectation: on leaving, when a route was never used, or code swallowed an unmatched request.

    Example:
        >>> with Network() as net:
        ...     net.get("https://api.example.com/users/7").reply(json={"id": 7})
        ...     assert fetch_user(7) == {"id": 7}
    """

    @by_keyword(_repaired_settings)
    def __init__(self, **settings: Unpack[SettingsOptions]) -> None:
        self._own = {name: checked_value(name, value, "Network") for name, value in settings.items()}
        if "allow" in self._own:
            Policy(self._own["allow"])
        self._base = self._new_router()
        _active.unopened.add(self._base)
        self._standing: Scope | None = None
        self._scopes: list[Scope] = []
        self._last: Router = self._base
        self._served: list[tuple[Scope | None, Stoppable]] = []
        self._watched: dict[Scope, Undo] = {}

    # How a facade differs: its peer's rule of choice, and what it does with what no route answers.
    _selection: Selection = NATIVE
    _manner: Manner | None = None

    def _new_router(self, routes: Iterable[Route] = ()) -> Router:
        starts = self._base.states.starts if "_base" in self.__dict__ else None
        return Router(self._selection, routes, self.settings.bodies, States(starts))

    def _router_of_entry(self) -> Router:
        """The router of the entry that is being opened."""
        return self._new_router(self._base.routes)

    @property
    def settings(self) -> Settings:
        """Its own settings over those of pytest's ini, options and marker."""
        return _active.defaults.changed(self._own)

    # Declaring

    def _declare(self, method: str | None, url: UrlInput | None, conditions: RouteOptions,
                 kind: type[Route] | None = None) -> Route:  # fmt: skip
        return self._declare_at("", method, url, *split_options(conditions), kind or Route)

    def _declare_at(self, base: str, method: str | None, url: UrlInput | None, conditions: Conditions,
                    step: Step | None, kind: type[Route]) -> Route:  # fmt: skip
        if method is not None and not is_token(method):
            raise DeclarationError(f"a method is a word such as GET, not {method!r:.60}; any() takes every method")
        pattern = compile_url(kind.spelled(url), base=kind.spelled(base), path_only=self.takes_paths)
        check_query_once(pattern, conditions)
        must_be_used = not (_active.preparing or is_preparing())
        route = kind(method.upper() if method else None, pattern, conditions, order=next_order(), log=self,
                      declared_at=declared_at(), must_be_used=must_be_used, step=step)  # fmt: skip
        self._declared_on().add(route)
        return route

    def _presented(self) -> dict[tuple[str, int], Presented]:
        return self._declared_on().presented

    def at(self, base_url: str, **conditions: Unpack[Conditions]) -> At:
        """A view whose routes begin with `base_url` and carry `conditions`.

        Example:
            >>> api = net.at("https://api.example.com/v1", headers={"Authorization": ANY})
            >>> api.get("/users/{id}").reply(json={"id": 7})
        """
        return At(self, base_url, conditions)

    @named_keywords
    def scenario(self, name: str = "", *, start: str | None = None) -> Scenario:
        """The scenario of that name: its state can be read, set and reset.

        Args:
            name: `""` is the one that routes mean which name none. start: the state in which it begins; `"started"`
                when that was never said.

        Example:
            >>> order = net.scenario("order", start="new")
            >>> net.post("https://api.example.com/pay", scenario="order", when="new", then_state="paid").reply(204)
            >>> order.state
            'new'
        """
        if not isinstance(name, str):
            raise DeclarationError(f"scenario() takes the name of one, not {name!r:.60}")
        router = self._declared_on()
        if start is not None:
            check_state(start)
            router.states.starts[name] = start
        return Scenario(name, router.lock, lambda: self._declared_on().states, self._steps)

    def _steps(self) -> list[Step]:
        return [route.step for route in self._declared_on().routes if route.step is not None]

    def _declared_on(self) -> Router:
        return self.router if self._scopes else self._base

    def reset(self) -> None:
        """Back to how it was opened: the routes declared since, the calls and the states of scenarios are gone."""
        if not self._scopes:
            self._base = self._last = self._new_router()
            _active.unopened.add(self._base)
            return
        scope = self._scope()
        scope.router = self._last = self._new_router(self._base.routes)
        scope.misses.clear()

    # What happened

    @property
    def calls(self) -> Calls:
        """Every request seen, oldest first: those that outer networks answered and the unmatched ones too."""
        return Calls(self.router.calls)

    @property
    def count(self) -> int:
        """How many requests were seen."""
        return len(self.router.calls)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in declared order."""
        here = self.router.routes
        return here if self._scopes else (*here, *(route for route in self._base.routes if route not in here))

    def __getitem__(self, name: str) -> Route:
        """The route of that name.

        Raises:
            KeyError: there is none.
        """
        for route in self.routes:
            if route.name == name:
                return route
        from netdouble._core import explain

        raise KeyError(explain.not_found(name, [route.name for route in self.routes if route.name]))

    def assert_all_called(self) -> None:
        """Check now that every route which is not optional was used, and every budget used up.

        Raises:
            UnmetExpectation: one was not; the text names the nearest requests.
        """
        unmet = [route for route in self.routes if self._is_unmet(route, strict=True)]
        if unmet:
            from netdouble._core import explain

            raise UnmetExpectation("\n".join(explain.unused(route, [self.router]) for route in unmet))

    def assert_order(self, *routes: Route) -> None:
        """Check that these routes answered, the first call of each in this order.

        Raises:
            UnmetExpectation: they did not. DeclarationError: these are no routes.
        """
        if not routes or not all(isinstance(route, Route) for route in routes):
            raise DeclarationError(f"assert_order() takes routes, not {routes!r:.100}")
        positions = [_position(self.router.calls, route) for route in routes]
        if None in positions or positions != sorted(positions, key=lambda p: -1 if p is None else p):
            from netdouble._core import explain

            raise UnmetExpectation(explain.wrong_order(routes, self.router.calls))

    def calls_of(self, route: Route) -> list[Call]:
        """The calls that `route` answered in the entry that holds here."""
        return self.router.calls_of(route)

    def forget(self, route: Route) -> None:
        """Take `route` away; `route.remove()` says the same."""
        for router in {id(r): r for r in (self.router, self._base if not self._scopes else self.router)}.values():
            router.discard(route)

    @property
    def router(self) -> Router:
        """The router of the entry that holds here; of the last one when it is closed."""
        return self._scope().router if self._scopes else self._last

    # Opening and closing

    def open_scope(self, *, label: str = "", bind: bool = True) -> Scope:
        """Attach the doors and open a scope. For plugins; others write `with`.

        Args:
            label: whose it is, for reports. bind: see `_active.enter`.
        """
        settings = self.settings
        router = self._router_of_entry()
        router.presented.update(self._base.presented)
        scope = Scope(router, settings, _reach(settings), owner=self, label=label or _label(),
                      manner=self._manner)  # fmt: skip
        catalog.attach()
        try:
            guard.attach()
            _active.enter(scope, bind=bind)
        except BaseException:
            catalog.detach()
            raise
        if settings.children == "refuse":
            self._watched[scope] = arming.refuse_children()
        self._scopes.append(scope)
        _active.unopened.discard(self._base)
        guard.changed()
        return scope

    def close_scope(self, scope: Scope) -> None:
        """Close a scope and give up the doors; nothing is checked."""
        if scope not in self._scopes:
            return
        self.stop_served(scope)
        self._scopes.remove(scope)
        self._last = scope.router
        if scope in self._watched:
            self._watched.pop(scope)()
        _active.leave(scope)
        guard.detach()
        guard.changed()
        catalog.detach()

    def __enter__(self) -> Self:
        self.open_scope()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(self._scope(), error, sys._getframe(1).f_code)

    async def __aenter__(self) -> Self:
        self.open_scope()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(self._scope(), error, sys._getframe(1).f_code)

    def start(self) -> Self:
        """Open it, as `with` does; `stop()` closes it."""
        scope = self.open_scope()
        if not _active.preparing:  # a fixture of any scope stops it in its own time, also one that the test asks for
            scope.started_at = declared_at()
        return self

    def stop(self) -> None:
        """Close what `start()` opened, and check it. Does nothing when it is not open."""
        if self._scopes:
            self._finish(self._scope(), None, sys._getframe(1).f_code)

    def __call__(self, target: T) -> T:
        """Decorate a function, coroutine, generator or class: each run of it (each test of it) is an entry.

        A parameter named `net` is given this network and disappears from the signature.
        """
        from netdouble._decorating import decorated  # inspect costs 5 ms that only decorators need

        return decorated(self, target)

    @contextmanager
    def entry(self, code: CodeType | None = None) -> Iterator[Network]:
        """One entry, from opening to the checks; `code` is the test function's, which may catch unmatched requests."""
        scope = self.open_scope()
        error: BaseException | None = None
        try:
            yield self
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._finish(scope, error, code)

    def _finish(self, scope: Scope, error: BaseException | None, code: CodeType | None) -> None:
        self.close_scope(scope)
        problems = self.problems(scope, code)
        if not problems:
            return
        text = "\n\n".join(problem.text for problem in problems)
        if error is None:
            raise UnmetExpectation(text)
        if not isinstance(error, Miss):
            # As `add_note` (PEP 678), which Python 3.10 lacks; pytest shows notes there too.
            vars(error).setdefault("__notes__", []).append(f"netdouble, besides:\n{text}")

    # Checking

    def problems(self, scope: Scope, code: CodeType | None = None, since: int = 0) -> list[Problem]:
        """Why the test should fail; what a setting turns into a warning is warned of here.

        Args:
            scope: the entry to look at. code: the test function's code: an unmatched request that reached it was not
                swallowed. since: only routes declared after this one are looked at.
        """
        found = swallowed(scope.misses, code) if scope.misses else []
        if found and scope.settings.swallowed == "warn":
            warn(found)
            found = []
        unused = [] if scope.settings.unused == "off" else self._unused(scope, since)
        if unused and scope.settings.unused == "warn":
            warn(unused)
            unused = []
        return found + unused + waiting(scope.router.routes)

    def _unused(self, scope: Scope, since: int) -> list[Problem]:
        found = []
        for route in scope.router.routes:
            if route.order <= since:
                continue
            if not route.answers.steps and route.budget != 0:
                found.append(problem_of("unanswered", route, scope.router))
            elif route.must_be_used and self._is_unmet(route, scope.router):
                found.append(problem_of("unused", route, scope.router))
        return found

    def _is_unmet(self, route: Route, router: Router | None = None, *, strict: bool = False) -> bool:
        if strict and not route.must_be_used and route.budget is None:
            return False
        needed = 1 if route.budget is None else route.budget
        return len((router or self.router).calls_of(route)) < needed

    def _scope(self) -> Scope:
        """The entry that holds here: in this context's chain, else the newest."""
        asked = _active.captured()
        for scope in asked.chain() if asked is not None else ():
            if scope.owner is self:
                return scope
        if self._scopes:
            return self._scopes[-1]
        if self._standing is None or self._standing.router is not self._base:
            settings = self.settings
            self._standing = Scope(
                self._base,
                settings,
                _reach(settings),
                owner=self,
                label=_label(),
                manner=self._manner,
            )
            self._last = self._base
        return self._standing

    def __repr__(self) -> str:
        from netdouble._core.wording import counted  # reports only

        state = "open" if self._scopes else "closed"
        return f"<Network {state}, {counted(len(self.routes), 'route')}, {counted(self.count, 'call')}>"


def _reach(settings: Settings) -> guard.Reach:
    return guard.Reach(Policy(settings.allow, loopback=settings.loopback))


def _label() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0] or declared_at()


def _position(calls: list[Call], route: Route) -> int | None:
    return next((i for i, call in enumerate(calls) if call.route is route), None)
