"""What a route says about the URL, and in which ways a request's URL differs from it.

Rule 1: a URL is read once, at declaration. What can't work is refused there, with the repair in the text.
Rule 2: a pattern is a value in the one normal spelling of `urls.py`. It knows no route and no registry.
Rule 3: `mismatches` compares everything, also after the first difference; there is no other way to ask for a match.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from netdouble._core.matching import ABSENT, MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.regex_starts import literal_starts
from netdouble._core.url_templates import Field, Part, Template, host_part, path_part, take_fields
from netdouble._core.urls import DEFAULT_PORTS, URL, parse_url
from netdouble.errors import DeclarationError

QueryKey = tuple[tuple[str, str], ...]
# A function of the request, and what it gives for every request that could match.
Key = tuple[Callable[[Request], Hashable], Hashable]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_SPLIT = re.compile(r"([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_MAX_PORT = 65535
_FIELD_IN_QUERY = re.compile(r"(?:[?&]|=)(\{\w+(?::\w+)?\})(?=[=&]|$)")


class UrlPattern(ABC):
    """What a route says about the URL. A matcher; made by `compile_url`.

    Attributes:
        text: as it was declared, joined with its base.
    """

    __slots__ = ()

    text: str

    @abstractmethod
    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Every way in which the request's URL differs.

        Criteria: `scheme`, `host`, `port`, `path`, `query` (one for each key, named by `where`), and `url` of a regex.
        """

    def captures(self, url: URL) -> dict[str, Any]:  # noqa: ARG002  (the default of what has no fields)
        """What the template's fields stand for in `url`, decoded; of a regex the named groups, as they are spelled."""
        return {}

    def names_host(self, host: str, port: int) -> bool:  # noqa: ARG002  (the default of what has no host)
        """It was declared for that host; a regex or any URL names none."""
        return False

    @property
    def query_declared(self) -> bool:
        """It has a query, which must match exactly."""
        return False

    @property
    def key(self) -> Key | None:
        """What a request must have for a match, for patterns that are not a URL in its parts; None: nothing."""
        return None


@dataclass(frozen=True, slots=True)
class AnyUrl(UrlPattern):
    """Every URL."""

    text: str = "any URL"

    def mismatches(self, request: Request) -> Sequence[Mismatch]:  # noqa: ARG002  (every request matches)
        """Nothing differs from any URL."""
        return MATCHED


@dataclass(frozen=True, slots=True)
class RegexUrl(UrlPattern):
    """A regex that is searched in the whole URL, with query, without fragment.

    Attributes:
        starts: texts of which one begins every match, when a match can begin only at the URL's own beginning or at an
            `http` inside of it; else empty.
    """

    text: str
    regex: re.Pattern[str]
    starts: tuple[str, ...]

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """One mismatch, of the whole URL."""
        if self.regex.search(str(request.url)) is not None:
            return MATCHED
        return (Mismatch("url", self.regex, str(request.url)),)

    def captures(self, url: URL) -> dict[str, Any]:
        """The named groups."""
        found = self.regex.search(str(url))
        return {} if found is None else found.groupdict()


@dataclass(frozen=True, slots=True)
class SplitUrl(UrlPattern):
    """A URL in its parts, each a text or a template.

    Attributes:
        scheme, host, port: None for any, as on a server, where a path stands alone.
        path: escaped. query: the decoded pairs, sorted; None when any query will do.
    """

    text: str
    scheme: str | None
    host: Part | None
    port: int | None
    path: Part
    query: QueryKey | None

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """A mismatch for each part that differs."""
        url = request.url
        if (url.path == self.path and url.host == self.host and url.port == self.port and url.scheme == self.scheme
                and self.query is None):  # fmt: skip
            return MATCHED
        return self._origin_mismatches(url) + self._target_mismatches(url) or MATCHED

    def _origin_mismatches(self, url: URL) -> list[Mismatch]:
        if self.host is None:
            return []
        found = []
        if url.scheme != self.scheme:
            found.append(Mismatch("scheme", self.scheme, url.scheme))
        if not _fits(self.host, url.host):
            found.append(Mismatch("host", str(self.host), url.host))
        if url.port != self.port and not self._ports_follow_schemes(url):
            found.append(Mismatch("port", self.port, url.port))
        return found

    def _ports_follow_schemes(self, url: URL) -> bool:
        """Each side has the port of its own scheme: what differs is the scheme alone."""
        return DEFAULT_PORTS.get(self.scheme or "") == self.port and DEFAULT_PORTS.get(url.scheme) == url.port

    def _target_mismatches(self, url: URL) -> list[Mismatch]:
        found = [] if _fits(self.path, url.path) else [Mismatch("path", str(self.path), url.path)]
        if self.query is not None and self.query != query_key(url):
            found += _query_mismatches(self.query, url.query_pairs)
        return found

    def captures(self, url: URL) -> dict[str, Any]:
        """The fields of host and path."""
        if isinstance(self.path, str) and not isinstance(self.host, Template):
            return {}
        parts = ((self.host, url.host), (self.path, url.path))
        return {
            name: value
            for part, text in parts
            if isinstance(part, Template)
            for name, value in part.captures(text).items()
        }

    def names_host(self, host: str, port: int) -> bool:
        """Its host, or wildcard, is that host."""
        return self.host is not None and self.port == port and _fits(self.host, host)

    @property
    def query_declared(self) -> bool:
        """It has a query."""
        return self.query is not None


