"""Matchers compose: `&`, `|`, `~`, and what each reports."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdouble._core.matchers import M
from netdouble._core.matching import ABSENT, MATCHED, And, Matcher, Mismatch, Not, Or
from netdouble._core.messages import Request
from netdouble.errors import DeclarationError

KEYS = "abc"


def shown(value):
    """A test's id: the same in every process, so without addresses."""
    return re.sub(r" at (0x|/)\S+", "", repr(value))[:70]


def request_with(keys):
    return Request.to("GET", "https://api.test/?" + "&".join(sorted(keys)))


EVERY_REQUEST = [request_with(keys) for n in range(len(KEYS) + 1) for keys in itertools.combinations(KEYS, n)]


def matches(matcher, request):
    return not matcher.mismatches(request)


def verdicts(matcher):
    return [matches(matcher, request) for request in EVERY_REQUEST]


leaves = st.sampled_from([M(query={key: value}) for key in KEYS for value in ("", None)])
matchers = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=6,
)


@given(matchers, matchers)
def test_and_or_and_not_are_those_of_logic(a, b):
    pairs = list(zip(verdicts(a), verdicts(b), strict=True))
    assert verdicts(a & b) == [x and y for x, y in pairs]
    assert verdicts(a | b) == [x or y for x, y in pairs]
    assert verdicts(~a) == [not x for x in verdicts(a)]


@given(matchers)
def test_a_matcher_and_its_negation_never_both_match_and_one_always_does(m):
    assert not any(verdicts(m & ~m))
    assert all(verdicts(m | ~m))


@given(matchers, matchers)
def test_de_morgan(a, b):
    assert verdicts(~(a & b)) == verdicts(~a | ~b)
    assert verdicts(~(a | b)) == verdicts(~a & ~b)


@given(matchers)
def test_a_double_negation_matches_what_the_matcher_matches(m):
    assert verdicts(~~m) == verdicts(m)


@given(matchers, st.sampled_from(EVERY_REQUEST))
def test_a_mismatch_always_names_its_criterion(m, request):
    assert all(isinstance(miss, Mismatch) and miss.criterion for miss in m.mismatches(request))


def test_and_reports_every_mismatch_not_the_first_one_only():
    missed = (M(query={"a": "1"}) & M(query={"b": "2"}) & M(method="POST")).mismatches(request_with("c"))
    assert [(m.criterion, m.where) for m in missed] == [("query", "a"), ("query", "b"), ("method", "")]


def test_a_match_makes_no_list():
    request = request_with("ab")
    assert (M(query={"a": ""}) & M(query={"b": ""})).mismatches(request) is MATCHED


def test_or_reports_its_nearest_alternative_and_says_so():
    far = M(query={"a": "1", "b": "1"})
    near = M(query={"a": "", "b": "1"})
    (missed,) = (far | near).mismatches(request_with("ab"))
    assert (missed.where, missed.expected, missed.note) == ("b", "1", "the nearest of 2 alternatives")


def test_not_names_what_should_not_have_matched():
    (missed,) = (~M(query={"a": ""})).mismatches(request_with("a"))
    assert (missed.criterion, missed.expected, missed.got) == ("not", ABSENT, M(query={"a": ""}))


def fails(request):
    raise KeyError("name")


@pytest.mark.parametrize(
    "matcher",
    [M(where=fails), ~M(where=fails), ~(M(where=fails) | M(query={"z": "1"})), M(query={"z": "1"}) | M(where=fails)],
    ids=shown,
)
def test_a_predicate_that_raises_never_matches_not_even_negated_and_is_always_reported(matcher):
    missed = matcher.mismatches(request_with("a"))
    (raised,) = [m for m in missed if m.raised]
    assert isinstance(raised.got, KeyError)
    assert "it raised KeyError: 'name' at " in raised.note
    assert f"test_matching.py:{fails.__code__.co_firstlineno + 1}" in raised.note


@dataclass(frozen=True)
class OddHost:
    """A matcher that knows nothing of ours."""

    def mismatches(self, request):
        return () if len(request.host) % 2 else (Mismatch("host", "odd", request.host),)


def test_any_object_with_the_one_method_is_a_matcher_and_combines_on_either_side():
    assert isinstance(OddHost(), Matcher)
    for combined in (M(method="GET") & OddHost(), OddHost() & M(method="GET")):
        assert isinstance(combined, And)
        assert [m.criterion for m in combined.mismatches(request_with("a"))] == ["host"]
    for combined in (M(method="POST") | OddHost(), OddHost() | M(method="POST")):
        assert isinstance(combined, Or)
        assert {m.criterion for m in combined.mismatches(request_with("a"))} <= {"host", "method"}


def test_chains_are_flat_and_values():
    a, b, c = (M(query={key: "1"}) for key in KEYS)
    assert a & b & c == And(a, And(b, c)) == And(a, b, c)
    assert a | b | c == Or(a, Or(b, c))
    assert ~a == Not(M(query={"a": 1}))
    assert a & b != a | b


@pytest.mark.parametrize(
    ("matcher", "spelled"),
    [
        (M(method="get") & ~M(query={"a": 1}), "M(method='GET') & ~M(query={'a': '1'})"),
        (M() & (M() | M()), "M() & (M() | M())"),
        (~(M() | M()), "~(M() | M())"),
        (~(M() & M()), "~(M() & M())"),
    ],
)
def test_a_combination_reads_as_it_was_written(matcher, spelled):
    assert repr(matcher) == spelled


def test_nothing_at_all_matches_everything_but_no_alternative_is_refused():
    assert all(verdicts(And()))
    assert all(verdicts(M()))
    with pytest.raises(DeclarationError, match="give it at least one matcher"):
        Or()


def test_a_function_is_told_where_it_belongs():
    with pytest.raises(DeclarationError, match=r"as M\(where=\.\.\.\)"):
        M(method="GET") & (lambda request: True)
    with pytest.raises(TypeError):
        M(method="GET") & 7
