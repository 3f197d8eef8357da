"""What `query=`, `headers=`, `cookies=`, `method=`, `url=` and `where=` match, as one table, and what they report."""

from __future__ import annotations

import functools
import random
import re
from unittest.mock import ANY
from urllib.parse import urlencode

import pytest
from dirty_equals import IsInt, IsList, IsNow, IsStr
from hypothesis import given
from hypothesis import strategies as st

from netdouble._core.matchers import M, exactly, partial
from netdouble._core.matching import ABSENT
from netdouble._core.messages import Request


def shown(value):
    """A test's id: the same in every process, so without addresses."""
    return re.sub(r" at (0x|/)\S+", "", repr(value))[:70]


def sent(query="", method="GET", **fields):
    """A request; a header's list value is several lines."""
    lines = [
        (name.replace("_", "-"), line)
        for name, value in fields.items()
        for line in (value if isinstance(value, list) else [value])
    ]
    return Request.to(method, f"https://api.test/x?{query}", headers=lines)


MATCHES = [
    # query: a subset, whatever the order
    ({"query": {}}, sent("a=1")),
    ({"query": {"a": "1"}}, sent("a=1")),
    ({"query": {"a": "1"}}, sent("b=2&a=1")),
    ({"query": {"a": 1, "b": 1.5}}, sent("b=1.5&a=1")),
    ({"query": {"a": ""}}, sent("a")),
    ({"query": {"a": ""}}, sent("a=")),
    ({"query": {"q": "a b+ä&="}}, sent("q=a+b%2B%C3%A4%26%3D")),
    ({"query": {"a": None}}, sent("b=1")),
    ({"query": {"a": []}}, sent("b=1")),
    ({"query": {"a": ["2", 1]}}, sent("a=2&b=0&a=1")),
    ({"query": {"a": ("2", "1")}}, sent("a=2&a=1")),
    ({"query": {"a": ["1"]}}, sent("a=1")),
    ({"query": {"a": ANY}}, sent("a=1")),
    ({"query": {"a": ANY}}, sent("a=1&a=2")),
    ({"query": {"a": [ANY, "2"]}}, sent("a=1&a=2")),
    ({"query": {"a": IsStr(regex=r"\d+")}}, sent("a=17")),
    ({"query": {"a": IsStr}}, sent("a=17")),
    ({"query": {"a": IsList("1", "2")}}, sent("a=1&a=2")),
    ({"query": {"a": re.compile(r"\d")}}, sent("a=x7")),
    ({"query": {"a": [re.compile("^1"), re.compile("^2")]}}, sent("a=11&a=22")),
    ({"query": [("a", "2"), ("b", "3"), ("a", 1)]}, sent("b=3&a=2&a=1")),
    ({"query": "a=2&b&a=1"}, sent("b=&a=2&a=1&c=3")),
    ({"query": "?a=%20"}, sent("a=+")),
    ({"query": exactly({"a": 1, "b": 2})}, sent("b=2&a=1")),
    ({"query": exactly({})}, sent()),
    ({"query": exactly("a=1")}, sent("a=1")),
    ({"query": exactly({"a": "1", "b": None})}, sent("a=1")),
    ({"query": partial({"a": "1"})}, sent("a=1&b=2")),
    # headers: names case-free; one line, or all lines joined
    ({"headers": {"x-api-key": "k"}}, sent(X_Api_Key="k")),
    ({"headers": {"X-API-KEY": ANY}}, sent(x_api_key="k")),
    ({"headers": {"X-N": 7}}, sent(x_n="7")),
    ({"headers": {"Via": "a"}}, sent(via=["a", "b"])),
    ({"headers": {"Via": "b"}}, sent(via=["a", "b"])),
    ({"headers": {"Via": "a, b"}}, sent(via=["a", "b"])),
    ({"headers": {"Via": "a, b"}}, sent(via="a, b")),
    ({"headers": {"Via": ["a", "b"]}}, sent(via=["a", "b"])),
    ({"headers": [("Via", "a"), ("via", "b")]}, sent(via=["a", "b"])),
    ({"headers": {"Via": re.compile("^b$")}}, sent(via=["a", "b"])),
    ({"headers": {"Via": re.compile("a, b")}}, sent(via=["a", "b"])),
    ({"headers": {"Authorization": None}}, sent(accept="*/*")),
    ({"headers": {"Authorization": re.compile("^Bearer ")}}, sent(authorization="Bearer t")),
    ({"headers": exactly({"Accept": "*/*"})}, sent(accept="*/*")),
    # cookies
    ({"cookies": {"sid": "1"}}, sent(cookie="theme=dark; sid=1")),
    ({"cookies": {"sid": 1, "other": None}}, sent(cookie="sid=1")),
    ({"cookies": {"sid": ANY}}, sent(cookie=["theme=dark", "sid=1"])),
    ({"cookies": exactly({"sid": re.compile("1")})}, sent(cookie="sid=1")),
    # the rest
    ({"method": "post"}, sent(method="POST")),
    ({"method": "PURGE"}, sent(method="purge")),
    ({"url": "https://api.test/x"}, sent("a=1")),
    ({"url": "https://api.test/x?b=2&a=1"}, sent("a=1&b=2")),
    ({"where": lambda request: request.host == "api.test"}, sent()),
    ({"where": lambda request: "non-empty"}, sent()),
    ({"where": M(method="GET") | M(method="HEAD")}, sent()),
    ({"query": {"a": 1}, "headers": {"b": 2}, "cookies": {"c": 3}, "method": "GET"}, sent("a=1", b="2", cookie="c=3")),
]


