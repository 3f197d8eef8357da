"""requests-mock's adapter: matchers, as views of a network's routes. It can be mounted on a session as it is.

Rule: a matcher is asked as the route is, newest first, and what it finds to differ is what reports show.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import requests.adapters

from netdouble._core.calls import Call
from netdouble._core.client_objects import ClientObjects
from netdouble._core.matching import MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.replies import Compute, Reply, Verbatim
from netdouble._core.routes import Route
from netdouble._core.selection import NEWEST_OR_WINDOW, WINDOW
from netdouble._core.url_patterns import Key, UrlPattern
from netdouble._intercept.requests import neutral
from netdouble.facades._network import FacadeNetwork
from netdouble.facades._requests_objects import LIBRARY, answered, is_made_up, read_at_once, verbatim
from netdouble.facades.requests_mock import exceptions
from netdouble.facades.requests_mock.request import (
    _RequestObjectProxy,
    answered_by,
    path_as_sent,
    path_of,
    shown,
    spelled,
    with_port,
)
from netdouble.facades.requests_mock.response import _MatcherResponse

__all__ = ["ANY", "Adapter", "_Matcher", "_MatcherResponse", "_RequestObjectProxy"]


# Who is meant, besides method and URL.
_MEANT = {"complete_qs": False, "additional_matcher": None, "real_http": False}


class _Any:
    def __repr__(self) -> str:
        return "ANY"


ANY: Any = _Any()


class _History:
    """What was asked: read from a log, from where it was last reset."""

    def __init__(self) -> None:
        self._forgotten: Call | None = None

    def _logged(self) -> Sequence[Call]:
        raise NotImplementedError

    def _calls(self) -> Sequence[Call]:
        calls = self._logged()
        if self._forgotten is None:
            return calls
        since = next((len(calls) - i for i, call in enumerate(reversed(calls)) if call is self._forgotten), 0)
        return calls[since:]

    @property
    def request_history(self) -> list[_RequestObjectProxy]:
        """The requests, oldest first."""
        return [shown(call.request) for call in self._calls()]

    @property
    def last_request(self) -> _RequestObjectProxy | None:
        """The newest request; None when there was none."""
        calls = self._calls()
        return shown(calls[-1].request) if calls else None

    @property
    def called(self) -> bool:
        """Whether there was one."""
        return self.call_count > 0

    @property
    def called_once(self) -> bool:
        """Whether there was exactly one."""
        return self.call_count == 1

    @property
    def call_count(self) -> int:
        """How many there were."""
        return len(self._calls())

    def reset(self) -> None:
        """Forget them."""
        calls = self._logged()
        self._forgotten = calls[-1] if calls else None


class _Matcher(_History):
    """One registration: which requests are meant, and the answers in order; the last one repeats."""

    def __init__(self, method: Any, url: Any, responses: list[_MatcherResponse], complete_qs: bool,
                 request_headers: Any, additional_matcher: Callable[[Any], Any] | None, real_http: bool,
                 case_sensitive: bool) -> None:  # fmt: skip
        super().__init__()
        self._method, self._url = method, url.as_string() if hasattr(url, "as_string") else url
        self._responses = responses
        self._complete_qs = complete_qs
        self._request_headers = request_headers or {}
        self._additional_matcher = additional_matcher
        self._real_http = real_http
        self._case_sensitive = case_sensitive
        self._asked: list[Call] = []
        self._network: FacadeNetwork | None = None
        self._route: Route | None = None
        if isinstance(self._url, str):
            self._parts = spelled(self._url, case_sensitive)

    def _logged(self) -> Sequence[Call]:
        routed = [] if self._network is None or self._route is None else self._network.calls_of(self._route)
        return [*self._asked, *routed] if self._asked else routed

    def __call__(self, request: Any) -> Any:
        """The answer to a request by itself, without an adapter; None when it does not match."""
        if not self._match(request):
            return None
        call = Call(neutral(request), None, None)
        call.request._memo["requests_mock"] = request
        self._asked.append(call)
        return self._responses[min(len(self._asked), len(self._responses)) - 1].get_response(request)

    def _match(self, request: Any) -> bool:
        return self._difference(request) is None

    def _difference(self, request: Any) -> Mismatch | None:
        """The first thing in which `request` differs, in the order in which requests-mock looks."""
        if self._method is not ANY and self._method.lower() != request.method.lower():
            return Mismatch("method", self._method.upper(), request.method)
        return self._difference_but_method(request)

    def _difference_but_method(self, request: Any) -> Mismatch | None:
        found = self._url_difference(request)
        if found is not None:
            return found
        for name, value in self._request_headers.items():
            got = request.headers.get(name)
            if got != value:
                return Mismatch("header", value, got, name)
        if self._additional_matcher is not None and not self._additional_matcher(request):
            return Mismatch("where", self._additional_matcher, False, note="additional_matcher says no")
        return None

    @property
    def _key(self) -> Key | None:
        if not isinstance(self._url, str):
            return None
        return (path_as_sent if self._case_sensitive else path_of), self._parts.path

    def _url_difference(self, request: Any) -> Mismatch | None:
        if self._url is ANY:
            return None
        if hasattr(self._url, "search"):
            return None if self._url.search(request.url) else Mismatch("url", self._url, request.url)
        scheme, netloc, path, query = self._parts
        got = request._spelled(self._case_sensitive)
        if scheme and scheme != got.scheme:
            return Mismatch("scheme", scheme, got.scheme)
        # Where a scheme is said, its port is there already.
        if netloc and (netloc if scheme else with_port(netloc, got.scheme)) != got.netloc:
            return Mismatch("host", netloc, got.netloc)
        if path != got.path:
            return Mismatch("path", path, got.path)
        return self._query_difference(query, got.query)

    def _query_difference(self, wanted: str, got: str) -> Mismatch | None:
        if not wanted and not self._complete_qs:
            return None
        left = urllib.parse.parse_qs(got, keep_blank_values=True)
        for name, values in urllib.parse.parse_qs(wanted, keep_blank_values=True).items():
            for value in values:
                if value not in left.get(name, ()):
                    return Mismatch("query", value, left.get(name), name)
                left[name].remove(value)
        if self._complete_qs and any(left.values()):
            return Mismatch("query", wanted, got, note="complete_qs: no others")
        return None

    def __repr__(self) -> str:
        return f"<_Matcher {self._method} {getattr(self._url, 'pattern', self._url)}>"


@dataclass(frozen=True, slots=True)
class _Asked(UrlPattern):
    """A matcher as the pattern of a route: it looks at all of the request but the method, and stops at a difference."""

    text: str
    matcher: Any

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """At most one."""
        found = self.matcher._difference_but_method(shown(request))
        return MATCHED if found is None else (found,)

    @property
    def key(self) -> Key | None:
        """Its path, when it was registered for a URL."""
        key: Key | None = self.matcher._key
        return key


class _Custom:
    """A function that was added as a matcher: it matches when it gives a response."""

    _key = None

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def _difference_but_method(self, request: Any) -> Mismatch | None:
        made = self._function(request)
        if made is None:
            return Mismatch("where", self._function, None, note="it gave no response")
        request.__dict__.setdefault("_made", {})[id(self)] = made
        return None

    def respond(self, request: Any) -> Any:
        return request.__dict__["_made"].pop(id(self))


class Adapter(requests.adapters.BaseAdapter, _History):
    """Matchers, mounted with `session.mount("mock://", adapter)` or used by a `Mocker`.

    Args:
        case_sensitive: paths and queries are compared as they are spelled.
    """

    def __init__(self, case_sensitive: bool = False) -> None:
        requests.adapters.BaseAdapter.__init__(self)
        _History.__init__(self)
        self._case_sensitive = case_sensitive
        # Who decides about requests that nothing was registered for; a `Mocker` puts itself here.
        self._unrouted: Callable[[Request], Reply | None] = self._refused
        self._network = FacadeNetwork("requests_mock", NEWEST_OR_WINDOW, self._decide,
                                      entrances=("requests.Session.send",))  # fmt: skip
        self._matchers: list[Any] = []

    def _decide(self, request: Request) -> Reply | None:
        return self._unrouted(request)

    def _logged(self) -> Sequence[Call]:
        return self._network.router.calls

    def register_uri(self, method: Any, url: Any, response_list: list[dict[str, Any]] | None = None, **kwargs: Any
                     ) -> _Matcher:  # fmt: skip
        """Answer requests of `method` to `url` (`ANY`, text, a regex, a `purl.URL`).

        Args:
            response_list: answers in order, each the keywords of one; the last one repeats.
            kwargs: one answer, as of `create_response`, each body may be a function of request and context; `exc`;
            and who is meant: `request_headers`, `complete_qs`, `additional_matcher`, `real_http`.

        Raises:
            RuntimeError, TypeError: they can't make an answer.
        """
        meant: dict[str, Any] = {**_MEANT, "request_headers": {}}
        options = {name: kwargs.pop(name, default) for name, default in meant.items()}
        encoder = kwargs.pop("json_encoder", None)
        if response_list and kwargs:
            raise RuntimeError("You should specify either a list of responses OR response kwargs. Not both.")
        if options["real_http"] and (response_list or kwargs):
            raise RuntimeError("You should specify either response data OR real_http. Not both.")
        said = response_list or [kwargs]
        encoding = {} if encoder is None else {"json_encoder": encoder}
        made = [] if options["real_http"] else [_MatcherResponse(**{**encoding, **each}) for each in said]
        matcher = _Matcher(method, url, made, case_sensitive=self._case_sensitive, **options)
        self._declare(matcher)
        return matcher

    def _declare(self, matcher: _Matcher) -> None:
        text = str(getattr(matcher._url, "pattern", matcher._url))
        replies = [self._reply(matcher, each) for each in matcher._responses] or [_never]
        method = None if matcher._method is ANY else matcher._method.upper()
        route = self._network.declare(method, _Asked(text, matcher), None, replies[0],
                                      kind=WINDOW if matcher._real_http else "")  # fmt: skip
        for reply in replies[1:]:
            route.then(Compute(reply, is_async=False))
        matcher._network, matcher._route = self._network, route
        self._matchers.append(matcher)

    def _reply(self, matcher: _Matcher, response: _MatcherResponse) -> Callable[[Request], Any]:
        def respond(request: Request) -> Any:
            asked = answered_by(request, matcher)
            made = response.get_response(asked, self)
            # Its session is going to read it, when its hooks have seen it; another client gets what was read.
            if is_made_up(request):
                _ = read_at_once(made) or made.content
            elif asked.stream is False and not any(asked.hooks.values()):
                read_at_once(made)
            return verbatim(made)

        return respond

    def add_matcher(self, matcher: Callable[[Any], Any]) -> None:
        """Add a function of the request that gives a response, or None for "not mine"."""
        custom = _Custom(matcher)
        self._network.declare(None, _Asked(repr(matcher), custom), None,
                              lambda request: verbatim(custom.respond(shown(request))))  # fmt: skip
        self._matchers.append(matcher)

    def reset(self) -> None:
        """Forget what was asked; the matchers stay."""
        super().reset()
        for matcher in self._matchers:
            if isinstance(matcher, _Matcher):
                matcher.reset()

    def send(self, request: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # as sessions call it
        """Answer a request of the session that this is mounted on.

        Raises:
            NoMockAddress: nothing was registered for it.
        """
        asked, answer = answered(self._network._scope(), ClientObjects(LIBRARY, request, self, kwargs))
        if not isinstance(answer, Verbatim):
            raise exceptions.NoMockAddress(shown(asked))
        return answer.native

    def close(self) -> None:
        """Nothing to close."""

    def _refused(self, request: Request) -> Reply | None:
        native = request.native
        if not isinstance(native, ClientObjects) or native.library != LIBRARY:
            return None
        proxy = shown(request)
        error = exceptions.NoMockAddress(proxy, self._reasons(proxy))

        def refuse(asked: Request) -> Any:  # noqa: ARG001  # the signature of replies
            raise error

        return Compute(refuse, is_async=False)

    def _reasons(self, proxy: Any) -> str:
        """Why each of the matchers does not match, the newest first."""
        lines = []
        for matcher in reversed(self._matchers):
            found = matcher._difference(proxy) if isinstance(matcher, _Matcher) else None
            if found is not None and found.criterion != "where":
                where = f" {found.where}" if found.where else ""
                lines.append(
                    f"\n  {matcher!r}: {found.criterion}{where}: expected {found.expected!r}, got {found.got!r}"
                )
        return "".join(lines[:5])


def _never(request: Request) -> Any:
    """The answer of a matcher for the real service: its window is looked through, and never answers."""
    raise exceptions.NoMockAddress(shown(request))