def query_key(url: URL) -> QueryKey:
    """The query's pairs in an order of their own: equal for two queries that differ only in order."""
    return tuple(sorted(url.query_pairs))


def _fits(part: Part, text: str) -> bool:
    return part == text if isinstance(part, str) else part.match(text) is not None


def _query_mismatches(expected: QueryKey, got: Sequence[tuple[str, str]]) -> list[Mismatch]:
    """One mismatch for each key whose values differ."""
    keys = dict.fromkeys(key for key, _ in (*expected, *got))
    sides = [(key, [v for k, v in expected if k == key], [v for k, v in got if k == key]) for key in keys]
    return [
        Mismatch("query", _values(wanted), _values(there), where=key)
        for key, wanted, there in sides
        if Counter(wanted) != Counter(there)
    ]


def _values(values: list[str]) -> object:
    """A key's values as a user would write them."""
    if not values:
        return ABSENT
    return values[0] if len(values) == 1 else values


def compile_url(url: str | re.Pattern[str] | URL | None, *, base: str = "", path_only: bool = False) -> UrlPattern:
    """The pattern that `url` stands for.

    Args:
        url: a URL as text, which may be a template (`/users/{id}`) or have a host wildcard (`https://*.example.com/`);
            a regex, which is searched in the whole normalised URL; a `URL`, taken literally; None for any.
        base: what stands before a `url` that begins with `/` or `?`; an absolute `url`, a `URL` and a regex ignore it.
        path_only: a path alone is allowed, and means any host.

    Raises:
        DeclarationError: no request could ever match `url`, or it is not clear what it means.

    Example:
        >>> compile_url("/users/{id:int}", base="https://api.test/v1").text
        'https://api.test/v1/users/{id:int}'
    """
    if isinstance(url, URL):
        return SplitUrl(str(url), url.scheme, url.host, url.port, url.path, query_key(url) if url.query else None)
    if isinstance(url, re.Pattern):
        return _read_regex(url)
    if url is None:
        if base:
            raise DeclarationError(f'any URL under {base!r} is written as the template "/{{rest:path}}"')
        return AnyUrl()
    given: object = url
    if not isinstance(given, str):
        raise DeclarationError(
            f"a URL is a str, a compiled regex or a netdouble URL, not {type(given).__name__}: write str(url)"
        )
    text = _absolute(url, base, path_only=path_only)
    try:
        return _read_text(text)
    except ValueError as error:
        raise DeclarationError(f"the URL {text!r} can't be declared: {error}") from None


# Reading text


def _absolute(url: str, base: str, *, path_only: bool) -> str:
    """`url` joined with `base`; an absolute URL, or a path where that is allowed."""
    if _SCHEME.match(url):
        if url != url.rstrip():
            raise DeclarationError(f"the URL {url!r} ends with a blank: drop it, or write %20")
        return url
    if base and (not url or url[0] in "/?#") and not url.startswith("//"):
        if "?" in base or "#" in base:
            raise DeclarationError(f"the base URL {base!r} has a query or fragment; a base is scheme, host and path")
        return _absolute((base.rstrip("/") if url.startswith("/") else base) + url, "", path_only=path_only)
    if path_only and url.startswith("/") and not url.startswith("//"):
        return url
    raise DeclarationError(f"the URL {url!r} is not absolute: {_repair(url, base)}")


def _repair(url: str, base: str) -> str:
    """What the user most likely meant by a URL that is not absolute."""
    text = url.strip()
    if not text:
        return 'it is empty; write "https://HOST/PATH", or None for any URL'
    if text.startswith("^") or "\\" in text or ".*" in text:
        return f"it looks like a regex; pass re.compile({url!r}), which is searched in the whole URL"
    spelled = re.match(r"(https?|wss?)(?::/*|//+)(?!/|\d)|//", text)
    if spelled:
        return f'did you mean "{spelled[1] or "https"}://{text[spelled.end() :]}"?'
    if text.startswith("/"):
        return f'a path alone has no host; write "https://HOST{text}", or net.at("https://HOST") and {text!r} on it'
    host = text.partition("/")[0].partition("?")[0]
    if "." in host or ":" in host or host == "localhost":
        scheme = "http" if re.match(r"localhost\b|127\.", host) else "https"
        return f'did you mean "{scheme}://{text}"?'
    return f'did you mean "/{text}"?' if base else f'did you mean "https://HOST/{text}"?'


