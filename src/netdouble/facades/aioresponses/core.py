"""aioresponses: stubs for aiohttp's client session, each for one call unless it says more.

Rule: what was asked is the log; it is shown as the arguments that the session was called with.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from aiohttp import ClientConnectionError, ClientResponse, hdrs

from netdouble._active import Scope
from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Compute, Reply
from netdouble._core.selection import FIRST
from netdouble._decorating import decorated
from netdouble._intercept.aiohttp_sessions import ENTRANCE, merged_url
from netdouble.facades._giving import LastArgument
from netdouble.facades._network import FacadeNetwork, PeersManner
from netdouble.facades.aioresponses._stubs import CallbackResult, Stub, is_ours
from netdouble.facades.aioresponses._urls import pattern_of
from netdouble.facades.aioresponses.compat import normalize_url

if TYPE_CHECKING:
    from typing_extensions import Self
    from yarl import URL

__all__ = ["CallbackResult", "RequestCall", "aioresponses"]

T = TypeVar("T")


class RequestCall(NamedTuple):
    """One request, by the arguments that the session was called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class aioresponses:  # noqa: N801  # the peer's name
    """Stubs for aiohttp's sessions: a context manager, and a decorator of functions, coroutines and classes.

    Args:
        param: decorators give it under this name; by default as the last argument. passthrough: URLs that begin so
        reach the real service. passthrough_unmatched: so does what nothing was registered for.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._param: str | None = kwargs.pop("param", None)
        self._passthrough: Sequence[str] = kwargs.pop("passthrough", [])
        self.passthrough_unmatched: bool = kwargs.pop("passthrough_unmatched", False)
        self._scope: list[Scope] = []
        self._network = self._fresh()

    def _fresh(self) -> FacadeNetwork:
        network = FacadeNetwork("aioresponses", FIRST, self._unrouted, (ENTRANCE,))
        network._manner = _Manner(self, network._manner)
        return network

    # Opening and closing

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Answer from now on. What was asked before is forgotten."""
        if not self._scope:
            routes = self._network.router.routes
            self._network.router.put_back(routes, ())
        self._scope.append(self._network.open_scope())

    def stop(self) -> None:
        """Answer no more; what was registered is forgotten, what was asked is not."""
        if not self._scope:
            return
        self._network.close_scope(self._scope.pop())
        if not self._scope:
            self._forget_routes()

    def clear(self) -> None:
        """Forget what was registered, and what was asked."""
        self._network.router.put_back((), ())

    def _forget_routes(self) -> None:
        for route in self._network.router.routes:
            self._network.router.discard(route)

    def __call__(self, target: T) -> T:
        """Decorate a function, coroutine, generator or test class; each run has an instance of its own."""
        return decorated(_Run(self), target, LastArgument(self._param))

    # Registering

    def add(self, url: URL | str | re.Pattern[str], method: str = hdrs.METH_GET, status: int = 200,
            body: str | bytes = "", exception: BaseException | type[BaseException] | None = None,
            content_type: str = "application/json", payload: Any = None,
            headers: Mapping[str, str] | None = None, response_class: type[ClientResponse] | None = None,
            repeat: bool | int = False, timeout: bool = False, reason: str | None = None,
            callback: Callable[..., Any] | None = None) -> None:  # fmt: skip
        """Answer requests of `method` to `url`.

        Args:
            url: with its query, in any order; or a regex that must match from the URL's beginning.
            payload: the body as JSON. exception: raised instead; an instance or a class. timeout: raise
            `asyncio.TimeoutError`. repeat: True for any number of calls, or how many; once by default.
            callback: a function or coroutine function of the URL and the call's arguments; may give a
            `CallbackResult`.
        """
        said = CallbackResult(method, status, body, content_type, payload, headers, response_class, reason)
        stub = Stub(said, exception, timeout, callback)
        budget = None if repeat is True else max(int(repeat), 1)
        self._network.declare(method.upper(), pattern_of(url), None, stub.respond, budget=budget)

    def get(self, url: Any, **kwargs: Any) -> None:
        """Answer GET requests."""
        self.add(url, method=hdrs.METH_GET, **kwargs)

    def post(self, url: Any, **kwargs: Any) -> None:
        """Answer POST requests."""
        self.add(url, method=hdrs.METH_POST, **kwargs)

    def put(self, url: Any, **kwargs: Any) -> None:
        """Answer PUT requests."""
        self.add(url, method=hdrs.METH_PUT, **kwargs)

    def patch(self, url: Any, **kwargs: Any) -> None:
        """Answer PATCH requests."""
        self.add(url, method=hdrs.METH_PATCH, **kwargs)

    def delete(self, url: Any, **kwargs: Any) -> None:
        """Answer DELETE requests."""
        self.add(url, method=hdrs.METH_DELETE, **kwargs)

    def options(self, url: Any, **kwargs: Any) -> None:
        """Answer OPTIONS requests."""
        self.add(url, method=hdrs.METH_OPTIONS, **kwargs)

    def head(self, url: Any, **kwargs: Any) -> None:
        """Answer HEAD requests."""
        self.add(url, method=hdrs.METH_HEAD, **kwargs)

    # What was asked

    @property
    def requests(self) -> dict[tuple[str, URL], list[RequestCall]]:
        """Every request by method and URL, the refused ones too."""
        found: dict[tuple[str, URL], list[RequestCall]] = {}
        for call in self._network.router.calls:
            objects = call.request.native
            if is_ours(objects) and "call" in objects.options and not objects.options.get("is_hop"):
                key = objects.options["method"].upper(), objects.options["shown"]
                found.setdefault(key, []).append(objects.options["call"])
        return found

    def assert_not_called(self) -> None:
        """Nothing was requested."""
        if self.requests:
            raise AssertionError(f"expected no request; there were {self._count()}: {self._listed()}")

    def assert_called(self) -> None:
        """Something was requested."""
        if not self.requests:
            raise AssertionError("expected a request; there was none")

    def assert_called_once(self) -> None:
        """There was exactly one request."""
        if self._count() != 1:
            raise AssertionError(f"expected one request; there were {self._count()}: {self._listed()}")

    def assert_called_with(self, url: URL | str, method: str = hdrs.METH_GET,
                           args_to_match: Sequence[str] | None = None, *args: Any, **kwargs: Any) -> None:  # fmt: skip
        """The newest request of `method` to `url` had these arguments.

        Args:
            args_to_match: only these of them are compared.
        """
        expected = _call(args, kwargs)
        got = self._newest(url, method)
        if got is None:
            raise AssertionError(f"expected {method.upper()} {url}; there were {self._count()}: {self._listed()}")
        left, right = dict(expected.kwargs), dict(got.kwargs)
        if args_to_match is not None:
            left = {name: left.get(name) for name in args_to_match}
            right = {name: right.get(name) for name in args_to_match}
        if (left, expected.args) != (right, got.args):
            names = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
            lines = [f"  {name}: expected {left.get(name)!r}, got {right.get(name)!r}" for name in names]
            raise AssertionError("\n".join([f"{method.upper()} {url} was requested with other arguments:", *lines]))

    def assert_called_once_with(self, *args: Any, **kwargs: Any) -> None:
        """There was exactly one request, with these arguments."""
        self.assert_called_once()
        self.assert_called_with(*args, **kwargs)

    def assert_any_call(self, url: URL | str, method: str = hdrs.METH_GET, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Some request of `method` went to `url`."""
        if (method.upper(), normalize_url(url)) not in self.requests:
            raise AssertionError(f"expected {method.upper()} {url}; there were {self._count()}: {self._listed()}")

    def _newest(self, url: URL | str, method: str) -> RequestCall | None:
        calls = self.requests.get((method.upper(), normalize_url(url)))
        return calls[-1] if calls else None

    def _count(self) -> int:
        return sum(map(len, self.requests.values()))

    def _listed(self) -> str:
        return ", ".join(f"{method} {url}" for method, url in self.requests) or "none"

    # What the engine asks

    def _concerns(self, request: Request) -> bool:
        objects = request.native
        if not is_ours(objects):
            return True
        _note(objects)
        return not any(str(objects.options["shown"]).startswith(str(prefix)) for prefix in self._passthrough)

    def _unrouted(self, request: Request) -> Reply | None:
        objects = request.native
        if not is_ours(objects):
            return None
        if self.passthrough_unmatched:
            return PASS_THROUGH
        method, url = objects.options.get("first", (objects.options["method"], objects.options["as_asked"]))

        def refuse(asked: Request) -> Any:  # noqa: ARG001  # the signature of replies
            raise ClientConnectionError(f"Connection refused: {method} {url}")

        return Compute(refuse, is_async=False)


def _note(objects: ClientObjects) -> None:
    """Keep the call as it was made, before anybody changes what it was given."""
    options: Any = objects.options
    if "call" in options:
        return
    session = objects.sender.session
    given = options["options"]
    kwargs = dict(given)
    if session.headers:
        kwargs["headers"] = {**session.headers, **(kwargs.get("headers") or {})}
    options["call"] = _call((), kwargs)
    whole = merged_url(session, options["url"], given)
    options["as_asked"] = options["url"]
    options["shown"] = normalize_url(whole)


def _call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> RequestCall:
    """A copy of what can be copied: it may be changed after the call."""
    kwargs = dict(kwargs)
    kwargs.setdefault("allow_redirects", True)
    try:
        return RequestCall(copy.deepcopy(args), copy.deepcopy(kwargs))
    except Exception:  # noqa: BLE001  # whatever the user's objects raise
        return RequestCall(args, kwargs)


class _Manner:
    """The manner of a network of this facade."""

    kind = "aioresponses"
    outer_first = False

    def __init__(self, owner: aioresponses, inner: Any) -> None:
        self._owner = owner
        self.entrances = cast("PeersManner", inner).entrances

    def concerns(self, request: Request) -> bool:
        """What passes is none of its business."""
        return self._owner._concerns(request)

    def hides(self, request: Request) -> bool:  # noqa: ARG002  # none
        """An inner one never blanks an outer one."""
        return False

    def unrouted(self, request: Request) -> Reply | None:
        """What it says."""
        return self._owner._unrouted(request)


class _Run:
    """What the decorator enters at each run."""

    def __init__(self, mock: aioresponses) -> None:
        self._mock = mock

    @contextmanager
    def entry(self, code: object = None) -> Iterator[aioresponses]:  # noqa: ARG002  # the decorator's protocol
        mock = self._mock
        with type(mock)(passthrough=mock._passthrough, passthrough_unmatched=mock.passthrough_unmatched) as own:
            yield own
