"""`RequestsMock`: registries opened as networks, and what responses says of requests that none of them answers.

Rule 1: each activation is an entry of its own, with a registry and a log; leaving one puts back what was around it.
Rule 2: what nobody has registered is refused in responses' words, for requests; other clients are netdouble's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partialmethod
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock as std_mock
from urllib.parse import urlsplit

import requests
import requests.adapters

from netdouble import MissingExtra, _active
from netdouble._core.calls import Call as CoreCall
from netdouble._core.client_objects import ClientObjects
from netdouble._core.messages import Request
from netdouble._core.replies import PASS_THROUGH, Compute, Reply, Verbatim
from netdouble._decorating import decorated
from netdouble._intercept.requests import send_for_real
from netdouble.facades._requests_objects import LIBRARY, answered, objects_of, read_at_once, verbatim
from netdouble.facades.responses import matchers as _matchers
from netdouble.facades.responses._calls import CallList
from netdouble.facades.responses._entries import Entry, Run
from netdouble.facades.responses._matching import shown, spelled_url
from netdouble.facades.responses._refusing import begins, raiser, refusal
from netdouble.facades.responses._replies import (
    BaseResponse,
    CallbackResponse,
    PassthroughResponse,
    Response,
)
from netdouble.facades.responses.registries import FirstMatchRegistry

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

T = TypeVar("T")
_OPTIONS = ("stream", "timeout", "verify", "cert", "proxies")
TARGET = "requests.adapters.HTTPAdapter.send"
_real_send: Any = requests.adapters.HTTPAdapter.send


class RequestsMock:
    """Stubs for requests in responses' way; other clients are answered by them too.

    Args:
        assert_all_requests_are_fired: leaving fails when a response never answered.
        response_callback: is given each response, and returns the one that is handed over.
        passthru_prefixes: URLs that begin so reach the real service when nothing else answers.
        target: a function of another module to replace, called as `HTTPAdapter.send`; by default nothing needs to be.
        registry: the rule by which a response is chosen. real_adapter_send: sends what passes.
    """

    DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT = "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"
    Response = Response
    matchers = _matchers
    response_callback: Callable[[Any], Any] | None = None

    def __init__(
        self,
        assert_all_requests_are_fired: bool = True,
        response_callback: Callable[[Any], Any] | None = None,
        passthru_prefixes: Sequence[Any] = (),
        target: str = TARGET,
        registry: type[FirstMatchRegistry] = FirstMatchRegistry,
        *,
        real_adapter_send: Any = _real_send,
    ) -> None:
        self.assert_all_requests_are_fired = assert_all_requests_are_fired
        self.response_callback = response_callback
        self.target = target
        self._real_send = real_adapter_send
        self._patcher: Any = None
        # The flag as it was outside of every decorated function.
        self._said: bool | None = None
        self._entries: list[Entry] = []
        self._base = Entry(self, registry(), passthru_prefixes)
        self._calls = CallList(self._logged)

    # The entry that holds here

    @property
    def _entry(self) -> Entry:
        if not self._entries:
            return self._base
        return self._entry_of_context() or self._entries[-1]

    def _entry_of_context(self) -> Entry | None:
        asked = _active.of_context() if self._entries else None
        for scope in asked.chain() if asked is not None else ():
            for entry in self._entries:
                if entry.scope is scope:
                    return entry
        return None

    def _logged(self) -> Sequence[CoreCall]:
        return self._entry.registry._network.router.calls

    @property
    def calls(self) -> CallList:
        """Every request, oldest first, the refused ones too."""
        return self._calls

    @property
    def passthru_prefixes(self) -> tuple[Any, ...]:
        """What reaches the real service when nothing else answers."""
        return self._entry.prefixes

    @passthru_prefixes.setter
    def passthru_prefixes(self, prefixes: Sequence[Any]) -> None:
        self._entry.prefixes = tuple(prefixes)

    def get_registry(self) -> FirstMatchRegistry:
        """The registry in use."""
        return self._entry.registry

    def _set_registry(self, new_registry: type[FirstMatchRegistry]) -> None:
        if self.registered():
            raise AttributeError(
                "Cannot replace Registry, current registry has responses. Empty it first: get_registry().reset()"
            )
        self._base = Entry(self, new_registry(), self._base.prefixes)

    def reset(self) -> None:
        """Forget the responses, the calls and what may pass; the registry stays of its kind."""
        entry = self._entry
        self._calls.reset()
        if entry.scope is None:
            self._renew_base()
        else:
            entry.registry.reset()
            entry.prefixes = ()

    def _renew_base(self) -> None:
        self._base = Entry(self, type(self._base.registry)(), ())

    # Registering

    def add(self, method: Any = None, url: Any = None, body: Any = "", adding_headers: Any = None, *args: Any,
            **kwargs: Any) -> BaseResponse:  # fmt: skip
        """Register a response, given whole or by the arguments of `Response`.

        Raises:
            RuntimeError: the Content-Type is given twice. TypeError: a body that can't be answered.
        """
        if isinstance(method, BaseResponse):
            return self._entry.registry.add(method)
        if adding_headers is not None:
            kwargs.setdefault("headers", adding_headers)
        if "content_type" in kwargs and any(
            name.lower() == "content-type" for name in dict(kwargs.get("headers") or {})
        ):
            raise RuntimeError("You cannot define both `content_type` and `headers[Content-Type]`; keep one of them")
        return self._entry.registry.add(Response(method, url, body, *args, **kwargs))

    delete = partialmethod(add, DELETE)
    get = partialmethod(add, GET)
    head = partialmethod(add, HEAD)
    options = partialmethod(add, OPTIONS)
    patch = partialmethod(add, PATCH)
    post = partialmethod(add, POST)
    put = partialmethod(add, PUT)

    def add_callback(self, method: str, url: Any, callback: Callable[[Any], Any], match_querystring: Any = None,
                     content_type: str | None = "text/plain", match: Any = ()) -> BaseResponse:  # fmt: skip
        """Register a function that answers."""
        old = {} if match_querystring is None else {"match_querystring": match_querystring}
        return self._entry.registry.add(
            CallbackResponse(method, url, callback, content_type=content_type, match=match, **old)
        )

    def add_passthru(self, prefix: Any) -> None:
        """Let URLs that begin so, or match this regex, reach the real service when nothing else answers."""
        if isinstance(prefix, str) and not prefix.isascii():
            prefix = spelled_url(prefix)
        self._entry.prefixes += (prefix,)

    def remove(self, method_or_response: Any = None, url: Any = None) -> list[BaseResponse]:
        """Take away the responses for a method and URL; they are returned."""
        return self._entry.registry.remove(_given(method_or_response, url))

    def replace(self, method_or_response: Any = None, url: Any = None, body: Any = "", *args: Any, **kwargs: Any
                ) -> BaseResponse:  # fmt: skip
        """Put a response in the place of the one for its method and URL.

        Raises:
            ValueError: there is none.
        """
        return self._entry.registry.replace(_given(method_or_response, url, body, *args, **kwargs))

    def upsert(self, method_or_response: Any = None, url: Any = None, body: Any = "", *args: Any, **kwargs: Any
               ) -> BaseResponse:  # fmt: skip
        """As `replace`, or `add` where there is nothing to replace."""
        try:
            return self.replace(method_or_response, url, body, *args, **kwargs)
        except ValueError:
            return self.add(method_or_response, url, body, *args, **kwargs)

    def registered(self) -> list[BaseResponse]:
        """The responses that may still answer."""
        return self._entry.registry.registered

    def assert_call_count(self, url: str, count: int) -> bool:
        """Check how often a URL was requested, with its query, by any method.

        Raises:
            AssertionError: another number of times.
        """
        wanted = spelled_url(url)
        found = sum(call.request.url == wanted for call in self.calls)
        if found != count:
            raise AssertionError(f"Expected URL '{url}' to be called {count} times. Called {found} times.")
        return True

    def _parse_response_file(self, file_path: Any) -> Any:
        yaml = _yaml()
        with open(file_path, encoding="utf-8") as file:
            return yaml.safe_load(file)

    def _add_from_file(self, file_path: Any) -> None:
        """Register what a recorder wrote."""
        for each in self._parse_response_file(file_path)["responses"]:
            said = dict(each["response"])
            fields = said.pop("headers", None)
            if fields and said.get("content_type") is not None:
                fields = {name: value for name, value in fields.items() if name.lower() != "content-type"}
            self.add(**said, headers=fields or None)

    # Opening and closing

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:  # fmt: skip
        is_outermost = self._entry is self._base and not self._base.nested
        try:
            self.stop(allow_assert=True)
        finally:
            if is_outermost and self._entries:
                self._renew_base()  # `reset` would meet an activation that still holds elsewhere
            elif is_outermost:
                self.reset()

    def start(self) -> None:
        """Answer from now on; does nothing when it does so already."""
        if self.target != TARGET or not self._entries:
            self._open()

    def _patch_target(self) -> None:
        if self._patcher is None:
            face: Any = sys.modules["netdouble.facades.responses"]  # whose `std_mock` users replace
            self._patcher = face.std_mock.patch(target=self.target, new=self.unbound_on_send())
            self._patcher.start()

    def _open(self) -> None:
        if self.target != TARGET:
            self._patch_target()
            return
        around = self._entry_of_context()
        if around is not None:
            around.nested.append((around.registry.registered, around.prefixes))
            return
        entry = Entry(self, type(self._base.registry)(), ()) if self._entries else self._base
        entry.scope = entry.registry._network.open_scope()
        self._entries.append(entry)

    def stop(self, allow_assert: bool = True) -> None:
        """Answer no more.

        Raises:
            AssertionError: a response never answered, where that is asked for.
        """
        if self._patcher is not None:
            self._patcher.stop()
            self._patcher = None
            return
        if self._entries:
            entry = self._entry
            unused = entry.unused()
            self._close(entry)
        else:
            unused = self._base.unused()
        if unused and self.assert_all_requests_are_fired and allow_assert:
            raise AssertionError(f"Not all requests have been executed {unused!r}")

    def _close(self, entry: Entry) -> None:
        if entry.nested:
            entry.end_nested()
            return
        self._entries.remove(entry)
        scope, entry.scope = entry.scope, None
        if scope is not None:
            entry.registry._network.close_scope(scope)

    def activate(self, func: Any = None, *, registry: type[FirstMatchRegistry] | None = None,
                 assert_all_requests_are_fired: bool | None = None) -> Any:  # fmt: skip
        """Decorate a function, coroutine, generator or test class: the mock is open while it runs.

        Args:
            registry: the rule in force meanwhile. assert_all_requests_are_fired: whether each response must answer;
            None: what the mock itself says.
        """
        run = Run(self, registry, assert_all_requests_are_fired)
        if func is None:
            return lambda target: decorated(run, target, None)
        return decorated(run, func, None)

    # What the engine asks

    def respond(self, response: BaseResponse, request: Request) -> Any:
        """What a registered response answers."""
        objects = objects_of(request)
        prepared = shown(objects)
        if response.passthrough:
            return self._passed(objects, request)
        try:
            raw = response.get_response(prepared)
        except requests.RequestException as error:
            error.request = error.request or prepared
            raise
        made = (
            objects.sender.build_response(prepared, raw) if objects.sender else _adapter().build_response(prepared, raw)
        )
        if not objects.options.get("stream") and not response.stream and not read_at_once(made):
            made.content  # noqa: B018  # reads it, as the session would
        return self._called_back(made)

    def _passed(self, objects: ClientObjects, request: Request) -> Any:
        if self._real_send is not _real_send:
            return self._called_back(self._real_send(objects.sender, objects.request, **objects.options))
        return self._called_back(send_for_real(objects)) if objects is request.native else PASS_THROUGH

    def _called_back(self, made: Any) -> Verbatim:
        return verbatim(self.response_callback(made) if self.response_callback else made)

    def unrouted(self, registry: FirstMatchRegistry, request: Request) -> Reply | None:
        """A request that nothing answers passes, or is refused as responses does it."""
        objects = request.native
        if not isinstance(objects, ClientObjects) or objects.library != LIBRARY:
            return None
        prepared = shown(objects)
        entry = next((e for e in (*self._entries, self._base) if e.registry is registry), self._base)
        if any(begins(prefix, prepared.url) for prefix in entry.prefixes):
            if self._real_send is _real_send:
                return PASS_THROUGH
            return Compute(lambda _: verbatim(self._real_send(objects.sender, prepared, **objects.options)), False)
        error = requests.ConnectionError(refusal(registry, entry.prefixes, prepared), request=prepared)
        return Compute(raiser(error), is_async=False)

    def unbound_on_send(self) -> Callable[..., Any]:
        """A function that answers as this mock does, to be called in the place of `HTTPAdapter.send`."""

        def send(adapter: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            options = {**dict(zip(_OPTIONS, args, strict=False)), **kwargs}
            objects = ClientObjects(LIBRARY, request, adapter, options)
            _, answer = answered(self._entry.registry._network._scope(), objects)
            return answer.native if isinstance(answer, Verbatim) else send_for_real(objects)

        return send


def _yaml() -> Any:
    """PyYAML.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise MissingExtra("responses' recordings are YAML files, which need PyYAML: pip install pyyaml") from None
    return yaml


def _given(method_or_response: Any, url: Any, *args: Any, **kwargs: Any) -> BaseResponse:
    return method_or_response if isinstance(method_or_response, BaseResponse) else Response(
        method_or_response, url, *args, **kwargs)  # fmt: skip


def _adapter() -> Any:
    return requests.adapters.HTTPAdapter()


__all__ = ["PassthroughResponse", "RequestsMock", "std_mock", "urlsplit"]
