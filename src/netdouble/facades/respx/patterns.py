"""The patterns of a request's parts: method, URL and its pieces, headers, cookies and bodies; and `M`.

Rule: a value is cleaned once, where it is declared; values and texts are respx's (0.23.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from unittest.mock import ANY

from netdouble._core.urls import DEFAULT_PORTS
from netdouble.facades._httpx_objects import default, is_a
from netdouble.facades.respx.body_patterns import JSON, Content, Data, Files, decode_data
from netdouble.facades.respx.lookups import (
    Lookup,
    Match,
    Noop,
    PathPattern,
    Pattern,
    combine,
    merge_patterns,
    regex,
)  # fmt: skip
from netdouble.facades.respx.multi_items import SPELLED_ANY, MultiItems, MultiPattern

__all__ = [
    "ANY", "JSON", "URL", "Content", "Cookies", "Data", "Files", "Headers", "Host", "Lookup", "M", "Match", "Method",
    "MultiItems", "Noop", "Params", "Path", "PathPattern", "Pattern", "Port", "Scheme", "combine", "decode_data",
    "get_scheme_port", "merge_patterns", "parse_url", "parse_url_patterns",
]  # fmt: skip


class Method(Pattern):
    """The method, in any case."""

    key = "method"
    lookups = (Lookup.EQUAL, Lookup.IN)

    def clean(self, value: Any) -> Any:
        """Upper case."""
        return value.upper() if isinstance(value, str) else tuple(each.upper() for each in value)

    def parse(self, request: Any) -> str:
        """Upper case."""
        method: str = request.method
        return method.upper()


class Scheme(Pattern):
    """The URL's scheme."""

    key = "scheme"
    lookups = (Lookup.EQUAL, Lookup.IN)

    def clean(self, value: Any) -> Any:
        """Lower case."""
        return value.lower() if isinstance(value, str) else tuple(each.lower() for each in value)

    def parse(self, request: Any) -> str:
        """As it is."""
        scheme: str = request.url.scheme
        return scheme


class Host(Pattern):
    """The URL's host."""

    key = "host"
    lookups = (Lookup.EQUAL, Lookup.REGEX, Lookup.IN)

    def clean(self, value: Any) -> Any:
        """A compiled regex, a tuple."""
        return _cleaned(self, value)

    def parse(self, request: Any) -> str:
        """Lower case, as httpx has it."""
        host: str = request.url.host
        return host


class Port(Pattern):
    """The URL's port; the scheme's own where there is none."""

    key = "port"
    lookups = (Lookup.EQUAL, Lookup.IN)

    def clean(self, value: Any) -> Any:
        """A tuple."""
        return _cleaned(self, value)

    def parse(self, request: Any) -> int | None:
        """A number, or None."""
        port: int | None = request.url.port or get_scheme_port(request.url.scheme)
        return port


class Path(Pattern):
    """The URL's path, decoded."""

    key = "path"
    lookups = (Lookup.EQUAL, Lookup.REGEX, Lookup.STARTS_WITH, Lookup.IN)

    def clean(self, value: Any) -> Any:
        """With a slash in front."""
        if isinstance(value, str) and self.lookup is not Lookup.REGEX:
            return value if value.startswith("/") else f"/{value}"
        return _cleaned(self, value)

    def parse(self, request: Any) -> str:
        """Decoded."""
        path: str = request.url.path
        return path

    def strip_base(self, value: str) -> str:
        """What follows the base, with a slash in front."""
        if self.base is None:
            return value
        rest = value[len(self.base.value) :]
        return rest if rest.startswith("/") else f"/{rest}"


class Params(MultiPattern):
    """The query's names and values."""

    key = "params"
    lookups = (Lookup.CONTAINS, Lookup.EQUAL)

    def clean(self, value: Any) -> Any:
        """As QueryParams, which spell `ANY` as we do."""
        return default().QueryParams(value.multi_items() if is_a(value, "QueryParams") else value)

    def parse(self, request: Any) -> Any:
        """As QueryParams."""
        return request.url.params


class URL(Pattern):
    """The whole URL."""

    key = "url"
    lookups = (Lookup.EQUAL, Lookup.REGEX, Lookup.STARTS_WITH)

    def clean(self, value: Any) -> Any:
        """As text; where it is to be equal, with a path."""
        if self.lookup is Lookup.EQUAL and (isinstance(value, (str, tuple)) or is_a(value, "URL")):
            return str(_with_path(parse_url(value)))
        if self.lookup is Lookup.REGEX and isinstance(value, (str, re.Pattern)):
            return regex(value)
        if self.lookup is not Lookup.STARTS_WITH or not isinstance(value, str):
            raise ValueError(f"Invalid url: {value!r}")
        return value

    def parse(self, request: Any) -> str:
        """With a path."""
        return str(_with_path(request.url))


class Headers(MultiPattern):
    """Header fields; names in any case."""

    key = "headers"
    lookups = (Lookup.CONTAINS, Lookup.EQUAL)

    def clean(self, value: Any) -> Any:
        """As Headers."""
        if isinstance(value, Mapping) and not is_a(value, "Headers"):
            value = list(value.items())
        if isinstance(value, (list, tuple)):
            value = [(name, SPELLED_ANY if one is ANY else one) for name, one in value]
        return default().Headers(value)

    def parse(self, request: Any) -> Any:
        """As Headers."""
        return request.headers


