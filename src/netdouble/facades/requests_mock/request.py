"""The request as requests-mock shows it: the prepared one, and more to ask it for.

Rule: it is shown as it was sent; case is not thrown away.
"""

from __future__ import annotations

import copy
import json as jsonlib
import re
import urllib.parse
import weakref
from functools import lru_cache
from typing import Any, NamedTuple

import requests
from requests.utils import requote_uri

from netdouble._core.messages import Request
from netdouble._core.urls import DEFAULT_PORTS
from netdouble.facades._requests_objects import objects_of


class Spelled(NamedTuple):
    """A URL in the parts that are compared; the host with its port, where the scheme tells it."""

    scheme: str
    netloc: str
    path: str
    query: str


@lru_cache(maxsize=1024)
def spelled(url: str, case_sensitive: bool) -> Spelled:
    """`url` as it is compared."""
    parts = urllib.parse.urlsplit(url)
    path = parts.path if _PLAIN.fullmatch(parts.path) else requote_uri(parts.path) or "/"
    query = parts.query
    if not case_sensitive:
        path, query = path.lower(), query.lower()
    scheme = parts.scheme.lower()
    return Spelled(scheme, with_port(parts.netloc.lower(), scheme), path, query)


def with_port(netloc: str, scheme: str) -> str:
    """Host and port of a URL; the scheme's own where none is said."""
    host = netloc.rpartition("@")[2]
    return host if not scheme or not host or _PORT.search(host) else f"{host}:{DEFAULT_PORTS.get(scheme, 0)}"


_PORT = re.compile(r":\d+$")
# A path that `requote_uri` leaves as it is: unreserved characters alone (RFC 3986 section 2.3).
_PLAIN = re.compile(r"/[A-Za-z0-9/_.~-]*")


class _RequestObjectProxy:
    """A prepared request, what its session was told besides, and the matcher that answered it."""

    def __init__(self, request: Any, **options: Any) -> None:
        self._request = request
        self._options = options
        self._matcher: Any = None
        self._parts: Any = None

    @classmethod
    def _create(cls, *args: Any, **kwargs: Any) -> _RequestObjectProxy:
        return cls(requests.Request(*args, **kwargs).prepare())

    def __getattr__(self, name: str) -> Any:
        if name in {"__setstate__", "_request"}:
            raise AttributeError(name)
        return getattr(self._request, name)

    @property
    def _url_parts(self) -> Any:
        if self._parts is None:
            self._parts = urllib.parse.urlparse(self._request.url)
        return self._parts

    def _spelled(self, case_sensitive: bool) -> Spelled:
        """Its URL as matchers compare it."""
        return spelled(self._request.url, case_sensitive)

    @property
    def scheme(self) -> str:
        """The URL's scheme, in lower case."""
        scheme: str = self._url_parts.scheme.lower()
        return scheme

    @property
    def netloc(self) -> str:
        """Host and port, as they stand in the URL."""
        netloc: str = self._url_parts.netloc
        return netloc

    @property
    def hostname(self) -> str | None:
        """The host, in lower case."""
        hostname: str | None = self._url_parts.hostname
        return hostname

    @property
    def port(self) -> int | None:
        """The port; by default the scheme's own."""
        port: int | None = self._url_parts.port
        return port if port is not None else {"https": 443, "http": 80}.get(self.scheme)

    @property
    def path(self) -> str:
        """The path."""
        path: str = self._url_parts.path
        return path

    @property
    def query(self) -> str:
        """The query, without `?`."""
        query: str = self._url_parts.query
        return query

    @property
    def qs(self) -> dict[str, list[str]]:
        """The query as lists of values."""
        return urllib.parse.parse_qs(self.query, keep_blank_values=True)

    @property
    def timeout(self) -> Any:
        """What the session was told."""
        return self._options.get("timeout")

    @property
    def allow_redirects(self) -> Any:
        """What the session was told."""
        return self._options.get("allow_redirects")

    @property
    def verify(self) -> Any:
        """What the session was told."""
        return self._options.get("verify")

    @property
    def stream(self) -> Any:
        """What the session was told."""
        return self._options.get("stream")

    @property
    def cert(self) -> Any:
        """What the session was told."""
        return self._options.get("cert")

    @property
    def proxies(self) -> Any:
        """What the session was told; a copy."""
        return copy.copy(self._options.get("proxies"))

    @property
    def text(self) -> Any:
        """The body as text; None when there was none."""
        body = self._request.body
        return body.decode("utf-8") if isinstance(body, bytes) else body

    def json(self, **kwargs: Any) -> Any:
        """The body as JSON."""
        return jsonlib.loads(self.text, **kwargs)

    @property
    def matcher(self) -> Any:
        """The matcher that answered; None when none did, or it is gone."""
        return None if self._matcher is None else self._matcher()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_matcher"] = None  # a weak reference
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __str__(self) -> str:
        return f"{self._request.method} {self._request.url}"


def shown(request: Request) -> _RequestObjectProxy:
    """The one object by which requests-mock's users know `request`."""
    known: _RequestObjectProxy | None = request._memo.get("requests_mock")
    if known is None:
        objects = objects_of(request)
        known = _RequestObjectProxy(objects.request, **objects.options)
        request._memo["requests_mock"] = known
    return known


def path_of(request: Request) -> str:
    """The path of `request` as matchers compare it."""
    return shown(request)._spelled(False).path


def path_as_sent(request: Request) -> str:
    """As `path_of`, for matchers to which case matters."""
    return shown(request)._spelled(True).path


def answered_by(request: Request, matcher: Any) -> _RequestObjectProxy:
    """The request, knowing which matcher answered it."""
    proxy = shown(request)
    proxy._matcher = weakref.ref(matcher)
    return proxy
