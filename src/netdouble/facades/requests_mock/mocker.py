"""`requests_mock.Mocker`: an adapter's network, opened for every session or for one."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from netdouble._active import Scope
from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Reply
from netdouble._core.router import View
from netdouble._core.selection import WINDOW
from netdouble._decorating import decorated
from netdouble._intercept import requests_sessions
from netdouble._patch import Undo
from netdouble.facades._giving import LastArgument
from netdouble.facades._requests_objects import LIBRARY
from netdouble.facades.requests_mock import adapter as adapters

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT = "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"


class MockerCore:
    """Stubs for requests in requests-mock's way, with `start()` and `stop()`.

    Args:
        kw: decorators give the mocker under this name. case_sensitive: paths and queries are compared as spelled.
        adapter: the adapter to use. session: only its requests are meant. real_http: what nothing was registered for
        goes to the mocker around this one, or to the real service. json_encoder: for every `json=`.
    """

    case_sensitive = False
    _PROXY_FUNCS: ClassVar[frozenset[str]] = frozenset(
        {"last_request", "add_matcher", "request_history", "called", "called_once", "call_count", "reset"}
    )

    def __init__(self, session: Any = None, **kwargs: Any) -> None:
        self._session = session
        self.case_sensitive = kwargs.pop("case_sensitive", self.case_sensitive)
        self._kw = kwargs.pop("kw", None)
        self._adapter: adapters.Adapter = kwargs.pop("adapter", None) or adapters.Adapter(self.case_sensitive)
        self.real_http = kwargs.pop("real_http", False)
        self._json_encoder: type[jsonlib.JSONEncoder] | None = kwargs.pop("json_encoder", None)
        if kwargs:
            raise TypeError(f"Unexpected Arguments: {', '.join(kwargs)}")
        self._scope: Scope | None = None
        self._undo: Undo | None = None

    # Opening and closing

    def start(self) -> None:
        """Answer from now on.

        Raises:
            RuntimeError: it does so already.
        """
        if self._scope is not None:
            raise RuntimeError("Mocker has already been started")
        network = self._adapter._network
        self._adapter._unrouted = self._unrouted
        network._manner = _Manner(self, network._manner)
        self._undo = requests_sessions.attach(self._session)
        self._scope = network.open_scope()

    def stop(self) -> None:
        """Answer no more."""
        if self._scope is not None:
            scope, self._scope = self._scope, None
            self._adapter._network.close_scope(scope)
            self._adapter._network._manner = cast("_Manner", self._adapter._network._manner).inner
            self._adapter._unrouted = self._adapter._refused
        if self._undo is not None:
            self._undo()
            self._undo = None

    def _concerns(self, request: Request) -> bool:
        native = request.native
        return self._session is None or (isinstance(native, ClientObjects) and native.session is self._session)

    def _hides(self, request: Request) -> bool:
        return not self.real_http and not self._is_window(request)

    def _is_window(self, request: Request) -> bool:
        """A registration with `real_http` is meant."""
        router = self._adapter._network.router
        newest = next(View(router, request).newest_first(), None)
        return newest is not None and newest.kind == WINDOW

    def _unrouted(self, request: Request) -> Reply | None:
        native = request.native
        if not isinstance(native, ClientObjects) or native.library != LIBRARY or not self._concerns(request):
            return None
        if self._hides(request):
            return self._adapter._refused(request)
        around = self._scope.parent if self._scope is not None else None
        while around is not None:
            if isinstance(around.manner, _Manner) and not around.closed and around.manner.concerns(request):
                return None
            around = around.parent
        return PASS_THROUGH

    # Registering

    def register_uri(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """See `Adapter.register_uri`."""
        if self._json_encoder is not None:
            kwargs.setdefault("json_encoder", self._json_encoder)
        return self._adapter.register_uri(*args, **kwargs)

    def request(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """As `register_uri`."""
        return self.register_uri(*args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer GET requests."""
        return self.request(GET, *args, **kwargs)

    def options(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer OPTIONS requests."""
        return self.request(OPTIONS, *args, **kwargs)

    def head(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer HEAD requests."""
        return self.request(HEAD, *args, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer POST requests."""
        return self.request(POST, *args, **kwargs)

    def put(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer PUT requests."""
        return self.request(PUT, *args, **kwargs)

    def patch(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer PATCH requests."""
        return self.request(PATCH, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> adapters._Matcher:
        """Answer DELETE requests."""
        return self.request(DELETE, *args, **kwargs)

    def reset_mock(self) -> None:
        """Forget what was asked."""
        self._adapter.reset()

    def __getattr__(self, name: str) -> Any:
        if name in type(self)._PROXY_FUNCS:
            return getattr(self._adapter, name)
        raise AttributeError(name)


class _Manner:
    """The manner of an adapter's network while a mocker has it open."""

    kind = "requests_mock"
    outer_first = False

    def __init__(self, mocker: MockerCore, inner: Any) -> None:
        self._mocker, self.inner = mocker, inner
        self.entrances = inner.entrances

    def concerns(self, request: Request) -> bool:
        """A mocker of one session has nothing to do with the others."""
        return self._mocker._concerns(request)

    def hides(self, request: Request) -> bool:
        """The mockers around this one are not asked, unless it lets the request through."""
        return self._mocker._hides(request)

    def unrouted(self, request: Request) -> Reply | None:
        """What the mocker says."""
        return self._mocker._unrouted(request)


class Mocker(MockerCore):
    """As `MockerCore`, and a context manager and decorator: of functions, coroutines, generators and classes."""

    TEST_PREFIX = "test"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()

    def __call__(self, obj: T) -> T:
        """Decorate a function or a class."""
        if isinstance(obj, type):
            return cast("T", self.decorate_class(obj))
        return cast("T", self.decorate_callable(cast("Any", obj)))

    def copy(self) -> Self:
        """A mocker of the same settings that has nothing registered."""
        return type(self)(kw=self._kw, real_http=self.real_http, case_sensitive=self.case_sensitive,
                          session=self._session, json_encoder=self._json_encoder)  # fmt: skip

    def decorate_callable(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """`func`, each run of it inside a copy of this, which is its last argument, or the one named `kw`."""
        return decorated(_Run(self), func, LastArgument(self._kw))

    def decorate_class(self, klass: type) -> type:
        """`klass`, its methods decorated whose names begin with `TEST_PREFIX`."""
        for name in dir(klass):
            if name.startswith(self.TEST_PREFIX) and callable(getattr(klass, name)):
                setattr(klass, name, self.decorate_callable(getattr(klass, name)))
        return klass


class _Run:
    """What the decorator enters at each run."""

    def __init__(self, mocker: Mocker) -> None:
        self._mocker = mocker

    @contextmanager
    def entry(self, code: object = None) -> Iterator[Mocker]:  # noqa: ARG002  # the decorator's protocol
        with self._mocker.copy() as mocker:
            yield mocker


mock = Mocker