@pytest.mark.parametrize(("conditions", "request_"), MATCHES, ids=shown)
def test_it_matches(conditions, request_):
    assert not M(**conditions).mismatches(request_)


MISSES = [
    # conditions, request, then criterion, place, expected, got of each mismatch
    ({"query": {"a": "1"}}, sent("a=2"), [("query", "a", "1", "2")]),
    ({"query": {"a": "1"}}, sent("A=1"), [("query", "a", "1", ABSENT)]),
    ({"query": {"a": "1"}}, sent("a=1&a=1"), [("query", "a", "1", ["1", "1"])]),
    ({"query": {"a": ["1", "2"]}}, sent("a=2&a=1"), [("query", "a", ["1", "2"], ["2", "1"])]),
    ({"query": {"a": ["1"]}}, sent("a=1&a=2"), [("query", "a", ["1"], ["1", "2"])]),
    ({"query": {"a": None}}, sent("a"), [("query", "a", ABSENT, "")]),
    ({"query": {"a": []}}, sent("a"), [("query", "a", [], "")]),
    ({"query": {"a": ANY}}, sent(), [("query", "a", ANY, ABSENT)]),
    ({"query": {"a": 1.0}}, sent("a=1"), [("query", "a", "1.0", "1")]),
    ({"query": {"a": re.compile("^x$")}}, sent("a=xx"), [("query", "a", re.compile("^x$"), "xx")]),
    ({"query": {"a": re.compile("x")}}, sent("a=x&a=x"), [("query", "a", re.compile("x"), ["x", "x"])]),
    ({"query": {"a": "1", "b": "2"}}, sent("c=3"), [("query", "a", "1", ABSENT), ("query", "b", "2", ABSENT)]),
    (
        {"query": exactly({"a": "1"})},
        sent("b=2&a=0&b=3"),
        [("query", "a", "1", "0"), ("query", "b", ABSENT, ["2", "3"])],
    ),
    ({"query": exactly({"a": None})}, sent("a=1"), [("query", "a", ABSENT, "1")]),
    ({"headers": {"Accept": "a"}}, sent(accept="b"), [("header", "Accept", "a", "b")]),
    ({"headers": {"Accept": "a"}}, sent(), [("header", "Accept", "a", ABSENT)]),
    ({"headers": {"Accept": "A"}}, sent(accept="a"), [("header", "Accept", "A", "a")]),
    ({"headers": {"Via": ["a"]}}, sent(via=["a", "b"]), [("header", "Via", ["a"], ["a", "b"])]),
    ({"headers": [("Via", "b"), ("via", "a")]}, sent(via=["a", "b"]), [("header", "Via", ["b", "a"], ["a", "b"])]),
    ({"headers": {"Via": None}}, sent(via="a"), [("header", "Via", ABSENT, "a")]),
    ({"headers": {"Via": ANY}}, sent(), [("header", "Via", ANY, ABSENT)]),
    ({"headers": exactly({"A": "1"})}, sent(a="1", b="2"), [("header", "b", ABSENT, "2")]),
    ({"cookies": {"sid": "1"}}, sent(cookie="sid=2"), [("cookie", "sid", "1", "2")]),
    ({"cookies": exactly({"a": "1"})}, sent(cookie="a=1; b=2"), [("cookie", "b", ABSENT, "2")]),
    ({"cookies": {"sid": None}}, sent(cookie="sid=1"), [("cookie", "sid", ABSENT, "1")]),
    ({"method": "POST"}, sent(), [("method", "", "POST", "GET")]),
    (
        {"method": "POST", "query": {"a": 1}, "headers": {"b": 2}},
        sent("a=2"),
        [("method", "", "POST", "GET"), ("query", "a", "1", "2"), ("header", "b", "2", ABSENT)],
    ),
]


