"""respx's routers: routes under a base URL; `MockRouter` opens them for clients.

Rule 1: a router has one network, from its making to its end. It is open while the router is started.
Rule 2: what fails fails in respx's words; why, is told in a note of the exception (PEP 678).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from netdouble import _answering
from netdouble._core.callers import called_from
from netdouble._core.calls import Call as LoggedCall
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Compute, Fail, Reply
from netdouble._core.replies import PassThrough as LetThrough
from netdouble._core.router import open_call
from netdouble._core.routes import Route as Stub
from netdouble._core.selection import FIRST
from netdouble._decorating import decorated
from netdouble.facades._httpx_objects import native_request, neutral_request
from netdouble.facades._network import FacadeNetwork
from netdouble.facades.respx import mocks
from netdouble.facades.respx.call_lists import Call, CallList, is_over, shown
from netdouble.facades.respx.errors import AllMockedAssertionError, PassThrough, SideEffectError
from netdouble.facades.respx.lookups import Pattern, merge_patterns
from netdouble.facades.respx.patterns import parse_url_patterns
from netdouble.facades.respx.responses import EmptyAnswer
from netdouble.facades.respx.route_handles import ResolvedRoute, Route
from netdouble.facades.respx.route_lists import RouteList

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DEFAULT", "AllMockedAssertionError", "MockRouter", "PassThrough", "Router", "SideEffectError"]

DEFAULT: Any = ...

# Clients that respx knows; what others send is not its to refuse.
_CLIENTS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})


class _Snapshot(NamedTuple):
    routes: dict[Stub, Route]
    logged: tuple[LoggedCall, ...]
    calls: tuple[Call, ...]


class Router:
    """Routes, tried in the order added; patches nothing.

    Args:
        assert_all_called: each route must be used, when that is checked. assert_all_mocked: a request that no route
            answers fails; else it gets an empty 200. base_url: what added routes are below, unless they name a host.

    Example:
        >>> router = Router(base_url="https://example.org")
        >>> router.get("/users/").respond(json=[])
        >>> client = httpx.Client(transport=httpx.MockTransport(router.handler))
    """

    def __init__(
        self, *, assert_all_called: bool = True, assert_all_mocked: bool = True, base_url: str | None = None
    ) -> None:
        self._assert_all_called = assert_all_called
        self._assert_all_mocked = assert_all_mocked
        self._bases = parse_url_patterns(base_url, exact=False)
        self._network = FacadeNetwork("respx", FIRST, self._unrouted, outer_first=True)
        self._by_itself = EmptyAnswer()
        self._snapshots: list[_Snapshot] = []
        self.routes = RouteList(network=self._network)
        self.calls = CallList(source=self._logged)
        self.snapshot()

    def _logged(self) -> list[LoggedCall]:
        return [call for call in self._network.router.calls if is_over(call) and self._is_own(call)]

    def _is_own(self, call: LoggedCall) -> bool:
        """Answered here, not by a router inside or outside of this one."""
        if call.route is None:
            return call.answer is self._by_itself.reply
        return call.route._log is self._network

    # Routes

    def clear(self) -> None:
        """Take all routes away, until a rollback."""
        self.routes.clear()

    def snapshot(self) -> None:
        """Remember the routes, what they say, and the calls."""
        logged = tuple(self._network.router.calls)
        self._snapshots.append(_Snapshot(self.routes.present(), logged, tuple(self.calls)))
        for route in self.routes:
            route.snapshot()

    def rollback(self) -> None:
        """Back to the newest snapshot; nothing happens when there is none left."""
        if not self._snapshots:
            return
        routes, logged, calls = self._snapshots.pop()
        self._put_back(routes, logged)
        self.calls[:] = calls
        for route in self.routes:
            route.rollback()

    def reset(self) -> None:
        """Forget the calls."""
        self._put_back(self.routes.present(), ())
        self.calls.clear()
        for route in self.routes:
            route.reset()

    def _put_back(self, routes: Mapping[Stub, Route], logged: tuple[LoggedCall, ...]) -> None:
        self.calls.take()
        self.routes.put_back(routes, logged)

    def record(self, request: Any, *, response: Any = None, route: Route | None = None) -> None:
        """Add a call by hand."""
        call = self.calls.record(request, response)
        if route is not None:
            route.calls.append(call)

    def assert_all_called(self) -> None:
        """Check that each route was used.

        Raises:
            AssertionError: some were not; a note of it lists them.
        """
        unused = [route for route in self.routes if not route.called]
        if unused:
            raise _noted(AssertionError("RESPX: some routes were not called!"), "\n".join(map(repr, unused)))

    def __getitem__(self, name: str) -> Route:
        return self.routes[name]

    def pop(self, name: str, default: Any = ...) -> Any:  # respx's
        """Take the route of that name away and give it back. Raises KeyError without one and without `default`."""
        return self.routes.pop(name, default)

    def route(self, *patterns: Pattern, name: str | None = None, **lookups: Any) -> Route:
        """Add a route; see `M` for what it takes."""
        return self.add(Route(*patterns, **lookups), name=name)

    def add(self, route: Route, *, name: str | None = None) -> Route:
        """Add a route that was made by hand.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(route, Route):
            raise ValueError(  # noqa: TRY004  # respx's type
                f"Invalid route {route!r}, please use respx.route(...).mock(...)"
            )
        if self._bases:
            route._set_pattern(merge_patterns(route.pattern, **self._bases))
        return self.routes.add(route, name=name)

    def request(self, method: str, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for a method and a URL.

        Raises:
            TypeError: `method` or `url` is given as a keyword as well.
        """
        for keyword in lookups:
            key = keyword.partition("__")[0]
            if key == "method" or (key == "url" and url):
                raise TypeError(f"Got multiple values for pattern {key!r}")
        return self.route(method=method, url=url, name=name, **lookups)

    def get(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for GET."""
        return self.request(method="GET", url=url, name=name, **lookups)

    def post(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for POST."""
        return self.request(method="POST", url=url, name=name, **lookups)

    def put(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for PUT."""
        return self.request(method="PUT", url=url, name=name, **lookups)

    def patch(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for PATCH."""
        return self.request(method="PATCH", url=url, name=name, **lookups)

    def delete(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for DELETE."""
        return self.request(method="DELETE", url=url, name=name, **lookups)

    def head(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for HEAD."""
        return self.request(method="HEAD", url=url, name=name, **lookups)

    def options(self, url: Any = None, *, name: str | None = None, **lookups: Any) -> Route:
        """Add a route for OPTIONS."""
        return self.request(method="OPTIONS", url=url, name=name, **lookups)

    # What no route answers

    def _unrouted(self, request: Request) -> Reply | None:
        if request.client.partition(" ")[0] not in _CLIENTS:
            return None
        for router in (self, *mocks.started()):
            if not router._assert_all_mocked:
                said: Reply = router._by_itself.reply
                return said
        return Compute(self._refuse, is_async=False)

    def _refuse(self, request: Request) -> Any:
        from netdouble._core import explain

        error = AllMockedAssertionError(f"RESPX: {native_request(request)!r} not mocked!")
        routers = [self._network.router, *(each._network.router for each in mocks.started() if each is not self)]
        report = explain.unmatched(request, routers, elsewhere=(), caller=called_from(), label="")
        raise _noted(error, f"netdouble: {report}")

    # By hand, without patching

    def _decide_again(self, call: LoggedCall) -> None:
        """As `_asking.answer_again`."""
        self._network.router.withdraw(call)
        call.declined |= {call.route.order}
        self._decide(call.request, call)

    def _decide(self, request: Request, again: LoggedCall | None = None) -> LoggedCall:
        call = open_call([self._network.router], request, _never, self._unrouted, again)
        if call is None:
            raise AllMockedAssertionError(f"RESPX: {native_request(request)!r} not mocked!")
        call.scope, call.again = self, self._decide_again
        return call

    def _resolved(self, call: LoggedCall, answer: Any, request: Any) -> ResolvedRoute:
        route = None if call.route is None else self.routes._views[call.route.order]
        if isinstance(answer, LetThrough):
            call.answer = PASS_THROUGH
            call.close()
            raise PassThrough(f"Request marked to pass through: {request!r}", request=request, origin=route)
        if isinstance(answer, Fail):
            error = answer.error or RuntimeError(f"{answer.fault} needs a client; a handler only answers")
            call.close(error=error)
            raise error
        call.close(response=answer)
        return ResolvedRoute(route, shown(call).optional_response)

    def resolve(self, request: Any) -> ResolvedRoute:
        """Ask the routes about an httpx.Request.

        Raises:
            AllMockedAssertionError: none answers. PassThrough: it is to reach the real service.
        """
        call = self._decide(neutral_request(request))
        try:
            answer = _answering.settle(call)
        except BaseException as error:
            call.close(error=error)
            raise
        return self._resolved(call, answer, request)

    async def aresolve(self, request: Any) -> ResolvedRoute:
        """As `resolve`; async side effects run here."""
        await request.aread()
        call = self._decide(neutral_request(request))
        try:
            answer = await _answering.asettle(call)
        except BaseException as error:
            call.close(error=error)
            raise
        return self._resolved(call, answer, request)

    def handler(self, request: Any) -> Any:
        """The response to an httpx.Request: a handler for `httpx.MockTransport`."""
        return self.resolve(request).response

    async def async_handler(self, request: Any) -> Any:
        """As `handler`, for async clients."""
        return (await self.aresolve(request)).response


def _noted(error: AssertionError, note: str) -> AssertionError:
    vars(error).setdefault("__notes__", []).append(note)  # as `add_note` of Python 3.11
    return error


def _never(host: str, port: int) -> bool:  # noqa: ARG001  # what `open_call` asks
    return False


class MockRouter(Router):
    """A router that answers clients while it is started: by `with`, `async with`, as a decorator, or `start`/`stop`.

    Args:
        assert_all_called, assert_all_mocked, base_url: see `Router`.
        using: the name of a mocker: `"httpcore"` (the default: transports of httpx and httpx2, and httpcore), `"httpx"`
            (whatever transport a client has); None opens nothing.

    Raises:
        ValueError: no mocker has that name.
    """

    def __init__(
        self,
        *,
        assert_all_called: bool = True,
        assert_all_mocked: bool = True,
        base_url: str | None = None,
        using: Any = DEFAULT,
    ) -> None:
        super().__init__(assert_all_called=assert_all_called, assert_all_mocked=assert_all_mocked, base_url=base_url)
        self._using = using
        self._open: list[type[mocks.Mocker] | None] = []

    @property
    def using(self) -> str | None:
        """The mocker's name. Raises ValueError when it was given as something else."""
        name: str | None = mocks.DEFAULT_MOCKER if self._using is DEFAULT else self._using
        if not (name is None or isinstance(name, str)):
            raise ValueError(f"Invalid Router `using` kwarg: {name!r}")
        return name

    def __call__(
        self,
        func: Any = None,
        *,
        assert_all_called: bool | None = None,
        assert_all_mocked: bool | None = None,
        base_url: str | None = None,
        using: Any = DEFAULT,
    ) -> Any:
        """A new router with these settings; or, of a function, each run of it with this router started.

        A parameter named `respx_mock` is given the router and disappears from the signature.
        """
        if func is not None:
            return decorated(self, func, "respx_mock")
        checks = {"assert_all_called": assert_all_called, "assert_all_mocked": assert_all_mocked}
        said = {name: value for name, value in checks.items() if value is not None}
        return type(self)(base_url=base_url, using=using, **said)

    @contextmanager
    def entry(self, code: CodeType | None = None) -> Iterator[Self]:  # noqa: ARG002  # `_decorating.Entered`
        """One run of what is decorated."""
        with self:
            yield self

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop(quiet=any(raised))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *raised: object) -> None:
        self.__exit__(*raised)

    def start(self) -> None:
        """Remember the routes and answer clients from now on; once more, only remember."""
        mocker = mocks.mocker(self.using)
        self.snapshot()
        if mocker is not None:
            mocker.register(self)
            mocker.start()
        self._open.append(mocker)

    def stop(self, clear: bool = True, reset: bool = True, quiet: bool = False) -> None:
        """Answer no more.

        Args:
            clear: back to the routes and what they said at the start. reset: forget the calls.
            quiet: whatever was not used.

        Raises:
            AssertionError: a route was not used.
        """
        mocker = self._open.pop() if self._open else None
        if mocker is not None:
            mocker.unregister(self)
        try:
            if self._assert_all_called and not quiet:
                self.assert_all_called()
        finally:
            if clear:
                self.rollback()
            if reset:
                self.reset()
            if mocker is not None:
                mocker.stop()