class Cookies(Pattern):
    """Cookies, as name and value."""

    key = "cookies"
    lookups = (Lookup.CONTAINS, Lookup.EQUAL)

    def __hash__(self) -> int:
        return hash((type(self), self.lookup, tuple(sorted(self.value, key=str))))

    def clean(self, value: Any) -> set[tuple[str, Any]]:
        """As a set of pairs."""
        return set(value.items() if isinstance(value, Mapping) else map(tuple, value))

    def parse(self, request: Any) -> set[tuple[str, Any]]:
        """As a set of pairs."""
        header = request.headers.get("cookie")
        return {(name, morsel.value) for name, morsel in SimpleCookie(header).items()} if header else set()

    def _eq(self, value: Any) -> Match:
        return Match(len(value) == len(self.value) and bool(self._contains(value)))

    def _contains(self, value: Any) -> Match:
        # respx 0.23.1 is content with one of them; every one is what is written.
        there = dict(value)
        return Match(all(name in there and expected == there[name] for name, expected in self.value))


def _with_path(url: Any) -> Any:
    return url if url._uri_reference.path else url.copy_with(path="/")


def _cleaned(pattern: Pattern, value: Any) -> Any:
    if pattern.lookup is Lookup.REGEX:
        return regex(value)
    return tuple(value) if pattern.lookup is Lookup.IN and not isinstance(value, str) else value


# Reading declarations


def M(*patterns: Pattern, **lookups: Any) -> Pattern:  # noqa: N802  # its name
    """A pattern made of others and of keywords, all of which must match.

    Args:
        patterns: to begin with. lookups: key and value, as `path="/"`, `path__startswith="/"` or `json__a__0=1`.

    Raises:
        KeyError: no pattern has that key. ValueError: no such lookup. NotImplementedError: not of that pattern.

    Example:
        >>> M(method="GET", host="example.org") | ~M(path__startswith="/private/")
        <Method eq 'GET'> AND <Host eq 'example.org'> OR NOT <Path startswith '/private/'>
    """
    named: list[Pattern] = []
    for keyword, value in lookups.items():
        key, _, rest = keyword.partition("__")
        if key not in Pattern.registry:
            raise KeyError(f"{key!r} is not a valid Pattern")
        if keyword == "url":
            continue
        made = _made(Pattern.registry[key], value, rest)
        if made.value or made.lookup is Lookup.EQUAL:  # else there is nothing to compare with
            named.append(made)
    # A keyword for the host stands for itself, below a URL as below a base URL.
    return merge_patterns(combine([*patterns, *named]), **parse_url_patterns(lookups.get("url")))


def _made(kind: type[Pattern], value: Any, rest: str) -> Pattern:
    path, lookup = "", rest
    if rest and issubclass(kind, PathPattern):
        path, _, lookup = rest.rpartition("__")
        if lookup not in {known.value for known in Lookup}:
            path, lookup = rest, ""
    chosen = Lookup(lookup) if lookup else None
    return kind(value, chosen, path=path) if issubclass(kind, PathPattern) else kind(value, chosen)


def get_scheme_port(scheme: str | None) -> int | None:
    """The port of `http` and `https`; None for any other scheme."""
    return DEFAULT_PORTS[scheme] if scheme in {"http", "https"} else None


def parse_url(value: Any) -> Any:
    """A URL of httpx, from text, from one, or from its four raw parts (scheme, host, port, path with query)."""
    httpx = default()
    if is_a(value, "URL"):
        return value
    if isinstance(value, tuple):
        scheme, host, port, raw_path = value
        return httpx.URL(scheme=scheme.decode("ascii"), host=host.decode("ascii"), port=port, raw_path=raw_path)
    return httpx.URL(value)


def parse_url_patterns(url: Any, exact: bool = True) -> dict[str, Pattern]:
    """The patterns that a URL stands for, by key.

    Args:
        url: text (the host may begin with `*.` or `*`), a URL, raw parts, or a regex of the whole URL; None for any.
        exact: path and query must be equal; else the path may go on and the query have more.
    """
    if not url:
        return {}
    if isinstance(url, re.Pattern):
        return {"url": URL(url, Lookup.REGEX)}
    if url == "all":
        return {}
    found: dict[str, Pattern] = {}
    read = parse_url(url)
    if read.scheme and read.scheme != "all":
        found["scheme"] = Scheme(read.scheme)
    if read.host:
        found["host"] = _host(read.host)
    if read.port and read.port != get_scheme_port(read.scheme):
        found["port"] = Port(read.port)
    if read._uri_reference.path:
        found["path"] = Path(read.path, None if exact else Lookup.STARTS_WITH)
    if read.query:
        found["params"] = Params(default().QueryParams(read.query), Lookup.EQUAL if exact else None)
    return found


def _host(name: str) -> Host:
    """The pattern of a host that may begin with `*.` (any subdomain) or `*` (that one too)."""
    if not name.startswith("*"):
        return Host(name)
    dot, end = (r".+\.", name[2:]) if name.startswith("*.") else (r"(.+\.)?", name[1:])
    return Host(f"^{dot}{re.escape(end)}$", Lookup.REGEX)