@pytest.mark.parametrize(("conditions", "request_", "expected"), MISSES, ids=shown)
def test_it_reports_each_difference(conditions, request_, expected):
    found = [(m.criterion, m.where, m.expected, m.got) for m in M(**conditions).mismatches(request_)]
    assert found == expected


def test_a_url_that_differs_is_reported_by_the_pattern():
    assert M(url="https://api.test/y").mismatches(sent())


class Picky:
    """Keeps what it was compared with."""

    def __init__(self):
        self.asked = []

    def __eq__(self, other):
        self.asked.append(other)
        return True

    __hash__ = None


@pytest.mark.parametrize("place", ["query", "headers", "cookies"])
def test_an_object_with_its_own_equality_is_asked_once_and_sees_the_text(place):
    picky = Picky()
    assert not M(**{place: {"a": picky}}).mismatches(sent("a=1", a="1", cookie="a=1"))
    assert picky.asked == ["1"]


def test_an_equality_object_that_says_no_is_a_mismatch():
    (missed,) = M(query={"a": IsInt}).mismatches(sent("a=1"))
    assert missed.expected is IsInt
    assert M(headers={"date": IsNow}).mismatches(sent(date="yesterday"))


names = st.text("abAB+& =%ä", min_size=1, max_size=3)
pairs = st.lists(st.tuples(names, st.text(max_size=5)), max_size=6)


@given(pairs, st.randoms(use_true_random=False))
def test_a_query_is_matched_exactly_by_its_own_pairs_in_any_order_of_the_keys(declared, shuffler: random.Random):
    order = {key: shuffler.random() for key, _ in declared}
    request = sent(urlencode(sorted(declared, key=lambda pair: order[pair[0]])))
    assert not M(query=exactly(declared)).mismatches(request)
    assert not M(query=exactly(urlencode(declared))).mismatches(request)


@given(pairs, pairs)
def test_exactly_means_no_more_and_no_less(declared, sent_pairs):
    def by_key(some):
        return {key: [v for k, v in some if k == key] for key, _ in some}

    mismatches = M(query=exactly(declared)).mismatches(sent(urlencode(sent_pairs)))
    assert (not mismatches) == (by_key(declared) == by_key(sent_pairs))


def is_ada(request):
    return request.headers.get("user") == "ada"


def test_a_predicate_that_says_no_is_named_with_its_place():
    (missed,) = M(where=is_ada).mismatches(sent())
    assert (missed.criterion, missed.expected, missed.got) == ("where", is_ada, False)
    assert missed.where.startswith("<is_ada at ")
    assert missed.where.endswith(f"test_matchers.py:{is_ada.__code__.co_firstlineno}>")


def test_a_predicate_may_be_any_callable():
    class Rule:
        def __call__(self, request):
            return request.method == "GET"

        def rule(self, request):
            return request.method == "GET"

    for predicate in (Rule(), Rule().rule, functools.partial(lambda method, request: request.method == method, "GET")):
        assert not M(where=predicate).mismatches(sent())
        assert M(where=predicate).mismatches(sent(method="POST"))


def test_what_a_test_itself_raises_goes_through_a_predicate():
    def stops(request):
        pytest.fail("stop here")

    with pytest.raises(pytest.fail.Exception, match="stop here"):
        M(where=stops).mismatches(sent())


def test_matching_leaves_request_and_matcher_as_they_were():
    declared = {"a": ["1"]}
    matcher, request = M(query=declared), sent("a=1")
    declared["a"].append("2")
    declared["b"] = "2"
    assert [matcher.mismatches(request) for _ in range(2)] == [(), ()]
    assert matcher == M(query={"a": ["1"]})
