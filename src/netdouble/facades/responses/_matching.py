"""Who is meant: responses' URLs as patterns of routes, its matchers as conditions.

Rule: the reason that a matcher of responses gives is the note of our mismatch; nothing is compared a second time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import quote

from netdouble._core.client_objects import ClientObjects
from netdouble._core.matching import MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.url_patterns import AnyUrl, SplitUrl, UrlPattern, query_key
from netdouble._core.urls import normal_host, parse_url
from netdouble.facades._requests_objects import objects_of, query_of


class Stub(Protocol):
    """What is asked of a response that is registered."""

    match: Any
    _matches_itself: ClassVar[bool]

    def matches(self, request: Any) -> tuple[bool, str]:
        """Whether it matches, and why not."""
        ...


@dataclass(frozen=True, slots=True)
class MatchedUrl(UrlPattern):
    """A regex that must match from the beginning of the URL."""

    text: str
    regex: re.Pattern[str]

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One mismatch, of the whole URL."""
        url = _spelled(request)
        return MATCHED if self.regex.match(url) else (Mismatch("url", self.regex, url),)


@dataclass(frozen=True, slots=True)
class NoUrl(UrlPattern):
    """A text that is no absolute URL: no request has it."""

    text: str

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """It never matches."""
        return (Mismatch("url", self.text, str(request.url), note="not an absolute URL"),)


def pattern_of(url: Any, *, whole_query: bool) -> UrlPattern:
    """The pattern for a URL of responses; None for any.

    Args:
        whole_query: the query counts too, in any order.
    """
    if url is None:
        return AnyUrl()
    if isinstance(url, re.Pattern):
        return MatchedUrl(url.pattern, url)
    try:
        parsed = parse_url(url)
    except ValueError:
        return NoUrl(url)
    query = query_key(parsed) if whole_query else None
    return SplitUrl(url, parsed.scheme, parsed.host, parsed.port, parsed.path, query)


def _spelled(request: Request) -> str:
    """The URL as requests spells it, which a regex may tell from our normal form."""
    native = request.native
    return str(native.request.url if isinstance(native, ClientObjects) else request.url)


def spelled_url(url: str) -> str:
    """A URL as responses shows it: an international host in ASCII, others escaped, a path that is not empty."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return url
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    tail = rest[len(authority) + len(path) :]
    if not authority.isascii():
        user, at, host = authority.rpartition("@")
        host, port_colon, port = host.partition(":")
        authority = f"{user}{at}{normal_host(host)}{port_colon}{port}"
    if not (path + tail).isascii():
        path, tail = quote(path, safe="/%:@!$&'()*+,;=~"), quote(tail, safe="/%:@!$&'()*+,;=~?#")
    return f"{scheme}://{authority}{path or '/'}{tail}"


def shown(objects: ClientObjects) -> Any:
    """The request as responses shows it to matchers and callbacks: with `params` and `req_kwargs`."""
    prepared = objects.request
    if not hasattr(prepared, "req_kwargs"):
        prepared.params = query_of(prepared.path_url)
        prepared.req_kwargs = dict(objects.options)
    return prepared


@dataclass(frozen=True, slots=True)
class Condition:
    """The matchers of a registered response, or its own `matches` where a subclass has one."""

    stub: Stub

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """The first matcher that says no, in its words."""
        if not self.stub._matches_itself and not self.stub.match:
            return MATCHED
        prepared = shown(objects_of(request))
        if self.stub._matches_itself:
            matched, reason = self.stub.matches(prepared)
        else:
            matched, reason = first_reason(self.stub.match, prepared)
        return MATCHED if matched else (Mismatch("where", self.stub, False, note=reason),)


def first_reason(matchers: Any, request: Any) -> tuple[bool, str]:
    """Whether all of them match, and the reason of the first that does not."""
    for matcher in matchers:
        matched, reason = matcher(request)
        if not matched:
            return False, str(reason)
    return True, ""
