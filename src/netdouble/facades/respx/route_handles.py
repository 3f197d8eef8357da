"""respx's routes: what is matched, and what is answered.

Rule 1: a route here is a handle. The core asks its stub in the router's network; its calls are those in the log.
Rule 2: a snapshot is a value: what was said, and which calls there were.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from netdouble._core.calls import Call as LoggedCall
from netdouble._core.messages import Request, Response
from netdouble._core.replies import Compute
from netdouble._core.routes import Route as Stub
from netdouble._intercept.httpx_library import kept
from netdouble.facades._httpx_failures import built
from netdouble.facades._httpx_objects import default, is_a, native_request
from netdouble.facades._network import FacadeNetwork
from netdouble.facades.respx.call_lists import Call, CallList, is_over
from netdouble.facades.respx.errors import SideEffectError
from netdouble.facades.respx.lookups import Lookup, Pattern
from netdouble.facades.respx.patterns import M
from netdouble.facades.respx.responses import clone_response, empty, mock_response_class
from netdouble.facades.respx.side_effects import as_answer, checked, forked, is_in_turn, takes_route, told, valid
from netdouble.facades.respx.stub_patterns import StubPattern

__all__ = ["ResolvedRoute", "Route"]


class _Said(NamedTuple):
    """What was said of a route, and the calls there were."""

    pattern: Pattern
    name: str | None
    return_value: Any
    side_effect: Any
    pass_through: bool
    calls: tuple[Call, ...]


class Route:
    """Requests that match a pattern, and what they are answered with.

    Args:
        patterns, lookups: see `M`.

    Example:
        >>> Route(method="GET", path="/users/").respond(json=[])
        <Route <Method eq 'GET'> AND <Path eq '/users/'>>
    """

    def __init__(self, *patterns: Pattern, **lookups: Any) -> None:
        self._pattern = M(*patterns, **lookups)
        self._name: str | None = None
        self._return_value: Any = None
        self._side_effect: Any = None
        self._pass_through = False
        self._stubs: list[Stub] = []
        self._snapshots: list[_Said] = []
        self._lock = threading.Lock()
        # The side effect that was last called, and whether it takes the route.
        self._asked: tuple[Any, bool] = (None, False)
        self._has_groups = _has_groups(self._pattern)
        self.calls = CallList(name=self, source=self._logged)
        self.snapshot()

    def __eq__(self, other: object) -> bool:
        return self._pattern == other._pattern if isinstance(other, Route) else False

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # its pattern may change

    def __repr__(self) -> str:
        name = f"name={self._name!r} " if self._name else ""
        return f"<Route {name}{self._pattern!r}>"

    def __call__(self, side_effect: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator: the function becomes the side effect."""
        self.side_effect = side_effect
        return side_effect

    def __mod__(self, response: Any) -> Route:
        """Answer with a status, with keywords of a Response, or with a Response; a side effect still comes first."""
        if isinstance(response, int):
            response = default().Response(response)
        elif isinstance(response, Mapping):
            response = default().Response(**{"status_code": 200, **response})
        elif not is_a(response, "Response"):
            raise TypeError(f"Route can only % with int, dict or Response, got {response!r}")
        self.return_value = response
        return self

    @property
    def name(self) -> str | None:
        """As it was added; None without one."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        raise NotImplementedError("Can't set name on route.")

    @property
    def pattern(self) -> Pattern:
        """What a request must be like."""
        return self._pattern

    @pattern.setter
    def pattern(self, pattern: Pattern) -> None:
        raise NotImplementedError("Can't change route pattern.")

    @property
    def return_value(self) -> Any:
        """The Response that it answers with; None for an empty one."""
        return self._return_value

    @return_value.setter
    def return_value(self, return_value: Any) -> None:
        if return_value is not None and not is_a(return_value, "Response"):
            raise TypeError(f"{return_value!r} is not an instance of httpx.Response")
        self._pass_through = False
        self._return_value = return_value
        self._say()

    @property
    def side_effect(self) -> Any:
        """What it does instead of answering with `return_value`."""
        return self._side_effect

    @side_effect.setter
    def side_effect(self, side_effect: Any) -> None:
        self._pass_through = False
        self._side_effect = checked(side_effect)
        self._say()

    # What to answer

    def mock(self, return_value: Any = None, *, side_effect: Any = None) -> Route:
        """Answer with a Response; or call, raise, or take the next of `side_effect`, which comes first.

        Args:
            return_value: a Response of httpx or httpx2. side_effect: a function of the request (and of `route`, and of
                the regexes' named groups), sync or async, that gives a Response, the request (let it through) or None
                (ask the next route); an exception or its class; a Response; or an iterable of these.

        Raises:
            TypeError: it is none of these.
        """
        self.return_value = return_value
        self.side_effect = side_effect
        return self

    def respond(
        self,
        status_code: int = 200,
        *,
        headers: Any = None,
        cookies: Any = None,
        content: Any = None,
        text: str | None = None,
        html: str | None = None,
        json: Any = None,
        stream: Any = None,
        content_type: str | None = None,
        http_version: str | None = None,
        **kwargs: Any,
    ) -> Route:
        """Answer with a Response made of these keywords."""
        given = {
            "headers": headers,
            "cookies": cookies,
            "content": content,
            "text": text,
            "html": html,
            "json": json,
            "stream": stream,
            "content_type": content_type,
            "http_version": http_version,
        }
        said = {name: value for name, value in given.items() if value is not None}
        return self.mock(return_value=mock_response_class()(status_code, **said, **kwargs))

    def pass_through(self, value: bool = True) -> Route:
        """Let requests reach the real service."""
        self._pass_through = value
        self._say()
        return self

    @property
    def is_pass_through(self) -> bool:
        """Requests reach the real service."""
        return self._pass_through

    # What happened

    def _logged(self) -> list[LoggedCall]:
        return [call for stub in self._stubs for call in stub._log.calls_of(stub) if is_over(call)]

    @property
    def called(self) -> bool:
        """It answered a request."""
        return self.calls.called

    @property
    def call_count(self) -> int:
        """How many requests it answered."""
        return self.calls.call_count

    def reset(self) -> None:
        """Forget its calls."""
        self.calls.clear()

    def snapshot(self) -> None:
        """Remember what was said, and its calls."""
        self._side_effect, saved = forked(self._side_effect)
        self._snapshots.append(_Said(self._pattern, self._name, self._return_value, saved, self._pass_through,
                                     tuple(self.calls)))  # fmt: skip

    def rollback(self) -> None:
        """Back to the newest snapshot; nothing happens when there is none left."""
        if not self._snapshots:
            return
        said = self._snapshots.pop()
        self._name, self._return_value = said.name, said.return_value
        self._side_effect, self._pass_through = said.side_effect, said.pass_through
        self.calls[:] = said.calls
        self._set_pattern(said.pattern)
        self._say()

    # Asked by hand

    def match(self, request: Any) -> Any:
        """What it would answer: a Response, the request itself, None, or an awaitable of one; nothing is recorded."""
        found = self._pattern.match(request)
        if not found:
            return None
        return request if self._pass_through else self.resolve(request, **found.context)

    def resolve(self, request: Any, **kwargs: Any) -> Any:
        """As `match`, for a request that matches; `kwargs` go to a function.

        Raises:
            SideEffectError: a side effect raised. TypeError: it gave something else.
        """
        if self._side_effect is not None:
            made = self._done(request, kwargs)
        elif self._return_value is not None:
            made = self._return_value
        else:
            made = default().Response(200, request=request)
        if hasattr(made, "__await__"):
            return made
        made_anew = is_a(valid(made), "Response") and made._request is None
        return clone_response(made, request) if made_anew else made

    # For the core

    def _add_to(self, network: FacadeNetwork) -> Stub:
        pattern = StubPattern(self._pattern)
        stub = network.declare(pattern.method, pattern, None, self._answer)
        stub.name = self._name or ""
        self._stubs.append(stub)
        self._say()
        return stub

    def _set_pattern(self, pattern: Pattern) -> None:
        self._pattern, self._has_groups = pattern, _has_groups(pattern)
        made = StubPattern(pattern)
        for stub in self._stubs:
            router = stub._log.router  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # a network
            present = stub in router.routes
            router.discard(stub)
            stub.method, stub.pattern = made.method, made
            if present:
                router.add(stub)

    def _take_over(self, other: Route) -> None:
        """Say what `other` says."""
        self._return_value, self._side_effect = other._return_value, other._side_effect
        self._pass_through = other._pass_through
        self._say()

    def _say(self) -> None:
        for stub in self._stubs:
            stub.name = self._name or ""
            if self._pass_through:
                stub.pass_through()
            elif self._side_effect is not None:
                stub.reply(Compute(self._answer, is_async=False))
            else:
                stub.reply(self._response())

    def _response(self) -> Response:
        return kept(self._return_value) if self._return_value is not None else empty()

    def _answer(self, request: Request) -> Any:
        if self._side_effect is None:
            return self._response()
        native = native_request(request)
        context = self._pattern.match(native).context if self._has_groups else {}
        try:
            made = self._done(native, context)
        except SideEffectError as failed:
            return told(request, failed)
        return self._settled(made, request) if hasattr(made, "__await__") else as_answer(made)

    async def _settled(self, made: Any, request: Request) -> Any:
        try:
            result = await made
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises is the answer
            return told(request, SideEffectError(self, error))
        return as_answer(result)

    def _next_effect(self) -> Any:
        effect = self._side_effect
        if is_in_turn(effect):
            with self._lock:  # threads may ask a generator at once
                return next(effect)
        return effect

    def _done(self, native: Any, context: Mapping[str, Any]) -> Any:
        """The result of the side effect. Raises SideEffectError when it is an exception, or raises one."""
        effect = self._next_effect()
        if effect is None or is_a(effect, "Response"):
            return effect
        if isinstance(effect, BaseException) or (isinstance(effect, type) and issubclass(effect, BaseException)):
            raise SideEffectError(self, built(effect, native))
        if not callable(effect):
            raise TypeError(f"Side effects are responses, exceptions or functions. Got {effect!r}")
        arguments = self._arguments(effect, context)
        try:
            return effect(native, **arguments)
        except Exception as error:
            raise SideEffectError(self, error) from error

    def _arguments(self, effect: Callable[..., Any], context: Mapping[str, Any]) -> dict[str, Any]:
        if "route" in context:
            warnings.warn(f"Matched context contains reserved word `route`: {self._pattern!r}", stacklevel=2)
        if self._asked[0] is not effect:
            self._asked = effect, takes_route(effect)
        if self._asked[1]:
            return {**context, "route": self}
        return {k: v for k, v in context.items() if k != "route"}


class ResolvedRoute:
    """A route and the response that it gave; no route where nothing matched."""

    def __init__(self, route: Route | None = None, response: Any = None) -> None:
        self.route, self.response = route, response


def _has_groups(pattern: Pattern) -> bool:
    return any(part.lookup is Lookup.REGEX or part.key not in _WITHOUT_GROUPS for part in pattern if part)


# Of these a match has a context only where a regex is in it; what a pattern of the user's own does is not known.
_WITHOUT_GROUPS = frozenset((
    "method", "scheme", "host", "port", "path", "params", "url",
    "headers", "cookies", "content", "json", "data", "files",
))  # fmt: skip
