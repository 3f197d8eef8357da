"""Finds the routes that could match a request without asking each of them.

Rule 1: a route that matches is never missing from the candidates; one that does not match may be among them.
Rule 2: method, host and port, exact path, exact query, and templates by their literal segments cost the same with one
route and with ten thousand; regexes too, if they begin with a literal text, and patterns that have a key. What stays
linear: regexes that do not (`re.IGNORECASE`, or no `^` and no literal `http` in front), and routes for any URL.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable, Iterator
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from netdouble._core.messages import Request
from netdouble._core.url_patterns import QueryKey, RegexUrl, SplitUrl, UrlPattern, query_key
from netdouble._core.url_templates import Part, Template


class Indexed(Protocol):
    """What the index needs of a route."""

    @property
    def order(self) -> int:
        """Its place in declared order."""
        ...

    @property
    def method(self) -> str | None:
        """Upper case; None for any."""
        ...

    @property
    def pattern(self) -> UrlPattern:
        """Its URL."""
        ...


R = TypeVar("R", bound=Indexed)
V = TypeVar("V")
K = TypeVar("K")
T = TypeVar("T")

_by_order = attrgetter("order")


class Index(Generic[R]):
    """The routes of a router, found by request."""

    def __init__(self) -> None:
        self._routes: dict[int, R] = {}
        self._hosts: dict[tuple[str, int], _Paths[R]] = {}
        # The hosts with a wildcard or field: by their literal end and port, then by their text.
        self._open_hosts: dict[tuple[str, int], dict[Template, _Paths[R]]] = {}
        self._any_host: _Paths[R] = _Paths()
        self._regexes: _Starts[_Leaf[R]] = _Starts()
        # By the function that a pattern's key is made with, then by the key.
        self._keyed: dict[Callable[[Request], Hashable], dict[Hashable, _Leaf[R]]] = {}
        self._rest: _Leaf[R] = _Leaf()
        # How many routes name no host in particular.
        self.open = 0

    def __len__(self) -> int:
        return len(self._routes)

    def add(self, route: R) -> None:
        """Find `route` from now on."""
        self._routes[id(route)] = route
        pattern = route.pattern
        self.open += is_open(pattern)
        if isinstance(pattern, SplitUrl):
            self._paths(pattern).add(pattern, route)
        else:
            for leaf in self._leaves(pattern):
                leaf.add(None, route)

    def remove(self, route: R) -> None:
        """Find `route` no more.

        Raises:
            KeyError: it was not added.
        """
        del self._routes[id(route)]
        pattern = route.pattern
        self.open -= is_open(pattern)
        if isinstance(pattern, SplitUrl):
            self._paths(pattern).remove(pattern, route)
            self._prune(pattern)
        else:
            for leaf in self._leaves(pattern):
                leaf.remove(None, route)

    def candidates(self, request: Request) -> list[R]:
        """Every route that could match by method and URL, in declared order."""
        url = request.url
        found: list[R] = []
        paths = self._hosts.get((url.host, url.port))
        if paths is not None:
            paths.collect(request, found)
        if self._open_hosts:
            for paths in self._open_paths(url.host, url.port):
                paths.collect(request, found)
        if self._any_host.size:
            self._any_host.collect(request, found)
        if self._regexes.values:
            self._collect_regexes(request, found)
        if self._keyed:
            for key_of, leaves in tuple(self._keyed.items()):
                leaf = leaves.get(key_of(request))
                if leaf is not None:
                    leaf.collect(request, found)
        if self._rest.size:
            self._rest.collect(request, found)
        if len(found) > 1:
            found.sort(key=_by_order)
        return found

    def names_host(self, host: str, port: int | None) -> bool:
        """Some route was declared for that host, literally or by wildcard (`port` None: on whatever port)."""
        if port is None:
            ports = {known for _, known in (*tuple(self._hosts), *tuple(self._open_hosts))}
            return any(self.names_host(host, known) for known in ports)
        if (host, port) in self._hosts or any(True for _ in self._open_paths(host, port)):
            return True
        return any(route.pattern.names_host(host, port) for route in list(self._loose()))

    def _loose(self) -> Iterator[R]:
        """The routes that are found neither by host nor by regex."""
        yield from self._rest.routes()
        for leaves in list(self._keyed.values()):
            for leaf in list(leaves.values()):
                yield from leaf.routes()

    def _open_paths(self, host: str, port: int) -> Iterator[_Paths[R]]:
        """The paths below each open host that `host` fits."""
        _, dot, end = host.partition(".")
        while dot:
            # A copy: the gate asks for names while another thread may be declaring.
            for template, paths in list(self._open_hosts.get((end, port), {}).items()):
                if template.match(host) is not None:
                    yield paths
            _, dot, end = end.partition(".")

    def _collect_regexes(self, request: Request, found: list[R]) -> None:
        # Without `^` a match may begin inside of the URL, but only where there is an `http` (`RegexUrl.starts`), as in
        # https://proxy.test/?to=https://api.test/x.
        text = str(request.url)
        matching: list[R] = []
        place = 0
        while place >= 0:
            for leaf in self._regexes.find(text, place):
                leaf.collect(request, matching)
            place = text.find("http", place + 1)
        found.extend({id(route): route for route in matching}.values())

    def _leaves(self, pattern: UrlPattern) -> list[_Leaf[R]]:
        if isinstance(pattern, RegexUrl) and pattern.starts:
            return [self._regexes.at(start, _Leaf) for start in pattern.starts]
        if pattern.key is not None:
            key_of, key = pattern.key
            return [_at(_at(self._keyed, key_of, dict), key, _Leaf)]
        return [self._rest]

    def _paths(self, pattern: SplitUrl) -> _Paths[R]:
        host, port = pattern.host, pattern.port
        if host is None or port is None:
            return self._any_host
        if isinstance(host, str):
            return _at(self._hosts, (host, port), _Paths)
        return _at(_at(self._open_hosts, (_literal_end(host), port), dict), host, _Paths)

    def _prune(self, pattern: SplitUrl) -> None:
        """Forget a host that has no routes left: `names_host` must not know it."""
        host, port = pattern.host, pattern.port
        if host is None or port is None or self._paths(pattern).size:
            return
        if isinstance(host, str):
            del self._hosts[host, port]
            return
        siblings = self._open_hosts[_literal_end(host), port]
        del siblings[host]
        if not siblings:
            del self._open_hosts[_literal_end(host), port]


def is_open(pattern: UrlPattern) -> bool:
    """It names no host in particular."""
    return not isinstance(pattern, SplitUrl) or pattern.host is None


def _literal_end(host: Template) -> str:
    """The labels after the last wildcard or field: `example.com` of `{x}-api.example.com`."""
    last = max(host.text.rfind("*"), host.text.rfind("}"))
    return host.text[last + 1 :].partition(".")[2]


class _Leaf(Generic[R]):
    """Routes that differ in nothing but method and query."""

    __slots__ = ("_by_query", "_plain", "size")

    def __init__(self) -> None:
        self.size = 0
        self._plain: dict[str | None, dict[int, R]] = {}
        self._by_query: dict[tuple[str | None, QueryKey], dict[int, R]] = {}

    def add(self, query: QueryKey | None, route: R) -> None:
        self.size += 1
        if query is None:
            _at(self._plain, route.method, dict)[id(route)] = route
        else:
            _at(self._by_query, (route.method, query), dict)[id(route)] = route

    def remove(self, query: QueryKey | None, route: R) -> None:
        self.size -= 1
        if query is None:
            del self._plain[route.method][id(route)]
        else:
            del self._by_query[route.method, query][id(route)]

    def routes(self) -> Iterator[R]:
        for routes in (*self._plain.values(), *self._by_query.values()):
            yield from routes.values()

    def collect(self, request: Request, found: list[R]) -> None:
        if self._plain:
            routes = self._plain.get(request.method)
            if routes:
                found += routes.values()
            routes = self._plain.get(None)
            if routes:
                found += routes.values()
        if self._by_query:
            query = query_key(request.url)
            for key in ((request.method, query), (None, query)):
                if key in self._by_query:
                    found.extend(self._by_query[key].values())


class _Paths(Generic[R]):
    """The routes of one host, by path."""

    __slots__ = ("_exact", "_templates", "size")

    def __init__(self) -> None:
        self._exact: dict[str, _Leaf[R]] = {}
        self._templates: _Node[R] | None = None
        self.size = 0

    def add(self, pattern: SplitUrl, route: R) -> None:
        self._leaf(pattern.path).add(pattern.query, route)
        self.size += 1

    def remove(self, pattern: SplitUrl, route: R) -> None:
        self._leaf(pattern.path).remove(pattern.query, route)
        self.size -= 1

    def collect(self, request: Request, found: list[R]) -> None:
        leaf = self._exact.get(request.url.path)
        if leaf is not None:
            leaf.collect(request, found)
        if self._templates is not None:
            for leaf in self._templates.leaves(request.url.segments):
                leaf.collect(request, found)

    def _leaf(self, path: Part) -> _Leaf[R]:
        if isinstance(path, str):
            return _at(self._exact, path, _Leaf)
        node = self._templates = self._templates or _Node()
        for segment in path.text[1:].split("/"):
            if ":path}" in segment:
                return node.below
            node = node.child(segment)
        return node.here


class _Node(Generic[R]):
    """A place among the segments of a host's templates."""

    __slots__ = ("below", "here", "literal", "open")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[R]] = {}
        # Segments with a field in them, by what stands before the first one.
        self.open: _Starts[_Node[R]] = _Starts()
        self.here: _Leaf[R] = _Leaf()
        # Whatever follows: a `{name:path}` stands in the next segment.
        self.below: _Leaf[R] = _Leaf()

    def child(self, segment: str) -> _Node[R]:
        if "{" in segment:
            return self.open.at(segment.partition("{")[0], _Node)
        return _at(self.literal, segment, _Node)

    def leaves(self, segments: tuple[str, ...]) -> Iterator[_Leaf[R]]:
        """The leaves that a path of these segments reaches."""
        level = [self]
        for segment in segments:
            following = []
            for node in level:
                yield node.below
                if segment in node.literal:
                    following.append(node.literal[segment])
                following.extend(node.open.find(segment, 0))
            level = following
        for node in level:
            yield node.here


class _Starts(Generic[V]):
    """Values by the text that something must begin with."""

    __slots__ = ("_lengths", "values")

    def __init__(self) -> None:
        self.values: dict[str, V] = {}
        self._lengths: list[int] = []

    def at(self, start: str, make: Callable[[], V]) -> V:
        """The value of `start`, made when missing."""
        if start not in self.values and len(start) not in self._lengths:
            insort(self._lengths, len(start))
        return _at(self.values, start, make)

    def find(self, text: str, place: int) -> Iterator[V]:
        """The value of each start that stands in `text` at `place`."""
        longest = len(text) - place
        for length in self._lengths:
            if length > longest:
                break
            value = self.values.get(text[place : place + length])
            if value is not None:
                yield value


def _at(values: dict[K, T], key: K, make: Callable[[], T]) -> T:
    """The value of `key`, made when missing."""
    value = values.get(key)
    if value is None:
        value = values[key] = make()
    return value
