"""One spelling for every URL, whichever client sent it.

Rule: normalisation happens here and nowhere else (RFC 3986 sections 6.2.2 and 6.2.3): scheme and host case-free, IDNA
hosts as `xn--`, default ports gone, percent escapes upper-case and unreserved characters unescaped, dot segments
removed, an empty path is `/`, the fragment is dropped. The path stays case-sensitive and a trailing slash counts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_plus

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

# Characters that need no escape (RFC 3986 section 3.3 pchar and section 3.4 query).
_PATH_SAFE = "/:@!$&'()*+,;=-._~"
_QUERY_SAFE = _PATH_SAFE + "?"


# Most URLs are in their normal form already: nothing to escape, no dot segment.
_PLAIN = re.compile(
    r"(https?)://([a-z0-9\-._]+)(?::(\d{1,5}))?"
    r"((?:/[A-Za-z0-9\-_~!$&'()*+,;=:@]+(?:\.[\w\-~]+)*)+/?|/)?"
    r"(?:\?([A-Za-z0-9\-._~!$&'()*+,;=:@/?]*))?",
    re.ASCII,
)
_SPLIT = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?:.*@)?(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# What an international host must not turn into when it is spelled in ASCII (CVE-2019-9636: U+2100 becomes "a/c").
_NOT_IN_HOST = re.compile(r"[\s/?#@:%\[\]\\]")
_UNESCAPABLE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class URL:
    """An absolute URL in its one normal spelling. Immutable; equal by spelling.

    Attributes:
        scheme: lower case. host: lower case, IDNA-encoded, IPv6 compressed and without brackets. port: effective port
            number; 0 for a scheme that has no default port.
        path: escaped, begins with `/`. query: escaped, without `?`; `""` when there is none.
    """

    __slots__ = ("_pairs", "_text", "host", "path", "port", "query", "scheme")

    scheme: str
    host: str
    port: int
    path: str
    query: str
    _pairs: tuple[tuple[str, str], ...] | None
    _text: str | None

    def __init__(self, scheme: str, host: str, port: int, path: str, query: str) -> None:
        put = object.__setattr__
        put(self, "scheme", scheme)
        put(self, "host", host)
        put(self, "port", port)
        put(self, "path", path)
        put(self, "query", query)
        put(self, "_pairs", None)
        put(self, "_text", None)

    @property
    def origin(self) -> str:
        """Scheme, host and port as text; the port only where it is not the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if DEFAULT_PORTS.get(self.scheme, 0) == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def target(self) -> str:
        """Path and query, as a request line has them (RFC 9112 section 3.2.1)."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def query_pairs(self) -> tuple[tuple[str, str], ...]:
        """The query's keys and values, decoded, in order; `?a` is `("a", "")`."""
        pairs = self._pairs
        if pairs is None:
            pairs = parse_pairs(self.query)
            object.__setattr__(self, "_pairs", pairs)
        return pairs

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments, escaped; `/a/b/` is `("a", "b", "")`."""
        return tuple(self.path[1:].split("/"))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a URL can't be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a URL can't be changed: {name}")

    def __str__(self) -> str:
        text = self._text
        if text is None:
            text = self.origin + self.target
            object.__setattr__(self, "_text", text)
        return text

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, URL):
            return str(self) == str(other)
        if isinstance(other, str):
            return str(self) == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[object, ...]:
        return URL, (self.scheme, self.host, self.port, self.path, self.query)


@lru_cache(maxsize=8192)
def parse_url(text: str) -> URL:
    """The normal form of an absolute URL.

    Raises:
        ValueError: there is no scheme or no host, the host can't be one, or the port is not a number up to 65535.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        scheme, host, port, path, query = plain.groups()
        if not host.endswith(".") and (not port or int(port) <= 65535):
            return URL(scheme, host, int(port) if port else DEFAULT_PORTS[scheme], path or "/", query or "")
    split = _SPLIT.fullmatch(text)
    if split is None:
        raise ValueError(f"not an absolute URL: {text!r}")
    scheme, authority, path, query = split.groups()
    scheme = scheme.lower()
    host, number = split_authority(authority)
    if not host:
        raise ValueError(f"a URL without a host: {text!r}")
    number = number if number is not None else DEFAULT_PORTS.get(scheme, 0)
    return URL(scheme, host, number, normal_path(path), normal_query(query or ""))


