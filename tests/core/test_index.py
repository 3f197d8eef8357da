"""The index finds every route that a scan would find, and asks as many of ten thousand routes as of one."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netdouble._core.index import Index
from netdouble._core.matching import Mismatch
from netdouble._core.messages import Request
from netdouble._core.url_patterns import Key, UrlPattern, compile_url


@dataclass(eq=False)
class Stub:
    """The least that is a route."""

    order: int
    method: str | None
    pattern: UrlPattern

    def matches(self, request: Request) -> bool:
        return self.method in {None, request.method} and not self.pattern.mismatches(request)


def stub(order: int, url: Any, method: str | None = "GET") -> Stub:
    return Stub(order, method, compile_url(url, path_only=True))


def indexed(stubs: Sequence[Stub]) -> Index[Stub]:
    index: Index[Stub] = Index()
    for one in stubs:
        index.add(one)
    return index


def check_finds_what_a_scan_finds(stubs: Sequence[Stub], request: Request, index: Index[Stub]) -> None:
    scanned = [one for one in stubs if one.matches(request)]
    candidates = index.candidates(request)
    assert [one.order for one in candidates if one.matches(request)] == [one.order for one in scanned]
    assert len({id(one) for one in candidates}) == len(candidates)


SEGMENTS = st.sampled_from(
    ["a", "b", "a.json", "http:", "", "{x}", "{x:int}", "a-{x}", "{x}.json", "{x:path}", "a{x:path}", "7", "A"]
)
HOSTS = st.sampled_from(
    ["h.test", "x.h.test", "x.y.h.test", "*.h.test", "{t}.h.test", "{t}-a.h.test", "x-a.h.test", "[::1]"]
)
SCHEMES = st.sampled_from(["http", "https"])
PORTS = st.sampled_from(["", ":80", ":81"])
QUERIES = st.sampled_from(["", "?a=1", "?a=2", "?b&a=1", "?a=1&b", "?a=1&a=1", "?to=https://h.test/a"])


def path_of(segments: list[str]) -> str:
    """A path in which each field has a name of its own."""
    return "/" + "/".join(segment.replace("{x", f"{{x{i}") for i, segment in enumerate(segments))


PATHS = st.lists(SEGMENTS, max_size=3).map(path_of)
LITERAL_PATHS = PATHS.map(lambda path: re.sub(r"\{[^}]*\}", "7", path))
LITERAL_HOSTS = HOSTS.map(lambda host: host.replace("*", "x").replace("{t}", "x"))
REGEXES = st.sampled_from([
    r"^https://h\.test/a", r"https?://h\.test/", r"https://h\.test/a$", r"(?i)HTTPS://H\.TEST", r"/a/\d", r"^http",
    r"https?://(x|y)\.h\.test/", r"http", r"\Ahttp://h\.test:81/[ab]", r"a=1$", r"https://h\.test/a(/b)?$",
    r"ttps://h\.test", r"(^https://h\.test/a|b$)", r"h(?=ttp)", r"", r"^https?://[^/]+/a",
]).map(re.compile)  # fmt: skip
URLS: st.SearchStrategy[Any] = st.one_of(
    st.builds("{}://{}{}{}{}".format, SCHEMES, HOSTS, PORTS, PATHS, QUERIES),
    st.builds("{}{}".format, PATHS.filter(lambda path: not path.startswith("//")), QUERIES),
    REGEXES,
    st.none(),
)
METHODS = st.sampled_from(["GET", "POST", None])
STUBS = st.lists(st.tuples(URLS, METHODS), max_size=8).map(
    lambda declared: [stub(order, url, method) for order, (url, method) in enumerate(declared)]
)
REQUESTS = st.builds(
    Request.to,
    st.sampled_from(["GET", "POST"]),
    st.builds("{}://{}{}{}{}".format, SCHEMES, LITERAL_HOSTS, PORTS, LITERAL_PATHS, QUERIES),
)


@given(STUBS, st.lists(REQUESTS, min_size=1, max_size=6))
@example([stub(0, re.compile("https://h.test/a"))], [Request.to("GET", "https://x.test/https://h.test/a")])
@example([stub(0, "/{x}"), stub(1, "/a-{x}")], [Request.to("GET", "http://h.test/")])
@example([stub(0, re.compile("http"))], [Request.to("GET", "http://x.test/http:/http")])
def test_the_index_finds_what_a_scan_finds(stubs: list[Stub], requests: list[Request]) -> None:
    index = indexed(stubs)
    for request in requests:
        check_finds_what_a_scan_finds(stubs, request, index)


@given(STUBS, st.data())
def test_after_any_removals_and_in_any_order_of_adding_it_finds_what_a_scan_finds(
    stubs: list[Stub], data: st.DataObject
) -> None:
    index = indexed(data.draw(st.permutations(stubs)))
    removed = data.draw(st.sets(st.sampled_from(stubs))) if stubs else set()
    for one in removed:
        index.remove(one)
    kept = [one for one in stubs if one not in removed]
    assert len(index) == len(kept)
    for request in data.draw(st.lists(REQUESTS, min_size=1, max_size=3)):
        check_finds_what_a_scan_finds(kept, request, index)


@given(STUBS, LITERAL_HOSTS, st.sampled_from([80, 81, 443]), st.data())
def test_the_index_names_the_hosts_that_its_routes_name(
    stubs: list[Stub], host: str, port: int, data: st.DataObject
) -> None:
    host = host.strip("[]")
    index = indexed(stubs)
    removed = data.draw(st.sets(st.sampled_from(stubs))) if stubs else set()
    for one in removed:
        index.remove(one)
    kept = [one for one in stubs if one not in removed]
    assert index.names_host(host, port) == any(one.pattern.names_host(host, port) for one in kept)


@pytest.mark.parametrize("url", ["https://h.test/{}", "https://*.test/{}", "https://{{t}}.test/{}"])
def test_a_host_is_named_until_its_last_route_is_removed(url: str) -> None:
    stubs = [stub(0, url.format("a")), stub(1, url.format("{id}"))]
    index = indexed([*stubs, stub(2, "https://*.h.test/")])
    for one, named_after in zip(stubs, (True, False), strict=True):
        assert index.names_host("h.test", 443)
        index.remove(one)
        assert index.names_host("h.test", 443) is named_after
    assert index.names_host("x.h.test", 443)


def test_removing_a_route_that_is_not_there_is_an_error_and_changes_nothing() -> None:
    index = indexed([stub(0, "https://h.test/")])
    with pytest.raises(KeyError):
        index.remove(stub(0, "https://g.test/"))
    assert len(index) == 1
    assert not index.names_host("g.test", 443)


def test_the_candidates_are_a_list_of_their_own() -> None:
    index = indexed([stub(0, "https://h.test/")])
    index.candidates(Request.to("GET", "https://h.test/")).clear()
    assert len(index.candidates(Request.to("GET", "https://h.test/"))) == 1


# The cost: ten thousand routes against one

MANY = 10_000
SHAPES: list[tuple[str, Callable[[int], Any], Callable[[int], str]]] = [
    ("exact", lambda i: f"https://h.test/v1/r{i:05}", lambda i: f"https://h.test/v1/r{i:05}"),
    ("query", lambda i: f"https://h.test/v1?page={i}", lambda i: f"https://h.test/v1?page={i}"),
    ("host", lambda i: f"https://r{i:05}.test/", lambda i: f"https://r{i:05}.test/"),
    ("path alone", lambda i: f"/r{i:05}", lambda i: f"http://127.0.0.1:5000/r{i:05}"),
    ("template", lambda i: f"https://h.test/r{i:05}/{{id}}/x", lambda i: f"https://h.test/r{i:05}/7/x"),
    ("tail", lambda i: f"https://h.test/r{i:05}/{{rest:path}}", lambda i: f"https://h.test/r{i:05}/7/x"),
    ("late literal", lambda i: f"https://h.test/{{id}}/r{i:05}", lambda i: f"https://h.test/7/r{i:05}"),
    ("part of a segment", lambda i: f"https://h.test/r{i:05}({{id}})", lambda i: f"https://h.test/r{i:05}(7)"),
    ("wildcard", lambda i: f"https://*.r{i:05}.test/", lambda i: f"https://a.b.r{i:05}.test/"),
    ("host field", lambda i: f"https://{{t}}.r{i:05}.test/", lambda i: f"https://a.r{i:05}.test/"),
    ("regex", lambda i: re.compile(rf"https://h\.test/r{i:05}/\d+"), lambda i: f"https://h.test/r{i:05}/7"),
    ("either scheme", lambda i: re.compile(rf"^https?://h\.test/r{i:05}/"), lambda i: f"http://h.test/r{i:05}/7"),
]


def steps(call: Callable[[], object]) -> int:
    """How many bytecode instructions `call` runs: what a clock would say, without the noise."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    gc.disable()  # Hypothesis has callbacks in it
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