def _read_text(text: str) -> SplitUrl:
    split = _SPLIT.fullmatch(text)
    place, query = (split[1], split[2] or "") if split else (text, "")
    if _FIELD_IN_QUERY.search(query):
        name = query.partition("{")[2].partition("}")[0].partition(":")[0]
        raise ValueError(f'a field can\'t stand in a query; leave it out and say query={{"{name}": ...}}')
    marked, fields = take_fields(place)
    if not _SCHEME.match(place):
        url = parse_url(f"http://any.invalid{marked}{query}")
        return SplitUrl(text, None, None, None, path_part(url.path, fields), query_key(url) if url.query else None)
    _check_scheme(place)
    authority = marked.split("/", 3)[2]
    _check_authority(authority, fields)
    url = parse_url(marked + query)
    host = host_part(url.host, [x for x in fields if x.mark in authority])
    path = path_part(url.path, [x for x in fields if x.mark not in authority])
    return SplitUrl(text, url.scheme, host, url.port, path, query_key(url) if url.query else None)


def _check_scheme(place: str) -> None:
    scheme = place.partition(":")[0].lower()
    if scheme not in DEFAULT_PORTS:
        from difflib import get_close_matches  # only for an unusual scheme, such as that of a mounted adapter

        near = get_close_matches(scheme, DEFAULT_PORTS, cutoff=0.75)
        if near:
            raise ValueError(f'"{scheme}" is no scheme; did you mean "{near[0]}"?')


def _check_authority(authority: str, fields: Sequence[Field]) -> None:
    place = authority.rpartition("@")[2]
    bracketed = re.match(r"\[[^\]]*\]", place)
    host = bracketed[0] if bracketed else place.partition(":")[0]
    colon, port = place[len(host) :][:1], place[len(host) + 1 :]
    if ":" in port or colon not in {"", ":"}:
        raise ValueError("an IPv6 host stands in brackets, as in http://[::1]:8080/")
    if not host:
        raise ValueError('it has no host; write "https://HOST/PATH"')
    unfit = None if bracketed else re.search(r"[\s\\^|<>\"`,;\[\]]", host)
    if unfit:
        raise ValueError(f"{unfit[0]!r} can't stand in a host")
    if any(x.mark in port for x in fields):
        raise ValueError("a field can't stand for the port; write the number, or use re.compile(...)")
    if port and (not re.fullmatch(r"[0-9]+", port) or not 0 < int(port[:9]) <= _MAX_PORT):
        raise ValueError(f'the port "{port}" is not a number from 1 to {_MAX_PORT}')


# Reading a regex


def _read_regex(regex: re.Pattern[str]) -> RegexUrl:
    pattern: object = regex.pattern
    if not isinstance(pattern, str):
        raise DeclarationError(f"a URL is text, and {regex.pattern!r} is a regex of bytes: drop the b")
    starts, anchored = literal_starts(regex)
    reasons = [_why_never(start, anchored=anchored) for start in starts]
    if reasons and all(reasons):
        raise DeclarationError(
            f"the regex {regex.pattern!r} can't match: it is searched in the whole normalised URL, {reasons[0]}"
        )
    findable = anchored or all(start.startswith("http") for start in starts)
    return RegexUrl(regex.pattern, regex, starts if findable else ())


def _why_never(start: str, *, anchored: bool) -> str:
    """Why no URL has a match that begins with `start`, and the repair; "" when one may have."""
    if anchored and not re.match(r"[a-z][a-z0-9+\-]*(?:$|:$|:/$|://)", start):
        return 'which begins with "https://HOST"; put that after the "^", or drop the "^"'
    if "#" in start:
        return "which has no fragment; drop it"
    place = re.match(r"([a-z]+)://([^/?]*)([/?]?)", start)
    if place is None:
        return ""
    scheme, authority, end = place.groups()
    if authority != authority.lower():
        return f'whose host is in lower case; write "{authority.lower()}", or pass re.IGNORECASE'
    if end and authority.endswith(f":{DEFAULT_PORTS.get(scheme)}"):
        return f'which has no port where it is the scheme\'s own; drop "{authority[authority.rindex(":") :]}"'
    return ""
