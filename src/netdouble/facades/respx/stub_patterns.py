"""A respx pattern as the URL pattern of a route: what the core asks, and what its reports show.

Rule: a route is asked about every request, so what is plain (scheme, host, port, path) is compared without building an
httpx.Request; how a request differs is only spelled out when somebody reads it.
"""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from netdouble._core.matching import ABSENT, MATCHED, Mismatch
from netdouble._core.messages import Request
from netdouble._core.url_patterns import UrlPattern
from netdouble._core.urls import DEFAULT_PORTS
from netdouble.facades._differences import Differences
from netdouble.facades._httpx_objects import native_request
from netdouble.facades.respx.lookups import And, Invert, Lookup, Or, Pattern
from netdouble.facades.respx.multi_items import MultiPattern, by_name
from netdouble.facades.respx.patterns import JSON, Host, Method, Params, Path, Port, Scheme

_CRITERIA = {"params": "query", "headers": "header", "cookies": "cookie", "data": "form"}
_SAFE_PATH = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/]*", re.ASCII)


class StubPattern(UrlPattern):
    """What a respx route says of a request.

    Attributes:
        pattern: respx's. method: the one that it names, or None: the core compares that.
    """

    __slots__ = ("_host", "_is_plain", "_path", "_port", "_scheme", "method", "pattern", "text")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.method: str | None = None
        self._scheme: str | None = None
        self._host: str | None = None
        self._path: str | None = None
        self._port: int | None = None
        self._is_plain = True
        for part in _conjuncts(pattern):
            if not self._takes(part):
                self._is_plain = False
        self.text = self._spelled()

    def _takes(self, part: Pattern) -> bool:
        """Keep a part that can be compared as it is; false for another one."""
        if part.lookup is not Lookup.EQUAL or part.base is not None:
            return not part  # an empty one
        if isinstance(part, Method) and self.method in {None, part.value}:
            self.method = part.value
        elif isinstance(part, Scheme) and self._scheme is None:
            self._scheme = part.value
        elif isinstance(part, Host) and self._host is None and part.value.isascii():
            self._host = part.value
        elif isinstance(part, Port) and self._port is None:
            self._port = part.value
        elif isinstance(part, Path) and self._path is None and _SAFE_PATH.fullmatch(part.value):
            self._path = part.value
        else:
            return not part
        return True

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        """Every way in which the request differs, but for its method."""
        url = request.url
        plain_path = self._path is None or "%" not in url.path
        differs = (
            (self._path is not None and plain_path and self._path != url.path)
            or (self._host is not None and self._host != url.host)
            or (self._scheme is not None and self._scheme != url.scheme)
            or (self._port is not None and self._port != url.port)
        )
        if differs or not ((self._is_plain and plain_path) or self._matches(request)):
            return Differences(partial(_differences, self.pattern, request))
        return MATCHED

    def _matches(self, request: Request) -> bool:
        return bool(self.pattern.match(native_request(request)))

    def names_host(self, host: str, port: int) -> bool:
        """It was declared for that host."""
        expected = DEFAULT_PORTS.get(self._scheme or "https") if self._port is None else self._port
        return self._host == host and expected == port

    def _spelled(self) -> str:
        if not self._is_plain and self._path is None and self._host is None:
            return repr(self.pattern)
        port = "" if self._port is None else f":{self._port}"
        query = next((p.value for p in self.pattern if isinstance(p, Params)), "")
        return f"{self._scheme or '*'}://{self._host or '*'}{port}{self._path or ''}{f'?{query}' if query else ''}"


def _conjuncts(pattern: Pattern) -> Iterator[Pattern]:
    """The parts of which every one must match."""
    if isinstance(pattern, And):
        for part in pattern.value:
            yield from _conjuncts(part)
    else:
        yield pattern


def _differences(pattern: Pattern, request: Request) -> Sequence[Mismatch]:
    found = list(_explained(pattern, native_request(request)))
    # What the core spells otherwise than httpx (a host's letters, an escape) is told by the pattern as a whole.
    return found or [Mismatch("where", pattern, str(request.url), "pattern")]


def _explained(pattern: Pattern, native: Any) -> Iterator[Mismatch]:
    if isinstance(pattern, And):
        for part in pattern.value:
            yield from _explained(part, native)
    elif isinstance(pattern, Or):
        alternatives = [list(_explained(part, native)) for part in pattern.value]
        yield from min(alternatives, key=len)
    elif isinstance(pattern, Invert):
        if not pattern.match(native):
            yield Mismatch("not", ABSENT, pattern.value, note="it matches, and must not")
    elif not isinstance(pattern, Method) and not pattern.match(native):
        yield from _of_part(pattern, native)


def _of_part(part: Pattern, native: Any) -> Iterator[Mismatch]:
    criterion = _CRITERIA.get(part.key, part.key)
    try:
        got = part.parse(native)
    except Exception as error:  # noqa: BLE001  # what can't be read is what differs
        yield Mismatch(criterion, part.value, ABSENT, note=f"the body can't be read so: {type(error).__name__}")
        return
    if isinstance(part, JSON):
        yield Mismatch(criterion, part.expected, jsonlib.loads(got), part.path or "")
        return
    if not isinstance(part, MultiPattern):
        yield Mismatch(criterion, part.value, got)
        return
    wanted, there = part.expected(), by_name(got)
    names = wanted if part.lookup is Lookup.CONTAINS else {**wanted, **there}
    for name in names:
        if wanted.get(name) != there.get(name):
            yield Mismatch(criterion, _values(wanted.get(name)), _values(there.get(name)), name)


def _values(values: tuple[Any, ...] | None) -> Any:
    if not values:
        return ABSENT
    return values[0] if len(values) == 1 else list(values)