@lru_cache(maxsize=8192)
def join_url(scheme: str, host: str, port: int | None, target: str) -> URL:
    """The URL that a request line's target means on a connection to `host`.

    `target` may be in origin form (`/a?b`), in absolute form (`http://h/a`, which wins over the connection) or `*`
    (RFC 9112 section 3.2). http.client sends a target without its slash, or with a fragment, as it is given.

    Raises:
        ValueError: the absolute form is not a URL, or the host can't be one.
    """
    if not target.startswith("/") and "://" in target.split("?", 1)[0]:
        return parse_url(target)
    path, _, query = target.partition("#")[0].partition("?")
    scheme = scheme.lower()
    number = port if port is not None else DEFAULT_PORTS.get(scheme, 0)
    if not path.startswith("/"):
        path = "/" if path == "*" else f"/{path}"
    return URL(scheme, normal_host(host), number, normal_path(path), normal_query(query))


def split_authority(authority: str) -> tuple[str, int | None]:
    """Host (normal, without brackets) and port (None: not given) of `user@host:port`.

    Raises:
        ValueError: the port is not a number up to 65535, or the host can't be one.
    """
    match = _AUTHORITY.fullmatch(authority)
    if match is None or (match[2] and int(match[2]) > 65535):
        raise ValueError(f"not a host and port: {authority!r}")
    return normal_host(match[1]), int(match[2]) if match[2] else None


def normal_host(host: str) -> str:
    """Lower case, without brackets and trailing dot; international labels as `xn--`; IPv6 compressed.

    Labels are encoded as in IDNA 2008 (RFC 5891): `ß` stays itself, as requests, httpx and yarl send it.

    Raises:
        ValueError: an international host holds a character that no host has.
    """
    host = host.strip("[]")
    if ":" in host:
        return _normal_ipv6(host)
    if "%" in host:
        host = _ESCAPE.sub(lambda escape: _respelled(escape[1]), host)
    if host.isascii():
        return host.lower().rstrip(".")
    spelled = unicodedata.normalize("NFKC", host).lower().replace("\u3002", ".").rstrip(".")
    if _NOT_IN_HOST.search(spelled):
        raise ValueError(f"not a host: {host!r}")
    return ".".join(x if x.isascii() else "xn--" + x.encode("punycode").decode("ascii") for x in spelled.split("."))


def _normal_ipv6(host: str) -> str:
    """The address as RFC 5952 spells it, the zone after one `%`; what is no IPv6 address, in lower case."""
    import ipaddress  # 5 ms that only an IPv6 host pays

    address, percent, zone = host.replace("%25", "%", 1).partition("%")
    try:
        return ipaddress.IPv6Address(address).compressed + percent + zone
    except ValueError:
        return host.lower()


def normal_path(path: str) -> str:
    """Escapes in one spelling, dot segments removed, at least `/`."""
    if not path:
        return "/"
    path = normal_escapes(path, _PATH_SAFE)
    return remove_dot_segments(path) if "/." in path else path


def normal_query(query: str) -> str:
    """Escapes in one spelling; order and repeats are kept."""
    return normal_escapes(query, _QUERY_SAFE) if query else ""


def normal_escapes(text: str, safe: str) -> str:
    """Every character outside `safe` escaped in UTF-8, every needless escape undone, hex digits upper case."""
    if "%" not in text:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe)
    parts = _ESCAPE.split(text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = _respelled(part)
        else:
            parts[i] = quote_from_bytes(part.encode("utf-8", "surrogatepass"), safe)
    return "".join(parts)


def _respelled(digits: str) -> str:
    """The escape of these hex digits as it should stand: undone where it is needless."""
    char = chr(int(digits, 16))
    return char if char in _UNESCAPABLE else f"%{digits.upper()}"


def remove_dot_segments(path: str) -> str:
    """RFC 3986 section 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def parse_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Keys and values of a query or an urlencoded form, decoded, in order; blank values are kept.

    `+` is a space (WHATWG URL, application/x-www-form-urlencoded).
    """
    if not text:
        return ()
    pairs = []
    for piece in text.split("&"):
        if piece:
            key, _, value = piece.partition("=")
            if "%" in piece or "+" in piece:
                key, value = unquote_plus(key), unquote_plus(value)
            pairs.append((key, value))
    return tuple(pairs)