def costs(index: Index[Stub], hit: Request, miss: Request) -> list[int]:
    """The steps of finding a route, of finding none, and of knowing a host."""
    return [
        steps(lambda: index.candidates(hit)),
        steps(lambda: index.candidates(miss)),
        steps(lambda: index.names_host(hit.url.host, hit.url.port)),
    ]


@pytest.mark.parametrize(("declared", "asked"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
def test_ten_thousand_routes_cost_what_one_costs(declared: Callable[[int], Any], asked: Callable[[int], str]) -> None:
    last = MANY - 1
    request = Request.to("GET", asked(last))
    missing = Request.to("GET", "https://nowhere.test/r/x")
    one, many = indexed([stub(last, declared(last))]), indexed([stub(i, declared(i)) for i in range(MANY)])
    for index in (one, many):
        assert [found.order for found in index.candidates(request)] == [last]
        assert index.candidates(missing) == []
    assert costs(many, request, missing) == costs(one, request, missing)


def test_routes_of_every_shape_together_leave_one_to_ask() -> None:
    shapes = [declared for _, declared, _ in SHAPES]
    index = indexed([stub(i, shapes[i % len(shapes)](i)) for i in range(MANY)])
    for i, (name, _, asked) in enumerate(SHAPES):
        last = max(n for n in range(MANY) if n % len(SHAPES) == i)
        assert [one.order for one in index.candidates(Request.to("GET", asked(last)))] == [last], name


def _path(request: Request) -> str:
    return request.url.path


@dataclass(frozen=True)
class Keyed(UrlPattern):
    """A path, of any host."""

    text: str

    @property
    def key(self) -> Key:
        return _path, self.text

    def mismatches(self, request: Request) -> Sequence[Mismatch]:
        return () if request.url.path == self.text else (Mismatch("path", self.text, request.url.path),)


def test_ten_thousand_patterns_with_a_key_cost_what_one_costs() -> None:
    stubs = [Stub(i, "GET", Keyed(f"/r{i:05}")) for i in range(MANY)]
    one, many = indexed(stubs[-1:]), indexed(stubs)
    hit, miss = Request.to("GET", f"http://h.test/r{MANY - 1:05}"), Request.to("GET", "http://h.test/none")
    for index in (one, many):
        assert index.candidates(hit) == stubs[-1:]
        assert index.candidates(miss) == []
    assert costs(many, hit, miss)[:2] == costs(one, hit, miss)[:2]
    many.remove(stubs[-1])
    assert many.candidates(hit) == []


def test_what_stays_linear_is_what_the_documentation_says() -> None:
    linear = [re.compile("(?i)https://h.test/x"), re.compile("/x"), None]
    stubs = [stub(i, linear[i % len(linear)]) for i in range(30)]
    assert len(indexed(stubs).candidates(Request.to("GET", "https://g.test/"))) == 30
    assert indexed(stubs).candidates(Request.to("POST", "https://g.test/")) == []
